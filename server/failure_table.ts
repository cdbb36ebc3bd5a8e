/**
 * Counts recent failures by whoever caused them. Pure: the caller says what
 * time it is, in milliseconds of any one clock. What is counted, and what
 * follows from it, is login_guard.ts's business.
 */

/** How long a failure counts. */
export const WINDOW_MS = 3600_000;

/**
 * More than can fail in an hour: a password takes 0.26 s and is hashed one at a
 * time, which is 13 846 an hour. So nobody can push a counter out by filling
 * the table before the counter has expired anyway.
 */
const MAX_ENTRIES = 16_384;

/** Failures after which each further one makes the next attempt wait. */
const FREE_FAILURES = 4;

const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;

/** How many of the oldest entries one of them is chosen from, where one has to go. */
const SAMPLE = 64;

export interface FailureTableOptions {
  /** From the fourth failure on each doubles the wait for the next attempt. */
  slows?: boolean;
  /** Default 16 384. */
  maxEntries?: number;
}

interface Entry {
  /** When it failed, the oldest first; at most as many as the limit. */
  failures: number[];
  /** Attempts without outcome. */
  pending: number;
}

export class FailureTable {
  #limit: number;
  #slows: boolean;
  #maxEntries: number;
  /** The one that failed last is the last. */
  #entries = new Map<string, Entry>();

  /** @param limit failures and attempts under way, within an hour */
  constructor(limit: number, options: FailureTableOptions = {}) {
    this.#limit = limit;
    this.#slows = options.slows ?? false;
    this.#maxEntries = options.maxEntries ?? MAX_ENTRIES;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How long the next attempt has to wait, in milliseconds; 0 when it may begin. */
  waitMs(key: string, now: number): number {
    const entry = this.#entries.get(key);
    if (!entry) return 0;
    const { failures, pending } = entry;
    while (failures.length > 0 && failures[0]! + WINDOW_MS <= now) {
      failures.shift();
    }
    if (failures.length >= this.#limit) return failures[0]! + WINDOW_MS - now;
    // These have their outcome soon, but what it is nobody knows.
    if (failures.length + pending >= this.#limit) return FIRST_WAIT_MS;
    if (!this.#slows || failures.length < FREE_FAILURES) return 0;
    const doublings = failures.length - FREE_FAILURES;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** doublings, MAX_WAIT_MS);
    const left = Math.max(0, failures.at(-1)! + wait - now);
    return pending > 0 ? Math.max(left, FIRST_WAIT_MS) : left;
  }

  /** An attempt begins. It ends with one of the three below. */
  begin(key: string, now: number): void {
    const entry = this.#entries.get(key);
    if (entry) {
      entry.pending++;
      return;
    }
    this.#makeRoom(now);
    this.#entries.set(key, { failures: [], pending: 1 });
  }

  /** It failed. */
  failed(key: string, now: number): void {
    const entry = this.#ended(key);
    if (!entry) return;
    entry.failures.push(now);
    if (entry.failures.length > this.#limit) entry.failures.shift();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  /** It was never decided, or does not matter here. */
  dropped(key: string): void {
    const entry = this.#ended(key);
    if (entry && entry.pending === 0 && entry.failures.length === 0) {
      this.#entries.delete(key);
    }
  }

  /** It succeeded: failures before it are forgiven. */
  succeeded(key: string): void {
    const entry = this.#ended(key);
    if (entry) entry.failures.length = 0;
    if (entry?.pending === 0) this.#entries.delete(key);
  }

  #ended(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry) entry.pending--;
    return entry;
  }

  /**
   * What has expired goes first. Without any, of the oldest the one with the
   * fewest failures does: to push out who is blocked, one would have to be
   * blocked as often as there are entries.
   */
  #makeRoom(now: number): void {
    for (const [key, { failures, pending }] of this.#entries) {
      const last = failures.at(-1) ?? -Infinity;
      if (pending > 0 || last + WINDOW_MS > now) break;
      this.#entries.delete(key);
    }
    if (this.#entries.size < this.#maxEntries) return;
    let least: string | undefined;
    let fewest = Infinity;
    let seen = 0;
    for (const [key, { failures, pending }] of this.#entries) {
      if (pending === 0 && failures.length < fewest) {
        least = key;
        fewest = failures.length;
      }
      if (++seen === SAMPLE) break;
    }
    if (least !== undefined) this.#entries.delete(least);
  }
}
