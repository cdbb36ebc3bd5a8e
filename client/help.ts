/**
 * What `netdisk help` shows, made from the descriptions of the commands. Pure.
 * A help begins with an example: most readers look for a line to copy.
 */

import {
  type Command,
  COMMON_OPTIONS,
  type Example,
  type OptionSpec,
  sharedOptionsOf,
} from "./command.ts";
import { ENVIRONMENT } from "./environment.ts";
import { EXIT_MEANINGS } from "./exit_status.ts";

/** What somebody does first, in this order. */
export const FIRST_STEPS: readonly Example[] = [
  {
    command: "netdisk serve --root ./disk",
    note: "on the machine with the disk",
  },
  { command: "netdisk register anna", note: "once, makes an account" },
  { command: "netdisk put report.pdf", note: "upload" },
  { command: "netdisk ls -l", note: "look" },
  { command: "netdisk get report.pdf", note: "download, on any machine" },
];

/** Wider lines are hard to read. */
const MAX_COLUMNS = 80;
/** In less, descriptions beside their options would be a word wide. */
const MIN_COLUMNS = 50;
const INDENT = "  ";
/** Where descriptions begin; an option longer than this has its own line. */
const TERM_COLUMNS = 26;

/** How wide a help is where a line has so much room. */
export function helpColumns(room: number): number {
  return Math.max(MIN_COLUMNS, Math.min(room, MAX_COLUMNS));
}

/** The help of one command, ending in a line break. */
export function renderHelp(command: Command, columns = MAX_COLUMNS): string {
  const shared = sharedOptionsOf(command);
  const status = wrap(command.exitStatus, columns - INDENT.length);
  return sections([
    ["Example", renderExamples(command.examples, columns)],
    ["Usage", indent(command.usage.map((line) => `netdisk ${line}`))],
    ["", wrapParagraphs(command.description, columns)],
    ["Options", renderOptions(command.options, columns)],
    ["Options of every command", renderOptions(shared, columns)],
    ["Exit status", indent(status)],
  ]);
}

/** The help of netdisk as a whole, ending in a line break. */
export function renderOverview(
  commands: readonly Pick<Command, "name" | "summary">[],
  columns = MAX_COLUMNS,
): string {
  const list = commands.map(({ name, summary }) =>
    entry(name, summary, { start: 14, columns })
  );
  return sections([
    ["Example", renderExamples(FIRST_STEPS, columns)],
    ["Usage", indent(["netdisk COMMAND [OPTIONS] [ARGUMENTS]"])],
    ["Commands", list.flat()],
    ["Options of every command", renderOptions(COMMON_OPTIONS, columns)],
    [
      "",
      wrap(
        "'netdisk help COMMAND' says more about a command, 'netdisk help exit-codes' and " +
          "'netdisk help environment' about what scripts need; 'netdisk man' is all of it.",
        columns,
      ),
    ],
  ]);
}

/** What each exit status means. */
export function renderExitCodes(columns: number): string {
  const rows = EXIT_MEANINGS.flatMap(([status, meaning]) =>
    entry(`${status}`, meaning, { start: 6, columns })
  );
  const more =
    "'netdisk help COMMAND' says which of them a command has, and when.";
  return sections([["Exit status", rows], ["", wrap(more, columns)]]);
}

/** Which variables are read. */
export function renderEnvironment(columns: number): string {
  const rows = ENVIRONMENT.flatMap(([name, meaning]) =>
    entry(name, meaning, { start: TERM_COLUMNS, columns })
  );
  const more = "An option on the command line counts more than its variable.";
  return sections([["Environment", rows], ["", wrap(more, columns)]]);
}

/** An option as it is typed: `-t, --to REMOTE`. */
export function optionTerm({ name, short, value }: OptionSpec): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  return `${letter}--${name}${value === undefined ? "" : ` ${value}`}`;
}

function sections(parts: readonly (readonly [string, string[]])[]): string {
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => (title === "" ? lines : [`${title}:`, ...lines]))
    .map((lines) => lines.map((line) => `${line}\n`).join(""))
    .join("\n");
}

function renderExamples(
  examples: readonly Example[],
  columns: number,
): string[] {
  const longest = Math.max(0, ...examples.map(({ command }) => command.length));
  return examples.flatMap(({ command, note }) => {
    if (note === undefined) return [`${INDENT}${command}`];
    const line = `${INDENT}${command.padEnd(longest)}  # ${note}`;
    return line.length <= columns
      ? [line]
      : [`${INDENT}# ${note}`, `${INDENT}${command}`];
  });
}

function renderOptions(
  options: readonly OptionSpec[],
  columns: number,
): string[] {
  return options.flatMap((option) => {
    const { description, env } = option;
    const text = env === undefined ? description : `${description} [${env}]`;
    return entry(optionTerm(option), text, { start: TERM_COLUMNS, columns });
  });
}

/** A term with its description beside it, or below if the term is long. */
function entry(
  term: string,
  text: string,
  { start, columns }: { start: number; columns: number },
): string[] {
  const margin = INDENT + " ".repeat(start);
  const lines = wrap(text, columns - margin.length);
  if (term.length > start - 2) {
    return [INDENT + term, ...lines.map((line) => margin + line)];
  }
  const [first = "", ...rest] = lines;
  return [
    `${INDENT}${term.padEnd(start)}${first}`,
    ...rest.map((line) => margin + line),
  ];
}

/** Paragraphs to the width of the page; lines that are indented already stay as they are. */
function wrapParagraphs(text: string, columns: number): string[] {
  const paragraphs = text.split(/\n\s*\n/).filter((part) => part.trim() !== "");
  return paragraphs.flatMap((paragraph, index) => {
    const lines = paragraph.split("\n");
    const kept = lines.some((line) => line.startsWith(INDENT));
    const body = kept ? lines : wrap(lines.join(" "), columns);
    return index === 0 ? body : ["", ...body];
  });
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => INDENT + line);
}
