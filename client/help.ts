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

const COLUMNS = 80;
const INDENT = "  ";
/** Where descriptions begin; an option longer than this has its own line. */
const TERM_COLUMNS = 26;

/** The help of one command, ending in a line break. */
export function renderHelp(command: Command): string {
  const shared = sharedOptionsOf(command);
  return sections([
    ["Example", renderExamples(command.examples)],
    ["Usage", indent(command.usage.map((line) => `netdisk ${line}`))],
    ["", wrapParagraphs(command.description)],
    ["Options", renderOptions(command.options)],
    ["Options of every command", renderOptions(shared)],
    ["Exit status", indent(wrap(command.exitStatus, COLUMNS - INDENT.length))],
  ]);
}

/** The help of netdisk as a whole, ending in a line break. */
export function renderOverview(
  commands: readonly Pick<Command, "name" | "summary">[],
): string {
  const list = commands.map(({ name, summary }) => entry(name, summary, 14));
  return sections([
    ["Example", renderExamples(FIRST_STEPS)],
    ["Usage", indent(["netdisk COMMAND [OPTIONS] [ARGUMENTS]"])],
    ["Commands", list.flat()],
    ["Options of every command", renderOptions(COMMON_OPTIONS)],
    ["", [
      "'netdisk help COMMAND' says more about a command, 'netdisk help exit-codes' and",
      "'netdisk help environment' about what scripts need; 'netdisk man' is all of it.",
    ]],
  ]);
}

/** What each exit status means. */
export function renderExitCodes(): string {
  const rows = EXIT_MEANINGS.flatMap(([status, meaning]) =>
    entry(`${status}`, meaning, 6)
  );
  return sections([
    ["Exit status", rows],
    ["", [
      "'netdisk help COMMAND' says which of them a command has, and when.",
    ]],
  ]);
}

/** Which variables are read. */
export function renderEnvironment(): string {
  const rows = ENVIRONMENT.flatMap(([name, meaning]) =>
    entry(name, meaning, TERM_COLUMNS)
  );
  return sections([
    ["Environment", rows],
    ["", ["An option on the command line counts more than its variable."]],
  ]);
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

function renderExamples(examples: readonly Example[]): string[] {
  const longest = Math.max(0, ...examples.map(({ command }) => command.length));
  return examples.flatMap(({ command, note }) => {
    if (note === undefined) return [`${INDENT}${command}`];
    const line = `${INDENT}${command.padEnd(longest)}  # ${note}`;
    return line.length <= COLUMNS
      ? [line]
      : [`${INDENT}# ${note}`, `${INDENT}${command}`];
  });
}

function renderOptions(options: readonly OptionSpec[]): string[] {
  return options.flatMap((option) => {
    const { description, env } = option;
    const text = env === undefined ? description : `${description} [${env}]`;
    return entry(optionTerm(option), text, TERM_COLUMNS);
  });
}

/** A term with its description beside it, or below if the term is long. */
function entry(term: string, text: string, columns: number): string[] {
  const margin = INDENT + " ".repeat(columns);
  const lines = wrap(text, COLUMNS - margin.length);
  if (term.length > columns - 2) {
    return [INDENT + term, ...lines.map((line) => margin + line)];
  }
  const [first = "", ...rest] = lines;
  return [
    `${INDENT}${term.padEnd(columns)}${first}`,
    ...rest.map((line) => margin + line),
  ];
}

/** Paragraphs to the width of the page; lines that are indented already stay as they are. */
function wrapParagraphs(text: string): string[] {
  const paragraphs = text.split(/\n\s*\n/).filter((part) => part.trim() !== "");
  return paragraphs.flatMap((paragraph, index) => {
    const lines = paragraph.split("\n");
    const kept = lines.some((line) => line.startsWith(INDENT));
    const body = kept ? lines : wrap(lines.join(" "), COLUMNS);
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
