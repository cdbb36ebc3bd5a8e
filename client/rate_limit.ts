/**
 * `--limit-rate`: how fast a command may use its connections, all of them
 * together and both ways. What is not read waits on the server: TCP holds it back.
 */

import type { ByteConnection } from "../protocol/channel.ts";
import { MAX_DATA_BYTES } from "../protocol/frame.ts";
import { parseSize } from "../protocol/size.ts";
import { type Invocation, usageError } from "./command.ts";

/**
 * Slower than that the buffers of the system, which are filled and emptied in
 * large pieces, look to a server like a client that stands still.
 */
const MIN_RATE = 64 * 1024;
const MIN_RATE_TEXT = "64K";

/** What may pass at a time: short enough for a progress line that moves. */
const BURST_S = 0.1;

/** A block of a file is sent within a burst, but for small ones, which cost more. */
const MIN_BLOCK_BYTES = 16 * 1024;

/**
 * The part of a burst that is worth going on for. With less, time that passes
 * during one write would allow another one of a few bytes, and nothing else, not
 * even Ctrl-C, would get its turn.
 */
const WORTHWHILE = 1 / 4;

/** What waiting needs of the world; a test fakes it. */
export interface RateClock {
  /** Milliseconds of any clock. */
  now(): number;
  wait(ms: number): Promise<void>;
}

const SYSTEM_CLOCK: RateClock = {
  now: () => performance.now(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** A bucket that fills with the rate, and is emptied by what passes. */
export class RateLimit {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  readonly #clock: RateClock;
  #left: number;
  #filledAt: number;

  /** @param rate bytes a second */
  constructor(rate: number, clock: RateClock = SYSTEM_CLOCK) {
    this.#bytesPerMs = rate / 1000;
    this.#burst = Math.ceil(rate * BURST_S);
    this.#clock = clock;
    this.#left = this.#burst;
    this.#filledAt = clock.now();
  }

  /** How much of a file is sent at a time: what is on its way is not shown yet. */
  get blockBytes(): number {
    return Math.min(Math.max(this.#burst, MIN_BLOCK_BYTES), MAX_DATA_BYTES);
  }

  /** Waits until something may pass, and tells how many bytes. */
  async allowance(): Promise<number> {
    for (;;) {
      this.#fill();
      const missing = this.#burst * WORTHWHILE - this.#left;
      if (missing <= 0) return Math.floor(this.#left);
      await this.#clock.wait(Math.ceil(missing / this.#bytesPerMs));
    }
  }

  /** So many bytes have passed; two ways at a time may come to more than was allowed. */
  spend(bytes: number): void {
    this.#left -= bytes;
  }

  #fill(): void {
    const now = this.#clock.now();
    const more = (now - this.#filledAt) * this.#bytesPerMs;
    this.#filledAt = now;
    this.#left = Math.min(this.#burst, this.#left + more);
  }
}

/** A connection that keeps to a limit. */
export class LimitedConnection implements ByteConnection {
  readonly #connection: ByteConnection;
  readonly #limit: RateLimit;

  constructor(connection: ByteConnection, limit: RateLimit) {
    this.#connection = connection;
    this.#limit = limit;
  }

  async read(target: Uint8Array): Promise<number | null> {
    const most = await this.#limit.allowance();
    const count = await this.#connection.read(target.subarray(0, most));
    this.#limit.spend(count ?? 0);
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const most = await this.#limit.allowance();
    const count = await this.#connection.write(bytes.subarray(0, most));
    this.#limit.spend(count);
    return count;
  }

  async closeWrite(): Promise<void> {
    await this.#connection.closeWrite?.();
  }

  close(): void {
    this.#connection.close();
  }
}

/**
 * The limit that a command was given, for all its connections.
 *
 * @throws NetdiskError `usage`
 */
export function rateLimit(
  { options }: Invocation,
): RateLimit | undefined {
  const { limitRate: text } = options;
  if (text === undefined) return undefined;
  const rate = parseSize(text);
  if (rate === undefined) {
    throw usageError(
      "",
      `--limit-rate: '${text}' is no number of bytes a second such as 500K or 10M`,
    );
  }
  if (rate < MIN_RATE) {
    throw usageError(
      "",
      `--limit-rate: '${text}' is too slow, it takes ${MIN_RATE_TEXT} or more`,
    );
  }
  return new RateLimit(rate);
}
