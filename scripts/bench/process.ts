/**
 * Programs as the benchmark runs them: one command with its time, or a server in
 * the background. Each is ended by its own id, and within a limit.
 */
import { delimiter } from "node:path";
import { basename, resolve } from "@std/path";
import type { CommandLine } from "./tool.ts";

/** Longer than the largest file takes on a slow disk. */
const RUN_MS = 15 * 60_000;
const READY_MS = 20_000;
/** From SIGTERM to SIGKILL; `netdisk serve` gives running transfers 5 s. */
const GRACE_MS = 10_000;
const POLL_MS = 10;
const TICK_MS = 3;
const LOG_CHARS = 64 * 1024;
/** Where sshd is, for users whose PATH does not say so. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** How a command ended, and the time from its start to its end. */
export interface Outcome {
  code: number;
  seconds: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. Throws the signal's reason after an abort. */
export async function run(
  command: CommandLine,
  signal: AbortSignal,
): Promise<Outcome> {
  signal.throwIfAborted();
  const started = performance.now();
  const child = spawn(command);
  using limit = endInTime(child, signal);
  const [seconds, { code, stdout, stderr }] = await Promise.all([
    child.status.then(() => (performance.now() - started) / 1000),
    child.output(),
  ]);
  checkEnd(command, limit, signal);
  const text = new TextDecoder();
  return {
    code,
    seconds,
    stdout: text.decode(stdout),
    stderr: text.decode(stderr),
  };
}

/** Runs a command that has to succeed. */
export async function runWell(
  command: CommandLine,
  signal: AbortSignal,
): Promise<Outcome> {
  const outcome = await run(command, signal);
  if (outcome.code === 0) return outcome;
  throw failure(command, outcome.code, outcome.stderr || outcome.stdout);
}

function checkEnd(
  command: CommandLine,
  limit: { isOver(): boolean },
  signal: AbortSignal,
): void {
  signal.throwIfAborted();
  if (!limit.isOver()) return;
  throw new Error(`${title(command)} took more than ${RUN_MS / 60_000} min`);
}

function failure(command: CommandLine, code: number, said: string): Error {
  const what = `${title(command)} ended with status ${code}`;
  return new Error(`${what}\n${said.trimEnd()}`);
}

/** A command whose output is looked at while it comes. */
export interface Watch {
  /** Seconds from the start. */
  onOutput(chunk: Uint8Array, seconds: number): void;
  /** Told again and again while it runs, and after each output. */
  onTick(pid: number): void;
}

/** As {@link runWell}, for output that is too long to keep; `stdout` is empty. */
export async function watchWell(
  command: CommandLine,
  { onOutput, onTick }: Watch,
  signal: AbortSignal,
): Promise<Outcome> {
  signal.throwIfAborted();
  const started = performance.now();
  const since = () => (performance.now() - started) / 1000;
  const child = spawn(command);
  using limit = endInTime(child, signal);
  const ticker = setInterval(() => onTick(child.pid), TICK_MS);
  void child.status.then(() => clearInterval(ticker));
  async function look(): Promise<void> {
    for await (const chunk of child.stdout) {
      onOutput(chunk, since());
      onTick(child.pid);
    }
  }
  const [seconds, { code }, stderr] = await Promise.all([
    child.status.then(since),
    child.status,
    new Response(child.stderr).text(),
    look(),
  ]);
  checkEnd(command, limit, signal);
  if (code === 0) return { code, seconds, stdout: "", stderr };
  throw failure(command, code, stderr);
}

/** A program in the background; `await using` ends it. */
export class Service implements AsyncDisposable {
  readonly #title: string;
  readonly #child: Deno.ChildProcess;
  #log = "";
  #hasEnded = false;

  constructor(command: CommandLine) {
    this.#title = title(command);
    this.#child = spawn(command);
    // Followed to the end, or the program would stop at a full pipe.
    void this.#follow(this.#child.stdout);
    void this.#follow(this.#child.stderr);
    void this.#child.status.then(() => this.#hasEnded = true);
  }

  /** Waits until it has said `pattern`, and gives the match. */
  async says(pattern: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    const deadline = performance.now() + READY_MS;
    for (;;) {
      signal.throwIfAborted();
      const match = pattern.exec(this.#log);
      if (match) return match;
      if (this.#hasEnded) throw new Error(`${this.#title} ended\n${this.log}`);
      if (performance.now() > deadline) {
        throw new Error(`${this.#title} is not ready in ${READY_MS / 1000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The last it said. */
  get log(): string {
    return this.#log.trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.#child, "SIGTERM");
    const timer = setTimeout(() => kill(this.#child, "SIGKILL"), GRACE_MS);
    await this.#child.status;
    clearTimeout(timer);
  }

  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of stream) {
        const text = decoder.decode(chunk, { stream: true });
        this.#log = (this.#log + text).slice(-LOG_CHARS);
      }
    } catch {
      // A log that breaks off is no reason to fail.
    }
  }
}

/** The absolute path of a program, if this machine has it. */
export function findProgram(name: string): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
  for (const folder of [...folders, ...SYSTEM_FOLDERS]) {
    const path = resolve(folder, name);
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

function spawn({ program, args, cwd, env }: CommandLine): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Ends a process when the signal or the time limit says so; disposing ends the watch. */
function endInTime(
  child: Deno.ChildProcess,
  signal: AbortSignal,
): Disposable & { isOver(): boolean } {
  const timeout = new AbortController();
  const limit = setTimeout(() => timeout.abort(), RUN_MS);
  const either = AbortSignal.any([signal, timeout.signal]);
  let grace: ReturnType<typeof setTimeout> | undefined;
  function end(): void {
    kill(child, "SIGTERM");
    grace = setTimeout(() => kill(child, "SIGKILL"), GRACE_MS);
  }
  either.addEventListener("abort", end);
  return {
    isOver: () => timeout.signal.aborted,
    [Symbol.dispose]() {
      either.removeEventListener("abort", end);
      clearTimeout(limit);
      clearTimeout(grace);
    },
  };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}

/** A command for a message: thousands of names are no help there. */
function title({ program, args }: CommandLine): string {
  const name = basename(program);
  const shown = args.slice(0, 6).join(" ");
  return `${name} ${shown}${args.length > 6 ? " …" : ""}`;
}
