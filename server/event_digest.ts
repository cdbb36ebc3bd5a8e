/**
 * Events that a stranger can cause by the thousand, in a log that does not fill
 * for it: the first ones at once, then one line a second for all of them.
 */

import { logEvent, type LogFields } from "./log.ts";

/** How often a line may be written in the long run, in milliseconds. */
const PERIOD_MS = 1000;

/** Lines that may be written at once after a quiet time. */
const BURST = 100;

/** The events of all kinds, each by itself; there are few of them. */
export class EventDigests {
  #now: () => number;
  #kinds = new Map<string, EventDigest>();

  /** @param now a clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Logs an event, now or with those that follow. */
  note(event: string, fields: LogFields): void {
    const kind = this.#kinds.get(event) ?? new EventDigest(event);
    this.#kinds.set(event, kind);
    kind.note(fields, this.#now());
  }

  /** Logs what is held back if it is time to; to be called now and then. */
  settle(): void {
    for (const kind of this.#kinds.values()) kind.settle(this.#now());
  }

  /** Logs what is held back. */
  flush(): void {
    for (const kind of this.#kinds.values()) kind.flush();
  }
}

/** The events of one kind. Times are in milliseconds of any one clock. */
export class EventDigest {
  #event: string;
  /** Lines that may be written now, as of `#countedAt`. */
  #allowed = BURST;
  #countedAt = -Infinity;
  #held: LogFields | undefined;
  #count = 0;

  constructor(event: string) {
    this.#event = event;
  }

  /** Logs an event, now or with those that follow; of many the last one is named. */
  note(fields: LogFields, now: number): void {
    this.#held = fields;
    this.#count++;
    this.settle(now);
  }

  /** Logs what is held back if it is time to; to be called now and then. */
  settle(now: number): void {
    if (!this.#held) return;
    const earned = (now - this.#countedAt) / PERIOD_MS;
    this.#allowed = Math.min(BURST, this.#allowed + earned);
    this.#countedAt = now;
    if (this.#allowed < 1) return;
    this.#allowed--;
    this.flush();
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
