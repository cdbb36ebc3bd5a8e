/**
 * What changes a user's files without bytes of theirs: `mkdir`, `move`,
 * `remove` and `touch` (SPEC.md 4, Changing). Links are never followed.
 */

import { dirname } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Request, RequestOf } from "../protocol/messages.ts";
import type { Durability } from "./durability.ts";
import { infoOf, setExecutable, toFileTime } from "./file_system.ts";
import type { FreeSpace } from "./free_space.ts";
import { makeFolders } from "./made_folders.ts";
import { move } from "./move.ts";
import { toStorageError } from "./os_errors.ts";
import type { UserQuota } from "./quota.ts";
import { bytesIn } from "./quota_cost.ts";
import {
  checkIsOwn,
  exists,
  isFolder,
  isGone,
  isLink,
  isNoFile,
  isOwnFolder,
  noFolder,
} from "./refusals.ts";
import type { RemovedTrees } from "./removed_trees.ts";
import {
  existingStoragePath,
  type RecentFolders,
  storagePath,
} from "./storage_path.ts";
import { syncStoredFile } from "./stored_file.ts";

/** What a folder takes on most disks, so that none are made on a full one. */
const FOLDER_BYTES = 4096;

/** A disk takes a second for some gigabytes, and everybody would wait for it. */
const MAX_UNLINKED_BYTES = 16 * 1024 * 1024;

/** A change that is to be made. */
export interface Change {
  /**
   * To be waited for in its turn, right before it is made.
   *
   * @throws NetdiskError, or rejects: it cannot be made
   */
  ready(): Promise<void> | undefined;
  /**
   * Makes it, at once and in one step. Everybody sees it then.
   *
   * @throws NetdiskError; then nothing has changed
   */
  apply(): void;
  /**
   * Waits until it is on the disk; to be called once, as soon as {@link apply}
   * has returned: nothing may be moved in between.
   *
   * @throws NetdiskError such as `io`; a loss of power may undo it then
   */
  settle(): Promise<void>;
}

const CHANGES = ["mkdir", "move", "remove", "touch"] as const;

export type ChangeType = typeof CHANGES[number];
export type ChangeRequest = RequestOf<ChangeType>;

/** What changes need of their surroundings. */
export interface ChangePlace {
  /** The user's folder on the disk. */
  home: string;
  recent: RecentFolders;
  durability: Durability;
  space: FreeSpace;
  removed: RemovedTrees;
  quota: UserQuota;
}

/** Waits until a change that was made is on the disk. */
type Settle = () => Promise<unknown>;

export function isChange(request: Request): request is ChangeRequest {
  return (CHANGES as readonly string[]).includes(request.type);
}

/**
 * True when folders may be elsewhere afterwards, or gone: the changes before it
 * must be on the disk by then, as they look for it where they were made.
 */
export function mayDisplaceFolder(request: ChangeRequest): boolean {
  return request.type === "move" ||
    request.type === "remove" && request.recursive;
}

/** The change that a client asks for; nothing is looked at yet. */
export function changeOf(place: ChangePlace, request: ChangeRequest): Change {
  let settle: Settle;
  return {
    ready() {
      const { quota } = place;
      return request.type === "mkdir" && quota.isLimited
        ? waitForRoom(place, request)
        : quota.firstWalk;
    },
    apply() {
      try {
        settle = applyNow(place, request);
      } catch (error) {
        throw toStorageError(error);
      } finally {
        place.recent.clear();
      }
    },
    async settle() {
      try {
        await settle();
      } catch (cause) {
        const error = toStorageError(cause);
        throw error.code === "not-found" ? isGone(cause) : error;
      }
    },
  };
}

function applyNow(place: ChangePlace, request: ChangeRequest): Settle {
  switch (request.type) {
    case "mkdir":
      return mkdir(place, request);
    case "move":
      return move(place, request);
    case "remove":
      return remove(place, request);
    case "touch":
      return touch(place, request);
  }
}

