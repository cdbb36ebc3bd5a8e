/**
 * Who may come in: limits for all connections, for those of one address or one
 * user, and narrower ones for strangers, that is for connections that have not
 * logged in. Pure: it counts and decides, listener.ts acts.
 */

import { networkOf } from "./address.ts";

/** The most connections at a time, of each kind. */
export interface GuardLimits {
  total: number;
  perAddress: number;
  perUser: number;
  strangers: number;
  strangersPerAddress: number;
}

/** Why a connection is not taken, for the log. */
export type Refusal =
  | "too many connections"
  | "too many connections from this address"
  | "too many connections without a login"
  | "too many connections without a login from this address";

/**
 * Parts of the total. An address may be that of a whole office, and everybody in
 * it may log in at the same minute.
 */
const ADDRESS_SHARE = 0.25;
const USER_SHARE = 0.25;
const STRANGERS_SHARE = 0.4;
const STRANGERS_OF_ADDRESS_SHARE = 0.1;

/** However small the total is, these pass. */
const MIN_SHARE = 32;

/** From this part of a limit for strangers on some are refused by chance. */
const EARLY_DROP = 0.5;

/** The limits for so many connections in all. */
export function guardLimits(total: number): GuardLimits {
  const share = (part: number) =>
    Math.min(total, Math.max(MIN_SHARE, Math.floor(total * part)));
  return {
    total,
    perAddress: share(ADDRESS_SHARE),
    perUser: share(USER_SHARE),
    strangers: share(STRANGERS_SHARE),
    strangersPerAddress: share(STRANGERS_OF_ADDRESS_SHARE),
  };
}

/** Counts all connections of a server; its tables hold nothing that has ended. */
export class ConnectionGuard {
  #limits: GuardLimits;
  #random: () => number;
  #total = 0;
  #strangers = 0;
  #byAddress = new Tally();
  #strangersByAddress = new Tally();
  #byUser = new Tally();

  /** @param random a number from 0 up to but not including 1 */
  constructor(limits: GuardLimits, random: () => number = Math.random) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Connections at the moment. */
  get total(): number {
    return this.#total;
  }

  /** Those of them that have not logged in. */
  get strangers(): number {
    return this.#strangers;
  }

  /** Names in all tables together. */
  get tableSize(): number {
    return this.#byAddress.size + this.#strangersByAddress.size +
      this.#byUser.size;
  }

  /**
   * Takes a connection or says why not.
   *
   * Some strangers are refused before their limit is reached, the more of them
   * the closer it is: whoever holds most connections is hit most, and never are
   * all others shut out at once (as sshd's MaxStartups does).
   *
   * @param address an IP address without port
   */
  admit(address: string): Admission | Refusal {
    const limits = this.#limits;
    const network = networkOf(address);
    if (this.#total >= limits.total) return "too many connections";
    if (this.#byAddress.of(network) >= limits.perAddress) {
      return "too many connections from this address";
    }
    const neighbours = this.#strangersByAddress.of(network);
    if (this.#isFull(neighbours, limits.strangersPerAddress)) {
      return "too many connections without a login from this address";
    }
    if (this.#isFull(this.#strangers, limits.strangers)) {
      return "too many connections without a login";
    }
    this.#total++;
    this.#strangers++;
    this.#byAddress.add(network);
    this.#strangersByAddress.add(network);
    let isStranger = true;
    let isOver = false;
    let known: string | undefined;
    const meet = () => {
      if (!isStranger) return;
      isStranger = false;
      this.#strangers--;
      this.#strangersByAddress.remove(network);
    };
    return {
      admitUser: (user) => {
        if (isOver || known !== undefined) return true;
        if (this.#byUser.of(user) >= limits.perUser) return false;
        known = user;
        this.#byUser.add(user);
        meet();
        return true;
      },
      release: () => {
        if (isOver) return;
        isOver = true;
        meet();
        this.#total--;
        this.#byAddress.remove(network);
        if (known !== undefined) this.#byUser.remove(known);
      },
    };
  }

  #isFull(count: number, limit: number): boolean {
    const start = Math.floor(limit * EARLY_DROP);
    if (count < start) return false;
    if (count >= limit) return true;
    return this.#random() < (count - start) / (limit - start);
  }
}

/** A connection that was taken. */
export interface Admission {
  /** It has logged in; false when the user has too many connections already. */
  admitUser(user: string): boolean;
  /** It has ended; harmless when repeated. */
  release(): void;
}

/** How many there are of each name. */
class Tally {
  #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  remove(name: string): void {
    const left = this.of(name) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
  }
}
