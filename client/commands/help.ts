/** `netdisk help`: how netdisk, one of its commands or a topic is explained. */

import { type Command, defineCommand } from "../command.ts";
import {
  type CommandEntry,
  findEntry,
  loadAll,
  subcommandOf,
} from "../command_list.ts";
import {
  helpColumns,
  renderEnvironment,
  renderExitCodes,
  renderHelp,
  renderOverview,
} from "../help.ts";
import type { Output } from "../output.ts";

/** The word of the command. */
export const HELP = "help";

/** What is explained beside the commands. */
const TOPICS: Readonly<Record<string, (columns: number) => string>> = {
  "exit-codes": renderExitCodes,
  "environment": renderEnvironment,
};

/** Words that may follow `netdisk help`, beside those of the commands. */
export const HELP_TOPICS: readonly string[] = Object.keys(TOPICS);

/** The command, which knows all others. */
export function makeHelp(commands: readonly CommandEntry[]): Command {
  return defineCommand({
    name: HELP,
    summary: "show how netdisk or one of its commands is used",
    usage: [
      "help [COMMAND [SUBCOMMAND]]",
      ...Object.keys(TOPICS).map((topic) => `help ${topic}`),
    ],
    examples: [
      { command: "netdisk help put" },
      { command: "netdisk help admin users" },
      { command: "netdisk help exit-codes" },
    ],
    description: "",
    options: [],
    args: [
      { name: "COMMAND", optional: true },
      { name: "SUBCOMMAND", optional: true },
    ],
    exitStatus: "0; 2 if there is no such command.",
    standalone: true,
    run: ({ args, output }) =>
      showHelp(args.length === 0 ? [HELP] : args, output, commands),
  });
}

/** Shows the help on a command, a command of a group, or a topic, by its words. */
export async function showHelp(
  topic: readonly string[],
  output: Output,
  commands: readonly CommandEntry[],
): Promise<void> {
  const columns = helpColumns(output.stdoutColumns);
  const text = await helpOn(topic, commands, columns);
  output.record("help", { topic: topic.join(" "), text });
  output.print(text.trimEnd());
}

async function helpOn(
  [word = HELP, subword]: readonly string[],
  commands: readonly CommandEntry[],
  columns: number,
): Promise<string> {
  if (word === HELP) return renderOverview(await loadAll(commands), columns);
  const topic = Object.hasOwn(TOPICS, word) ? TOPICS[word] : undefined;
  if (topic !== undefined && subword === undefined) return topic(columns);
  const command = await findEntry(word, commands, [HELP, ...HELP_TOPICS])
    .load();
  return renderHelp(
    subword === undefined ? command : subcommandOf(command, subword),
    columns,
  );
}
