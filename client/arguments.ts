/**
 * Turns arguments into a command word, typed option values and positionals.
 * Strict: what is not understood is a usage error, never a guess.
 */

import { parseArgs } from "node:util";
import type { NetdiskError } from "../protocol/errors.ts";
import { nearest } from "../protocol/nearest.ts";
import {
  CLIENT_OPTIONS,
  type Command,
  COMMON_OPTIONS,
  type Invocation,
  optionsOf,
  type OptionSpec,
  type SharedValues,
  usageError,
} from "./command.ts";
import { localPath } from "./local_path.ts";

/**
 * The command word, if there is one, and the arguments without it. Only options
 * that commands share may stand before it.
 *
 * @throws {NetdiskError} `usage` for another option before the word.
 */
export function findCommand(
  argv: readonly string[],
): { word: string | undefined; rest: readonly string[] } {
  const specs: readonly OptionSpec[] = [...COMMON_OPTIONS, ...CLIENT_OPTIONS];
  for (const token of tokenize(specs, argv)) {
    if (token.kind === "positional") {
      return { word: token.value, rest: argv.toSpliced(token.index, 1) };
    }
    if (token.kind === "option") checkOption("", specs, argv, token);
  }
  return { word: undefined, rest: argv };
}

/**
 * The word after that of a group, if there is one, and the arguments without it.
 * What stands before it is for parseArguments() to judge.
 */
export function findSubcommand(
  group: Command,
  argv: readonly string[],
): { word: string | undefined; rest: readonly string[] } {
  return firstWord(optionsOf(group), argv);
}

/** Judges the options before the first argument. @throws {NetdiskError} `usage` */
export function checkLeadingOptions(
  command: Command,
  argv: readonly string[],
): void {
  const specs = optionsOf(command);
  for (const token of tokenize(specs, argv)) {
    if (token.kind === "positional") return;
    if (token.kind === "option") checkOption(command.name, specs, argv, token);
  }
}

/** The first argument that is no option or its value, and the others; nothing is judged. */
export function firstWord(
  specs: readonly OptionSpec[],
  argv: readonly string[],
): { word: string | undefined; rest: readonly string[] } {
  const first = tokenize(specs, argv)
    .find(({ kind }) => kind === "positional");
  if (first?.kind !== "positional") return { word: undefined, rest: argv };
  return { word: first.value, rest: argv.toSpliced(first.index, 1) };
}

/**
 * The values of a command's options and its positional arguments.
 *
 * @throws {NetdiskError} `usage`, saying which argument is wrong and what was probably meant.
 */
export function parseArguments(
  command: Command,
  argv: readonly string[],
  os: typeof Deno.build.os = Deno.build.os,
): Pick<Invocation, "options" | "args"> {
  const specs = optionsOf(command);
  const tokens = tokenize(specs, argv);
  const values = new Map<string, boolean | string | string[] | undefined>();
  for (const spec of specs) values.set(spec.name, initialValue(spec));
  const args: string[] = [];
  // Whoever asks for help gets it, whatever else is wrong.
  // Letters in a cluster do not ask for it: `put -dash` is a forgotten `--`.
  const lenient = tokens.some((token) =>
    token.kind === "option" && ["help", "version"].includes(token.name) &&
    argv[token.index] === token.rawName
  );
  for (const token of tokens) {
    if (token.kind === "positional") {
      const { names } = command.args[args.length] ?? command.args.at(-1) ?? {};
      args.push(valueOf(names, token.value, os));
    }
    if (token.kind !== "option") continue;
    if (lenient && !isFlag(specs, token)) continue;
    const spec = checkOption(command.name, specs, argv, token);
    const before = values.get(spec.name);
    const value = valueOf(spec.names, token.value ?? "", os);
    if (spec.value === undefined) {
      values.set(spec.name, true);
    } else if (Array.isArray(before)) {
      before.push(value);
    } else if (before === undefined) {
      values.set(spec.name, value);
    } else {
      throw usageError(command.name, `${token.rawName} is given twice`);
    }
  }
  if (!lenient) checkArguments(command, args);
  const options: Record<string, unknown> = {};
  for (const [name, value] of values) options[camelCase(name)] = value;
  return { options: options as unknown as SharedValues, args };
}

/** What was given, as the commands take it. */
function valueOf(
  names: OptionSpec["names"],
  given: string,
  os: typeof Deno.build.os,
): string {
  return names === "local" ? localPath(given, os) : given;
}

