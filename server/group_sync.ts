/**
 * Group commit: what is to be put on the disk is gathered for a moment, and
 * many of them are put there by one sync of the whole file system instead of
 * one each. Where that cannot be, or they are few, each is synced on its own.
 */

import { Slots } from "./slots.ts";

/**
 * Writes all that is unwritten on the storage root's file system to the disk
 * (`syncfs`). Must fail when anything of it could not be written since the last
 * call.
 */
export type SyncAll = () => Promise<void>;

/** More than 16 fsyncs at once gain nothing and slow everything else. */
const SYNC_SLOTS = 16;

/** From so many on, one sync of everything takes less than one for each. */
const MIN_GROUP = 8;

/** No more than so many are gathered ... */
const MAX_GROUP = 64;

/**
 * ... and for no longer than this, in milliseconds. The beginning of the next
 * one is here: a full group comes in 8, on a slow machine a small one in 50, and
 * the last one waits for nobody.
 */
const GATHER_MS = 50;

/**
 * A sync of everything that takes longer than this, in milliseconds, had to
 * write what is none of ours, such as a backup of somebody else's.
 */
const SLOW_MS = 1000;

/** How long it is done without then, in milliseconds. */
const PAUSE_MS = 60_000;

/** Something to put on the disk, and who waits for that. */
interface Waiting {
  sync: () => Promise<void>;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/** Gathers syncs. */
export class GroupSync {
  #syncAll: SyncAll | undefined;
  #now: () => number;
  #slots = new Slots(SYNC_SLOTS);
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSyncingAll = false;
  #pausedUntil = -Infinity;

  constructor(syncAll?: SyncAll, now: () => number = () => performance.now()) {
    this.#syncAll = syncAll;
    this.#now = now;
  }

  /**
   * Resolves when it is on the disk. Rejects when it may not be, with the reason
   * of its own sync or that of everything's.
   *
   * @param sync puts it there on its own
   * @param isMoreComing it may wait a moment for others
   */
  add(sync: () => Promise<void>, isMoreComing = false): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ sync, resolve, reject });
    if (
      !this.#canSyncAll || !isMoreComing || this.#waiting.length >= MAX_GROUP
    ) {
      this.#start();
    } else this.#timer ??= setTimeout(() => this.#start(), GATHER_MS);
    return promise;
  }

  /** Others wait already for more to come. */
  get isGathering(): boolean {
    return this.#timer !== undefined;
  }

  get #canSyncAll(): boolean {
    return this.#syncAll !== undefined && this.#now() >= this.#pausedUntil;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Who comes during a sync of everything waits for the next one.
    if (this.#isSyncingAll) return;
    const group = this.#waiting;
    this.#waiting = [];
    if (group.length >= MIN_GROUP && this.#canSyncAll) {
      void this.#syncGroup(group);
    } else {
      for (const { sync, resolve, reject } of group) {
        this.#slots.run(sync).then(resolve, reject);
      }
    }
  }

  async #syncGroup(group: Waiting[]): Promise<void> {
    this.#isSyncingAll = true;
    const startedAt = this.#now();
    try {
      await this.#syncAll!();
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      this.#isSyncingAll = false;
      const now = this.#now();
      if (now - startedAt > SLOW_MS) this.#pausedUntil = now + PAUSE_MS;
      if (this.#waiting.length > 0) this.#start();
    }
  }
}
