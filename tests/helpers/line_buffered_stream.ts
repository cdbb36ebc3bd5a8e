/**
 * A stand-in for `Deno.stdout` on a non-blocking pipe, with what Deno does in front of
 * it: bytes go through Rust's `LineWriter` and are flushed, and when the flush fails with
 * EAGAIN the error does not say how much was taken. As measured with Deno 2.6.10 and 2.8.3.
 */

import type { OutputStream } from "../../client/stream_writer.ts";
import type { Random } from "./random.ts";

const BUFFER_BYTES = 1024;
const NEWLINE = 0x0a;

export class LineBufferedStream implements OutputStream {
  /** What came out at the other end. */
  readonly received: number[] = [];
  readonly #random: Random;
  readonly #atomicBytes: number;
  #buffer: number[] = [];

  /** `atomicBytes` is the pipe's PIPE_BUF. */
  constructor(random: Random, atomicBytes = 4096) {
    this.#random = random;
    this.#atomicBytes = atomicBytes;
  }

  isTerminal(): boolean {
    return false;
  }

  write(_bytes: Uint8Array): Promise<number> {
    throw new Error("the asynchronous write is not for a non-blocking stdout");
  }

  writeSync(bytes: Uint8Array): number {
    const written = this.#lineWriter(bytes);
    this.#flush();
    return written;
  }

  /** The pipe: takes all of a small write or nothing, a part of a large one, or nothing. */
  #pipe(bytes: Uint8Array): number {
    if (this.#random.below(3) === 0) {
      throw new Deno.errors.WouldBlock("Resource temporarily unavailable");
    }
    const count = bytes.length <= this.#atomicBytes
      ? bytes.length
      : 1 + this.#random.below(bytes.length);
    this.received.push(...bytes.subarray(0, count));
    return count;
  }

  #flush(): void {
    while (this.#buffer.length > 0) {
      const count = this.#pipe(Uint8Array.from(this.#buffer));
      this.#buffer.splice(0, count);
    }
  }

  #lineWriter(bytes: Uint8Array): number {
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      if (this.#buffer.at(-1) === NEWLINE) this.#flush();
      if (bytes.length < BUFFER_BYTES - this.#buffer.length) {
        return this.#keep(bytes);
      }
      this.#flush();
      return bytes.length < BUFFER_BYTES
        ? this.#keep(bytes)
        : this.#pipe(bytes);
    }
    this.#flush();
    const count = this.#pipe(bytes.subarray(0, end));
    if (count >= end && bytes.length - count >= BUFFER_BYTES) return count;
    const rest = bytes.subarray(count, count < end ? end : undefined);
    return count + this.#keep(rest.subarray(0, BUFFER_BYTES));
  }

  #keep(bytes: Uint8Array): number {
    this.#buffer.push(...bytes);
    return bytes.length;
  }
}