/** True for a flag that the command has, given as one. */
function isFlag(specs: readonly OptionSpec[], token: OptionToken): boolean {
  const spec = specs.find(({ name }) => name === token.name);
  return spec !== undefined && spec.value === undefined &&
    token.value === undefined;
}

type Token = ReturnType<typeof tokenize>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

/**
 * Splits arguments into options and positionals and judges nothing. The tokens of
 * node:util tell apart what a ready-made parse result mixes up: a value that was not
 * given and an empty one, `--to -` and a lone `-`, `--json=x` and `--json x`.
 */
export function tokenize(
  specs: readonly OptionSpec[],
  argv: readonly string[],
) {
  const options: Record<
    string,
    { type: "string" | "boolean"; short?: string }
  > = {};
  for (const { name, short, value } of specs) {
    const type = value === undefined ? "boolean" : "string";
    options[name] = short === undefined ? { type } : { type, short };
  }
  return parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

/** The spec of an option that was given properly; everything else is a usage error. */
function checkOption(
  command: string,
  specs: readonly OptionSpec[],
  argv: readonly string[],
  token: OptionToken,
): OptionSpec {
  const { name, rawName, value } = token;
  const spec = specs.find((spec) => spec.name === name);
  if (spec === undefined) throw unknownOption(command, specs, argv, token);
  if (spec.value === undefined) {
    if (value === undefined) return spec;
    throw usageError(command, `${rawName} takes no value`);
  }
  const missing = `${rawName} needs a value (${spec.value})`;
  if (value === undefined) throw usageError(command, missing);
  if (value === "") throw usageError(command, `${rawName} is empty`);
  if (!token.inlineValue && value.length > 1 && value.startsWith("-")) {
    // More likely a forgotten value than one that begins with a dash.
    const form = `--${name}=${value}`;
    throw usageError(command, `${missing}; if it is '${value}', write ${form}`);
  }
  if (spec.choices !== undefined && !spec.choices.includes(value)) {
    const choices = spec.choices.join(", ");
    throw usageError(
      command,
      `${rawName} is one of ${choices}, not '${value}'`,
    );
  }
  return spec;
}

function unknownOption(
  command: string,
  specs: readonly OptionSpec[],
  argv: readonly string[],
  { name, rawName, index }: OptionToken,
): NetdiskError {
  // `-server` arrives as the letters s, e, r, ...: guess from all of it.
  const typed = rawName.startsWith("--")
    ? name
    : (argv[index] ?? "").replace(/^-/, "").replace(/=.*/s, "");
  const guess = nearest(typed, specs.map((spec) => spec.name));
  const place = command === "" ? " before the command" : "";
  const question = guess === undefined ? "" : `, did you mean --${guess}?`;
  return usageError(command, `unknown option ${rawName}${place}${question}`);
}

function checkArguments(command: Command, args: readonly string[]): void {
  const required = command.args.filter((spec) => !spec.optional);
  const missing = required[args.length];
  if (missing !== undefined) {
    throw usageError(command.name, `${missing.name} is missing`);
  }
  const most = command.args.at(-1)?.repeat ? Infinity : command.args.length;
  if (args.length > most) {
    // The arguments are not repeated: one too many for `login` may be a password.
    const allowed = most === 0
      ? "no arguments"
      : most === 1
      ? "1 argument"
      : `${most} arguments`;
    throw usageError(
      command.name,
      `takes ${allowed}, ${args.length} ${
        args.length === 1 ? "was" : "were"
      } given`,
    );
  }
  const empty = args.indexOf("");
  if (empty >= 0) {
    const spec = command.args[empty] ?? command.args.at(-1);
    throw usageError(command.name, `${spec?.name ?? "argument"} is empty`);
  }
  for (const [index, arg] of args.entries()) {
    const { name, choices } = command.args[index] ?? command.args.at(-1)!;
    if (choices === undefined || choices.includes(arg)) continue;
    const all = choices.join(", ");
    throw usageError(command.name, `${name} is one of ${all}, not '${arg}'`);
  }
}

function initialValue(spec: OptionSpec): boolean | string[] | undefined {
  if (spec.value === undefined) return false;
  return spec.repeat ? [] : undefined;
}

/** How the values of an option are named: `dryRun` for `dry-run`. */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
