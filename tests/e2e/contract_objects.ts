/** The JSON objects that commands print, and what docs/scripting.md says of them. */

import { tablesOf } from "../helpers/spec.ts";

export type JsonObject = Record<string, unknown>;

/** A heading of the page such as "`made`: `put`, `get`", and what is below it. */
export interface Section {
  type: string;
  /** Undefined for every command. */
  commands: string[] | undefined;
  fields: Fields;
  /** The line that shows one. */
  example: JsonObject;
}

interface Field {
  isOptional: boolean;
  /** What it may be, such as `time` and `null`. */
  kinds: string[];
  /** Of an object, or of each object of a list: `disk.free` is `free` of `disk`. */
  fields: Fields;
}

type Fields = Map<string, Field>;

/** How a page says what a value is. */
const KINDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === "string",
  count: isWhole,
  bytes: isWhole,
  ms: (value) => typeof value === "number" && value >= 0,
  time: (value) =>
    typeof value === "string" &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  boolean: (value) => typeof value === "boolean",
  object: isObject,
  texts: (value) =>
    Array.isArray(value) && value.every((it) => typeof it === "string"),
  objects: (value) => Array.isArray(value) && value.every(isObject),
  null: (value) => value === null,
};

const PAGE = new URL("../../docs/scripting.md", import.meta.url);

export function readPage(): string {
  return Deno.readTextFileSync(PAGE);
}

/** The objects of the page. */
export function sectionsOf(page: string): Section[] {
  return tablesOf(page).filter(({ columns }) => columns[0] === "field")
    .map(({ heading, rows }) => {
      const [title = "", printers = ""] = heading.split(": ");
      const [type = ""] = wordsIn(title);
      const commands = wordsIn(printers);
      const below = page.slice(page.indexOf(`### ${heading}\n`));
      const [, example = ""] = /```ndjson\n(.*)\n```/.exec(below) ?? [];
      return {
        type,
        commands: printers === "every command" ? undefined : commands,
        fields: fieldsOf(rows),
        example: JSON.parse(example),
      };
    });
}

/** Objects that commands printed. */
export class ObjectLog {
  readonly #seen: { command: string; object: JsonObject }[] = [];

  add(command: string, object: JsonObject): void {
    this.#seen.push({ command, object });
  }

  /**
   * What is not as a page says, each once.
   *
   * @param isAll every command has been here, so that what was not seen is none
   */
  faults(sections: readonly Section[], isAll: boolean): string[] {
    const faults = new Set<string>();
    const met = new Set<string>();
    for (const { command, object } of this.#seen) {
      const section = sections.find(({ type, commands }) =>
        type === object.type && (commands?.includes(command) ?? true)
      );
      if (!section) {
        faults.add(`${command} prints ${object.type}, which is not told`);
        continue;
      }
      const { type, commands, fields } = section;
      const where = `${type}: ${commands?.join(", ") ?? "every command"}`;
      for (const fault of faultsOf(object, section)) {
        faults.add(`${where}: ${fault}`);
      }
      if (commands) met.add(`${where}: ${command} prints it`);
      for (const name of pathsIn(object, fields)) {
        met.add(`${where}: it has ${name}`);
      }
    }
    for (const { type, commands, fields } of isAll ? sections : []) {
      const where = `${type}: ${commands?.join(", ") ?? "every command"}`;
      const told = [
        ...(commands ?? []).map((command) => `${command} prints it`),
        ...pathsOf(fields).map((name) => `it has ${name}`),
      ].map((claim) => `${where}: ${claim}`);
      for (const claim of told) {
        if (!met.has(claim)) faults.add(`not seen: ${claim}`);
      }
    }
    return [...faults];
  }
}

/** What of an object is not as its section says. */
export function faultsOf(object: JsonObject, { fields }: Section): string[] {
  const { type: _, version, ...own } = object;
  const faults = version === 1 ? [] : [`version ${version}`];
  return [...faults, ...fieldFaults(own, fields, "")];
}

function fieldFaults(
  own: JsonObject,
  fields: Fields,
  prefix: string,
): string[] {
  const faults: string[] = [];
  for (const [name, field] of fields) {
    const { isOptional, kinds } = field;
    const path = prefix + name;
    if (!(name in own)) {
      if (!isOptional) faults.push(`${path} is missing`);
      continue;
    }
    const value = own[name];
    const isTold = kinds.some((kind) =>
      kind.startsWith('"')
        ? JSON.stringify(value) === kind
        : KINDS[kind]!(value)
    );
    if (!isTold) faults.push(`${path} is ${JSON.stringify(value)}`);
    for (const object of objectsIn(value)) {
      faults.push(...fieldFaults(object, field.fields, `${path}.`));
    }
  }
  for (const name of Object.keys(own)) {
    if (!fields.has(name)) faults.push(`${prefix}${name} is not told`);
  }
  return faults;
}

/** Every field that is told, such as `disk` and `disk.free`. */
function pathsOf(fields: Fields): string[] {
  return [...fields].flatMap(([name, field]) => [
    name,
    ...pathsOf(field.fields).map((path) => `${name}.${path}`),
  ]);
}

/** Those that an object has. */
function pathsIn(object: JsonObject, fields: Fields): string[] {
  return [...fields].filter(([name]) => name in object).flatMap(
    ([name, field]) => [
      name,
      ...objectsIn(object[name]).flatMap((inner) =>
        pathsIn(inner, field.fields).map((path) => `${name}.${path}`)
      ),
    ],
  );
}

/** An object, or those of a list. */
function objectsIn(value: unknown): JsonObject[] {
  return [value].flat().filter(isObject);
}

function fieldsOf(rows: readonly string[][]): Fields {
  const fields: Fields = new Map();
  for (const [cell = "", is = ""] of rows) {
    const path = nameOfField(cell).split(".");
    const name = path.pop()!;
    let outer = fields;
    for (const word of path) {
      const field = outer.get(word);
      if (!field) throw new Error(`in what is this: ${cell}`);
      outer = field.fields;
    }
    outer.set(name, fieldOf(is));
  }
  return fields;
}

function fieldOf(cell: string): Field {
  const kinds = wordsIn(cell);
  const unknown = kinds.find((kind) => !kind.startsWith('"') && !KINDS[kind]);
  if (unknown !== undefined || kinds.length === 0) {
    throw new Error(`nobody knows what this is: ${cell}`);
  }
  return { isOptional: cell.endsWith("?"), kinds, fields: new Map() };
}

/** What stands between backquotes. */
function wordsIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
}

function nameOfField(cell: string): string {
  const [name] = wordsIn(cell);
  if (name === undefined) throw new Error(`no name in ${cell}`);
  return name;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
