/**
 * One direction of a link, as arithmetic: a packet waits until those before it
 * are sent at the link's rate, then travels for the delay. What finds the queue
 * full is dropped, as a router does.
 */

/** What a link is like, the same in both directions. */
export interface LinkShape {
  readonly bitsPerSecond: number;
  /** One way. */
  readonly delayMs: number;
  /** How much may wait to be sent; what travels does not count. */
  readonly queueBytes: number;
}

/** The bytes that a link holds in one round trip: what a sender needs in flight to fill it. */
export function bandwidthDelayBytes(
  { bitsPerSecond, delayMs }: Omit<LinkShape, "queueBytes">,
): number {
  return bitsPerSecond / 8 * (2 * delayMs / 1000);
}

/** Packets on their way, in order. Times are milliseconds of one clock. */
export class DelayLine {
  readonly #delayMs: number;
  readonly #bytesPerMs: number;
  readonly #queueBytes: number;
  #waiting: { packet: Uint8Array<ArrayBuffer>; due: number }[] = [];
  #first = 0;
  /** When the last accepted packet has left the sender. */
  #freeAt = 0;
  #dropped = 0;

  constructor({ bitsPerSecond, delayMs, queueBytes }: LinkShape) {
    this.#delayMs = delayMs;
    this.#bytesPerMs = bitsPerSecond / 8 / 1000;
    this.#queueBytes = queueBytes;
  }

  /** Takes a packet, which is the line's from now on, or drops it. */
  push(packet: Uint8Array<ArrayBuffer>, wireBytes: number, now: number): void {
    const start = Math.max(now, this.#freeAt);
    if ((start - now) * this.#bytesPerMs + wireBytes > this.#queueBytes) {
      this.#dropped++;
      return;
    }
    this.#freeAt = start + wireBytes / this.#bytesPerMs;
    this.#waiting.push({ packet, due: this.#freeAt + this.#delayMs });
  }

  /** The next packet that has arrived by now. */
  shift(now: number): Uint8Array<ArrayBuffer> | undefined {
    const next = this.#waiting[this.#first];
    if (next === undefined || next.due > now) return undefined;
    this.#first++;
    // A compaction now and then is cheaper than moving all of them each time.
    if (this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next.packet;
  }

  /** When the next packet arrives. */
  get nextDue(): number | undefined {
    return this.#waiting[this.#first]?.due;
  }

  /** How many packets found the queue full. */
  get dropped(): number {
    return this.#dropped;
  }
}
