/**
 * The man page netdisk(1), from the descriptions of the commands: what the help
 * says, in the language of groff_man(7). Pure.
 */

import {
  CLIENT_OPTIONS,
  type Command,
  COMMON_OPTIONS,
  type OptionSpec,
} from "./command.ts";
import { ENVIRONMENT } from "./environment.ts";
import { EXIT_MEANINGS } from "./exit_status.ts";
import { FIRST_STEPS, optionTerm } from "./help.ts";

/** What netdisk leaves on a disk. */
const FILES: readonly (readonly [string, string])[] = [
  [
    "~/.config/netdisk/servers.json",
    "known servers and sessions, readable by its owner only; no password is in it",
  ],
  [
    ".netdisk-ID.part",
    "what has come of a file of which the download was interrupted, beside its target; it may be removed",
  ],
  [
    "DIR/users/USER",
    "on the server: the files of a user",
  ],
  [
    "DIR/.netdisk",
    "on the server: accounts, key and certificate, unfinished uploads",
  ],
];

/** The page, ending in a line break. */
export function renderManPage(
  commands: readonly Command[],
  version: string,
): string {
  const all = commands.flatMap((command) => [
    command,
    ...command.subcommands ?? [],
  ]);
  return [
    `.TH NETDISK 1 "" "netdisk ${text(version)}" "User Commands"`,
    ".SH NAME",
    "netdisk \\- a network disk in one executable",
    ".SH SYNOPSIS",
    ".B netdisk",
    ".I COMMAND",
    `.RI [ OPTIONS ]`,
    `.RI [ ARGUMENTS ]`,
    ".SH DESCRIPTION",
    ...paragraph(
      "netdisk serve turns any machine into a disk server; the other commands use it from any other machine. " +
        "Every user has a private folder of ordinary files. Connections are encrypted, every transfer is verified, " +
        "and an interrupted one goes on where it stopped.",
    ),
    ".PP",
    ...paragraph(
      "Options may stand before or after the arguments, and -- ends them.",
    ),
    ".SH COMMANDS",
    ...all.flatMap(describe),
    ".SH OPTIONS",
    ...paragraph("Every command takes these:"),
    ...COMMON_OPTIONS.flatMap(option),
    ".PP",
    ...paragraph("Those that ask a server take these as well:"),
    ...CLIENT_OPTIONS.flatMap(option),
    ".SH EXIT STATUS",
    ...EXIT_MEANINGS.flatMap(([status, meaning]) => term(`${status}`, meaning)),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, meaning]) => term(name, meaning)),
    ".SH FILES",
    ...FILES.flatMap(([name, meaning]) => term(name, meaning)),
    ".SH EXAMPLES",
    ...FIRST_STEPS.flatMap(example),
  ].map((line) => `${line}\n`).join("");
}

function describe(command: Command): string[] {
  const { name, summary, usage, options, description, examples, exitStatus } =
    command;
  // Those of a group are those of its commands.
  const isGroup = command.subcommands !== undefined;
  return [
    `.SS netdisk ${text(name)}`,
    ...paragraph(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`),
    ...isGroup ? [] : usage.flatMap((line) => [".PP", ...code(line)]),
    ...paragraphs(description),
    ...options.flatMap(option),
    ...isGroup ? [] : examples.flatMap(example),
    ".PP",
    ...paragraph(`Exit status: ${exitStatus}`),
  ];
}

function code(usage: string): string[] {
  return [`.B netdisk ${text(usage)}`];
}

function example({ command, note }: {
  command: string;
  note?: string;
}): string[] {
  return [
    ".PP",
    ...note === undefined ? [] : paragraph(`${note}:`),
    ...verbatim([command]),
  ];
}

function option(spec: OptionSpec): string[] {
  const { description, env } = spec;
  const more = env === undefined ? "" : ` [${env}]`;
  return term(optionTerm(spec).trim(), description + more);
}

function term(name: string, meaning: string): string[] {
  return [".TP", `.B ${text(name)}`, ...paragraph(meaning)];
}

/** As the help has them: one with an indented line is kept as it is. */
function paragraphs(description: string): string[] {
  return description.split(/\n\s*\n/).filter((part) => part.trim() !== "")
    .flatMap((part) => {
      const lines = part.split("\n");
      return [
        ".PP",
        ...lines.some((line) => line.startsWith("  "))
          ? verbatim(lines)
          : paragraph(lines.join(" ")),
      ];
    });
}

function verbatim(lines: readonly string[]): string[] {
  return [".RS", ".nf", ...lines.map(line), ".fi", ".RE"];
}

/** Each sentence begins a line, as roff wants it. */
function paragraph(words: string): string[] {
  return words.trim().split(/(?<=[.:;]) +(?=[A-Z])/).map(line);
}

/** A line of text, which must not be taken for a request. */
function line(words: string): string {
  const escaped = text(words);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** Characters that mean something to roff, or that it would make prettier. */
function text(words: string): string {
  return words.replace(/[\\\-"'`^~]/g, (character) => ROFF[character]!);
}

const ROFF: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  '"': "\\(dq",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
};
