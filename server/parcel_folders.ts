/**
 * The files of parcels on the disk. What is in a draft has the very folder that
 * becomes the parcel's: to deliver it, that is moved in one step, and nothing
 * that is still on its way to the draft finds it any more. Which parcels there
 * are is in the database alone (parcels.ts): folders without one are swept away.
 *
 *     <root>/.netdisk/drafts/<receiver>/<id>/    not delivered yet
 *     <root>/.netdisk/inbox/<receiver>/<id>/
 */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { MAX_PARCEL_FILES } from "../protocol/parcels.ts";
import type { Durability } from "./durability.ts";
import { infoOf, makeFolder } from "./file_system.ts";
import { logEvent } from "./log.ts";
import { toStorageError } from "./os_errors.ts";
import type { UserQuota } from "./quota.ts";
import type { RemovedTrees } from "./removed_trees.ts";
import {
  type ParcelPlace,
  parcelsFolder,
  userParcelsFolder,
} from "./storage_path.ts";
import type { UserPlace, UserStorage } from "./user_storage.ts";

const PLACES: readonly ParcelPlace[] = ["drafts", "inbox"];

/** Which parcel; `id` is never used again. */
export interface ParcelKey {
  id: string;
  receiver: string;
}

/** What parcels need of the storage root. */
export interface ParcelSurroundings {
  durability: Durability;
  removed: RemovedTrees;
  quotaOf(user: string): UserQuota;
  /** Gives up what has come of files for a draft that is over. Never throws. */
  removeUploads(user: string, draft: string): Promise<void>;
  open(user: string, place: Pick<UserPlace, "home" | "gifts">): UserStorage;
}

/** The folders of all parcels. Every method throws NetdiskErrors only. */
export class ParcelFolders {
  #root: string;
  #surroundings: ParcelSurroundings;

  constructor(root: string, surroundings: ParcelSurroundings) {
    this.#root = root;
    this.#surroundings = surroundings;
  }

