/**
 * The program: which commands there are, how one is found and run, and what its
 * failure becomes on the screen and for the shell.
 */

import { findCommand, parseArguments } from "./client/arguments.ts";
import {
  type Command,
  defineCommand,
  defineGroup,
  usageError,
} from "./client/command.ts";
import {
  type CommandEntry,
  findEntry,
  findInGroup,
} from "./client/command_list.ts";
import { COMPLETE, complete } from "./client/complete.ts";
import { displayText } from "./client/display_text.ts";
import { leniently, readVariable } from "./client/environment.ts";
import { EXIT_STATUS, STDOUT_CLOSED_STATUS } from "./client/exit_status.ts";
import { HELP, makeHelp, showHelp } from "./client/commands/help.ts";
import {
  type EndSignal,
  runCleanups,
  SIGNAL_STATUS,
  watchSignals,
} from "./client/interrupt.ts";
import { Output, type OutputSystem } from "./client/output.ts";
import type { PromptInput } from "./client/prompt.ts";
import { runCommand } from "./client/run_command.ts";
import { openStdout, stdoutIsNonBlocking } from "./client/stdout.ts";
import { StdoutClosed } from "./client/stream_writer.ts";
import { NetdiskError } from "./protocol/errors.ts";
import { VERSION } from "./protocol/version.ts";

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
  entry("status", async () => {
    const { statusCommand } = await import("./server/status.ts");
    const { desk } = await import("./client/desk.ts");
    return { command: defineCommand(statusCommand(desk)) };
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
  entry("send", () => import("./client/commands/send.ts")),
  entry("inbox", () => import("./client/commands/inbox.ts")),
  entry("sync", () => import("./client/commands/sync.ts")),
  entry("mkdir", () => import("./client/commands/mkdir.ts")),
  entry("mv", () => import("./client/commands/mv.ts")),
  entry("rm", () => import("./client/commands/rm.ts")),
  entry("tree", () => import("./client/commands/tree.ts")),
  entry("du", () => import("./client/commands/du.ts")),
  entry("quota", () => import("./client/commands/quota.ts")),
  entry("stat", () => import("./client/commands/stat.ts")),
  entry("discover", () => import("./client/commands/discover.ts")),
  entry("config", () => import("./client/commands/config.ts")),
  entry("ping", () => import("./client/commands/ping.ts")),
  entry("completions", () => import("./client/commands/completions.ts")),
  entry("man", async () => {
    const { makeMan } = await import("./client/commands/man.ts");
    return { command: makeMan(COMMANDS) };
  }),
];

function entry(
  name: string,
  load: () => Promise<{ command: Command }>,
): CommandEntry {
  return { name, load: async () => (await load()).command };
}

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
  if (argv[0] === COMPLETE) {
    await complete(argv.slice(1), system, commands);
    return 0;
  }
  // Until the arguments are understood, this decides in which form they are refused.
  let output = new Output(system, { json: argv.includes("--json") });
  try {
    const { word, rest } = findCommand(argv);
    const found = await findCommandOrHelp(word ?? HELP, commands);
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
      await runCommand(command, { options, args, output, stdin, env });
    }
    output.finish(0);
    return 0;
  } catch (error) {
    return fail(error, output, system);
  }
}

/** `netdisk help` alone needs to know all commands. */
async function findCommandOrHelp(
  word: string,
  commands: readonly CommandEntry[],
): Promise<Command> {
  if (word === HELP) return makeHelp(commands);
  return await findEntry(word, commands, [HELP]).load();
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
  const env = leniently(system);
  if (env("NETDISK_DEBUG") === "1") {
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
    stdout: openStdout(),
    stderr: Deno.stderr,
    stdoutIsNonBlocking,
    env: readVariable,
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
