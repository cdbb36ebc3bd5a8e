/**
 * How much each user may have on the disk. For users without a limit nothing is
 * counted. What one with a limit has is found by a walk through the folders
 * before the first put, and kept by what puts and changes report.
 */

import { setImmediate } from "node:timers";
import { logEvent } from "./log.ts";
import { QuotaAccount, Reservation, type Wish } from "./quota_account.ts";
import type { Cost } from "./quota_cost.ts";
import { Slots } from "./slots.ts";

/** How long a limit is good: an admin may change it, in milliseconds. */
const LIMIT_MS = 1000;

/** An admin may copy files in: how often an active user's are walked through again. */
const REWALK_MS = 3600 * 1000;

/** ... and at most how often for those who ask what they have. */
const FRESH_MS = 60 * 1000;

/** Walks at the same time, all users together. */
const MAX_WALKS = 2;

/** Where limits and sizes come from. */
export interface QuotaSource {
  /** Bytes that a user may have; null is without limit. @throws NetdiskError */
  limitOf(user: string): number | null;
  /** What one thing counts. */
  cost: Cost;
  /**
   * What all that the user has counts, unfinished uploads included.
   *
   * @param withLive uploads that somebody has in hand as well
   * @throws NetdiskError
   */
  measure(user: string, withLive: boolean): Promise<number>;
}

/** What `quota` tells. */
export interface Usage {
  used: number;
  limit: number | null;
}

/** The quota of one user, shared by all the connections. */
export class UserQuota {
  #account = new QuotaAccount();
  #user: string;
  #source: QuotaSource;
  #walks: Slots;
  #limitAt = -Infinity;
  #walkedAt = -Infinity;
  /** Goes up with whatever a walk may have seen or not. */
  #changes = 0;
  #walking: Promise<void> | undefined;
  #counting: Promise<number> | undefined;
  #removals = new Set<Promise<void>>();

  constructor(user: string, source: QuotaSource, walks: Slots) {
    this.#user = user;
    this.#source = source;
    this.#walks = walks;
  }

  /** What a file of so many bytes counts; a folder, for 0 of them. */
  cost(bytes: number): number {
    return this.#source.cost(bytes);
  }

  /** Whether there is a limit. @throws NetdiskError when it cannot be read at all */
  get isLimited(): boolean {
    const now = performance.now();
    if (now - this.#limitAt > LIMIT_MS) this.#readLimit(now);
    return this.#account.limit !== null;
  }

  /** True when somebody wants to know of every change; see {@link add}. */
  get isTracked(): boolean {
    return this.#account.used !== undefined || this.#walking !== undefined;
  }

  /** Whether removals are to be told; also when the limit cannot be read, which stops none. */
  get mayCount(): boolean {
    try {
      return this.isTracked || this.isLimited;
    } catch {
      return true;
    }
  }

  /** What changes have to wait for: otherwise the first walk would never end. */
  get firstWalk(): Promise<void> | undefined {
    return this.#account.used === undefined
      ? this.#walking?.catch(() => {})
      : undefined;
  }

  /** Things were added, removed or moved, and count so many more bytes now. */
  add(bytes: number): void {
    this.#changes++;
    this.#account.add(bytes);
  }

  /** Makes sure that so much may be added without a reservation. @throws NetdiskError `quota` */
  check(growth: number): void {
    this.#account.check(growth, 0);
  }

  /** Bytes are still being given back, until `end`. */
  removing(end: Promise<void>): void {
    this.#changes++;
    this.#removals.add(end);
    void end.then(() => this.#removals.delete(end));
  }

  /** Room for an upload or folders; undefined when it has to be waited for, or there is none. */
  tryReserve(wish: Wish): Reservation | undefined {
    if (this.#account.used === undefined) return undefined;
    if (this.#walkIsOlderThan(REWALK_MS)) this.#walkInBackground();
    if (this.#mustWait(wish)) return undefined;
    try {
      return new Reservation(this.#account, wish);
    } catch {
      return undefined;
    }
  }

  /**
   * Room for an upload or folders. It waits until it is known what there is, and
   * before it refuses, for what is being removed.
   *
   * @param settled resolves when what the client asked for before is done
   * @throws NetdiskError `quota`
   */
  async reserve(
    wish: Wish,
    settled: () => Promise<void>,
  ): Promise<Reservation> {
    await this.#known();
    const reservation = this.tryReserve(wish);
    if (reservation) return reservation;
    await settled();
    for (;;) {
      await this.#known();
      const removals = [...this.#removals];
      try {
        if (!this.#mustWait(wish)) return new Reservation(this.#account, wish);
      } catch (error) {
        if (removals.length === 0) throw error;
      }
      await Promise.all(removals);
    }
  }

  /** What there is, and what there may be. @throws NetdiskError */
  async usage(): Promise<Usage> {
    this.#readLimit(performance.now());
    if (this.#account.limit === null) {
      return { used: await this.#count(), limit: null };
    }
    if (this.#walkIsOlderThan(FRESH_MS)) await this.#walk();
    await this.#known();
    const { used, reserved, limit } = this.#account;
    return { used: used! + reserved, limit };
  }

  /** How much a pipe will bring is not known. */
  #mustWait({ isPipe }: Wish): boolean {
    return isPipe && this.#removals.size > 0;
  }

  #readLimit(now: number): void {
    try {
      this.#account.limit = this.#source.limitOf(this.#user);
    } catch (error) {
      // The last one is better than none, and better than no put at all.
      if (this.#limitAt === -Infinity) throw error;
    }
    this.#limitAt = now;
  }

  async #known(): Promise<void> {
    while (this.#account.used === undefined) await this.#walk();
  }

  #walkIsOlderThan(ms: number): boolean {
    return performance.now() - this.#walkedAt > ms;
  }

  #walkInBackground(): void {
    this.#walk().catch((error) => {
      logEvent("quota-failed", { user: this.#user, reason: error.message });
    });
  }

  #walk(): Promise<void> {
    return this.#walking ??= this.#walkOn().finally(() => {
      this.#walking = undefined;
    });
  }

  /** Finds out what is used; what is known already stays if anything changed meanwhile. */
  async #walkOn(): Promise<void> {
    // Not tried again at once when it fails.
    this.#walkedAt = performance.now();
    do {
      await Promise.all(this.#removals);
      const before = this.#changes;
      const used = await this.#measure(false);
      if (before === this.#changes) this.#account.used = used;
      else await new Promise((resolve) => setImmediate(resolve));
    } while (this.#account.used === undefined);
    this.#walkedAt = performance.now();
  }

  #count(): Promise<number> {
    return this.#counting ??= this.#measure(true).finally(() => {
      this.#counting = undefined;
    });
  }

  #measure(withLive: boolean): Promise<number> {
    return this.#walks.run(() => this.#source.measure(this.#user, withLive));
  }
}

/** The quotas of all users. */
export class Quotas {
  #source: QuotaSource;
  #users = new Map<string, UserQuota>();
  #walks = new Slots(MAX_WALKS);

  constructor(source: QuotaSource) {
    this.#source = source;
  }

  /** That of a user: the same one for all who ask. */
  of(user: string): UserQuota {
    let quota = this.#users.get(user);
    if (!quota) {
      quota = new UserQuota(user, this.#source, this.#walks);
      this.#users.set(user, quota);
    }
    return quota;
  }

  /** See {@link UserQuota.add}; for somebody who is not here nothing is known. */
  add(user: string, bytes: number): void {
    this.#users.get(user)?.add(bytes);
  }

  /** Somebody new has that name now. */
  forget(user: string): void {
    this.#users.delete(user);
  }
}