function mkdir(place: ChangePlace, request: RequestOf<"mkdir">): Settle {
  const { home, durability, space, quota } = place;
  const { mtime } = request;
  const { path, missing } = missingOf(home, request);
  if (missing.length > 0) {
    if (quota.isTracked) quota.check(missing.length * quota.cost(0));
    space.take(missing.length * FOLDER_BYTES);
  }
  const undo = makeFolders(place, missing);
  try {
    if (mtime !== null) setTime(path, mtime);
  } catch (error) {
    undo();
    throw error;
  }
  return () =>
    Promise.all([
      durability.syncName(home, path),
      mtime === null ? undefined : durability.syncFolder(path),
    ]);
}

/** The folder that is wanted, and those that are to be made for it. */
function missingOf(
  home: string,
  request: RequestOf<"mkdir">,
): { path: string; missing: string[] } {
  const { path, missingFolders } = storagePath(home, request.path);
  if (missingFolders.length > 0) {
    if (!request.parents) throw noFolder();
    return { path, missing: [...missingFolders, path] };
  }
  const info = infoOf(path);
  if (info) checkMayStay(info, request.parents);
  return { path, missing: info ? [] : [path] };
}

/** Waits as a put does: until it is known what there is, and for removals. */
async function waitForRoom(
  { home, quota }: ChangePlace,
  request: RequestOf<"mkdir">,
): Promise<void> {
  const folders = () => {
    try {
      return missingOf(home, request).missing.length * quota.cost(0);
    } catch {
      // That is told when it is tried.
      return 0;
    }
  };
  const replaced = () => 0;
  const wish = { bytes: 0, isPipe: false, here: 0, replaced, folders };
  // Its turn has come: what was asked for before it is done.
  const room = await quota.reserve(wish, () => Promise.resolve());
  room.release();
}

/** @throws NetdiskError unless a folder is there, and may be */
function checkMayStay(info: Deno.FileInfo, parents: boolean): void {
  if (info.isSymlink) throw isLink();
  if (!parents) throw exists();
  if (info.isDirectory) return;
  throw new NetdiskError("not-folder", "it is there, but not a folder");
}

function remove(
  { home, durability, removed, quota }: ChangePlace,
  { path, recursive }: RequestOf<"remove">,
): Settle {
  if (path === "") throw isOwnFolder();
  const gone = existingStoragePath(home, path);
  const parent = dirname(gone);
  const info = Deno.lstatSync(gone);
  if (info.isDirectory && !recursive) throw isFolder();
  if (!info.isDirectory && info.size <= MAX_UNLINKED_BYTES) {
    Deno.removeSync(gone);
    quota.add(-quota.cost(bytesIn(info)));
    return () => durability.syncFolder(parent);
  }
  const name = removed.take(gone, quota.mayCount ? quota : undefined);
  if (info.isDirectory) durability.forgetTree(gone);
  return async () => {
    try {
      await Promise.all([
        durability.syncFolder(parent),
        durability.syncFolder(removed.folder),
      ]);
    } catch (error) {
      removed.keep(name);
      throw error;
    }
    removed.delete(name);
  };
}

function touch(
  { home, durability }: ChangePlace,
  request: RequestOf<"touch">,
): Settle {
  const { mtime, executable } = request;
  const path = existingStoragePath(home, request.path);
  const info = Deno.lstatSync(path);
  if (!info.isFile && !info.isDirectory) throw isNoFile(info);
  if (info.isFile) checkIsOwn(path, info);
  if (info.isDirectory && executable !== null) {
    throw new NetdiskError("is-folder", "a folder cannot be executable");
  }
  if (executable !== null) setExecutable(path, executable);
  try {
    if (mtime !== null) setTime(path, mtime);
  } catch (error) {
    if (executable !== null) Deno.chmodSync(path, info.mode! & 0o7777);
    throw error;
  }
  return info.isDirectory
    ? () => durability.syncFolder(path)
    : () => durability.syncFile({ sync: () => syncStoredFile(path) });
}

function setTime(path: string, mtime: number): void {
  Deno.utimeSync(path, new Date(), toFileTime(mtime));
}
