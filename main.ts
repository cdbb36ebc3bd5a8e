/**
 * The program: which commands there are, how one is found and run, and what its
 * failure becomes on the screen and for the shell.
 */

import {
  findCommand,
  findSubcommand,
  parseArguments,
} from "./client/arguments.ts";
import {
  type Command,
  defineCommand,
  defineGroup,
  usageError,
} from "./client/command.ts";
import { displayText } from "./client/display_text.ts";
import { renderHelp, renderOverview } from "./client/help.ts";
import {
  type EndSignal,
  runCleanups,
  SIGNAL_STATUS,
  watchSignals,
} from "./client/interrupt.ts";
import { nearest } from "./client/nearest.ts";
import { Output, type OutputSystem } from "./client/output.ts";
import type { PromptInput } from "./client/prompt.ts";
import { StdoutClosed, stdoutIsNonBlocking } from "./client/stream_writer.ts";
import { type ErrorCode, NetdiskError } from "./protocol/errors.ts";
import { VERSION } from "./protocol/version.ts";

/** A command that is loaded when it is asked for: `netdisk ls` need not load the server. */
export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  entry("serve", async () => {
    const { command } = await import("./server/serve.ts");
    return { command: defineCommand(command) };
  }),
  entry("admin", async () => {
    const { adminGroup } = await import("./server/admin.ts");
    const { desk } = await import("./client/desk.ts");
    return { command: defineGroup(adminGroup(desk)) };
  }),
  entry("register", () => import("./client/commands/register.ts")),
  entry("login", () => import("./client/commands/login.ts")),
  entry("logout", () => import("./client/commands/logout.ts")),
  entry("passwd", () => import("./client/commands/passwd.ts")),
  entry("sessions", () => import("./client/commands/sessions.ts")),
  entry("whoami", () => import("./client/commands/whoami.ts")),
  entry("ls", () => import("./client/commands/ls.ts")),
  entry("put", () => import("./client/commands/put.ts")),
  entry("get", () => import("./client/commands/get.ts")),
  entry("sync", () => import("./client/commands/sync.ts")),
  entry("mkdir", () => import("./client/commands/mkdir.ts")),
  entry("mv", () => import("./client/commands/mv.ts")),
  entry("rm", () => import("./client/commands/rm.ts")),
  entry("tree", () => import("./client/commands/tree.ts")),
  entry("du", () => import("./client/commands/du.ts")),
  entry("quota", () => import("./client/commands/quota.ts")),
  entry("stat", () => import("./client/commands/stat.ts")),
  entry("discover", () => import("./client/commands/discover.ts")),
  entry("ping", () => import("./client/commands/ping.ts")),
];

function entry(
  name: string,
  load: () => Promise<{ command: Command }>,
): CommandEntry {
  return { name, load: async () => (await load()).command };
}

const EXAMPLES = [
  {
    command: "netdisk serve --root ./disk",
    note: "on the machine with the disk",
  },
  { command: "netdisk register anna", note: "once, makes an account" },
  { command: "netdisk put report.pdf", note: "upload" },
  { command: "netdisk ls -l", note: "look" },
  { command: "netdisk get report.pdf", note: "download, on any machine" },
];

/** The exit status of each failure (design.md 2). A code without one does not compile. */
export const EXIT_STATUS: Readonly<Record<ErrorCode, number>> = {
  "protocol": 1,
  "version": 1,
  "changed": 1,
  "io": 1,
  "local-io": 1,
  "internal": 1,
  "usage": 2,
  "not-found": 3,
  "unauthenticated": 4,
  "denied": 4,
  "throttled": 4,
  "busy": 5,
  "stopping": 5,
  "timeout": 5,
  "unreachable": 5,
  "connection-lost": 5,
  "exists": 6,
  "is-folder": 6,
  "not-folder": 6,
  "bad-name": 6,
  "too-large": 6,
  "quota": 6,
  "disk-full": 6,
  "integrity": 7,
  "partial": 8,
  "identity": 10,
  "interrupted": SIGNAL_STATUS.SIGINT,
};

/** As of a program that SIGPIPE ended: what was asked for is not done, and nobody listens. */
const STDOUT_CLOSED_STATUS = 141;

/** What the program needs of the world. */
export interface System extends OutputSystem {
  readonly stdin: PromptInput;
  exit(status: number): never;
}

/** Runs one command line and gives its exit status. Throws nothing. */
export async function main(
  argv: readonly string[],
  system: System,
  commands: readonly CommandEntry[] = COMMANDS,
): Promise<number> {
  // Until the arguments are understood, this decides in which form they are refused.
  let output = new Output(system, { json: argv.includes("--json") });
  try {
    const { word, rest } = findCommand(argv);
    const found = await findEntry(word ?? "help", commands).load();
    const { command, argv: own } = findInGroup(found, rest);
    const { options, args } = parseArguments(command, own);
    output = new Output(system, options);
    if (options.version) {
      showVersion(output);
    } else if (options.help) {
      await showHelp(command.name.split(" "), output, commands);
    } else if (word === undefined) {
      throw usageError("", "a command is missing");
    } else {
      const { stdin, env } = system;
      using _signals = command.handlesSignals
        ? undefined
        : watchSignals((signal) => stop(signal, output, system));
      await command.run({ options, args, output, stdin, env });
    }
    output.finish(0);
    return 0;
  } catch (error) {
    return fail(error, output, system);
  }
}

