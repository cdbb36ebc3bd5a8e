/**
 * How often a password may be guessed and an account be made, and from where
 * (`throttled`, SPEC.md 8). Attempts are counted before they are decided, so that many at
 * once are no way around it. Names that nobody has are treated as the others.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { isLoopback, networkOf } from "./address.ts";
import { FailureTable } from "./failure_table.ts";

/** Failed tries an hour for one account from one address. */
export const MAX_FAILURES_PER_PEER = 20;

/** ... from all addresses together. */
export const MAX_FAILURES_PER_ACCOUNT = 100;

/**
 * ... from one address, over all accounts: one password tried with many names.
 * An office behind one address, in which everybody mistypes twice, stays below.
 */
export const MAX_FAILURES_PER_ADDRESS = 100;

/** Accounts made and invites refused, an hour from one address. */
export const MAX_REGISTRATIONS_PER_ADDRESS = 20;

/** One attempt under way, which ends with one of these. */
export interface Attempt {
  succeeded(): void;
  failed(): void;
  /** Nobody knows what would have become of it, as with a busy server. */
  dropped(): void;
}

export interface GuessOptions {
  /**
   * Whether the account is in use from there. Such an address is not locked out
   * by the failures of others; asked only where that matters.
   */
  isKnown: () => boolean;
  /** The session in which the guess is made, if there is one; it counts as a peer. */
  session?: string;
}

/** The counters of one server. They are lost when it stops. */
export class LoginGuard {
  #now: () => number;
  #peers = new FailureTable(MAX_FAILURES_PER_PEER, { slows: true });
  #accounts = new FailureTable(MAX_FAILURES_PER_ACCOUNT);
  #addresses = new FailureTable(MAX_FAILURES_PER_ADDRESS);
  #registrations = new FailureTable(MAX_REGISTRATIONS_PER_ADDRESS);

  /** @param now a clock in milliseconds that is never set. Default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Somebody at `host` is about to try a password of `user`.
   *
   * @throws NetdiskError `throttled`, saying when to try again
   */
  guess(user: string, host: string, options: GuessOptions): Attempt {
    const now = this.#now();
    const network = networkOf(host);
    const { session } = options;
    // No name of a user has a space in it.
    const own = [`${user} ${network}`];
    if (session !== undefined) own.push(`${user} ${session}`);
    let wait = Math.max(...own.map((key) => this.#peers.waitMs(key, now)));
    const others = Math.max(
      this.#accounts.waitMs(user, now),
      this.#addresses.waitMs(network, now),
    );
    if (others > wait && !options.isKnown()) wait = others;
    if (wait > 0) throw throttled("too many failed attempts", wait);
    const shared = [
      [this.#accounts, user],
      [this.#addresses, network],
    ] as const;
    for (const key of own) this.#peers.begin(key, now);
    for (const [table, key] of shared) table.begin(key, now);
    return {
      // Those of others stay: an account of one's own must not clear them.
      succeeded: () => {
        for (const key of own) this.#peers.succeeded(key);
        for (const [table, key] of shared) table.dropped(key);
      },
      failed: () => {
        const now = this.#now();
        for (const key of own) this.#peers.failed(key, now);
        for (const [table, key] of shared) table.failed(key, now);
      },
      dropped: () => {
        for (const key of own) this.#peers.dropped(key);
        for (const [table, key] of shared) table.dropped(key);
      },
    };
  }

  /**
   * Somebody at `host` is about to make an account. On a server whose own
   * machine may register freely, who is on it has no limit.
   *
   * @throws NetdiskError `throttled`, saying when to try again
   */
  registration(host: string, isOpen: boolean): Attempt {
    if (isOpen && isLoopback(host)) return UNLIMITED;
    const table = this.#registrations;
    const network = networkOf(host);
    const now = this.#now();
    const wait = table.waitMs(network, now);
    if (wait > 0) throw throttled("too many registrations from there", wait);
    table.begin(network, now);
    // An account counts as much as a wrong invite.
    const count = () => table.failed(network, this.#now());
    return {
      succeeded: count,
      failed: count,
      dropped: () => table.dropped(network),
    };
  }
}

const UNLIMITED: Attempt = {
  succeeded() {},
  failed() {},
  dropped() {},
};

function throttled(reason: string, waitMs: number): NetdiskError {
  const seconds = Math.ceil(waitMs / 1000);
  const when = seconds < 120
    ? `${seconds} s`
    : `${Math.ceil(seconds / 60)} min`;
  return new NetdiskError("throttled", `${reason}, try again in ${when}`);
}