  /** Where everything of these lies; made with the root. */
  get roots(): string[] {
    return PLACES.map((place) => parcelsFolder(this.#root, place));
  }

  /** The disk path of a parcel's folder. */
  pathOf({ receiver, id }: ParcelKey, place: ParcelPlace): string {
    return join(userParcelsFolder(this.#root, place, receiver), id);
  }

  /** Whether a parcel has a folder. @throws NetdiskError */
  has(parcel: ParcelKey): boolean {
    try {
      return PLACES.some((place) => infoOf(this.pathOf(parcel, place)));
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /**
   * Makes the folder of a draft, if it is not there; on return it is on the disk.
   * What was to be delivered is a draft again.
   *
   * @param check throws when the draft is over: there may be waiting before it is made
   * @throws NetdiskError `quota`
   */
  async make(draft: ParcelKey, check: () => void): Promise<void> {
    const folder = this.pathOf(draft, "drafts");
    try {
      this.#move(draft, "inbox", "drafts");
      if (!infoOf(folder)) await this.#makeNew(draft, folder, check);
      await this.#surroundings.durability.syncName(dirname(folder), folder);
    } catch (error) {
      throw toStorageError(error);
    }
  }

  async #makeNew(
    draft: ParcelKey,
    folder: string,
    check: () => void,
  ): Promise<void> {
    const { durability, quotaOf } = this.#surroundings;
    const quota = quotaOf(draft.receiver);
    const cost = quota.cost(0);
    const room = quota.isLimited
      ? await quota.reserve({
        bytes: cost,
        isPipe: false,
        here: 0,
        replaced: () => 0,
        folders: () => 0,
        refusal: refusalOf(draft),
      }, () => Promise.resolve())
      : undefined;
    try {
      check();
      Deno.mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
      if (makeFolder(folder)) quota.add(cost);
      durability.forgetFolder(folder);
    } finally {
      room?.release();
    }
  }

  /** The names in a draft; they need not be all when these are too many. @throws NetdiskError */
  names(draft: ParcelKey): string[] {
    try {
      return namesIn(this.pathOf(draft, "drafts"));
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** The files of a parcel of the inbox, for its receiver. */
  files(parcel: ParcelKey): UserStorage {
    const home = this.pathOf(parcel, "inbox");
    return this.#surroundings.open(parcel.receiver, { home });
  }

  /**
   * The files of a draft, for its sender to put.
   *
   * @param reasonOfEnd what is said when it is a draft no more
   */
  draftFiles(draft: ParcelKey, reasonOfEnd: () => NetdiskError): UserStorage {
    return this.#surroundings.open(draft.receiver, {
      home: this.pathOf(draft, "drafts"),
      gifts: { id: draft.id, refusal: refusalOf(draft), reasonOfEnd },
    });
  }

  /**
   * Moves a draft into the inbox: nothing is put into it any more. May have been
   * done before.
   *
   * @returns what is in it
   * @throws NetdiskError `changed` unless these are `count` files
   */
  async seal(
    draft: ParcelKey,
    count: number,
  ): Promise<{ files: number; bytes: number }> {
    const { durability } = this.#surroundings;
    const sealed = this.pathOf(draft, "inbox");
    try {
      this.#move(draft, "drafts", "inbox");
      const contents = contentsOf(sealed);
      if (contents.files !== count) {
        throw new NetdiskError(
          "changed",
          `it has ${contents.files} files, not ${count}`,
        );
      }
      await Promise.all([
        durability.syncName(dirname(sealed), sealed),
        // Files may be in it whose receipts are still to come, on other connections.
        durability.syncFolder(sealed),
        durability.syncFolder(dirname(this.pathOf(draft, "drafts"))),
      ]);
      return contents;
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Deletes the files of a parcel that the database has forgotten. Never throws. */
  async discard(parcel: ParcelKey): Promise<void> {
    const { durability, removed, quotaOf } = this.#surroundings;
    const quota = quotaOf(parcel.receiver);
    for (const place of PLACES) {
      const folder = this.pathOf(parcel, place);
      try {
        if (!infoOf(folder)) continue;
        const name = removed.take(folder, quota.mayCount ? quota : undefined);
        durability.forgetTree(folder);
        try {
          await Promise.all([
            durability.syncFolder(dirname(folder)),
            durability.syncFolder(removed.folder),
          ]);
        } catch (error) {
          removed.keep(name);
          throw error;
        }
        removed.delete(name);
      } catch (error) {
        // The next sweep finds it.
        logEvent("discard-failed", { reason: String(error) });
      }
    }
    await this.removeUploads(parcel);
  }

  /** Nothing more comes into a draft: it was delivered or given up. Never throws. */
  async removeUploads({ receiver, id }: ParcelKey): Promise<void> {
    await this.#surroundings.removeUploads(receiver, id);
  }

  /**
   * Deletes folders that are no parcel's. Never throws.
   *
   * @param isKnown whether there is such a parcel
   */
  async sweep(isKnown: (id: string) => boolean): Promise<void> {
    let swept = 0;
    try {
      for (const place of PLACES) {
        const root = parcelsFolder(this.#root, place);
        for await (
          const { name: receiver, isDirectory } of Deno.readDir(root)
        ) {
          if (!isDirectory) continue;
          for await (const { name: id } of Deno.readDir(join(root, receiver))) {
            if (isKnown(id)) continue;
            await this.discard({ id, receiver });
            swept++;
          }
        }
      }
    } catch (error) {
      logEvent("sweep-failed", { reason: String(error) });
    }
    if (swept > 0) logEvent("swept", { parcels: swept });
  }

  /** False when it is not there. @throws Error with an errno */
  #move(parcel: ParcelKey, from: ParcelPlace, to: ParcelPlace): boolean {
    const source = this.pathOf(parcel, from);
    if (!infoOf(source)) return false;
    const target = this.pathOf(parcel, to);
    const { durability, quotaOf } = this.#surroundings;
    Deno.mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    Deno.renameSync(source, target);
    // Nothing else has changed, but a walk may have missed what was moved.
    quotaOf(parcel.receiver).add(0);
    durability.forgetTree(source);
    durability.forgetTree(target);
    return true;
  }
}

function contentsOf(folder: string): { files: number; bytes: number } {
  const names = namesIn(folder);
  const sizes = names.map((name) => infoOf(join(folder, name))?.size ?? 0);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return { files: names.length, bytes };
}

/** The files of a parcel; one too many at most, however many there are. */
function namesIn(folder: string): string[] {
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    names.push(name);
    if (names.length > MAX_PARCEL_FILES) break;
  }
  return names;
}

/** How much room somebody else has is nobody's business. */
function refusalOf({ receiver }: ParcelKey): () => NetdiskError {
  return () => new NetdiskError("quota", `${receiver} has no room for it`);
}
