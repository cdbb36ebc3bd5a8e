/**
 * The storage root: makes its folders, opens those of the users, and holds what
 * they share. What a user may do there is in user_storage.ts, where things lie
 * is storage_path.ts's business.
 */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { bytesBelow } from "./disk_usage.ts";
import { Durability, syncFolderNow } from "./durability.ts";
import { type FolderReader, plainFolders } from "./folder_reader.ts";
import { type DiskSpace, FreeSpace, type Reserve } from "./free_space.ts";
import type { SyncAll } from "./group_sync.ts";
import { Listings } from "./listings.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import { ParcelFolders } from "./parcel_folders.ts";
import { PARTIAL_EXPIRY_MS, Partials } from "./partials.ts";
import { ReadingTurns } from "./prefix.ts";
import { Quotas } from "./quota.ts";
import { type Cost, costOfAtLeast, LEAST_COST } from "./quota_cost.ts";
import { RemovedTrees } from "./removed_trees.ts";
import { SendingTurns } from "./sending_turns.ts";
import {
  dataFolder,
  RecentFolders,
  uploadsFolder,
  userFolder,
  userParcelsFolder,
} from "./storage_path.ts";
import { type UserPlace, UserStorage } from "./user_storage.ts";

export interface StorageOptions {
  /** What uploads leave free. @default 1 % of the disk, or 256 MiB if that is less */
  minFree?: Reserve | null;
  /** How long unfinished uploads are kept, in milliseconds. @default 7 days */
  keepMs?: number;
  /** Puts everything on the disk at once, where that can be. */
  syncAll?: SyncAll;
  /** Reads folders. @default plainFolders */
  folders?: FolderReader;
  /** How many bytes a user may have. @default null, without limit */
  limitOf?: (user: string) => number | null;
  /** The least that anything counts of that, in bytes. @default 4096 */
  leastCost?: number;
}

/** The storage root. */
export class Storage {
  /** What users send each other. */
  readonly parcels: ParcelFolders;
  #root: string;
  #durability: Durability;
  #partials: Partials;
  #space: FreeSpace;
  #recent = new RecentFolders();
  #removed: RemovedTrees;
  #folders: FolderReader;
  #listings = new Listings();
  #quotas: Quotas;
  #cost: Cost;
  #readingTurns = new ReadingTurns();
  #sendingTurns = new SendingTurns();

  constructor(root: string, options: StorageOptions = {}) {
    this.#root = root;
    this.#durability = new Durability(options.syncAll);
    this.#folders = options.folders ?? plainFolders;
    this.#removed = new RemovedTrees(root, this.#folders);
    this.#cost = costOfAtLeast(options.leastCost ?? LEAST_COST);
    this.#quotas = new Quotas({
      cost: this.#cost,
      limitOf: options.limitOf ?? (() => null),
      measure: (user, withLive) => this.#measure(user, withLive),
    });
    this.#partials = new Partials(
      root,
      options.keepMs ?? PARTIAL_EXPIRY_MS,
      {
        cost: this.#cost,
        add: (user, bytes) => this.#quotas.add(user, bytes),
      },
    );
    this.#space = new FreeSpace(root, options.minFree ?? null);
    this.parcels = new ParcelFolders(root, {
      durability: this.#durability,
      removed: this.#removed,
      quotaOf: (user) => this.#quotas.of(user),
      removeUploads: (user, id) => this.#partials.removeDraft(user, id),
      open: (user, place) => this.#open(user, place),
    });
  }

  /** Makes the folders of the root. */
  prepare(): void {
    for (
      const folder of [
        uploadsFolder(this.#root),
        this.#removed.folder,
        ...this.parcels.roots,
        join(this.#root, "users"),
      ]
    ) Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    // What lies in them is no safer than the names above it.
    syncFolderNow(dataFolder(this.#root));
    syncFolderNow(this.#root);
  }

  /** How much room there is; null where the file system does not tell. */
  space(): DiskSpace | null {
    return this.#space.look();
  }

  /**
   * Removes unfinished uploads that nobody will go on with, and what is left of
   * removed folders. Never throws.
   */
  async sweep(): Promise<void> {
    await this.#partials.sweep(Date.now());
    await this.#removed.sweep();
  }

  /**
   * Makes sure that a new user would not be given files of somebody else, such
   * as those of a former user of that name.
   *
   * @throws NetdiskError `exists`
   */
  checkNewUser(user: string): void {
    const home = userFolder(this.#root, user);
    try {
      if (
        Deno.lstatSync(home).isDirectory && Deno.readDirSync(home)
          [Symbol.iterator]().next().done
      ) return this.#quotas.forget(user);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return this.#quotas.forget(user);
      throw toStorageError(error);
    }
    throw new NetdiskError(
      "exists",
      `there are files of a user '${user}' already, ask the server's administrator`,
    );
  }

  /** The files of a user; makes the folder when it is not there. */
  async openUser(user: string): Promise<UserStorage> {
    const home = userFolder(this.#root, user);
    try {
      if (!Deno.lstatSync(home).isDirectory) {
        throw new NetdiskError("denied", "the user's folder is not a folder");
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw toStorageError(error);
      try {
        Deno.mkdirSync(home, { mode: 0o700, recursive: true });
        await this.#durability.syncFolder(join(this.#root, "users"));
      } catch (cause) {
        throw toStorageError(cause);
      }
    }
    return this.#open(user, { home });
  }

  #open(
    user: string,
    place: Pick<UserPlace, "home" | "gifts">,
  ): UserStorage {
    const whole: UserPlace = {
      ...place,
      recent: this.#recent,
      durability: this.#durability,
      space: this.#space,
      removed: this.#removed,
      folders: this.#folders,
      listings: this.#listings,
      quota: this.#quotas.of(user),
      readingTurns: this.#readingTurns,
      sendingTurns: this.#sendingTurns,
    };
    return new UserStorage(user, whole, this.#partials);
  }

  async #measure(user: string, withLive: boolean): Promise<number> {
    let bytes = await this.#partials.bytesOf(user, withLive);
    const folders = [
      userFolder(this.#root, user),
      userParcelsFolder(this.#root, "drafts", user),
      userParcelsFolder(this.#root, "inbox", user),
    ];
    for (const folder of folders) {
      bytes += await bytesBelow(folder, this.#folders, this.#cost);
    }
    return bytes;
  }
}
