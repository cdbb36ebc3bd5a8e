/**
 * Writing to stdout and stderr without losing or repeating a byte, whatever is
 * at the other end: a slow pipe, a non-blocking one, a full disk, nobody any more.
 * What is said, and on which stream, is output.ts's business.
 */

import { NetdiskError } from "../protocol/errors.ts";

/** Characters that are collected before a write: a listing of 100 000 names is then some 100 writes. */
const BUFFERED_CHARACTERS = 32 * 1024;

/** Longest nap between two attempts to write to a full non-blocking pipe. */
const MAX_PAUSE_MS = 50;

const encoder = new TextEncoder();
const pauseCell = new Int32Array(new SharedArrayBuffer(4));

/** What is needed of `Deno.stdout` and `Deno.stderr`. */
export interface OutputStream {
  writeSync(bytes: Uint8Array): number;
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/** Whoever read our stdout has left, as in `netdisk ls | head -1`. The program ends without a word. */
export class StdoutClosed extends Error {
  override name = "StdoutClosed";
}

/** True where the other end of a non-blocking descriptor is only slow. */
function isTransient(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock ||
    error instanceof Deno.errors.Interrupted;
}

function stdoutError(cause: unknown): Error {
  if (cause instanceof Deno.errors.BrokenPipe) {
    return new StdoutClosed("standard output is closed", { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  const text = reason.replace(/ \(os error \d+\)$/, "");
  return new NetdiskError("local-io", `standard output: ${text}`, { cause });
}

/** Writes all of `bytes`, whatever the stream takes at a time, sleeping while it takes nothing. */
export function writeAllSync(stream: OutputStream, bytes: Uint8Array): void {
  let pauseMs = 1;
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += stream.writeSync(bytes.subarray(offset));
      pauseMs = 1;
    } catch (error) {
      if (!isTransient(error)) throw error;
      Atomics.wait(pauseCell, 0, 0, pauseMs);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  }
}

/** As writeAllSync(), while the rest of the program goes on. */
export async function writeAll(
  stream: OutputStream,
  bytes: Uint8Array,
): Promise<void> {
  let pauseMs = 1;
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += await stream.write(bytes.subarray(offset));
      pauseMs = 1;
    } catch (error) {
      if (!isTransient(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  }
}

/** Around each write of a StdoutWriter, for a line that is shown below the output. */
export interface WriteHooks {
  before(): void;
  after(): void;
}

/**
 * Text for stdout, collected into few writes. It leaves when there is enough of
 * it, at flush(), and as soon as the program waits for something. After a failed
 * write every further call throws the same error.
 */
export class StdoutWriter {
  readonly #stream: OutputStream;
  readonly #hooks: WriteHooks;
  #pending = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #error: Error | undefined;

  constructor(stream: OutputStream, hooks: WriteHooks) {
    this.#stream = stream;
    this.#hooks = hooks;
  }

  /**
   * @throws {StdoutClosed} if nobody reads any more.
   * @throws {NetdiskError} `local-io` if stdout cannot be written.
   */
  append(text: string): void {
    if (this.#error !== undefined) throw this.#error;
    this.#pending += text;
    if (this.#pending.length >= BUFFERED_CHARACTERS) this.flush();
    // A timer, not a microtask: a loop over a page in memory may await at every
    // line, and would otherwise pay a system call for each.
    else this.#timer ??= setTimeout(() => this.tryFlush(), 0);
  }

  /** Writes what was collected. Throws as append() does. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#error !== undefined) throw this.#error;
    if (this.#pending === "") return;
    const bytes = encoder.encode(this.#pending);
    this.#pending = "";
    this.#hooks.before();
    try {
      writeAllSync(this.#stream, bytes);
    } catch (error) {
      throw this.#error = stdoutError(error);
    } finally {
      this.#hooks.after();
    }
  }

  /** flush() for callers that must go on: a failure waits for the next append() or flush(). */
  tryFlush(): void {
    try {
      this.flush();
    } catch {
      // Kept in #error.
    }
  }

  /** Raw bytes, after what was collected. They are the caller's again when it resolves. */
  async write(bytes: Uint8Array): Promise<void> {
    this.flush();
    try {
      await writeAll(this.#stream, bytes);
    } catch (error) {
      throw this.#error = stdoutError(error);
    }
  }
}
