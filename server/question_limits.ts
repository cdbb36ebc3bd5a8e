/**
 * How often the server answers those who look for servers by UDP, where anybody
 * can write any sender on a datagram. Pure: times come from outside.
 */

/** Datagrams in all that are looked at in a second; a flood costs no more. */
const TOTAL = { perSecond: 200, burst: 200 };

/** Replies to one address. Who asks once sends four questions (client/discovery.ts). */
const SOURCE = { perSecond: 4, burst: 20 };

/** Addresses that are remembered; the total needs longer to fill more. */
const MAX_SOURCES = 1024;

/** A token bucket: `burst` at once, `perSecond` in the long run. */
export class Allowance {
  readonly #perMs: number;
  readonly #burst: number;
  #left: number;
  #since: number;

  /** @param now in milliseconds, as everywhere here */
  constructor(limit: { perSecond: number; burst: number }, now: number) {
    this.#perMs = limit.perSecond / 1000;
    this.#burst = limit.burst;
    this.#left = limit.burst;
    this.#since = now;
  }

  /** Takes one if there is one. */
  take(now: number): boolean {
    if (this.waitMs(now) > 0) return false;
    this.#left--;
    return true;
  }

  /** How long until there is one; 0 for at once. */
  waitMs(now: number): number {
    const grown = this.#left + (now - this.#since) * this.#perMs;
    this.#left = Math.min(this.#burst, grown);
    this.#since = now;
    return this.#left >= 1 ? 0 : Math.ceil((1 - this.#left) / this.#perMs);
  }
}

/** The limits for all datagrams, and for each address that gets replies. */
export class QuestionLimits {
  readonly #total: Allowance;
  readonly #sources = new Map<string, Allowance>();

  constructor(now: number) {
    this.#total = new Allowance(TOTAL, now);
  }

  /** Takes one look at a datagram, or tells how long it has to wait, in milliseconds. */
  look(now: number): number {
    const waitMs = this.#total.waitMs(now);
    if (waitMs === 0) this.#total.take(now);
    return waitMs;
  }

  /** Whether an address gets one more reply. */
  admits(address: string, now: number): boolean {
    const source = this.#sources.get(address) ?? new Allowance(SOURCE, now);
    // Behind all others: the first one is always the one not seen for longest.
    this.#sources.delete(address);
    this.#sources.set(address, source);
    if (this.#sources.size > MAX_SOURCES) {
      const [oldest] = this.#sources.keys();
      this.#sources.delete(oldest!);
    }
    return source.take(now);
  }
}
