/**
 * What may stand where the cursor is, from the descriptions of the commands. Pure;
 * names that only the server or the config knows are found by completion_names.ts.
 */

import { firstWord, tokenize } from "./arguments.ts";
import {
  CLIENT_OPTIONS,
  type Command,
  COMMON_OPTIONS,
  type Named,
  optionsOf,
  type OptionSpec,
} from "./command.ts";
import { type CommandEntry, loadAll } from "./command_list.ts";
import { HELP, HELP_TOPICS } from "./commands/help.ts";

/** One word that may stand there. */
export interface Candidate {
  text: string;
  description?: string;
}

/** The options of the line so far that have a value; the last one counts. */
export type GivenValues = ReadonlyMap<string, string | true>;

/** Words, or the kind of name that is wanted. */
export type Completion =
  | { kind: "words"; candidates: Candidate[] }
  | {
    kind: "name";
    names: Named;
    /** What is there of it. */
    value: string;
    /** What the word begins with, such as `--to=`. */
    before: string;
    given: GivenValues;
  };

const NOTHING: Completion = { kind: "words", candidates: [] };

/**
 * Completes the last word of a command line.
 *
 * @param argv the arguments of netdisk up to the cursor; the last may be empty
 */
export async function completionOf(
  argv: readonly string[],
  commands: readonly CommandEntry[],
): Promise<Completion> {
  const current = argv.at(-1) ?? "";
  const before = argv.slice(0, -1);
  const specs: readonly OptionSpec[] = [...COMMON_OPTIONS, ...CLIENT_OPTIONS];
  const { word, rest } = firstWord(specs, before);
  if (word === undefined) {
    return completeOption(specs, before, current) ??
      words(await summaries(commands), current);
  }
  if (word === HELP) return await completeHelp(rest, current, commands);
  const entry = commands.find(({ name }) => name === word);
  if (entry === undefined) return NOTHING;
  return completeIn(await entry.load(), rest, current);
}

function completeIn(
  command: Command,
  before: readonly string[],
  current: string,
): Completion {
  const specs = optionsOf(command);
  if (command.subcommands !== undefined) {
    const { word, rest } = firstWord(specs, before);
    const subcommand = command.subcommands.find(({ name }) =>
      name === `${command.name} ${word}`
    );
    if (subcommand) return completeIn(subcommand, rest, current);
    if (word !== undefined) return NOTHING;
    return completeOption(specs, before, current) ??
      words(subcommandsOf(command), current);
  }
  return completeOption(specs, before, current) ??
    completeArgument(command, before, current);
}

/** Undefined where an argument is wanted. */
function completeOption(
  specs: readonly OptionSpec[],
  before: readonly string[],
  current: string,
): Completion | undefined {
  const tokens = tokenize(specs, before);
  if (tokens.some(({ kind }) => kind === "option-terminator")) return undefined;
  const given = valuesOf(specs, before);
  const last = tokens.at(-1);
  if (last?.kind === "option" && last.value === undefined) {
    const spec = specs.find(({ name }) => name === last.name);
    if (spec?.value !== undefined) {
      return completeValue(spec, { value: current, before: "", given });
    }
  }
  const [, name, value] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  if (name !== undefined && value !== undefined) {
    const spec = specs.find((spec) => spec.name === name);
    if (spec?.value === undefined) return NOTHING;
    return completeValue(spec, { value, before: `--${name}=`, given });
  }
  if (!current.startsWith("-")) return undefined;
  const options = specs.map(({ name, description }) => ({
    text: `--${name}`,
    description,
  }));
  return words(options, current);
}

function completeArgument(
  command: Command,
  before: readonly string[],
  current: string,
): Completion {
  const specs = optionsOf(command);
  const { args } = command;
  const index = tokenize(specs, before)
    .filter(({ kind }) => kind === "positional").length;
  const last = args.at(-1);
  const spec = args[index] ?? (last?.repeat ? last : undefined);
  if (spec === undefined) return NOTHING;
  const given = valuesOf(specs, before);
  return completeValue(spec, { value: current, before: "", given });
}

/** What `netdisk help` takes: a command and one of its group, or a topic. */
async function completeHelp(
  before: readonly string[],
  current: string,
  commands: readonly CommandEntry[],
): Promise<Completion> {
  const option = completeOption(COMMON_OPTIONS, before, current);
  if (option) return option;
  const { word, rest } = firstWord(COMMON_OPTIONS, before);
  if (word === undefined) {
    const topics = HELP_TOPICS.map((text) => ({ text }));
    return words([...await summaries(commands), ...topics], current);
  }
  const group = await commands.find(({ name }) => name === word)?.load();
  if (group === undefined || rest.length > 0) return NOTHING;
  return words(subcommandsOf(group), current);
}

function completeValue(
  { choices, names }: Pick<OptionSpec, "choices" | "names">,
  at: { value: string; before: string; given: GivenValues },
): Completion {
  const { before, value } = at;
  if (choices !== undefined) {
    const all = choices.map((choice) => ({ text: before + choice }));
    return words(all, before + value);
  }
  return names === undefined ? NOTHING : { kind: "name", names, ...at };
}

/** The options that were given a value, or are flags. */
function valuesOf(
  specs: readonly OptionSpec[],
  argv: readonly string[],
): GivenValues {
  const values = new Map<string, string | true>();
  for (const token of tokenize(specs, argv)) {
    if (token.kind === "option") values.set(token.name, token.value ?? true);
  }
  return values;
}

async function summaries(
  commands: readonly CommandEntry[],
): Promise<Candidate[]> {
  const loaded = await loadAll(commands);
  return [
    ...loaded.map(({ name, summary }) => ({
      text: name,
      description: summary,
    })),
    { text: HELP, description: "show how a command is used" },
  ];
}

function subcommandsOf(group: Command): Candidate[] {
  return (group.subcommands ?? []).map(({ name, summary }) => ({
    text: name.slice(group.name.length + 1),
    description: summary,
  }));
}

function words(all: readonly Candidate[], beginning: string): Completion {
  return {
    kind: "words",
    candidates: all.filter(({ text }) => text.startsWith(beginning)),
  };
}
