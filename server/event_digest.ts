/**
 * Events that a client can cause by the thousand, in a log that does not fill
 * for it: the first ones at once, then a line now and then for all of them.
 */

import { logEvent, type LogFields } from "./log.ts";

/** How many lines there are. */
export interface LineRate {
  /** Lines that may be written at once after a quiet time. */
  burst: number;
  /** How often one may be written in the long run, in milliseconds. */
  periodMs: number;
}

/** The events of all kinds, each by itself; there are few of them. */
export class EventDigests {
  #now: () => number;
  #rate: LineRate;
  #kinds = new Map<string, EventDigest>();

  /**
   * @param now a clock in milliseconds
   * @param rate of each kind
   */
  constructor(now: () => number, rate: LineRate) {
    this.#now = now;
    this.#rate = rate;
  }

  /** Logs an event, now or with those that follow. */
  note(event: string, fields: LogFields): void {
    const kind = this.#kinds.get(event) ??
      new EventDigest(event, this.#rate);
    this.#kinds.set(event, kind);
    kind.note(fields, this.#now());
  }

  /**
   * Logs what is held back if it is time to; to be called now and then.
   *
   * @returns true when it is as if there had been no event
   */
  settle(): boolean {
    let isQuiet = true;
    for (const kind of this.#kinds.values()) {
      if (!kind.settle(this.#now())) isQuiet = false;
    }
    return isQuiet;
  }

  /** Logs what is held back. */
  flush(): void {
    for (const kind of this.#kinds.values()) kind.flush();
  }
}

/** The events of one kind. Times are in milliseconds of any one clock. */
export class EventDigest {
  #event: string;
  #rate: LineRate;
  /** Lines that may be written now, as of `#countedAt`. */
  #allowed: number;
  #countedAt = -Infinity;
  #held: LogFields | undefined;
  #count = 0;

  constructor(event: string, rate: LineRate) {
    this.#event = event;
    this.#rate = rate;
    this.#allowed = rate.burst;
  }

  /** Logs an event, now or with those that follow; of many the last one is named. */
  note(fields: LogFields, now: number): void {
    this.#held = fields;
    this.#count++;
    this.settle(now);
  }

  /**
   * Logs what is held back if it is time to; to be called now and then.
   *
   * @returns true when it is as if there had been no event
   */
  settle(now: number): boolean {
    const { burst, periodMs } = this.#rate;
    const earned = (now - this.#countedAt) / periodMs;
    this.#allowed = Math.min(burst, this.#allowed + earned);
    this.#countedAt = now;
    if (!this.#held) return this.#allowed === burst;
    if (this.#allowed < 1) return false;
    this.#allowed--;
    this.flush();
    return false;
  }

  /** Logs what is held back. */
  flush(): void {
    if (!this.#held) return;
    const count = this.#count > 1 ? this.#count : undefined;
    logEvent(this.#event, { ...this.#held, count });
    this.#held = undefined;
    this.#count = 0;
  }
}
