/**
 * A process that a test starts: collects what it says, waits for it with a
 * limit, and ends it by its own id, also when the test fails.
 */

import { until, within } from "./deadline.ts";

/** How a process ended, a signal's name if by one, and all that it said. */
export interface Outcome {
  code: number | Deno.Signal;
  stdout: string;
  stderr: string;
}

export interface ProcessOptions {
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  /** All of its input; `piped` leaves it to {@link Process.write}. @default none */
  stdin?: "piped" | { bytes: Uint8Array };
  /** Another user to run as; for root only. */
  uid?: number;
}

type Stream = "stdout" | "stderr";

const encoder = new TextEncoder();

/** One running process. `await using` kills it if it still runs. */
export class Process implements AsyncDisposable {
  readonly #argv: readonly string[];
  readonly #child: Deno.ChildProcess;
  readonly #said: Record<Stream, Uint8Array[]> = { stdout: [], stderr: [] };
  readonly #ended: Promise<Deno.CommandStatus>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #isRunning = true;

  constructor(argv: readonly string[], options: ProcessOptions) {
    const { cwd, env, stdin, uid } = options;
    this.#argv = argv;
    this.#child = new Deno.Command(argv[0]!, {
      args: argv.slice(1),
      cwd,
      env,
      clearEnv: true,
      stdin: stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      ...(uid === undefined ? {} : { uid, gid: uid }),
    }).spawn();
    if (stdin) this.#input = this.#child.stdin.getWriter();
    if (stdin && stdin !== "piped") void this.#feed(stdin.bytes);
    this.#ended = this.#follow();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** All it has said so far. */
  stdout(): string {
    return this.#text("stdout");
  }

  stderr(): string {
    return this.#text("stderr");
  }

  /** Standard output as it is, when that is no text. */
  stdoutBytes(): Promise<Uint8Array> {
    return new Blob(this.#said.stdout as BlobPart[]).bytes();
  }

  /** Waits until a stream holds `pattern`, and gives the match. */
  async says(stream: Stream, pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await until(`${this} says ${pattern}`, async () => {
        const status = this.#isRunning ? undefined : await this.#ended;
        const match = pattern.exec(this.#text(stream));
        if (match) return match;
        if (!status) return undefined;
        throw new Error(`${this} ended with ${status.code}, no ${pattern}`);
      });
    } catch (error) {
      throw this.#testify(error);
    }
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    const data = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
    await within(`${this} takes its input`, this.#input!.write(data));
  }

  async closeStdin(): Promise<void> {
    await within(`${this} takes its input`, this.#input!.close());
  }

  signal(name: Deno.Signal): void {
    if (!this.#isRunning) return;
    try {
      this.#child.kill(name);
    } catch (error) {
      // It has ended, and its end is still to be heard of.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Waits for its end; one that does not come is a failure. */
  async outcome(ms?: number): Promise<Outcome> {
    try {
      const { code, signal } = await within(`${this} ends`, this.#ended, ms);
      const [stdout, stderr] = [this.stdout(), this.stderr()];
      return { code: signal ?? code, stdout, stderr };
    } catch (error) {
      this.signal("SIGKILL");
      throw this.#testify(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#input?.close().catch(() => {});
    await this.#ended;
  }

  toString(): string {
    return this.#argv.join(" ");
  }

  async #feed(bytes: Uint8Array): Promise<void> {
    // A process that does not read its input to the end has its reasons.
    await this.#input!.write(bytes).catch(() => {});
    await this.#input!.close().catch(() => {});
  }

  async #follow(): Promise<Deno.CommandStatus> {
    const collect = async (stream: Stream) => {
      for await (const chunk of this.#child[stream]) {
        this.#said[stream].push(chunk);
      }
    };
    const ended = this.#child.status.finally(() => this.#isRunning = false);
    await Promise.all([collect("stdout"), collect("stderr")]);
    return await ended;
  }

  #text(stream: Stream): string {
    const decoder = new TextDecoder();
    return this.#said[stream].map((it) => decoder.decode(it, { stream: true }))
      .join("");
  }

  /** The error with all that was said until then. */
  #testify(cause: unknown): Error {
    const said = `--- stdout\n${this.stdout()}\n--- stderr\n${this.stderr()}`;
    return new Error(`${cause}\n${said}`, { cause });
  }
}
