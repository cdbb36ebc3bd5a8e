/**
 * Writing to stdout and stderr without losing or repeating a byte, whatever is
 * at the other end: a slow pipe, a non-blocking one, a full disk, nobody any more.
 * What is said, and on which stream, is output.ts's business.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { leaveSignalsToSystem, type Registration } from "./interrupt.ts";

/** Characters that are collected before a write: a listing is not a system call a line. */
const BUFFERED_CHARACTERS = 32 * 1024;

/** Longest nap between two attempts to write to a full non-blocking pipe. */
const MAX_PAUSE_MS = 50;

/** PIPE_BUF: a pipe takes this much as a whole or not at all. */
const ATOMIC_BYTES = Deno.build.os === "linux" ? 4096 : 512;

/** Size of the line buffer that Deno has in front of stdout (Rust's `std::io::Stdout`). */
const LINE_BUFFER_BYTES = 1024;

const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
const pauseCell = new Int32Array(new SharedArrayBuffer(4));

/** What is needed of `Deno.stdout` and `Deno.stderr`. */
export interface OutputStream {
  writeSync(bytes: Uint8Array): number;
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
  /** What writeSync() does not take stays the caller's: there is no line buffer. */
  readonly isUnbuffered?: boolean;
}

/** Whoever read our stdout has left, as in `netdisk ls | head -1`. The program ends without a word. */
export class StdoutClosed extends Error {
  override name = "StdoutClosed";
}

/** How long to wait before the next attempt: a nap that grows while nothing moves. */
class Pauses {
  #nextMs = 1;

  /** Throws `error` on unless it only means that the other end is slow. */
  after(error: unknown): number {
    if (
      !(error instanceof Deno.errors.WouldBlock) &&
      !(error instanceof Deno.errors.Interrupted)
    ) throw error;
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    return pauseMs;
  }

  reset(): void {
    this.#nextMs = 1;
  }
}

/** Writes all of `bytes` to a stream without a buffer (stderr), sleeping while it takes nothing. */
export function writeAllSync(stream: OutputStream, bytes: Uint8Array): void {
  const pauses = new Pauses();
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += stream.writeSync(bytes.subarray(offset));
      pauses.reset();
    } catch (error) {
      Atomics.wait(pauseCell, 0, 0, pauses.after(error));
    }
  }
}

/**
 * Writes all of `bytes` to stdout, yielding how long to wait whenever it takes nothing.
 *
 * Deno hands them to a line buffer, which writes up to the last line end, keeps some
 * of the rest, and flushes. When that flush fails with EAGAIN the error hides how much
 * was taken, and writing again would repeat it. So only pieces are given of which
 * either all was taken or nothing, and we know which.
 */
function* stdoutPieces(
  stream: OutputStream,
  bytes: Uint8Array,
): Generator<number, void> {
  const pauses = new Pauses();
  for (let offset = 0; offset < bytes.length;) {
    const piece = bytes.subarray(offset, pieceEnd(bytes, offset));
    try {
      offset += stream.writeSync(piece);
      pauses.reset();
    } catch (error) {
      const pauseMs = pauses.after(error);
      yield pauseMs;
      if (
        !stream.isUnbuffered && piece.length < LINE_BUFFER_BYTES &&
        piece.at(-1) !== NEWLINE
      ) {
        // Without a line end it went into the buffer, and is to leave it.
        offset += piece.length;
        yield* drain(stream, pauses);
      }
    }
  }
}

/** Flushes the line buffer, as even an empty write does. */
function* drain(stream: OutputStream, pauses: Pauses): Generator<number, void> {
  for (;;) {
    try {
      stream.writeSync(NOTHING);
      return;
    } catch (error) {
      yield pauses.after(error);
    }
  }
}

/** Where the piece ends that begins at `offset`: behind a line end, if one is near. */
function pieceEnd(bytes: Uint8Array, offset: number): number {
  const end = Math.min(offset + ATOMIC_BYTES, bytes.length);
  const newline = bytes.lastIndexOf(NEWLINE, end - 1);
  return newline >= offset ? newline + 1 : end;
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
   * Lines, their ends included.
   *
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
    let unheard: Registration | undefined;
    try {
      for (const pauseMs of stdoutPieces(this.#stream, bytes)) {
        unheard ??= leaveSignalsToSystem();
        Atomics.wait(pauseCell, 0, 0, pauseMs);
      }
    } catch (error) {
      throw this.#error = stdoutError(error);
    } finally {
      unheard?.[Symbol.dispose]();
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

  /**
   * Raw bytes, after what was collected; the rest of the program goes on meanwhile.
   * They are the caller's again when it resolves.
   */
  async write(bytes: Uint8Array, nonBlocking: boolean): Promise<void> {
    this.flush();
    try {
      if (nonBlocking) {
        for (const pauseMs of stdoutPieces(this.#stream, bytes)) {
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
      } else {
        for (let offset = 0; offset < bytes.length;) {
          offset += await this.#stream.write(bytes.subarray(offset));
        }
      }
    } catch (error) {
      throw this.#error = stdoutError(error);
    }
  }
}

function stdoutError(cause: unknown): Error {
  if (cause instanceof Deno.errors.BrokenPipe) {
    return new StdoutClosed("standard output is closed", { cause });
  }
  const reason = systemReason(cause);
  return new NetdiskError("local-io", `standard output: ${reason}`, { cause });
}
