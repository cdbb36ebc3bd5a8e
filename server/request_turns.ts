/**
 * Whose request is read next, when some clients always have one more. A read or
 * write that need not wait lets nobody else have their turn: a client that
 * sends, and takes its answers, quickly enough would be served alone.
 */

import { setImmediate } from "node:timers";

/** How the time is divided, in milliseconds. */
interface Rhythm {
  /** How long requests are served before others are listened to. */
  slice: number;
  /**
   * The runtime asks the system for news at every 61st round of its loop, unless
   * it has nothing to do: so it gets nothing after this time, for a millisecond.
   */
  pauseAfter: number;
}

/** An answer takes some dozens of rounds: long slices make the others wait. */
const SHARED: Rhythm = { slice: 0.5, pauseAfter: 8 };

/** For a client who is alone short ones cost a tenth of the rate of small files. */
const ALONE: Rhythm = { slice: 2, pauseAfter: 24 };

/** Shared by all connections of a Worker. */
export class RequestTurns {
  #clients: () => number;
  #shared: Rhythm;
  #rhythm = ALONE;
  #began = 0;
  #isUnderWay = false;
  #pausedAt = 0;
  /** Those who wait, by owner; the first owner is next. */
  #waiting = new Map<string, (() => void)[]>();

  /** @param clients how many there are that may want a turn */
  constructor(clients: () => number, shared: Rhythm = SHARED) {
    this.#clients = clients;
    this.#shared = shared;
  }

  /**
   * To be waited for before a request is read. The owners take turns, however
   * many connections each of them has.
   *
   * @returns undefined when there is nothing to wait for
   */
  next(owner: string): Promise<void> | undefined {
    if (!this.#isUnderWay) {
      this.#isUnderWay = true;
      this.#pausedAt = performance.now();
      this.#begin();
      return undefined;
    }
    if (performance.now() - this.#began < this.#rhythm.slice) return undefined;
    return new Promise((resolve) => {
      const own = this.#waiting.get(owner);
      if (own) own.push(resolve);
      else this.#waiting.set(owner, [resolve]);
    });
  }

  #begin(): void {
    this.#began = performance.now();
    this.#rhythm = this.#clients() > 1 ? this.#shared : ALONE;
    // By then others have been listened to.
    if (this.#began - this.#pausedAt < this.#rhythm.pauseAfter) {
      setImmediate(() => this.#end());
    } else {
      this.#pausedAt = this.#began;
      setTimeout(() => this.#end(), 0);
    }
  }

  #end(): void {
    const [first] = this.#waiting;
    if (!first) {
      this.#isUnderWay = false;
      return;
    }
    const [owner, own] = first;
    const resolve = own.shift()!;
    this.#waiting.delete(owner);
    if (own.length > 0) this.#waiting.set(owner, own);
    this.#begin();
    resolve();
  }
}