function findEntry(
  word: string,
  commands: readonly CommandEntry[],
): CommandEntry {
  if (word === "help") return helpEntry(commands);
  const entry = commands.find(({ name }) => name === word);
  if (entry !== undefined) return entry;
  throw unknown("", word, ["help", ...commands.map(({ name }) => name)]);
}

/** The command that the arguments of a group name; any other command itself. */
function findInGroup(
  command: Command,
  argv: readonly string[],
): { command: Command; argv: readonly string[] } {
  if (command.subcommands === undefined) return { command, argv };
  const { word, rest } = findSubcommand(command, argv);
  if (word === undefined) return { command, argv };
  return { command: subcommandOf(command, word), argv: rest };
}

function subcommandOf(group: Command, word: string): Command {
  const { name, subcommands = [] } = group;
  const found = subcommands.find((command) =>
    command.name === `${name} ${word}`
  );
  if (found !== undefined) return found;
  const words = subcommands.map((command) =>
    command.name.slice(name.length + 1)
  );
  throw unknown(name, word, words);
}

function unknown(
  group: string,
  word: string,
  words: readonly string[],
): NetdiskError {
  const guess = nearest(word, words);
  const question = guess === undefined ? "" : `, did you mean '${guess}'?`;
  return usageError(group, `unknown command '${word}'${question}`);
}

/** `netdisk help`, which alone needs to know all commands. */
function helpEntry(commands: readonly CommandEntry[]): CommandEntry {
  const command = defineCommand({
    name: "help",
    summary: "show how netdisk or one of its commands is used",
    usage: ["help [COMMAND [SUBCOMMAND]]"],
    examples: [{ command: "netdisk help put" }],
    description: "",
    options: [],
    args: [
      { name: "COMMAND", optional: true },
      { name: "SUBCOMMAND", optional: true },
    ],
    exitStatus: "0; 2 if there is no such command.",
    standalone: true,
    run: ({ args, output }) =>
      showHelp(args.length === 0 ? ["help"] : args, output, commands),
  });
  return { name: command.name, load: () => Promise.resolve(command) };
}

async function showHelp(
  topic: readonly string[],
  output: Output,
  commands: readonly CommandEntry[],
): Promise<void> {
  const text = topic[0] === "help"
    ? renderOverview(
      await Promise.all(commands.map((entry) => entry.load())),
      EXAMPLES,
    )
    : renderHelp(await findTopic(topic, commands));
  output.record("help", { topic: topic.join(" "), text });
  output.print(text.trimEnd());
}

async function findTopic(
  [word = "", subword]: readonly string[],
  commands: readonly CommandEntry[],
): Promise<Command> {
  const command = await findEntry(word, commands).load();
  return subword === undefined ? command : subcommandOf(command, subword);
}

function showVersion(output: Output): void {
  output.record("version", { netdisk: VERSION, deno: Deno.version.deno });
  output.print(`netdisk ${VERSION}`);
}

/** The first Ctrl-C or SIGTERM: says so at once, tidies up, ends. */
function stop(signal: EndSignal, output: Output, system: System): void {
  const error = new NetdiskError("interrupted", `stopped by ${signal}`);
  output.notice(signal === "SIGINT" ? "interrupted" : "terminated");
  runCleanups();
  system.exit(conclude(SIGNAL_STATUS[signal], output, error));
}

/** Error -> message -> exit status. */
function fail(error: unknown, output: Output, system: System): number {
  if (error instanceof StdoutClosed) {
    return conclude(STDOUT_CLOSED_STATUS, output);
  }
  const known = error instanceof NetdiskError ? error : internalError(error);
  if (known.code === "interrupted") output.notice("interrupted");
  else output.error(known.message, known.hint);
  if (system.env("NETDISK_DEBUG") === "1") {
    const lines = Deno.inspect(error).split("\n").map(displayText);
    output.raw(`${lines.join("\n")}\n`);
  }
  return conclude(EXIT_STATUS[known.code], output, known);
}

function conclude(
  status: number,
  output: Output,
  error?: NetdiskError,
): number {
  try {
    output.finish(status, error);
  } catch {
    // stdout does not work; what matters was said on stderr.
  }
  return status;
}

/** What nobody expected. The wording tells a person that it is not their fault. */
function internalError(cause: unknown): NetdiskError {
  const reason = cause instanceof Error
    ? `${cause.name}: ${cause.message}`
    : String(cause);
  return new NetdiskError(
    "internal",
    `internal error: ${reason} (this is a bug in netdisk)`,
    { cause, hint: "NETDISK_DEBUG=1 shows where it happened" },
  );
}

/**
 * The real world. Errors that no await sees are reported as every other, instead of
 * with a stack trace of the runtime.
 */
export function denoSystem(argv: readonly string[]): System {
  const system: System = {
    stdin: Deno.stdin,
    stdout: Deno.stdout,
    stderr: Deno.stderr,
    stdoutIsNonBlocking,
    env: (name) => Deno.env.get(name),
    consoleSize: () => Deno.consoleSize(),
    exit: (status) => Deno.exit(status),
  };
  const crash = (event: Event, error: unknown) => {
    event.preventDefault();
    const output = new Output(system, { json: argv.includes("--json") });
    Deno.exit(fail(error, output, system));
  };
  addEventListener("unhandledrejection", (event) => crash(event, event.reason));
  addEventListener("error", (event) => crash(event, event.error));
  return system;
}

if (import.meta.main) {
  Deno.exit(await main(Deno.args, denoSystem(Deno.args)));
}
