/** The JSON objects that commands print, and what docs/scripting.md says of them. */

import { tablesOf } from "../helpers/spec.ts";

export type JsonObject = Record<string, unknown>;

/** A heading of the page such as "`made`: `put`, `get`", and what is below it. */
export interface Section {
  type: string;
  /** Undefined for every command. */
  commands: string[] | undefined;
  fields: Map<string, Field>;
  /** The line that shows one. */
  example: JsonObject;
}

interface Field {
  isOptional: boolean;
  /** What it may be, such as `time` and `null`. */
  kinds: string[];
}

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
  object: (value) => typeof value === "object" && value !== null,
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
      const fields = rows.map(([name = "", is = ""]) =>
        [nameOfField(name), fieldOf(is)] as const
      );
      const below = page.slice(page.indexOf(`### ${heading}\n`));
      const [, example = ""] = /```ndjson\n(.*)\n```/.exec(below) ?? [];
      return {
        type,
        commands: printers === "every command" ? undefined : commands,
        fields: new Map(fields),
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
      for (const name of fields.keys()) {
        if (name in object) met.add(`${where}: it has ${name}`);
      }
    }
    for (const { type, commands, fields } of isAll ? sections : []) {
      const where = `${type}: ${commands?.join(", ") ?? "every command"}`;
      const told = [
        ...(commands ?? []).map((command) => `${command} prints it`),
        ...[...fields.keys()].map((name) => `it has ${name}`),
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
  for (const [name, { isOptional, kinds }] of fields) {
    if (!(name in own)) {
      if (!isOptional) faults.push(`${name} is missing`);
      continue;
    }
    const value = own[name];
    const isTold = kinds.some((kind) =>
      kind.startsWith('"')
        ? JSON.stringify(value) === kind
        : KINDS[kind]!(value)
    );
    if (!isTold) faults.push(`${name} is ${JSON.stringify(value)}`);
  }
  for (const name of Object.keys(own)) {
    if (!fields.has(name)) faults.push(`${name} is not told`);
  }
  return faults;
}

function fieldOf(cell: string): Field {
  const kinds = wordsIn(cell);
  const unknown = kinds.find((kind) => !kind.startsWith('"') && !KINDS[kind]);
  if (unknown !== undefined || kinds.length === 0) {
    throw new Error(`nobody knows what this is: ${cell}`);
  }
  return { isOptional: cell.endsWith("?"), kinds };
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

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
