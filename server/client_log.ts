/**
 * What clients do, in a log that none of them fills: strangers together, and
 * each user, have so many lines, and lines that stand for several behind that.
 */

import { EventDigests, type LineRate } from "./event_digest.ts";
import type { LogFields } from "./log.ts";

const STRANGERS: LineRate = { burst: 100, periodMs: 1000 };

/** Of each kind of event: all files of a large folder have a line. */
const USER: LineRate = { burst: 10_000, periodMs: 50 };

export class ClientLog {
  #now: () => number;
  #strangers: EventDigests;
  /** Only users of whom there was something to log lately. */
  #users = new Map<string, EventDigests>();

  /** @param now a clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#strangers = new EventDigests(now, STRANGERS);
  }

  /** Logs an event, now or with those that follow; without a user it is a stranger's. */
  note(user: string | undefined, event: string, fields: LogFields): void {
    if (user === undefined) return this.#strangers.note(event, fields);
    let digests = this.#users.get(user);
    if (!digests) {
      digests = new EventDigests(this.#now, USER);
      this.#users.set(user, digests);
    }
    digests.note(event, fields);
  }

  /** Logs what is held back if it is time to; to be called now and then. */
  settle(): void {
    this.#strangers.settle();
    for (const [user, digests] of this.#users) {
      if (digests.settle()) this.#users.delete(user);
    }
  }

  /** Logs what is held back. */
  flush(): void {
    this.#strangers.flush();
    for (const digests of this.#users.values()) digests.flush();
  }
}
