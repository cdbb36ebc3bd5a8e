/** Commands by their words, each loaded when it is asked for. */

import type { NetdiskError } from "../protocol/errors.ts";
import { checkLeadingOptions, findSubcommand } from "./arguments.ts";
import { type Command, usageError } from "./command.ts";
import { nearest } from "../protocol/nearest.ts";

/** A command that is loaded when it is asked for: `netdisk ls` need not load the server. */
export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

/** All commands, loaded. */
export function loadAll(
  commands: readonly CommandEntry[],
): Promise<Command[]> {
  return Promise.all(commands.map((entry) => entry.load()));
}

/** @throws NetdiskError `usage` with the nearest guess; `others` may be guessed, too */
export function findEntry(
  word: string,
  commands: readonly CommandEntry[],
  others: readonly string[] = [],
): CommandEntry {
  const entry = commands.find(({ name }) => name === word);
  if (entry !== undefined) return entry;
  throw unknown("", word, [...others, ...commands.map(({ name }) => name)]);
}

/**
 * The command that the arguments of a group name; any other command itself.
 *
 * @throws NetdiskError `usage`
 */
export function findInGroup(
  command: Command,
  argv: readonly string[],
): { command: Command; argv: readonly string[] } {
  if (command.subcommands === undefined) return { command, argv };
  const { word, rest } = findSubcommand(command, argv);
  if (word === undefined) return { command, argv };
  // The word may be the value of an option that the group does not have.
  if (!subcommandWords(command).includes(word)) {
    checkLeadingOptions(command, argv);
  }
  return { command: subcommandOf(command, word), argv: rest };
}

/** @throws NetdiskError `usage` with the nearest guess */
export function subcommandOf(group: Command, word: string): Command {
  const found = group.subcommands?.find((command) =>
    wordOf(group, command) === word
  );
  if (found !== undefined) return found;
  const hint = group.meant?.(word);
  throw unknown(group.name, word, subcommandWords(group), hint);
}

/** The words that may follow that of a group. */
function subcommandWords(group: Command): string[] {
  return (group.subcommands ?? []).map((command) => wordOf(group, command));
}

function wordOf({ name }: Command, command: Command): string {
  return command.name.slice(name.length + 1);
}

function unknown(
  group: string,
  word: string,
  words: readonly string[],
  hint?: string,
): NetdiskError {
  const guess = nearest(word, words);
  const question = guess === undefined ? "" : `, did you mean '${guess}'?`;
  return usageError(group, `unknown command '${word}'${question}`, hint);
}
