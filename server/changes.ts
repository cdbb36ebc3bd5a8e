/**
 * What changes a user's files without bytes of theirs: `mkdir`, `move`,
 * `remove` and `touch` (SPEC.md 4, Changing). Links are never followed.
 */

import { dirname } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Request, RequestOf } from "../protocol/messages.ts";
import type { Durability } from "./durability.ts";
import {
  infoOf,
  makeFolder,
  removeEmptyFolder,
  setExecutable,
  toFileTime,
} from "./file_system.ts";
import type { FreeSpace } from "./free_space.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
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
   * Makes it, at once and in one step. Everybody sees it then.
   *
   * @throws NetdiskError; then nothing has changed
   */
  apply(): void;
  /**
   * Waits until it is on the disk; to be called once, when {@link apply} has
   * returned, before anything else happens.
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
        if (error.code !== "not-found") throw error;
        // It is true no more, and whether it was ever safe is not known.
        throw new NetdiskError("io", "it was moved or removed meanwhile", {
          cause,
        });
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

function mkdir(
  { home, durability, space }: ChangePlace,
  request: RequestOf<"mkdir">,
): Settle {
  const { parents, mtime } = request;
  const { path, missingFolders } = storagePath(home, request.path);
  if (missingFolders.length > 0 && !parents) throw noFolder();
  const info = missingFolders.length > 0 ? undefined : infoOf(path);
  if (info) checkMayStay(info, parents);
  const missing = info ? [] : [...missingFolders, path];
  if (!info) space.take(missing.length * FOLDER_BYTES);
  const made: string[] = [];
  try {
    for (const folder of missing) {
      if (makeFolder(folder)) made.unshift(folder);
      durability.forgetFolder(folder);
    }
    if (mtime !== null) setTime(path, mtime);
  } catch (error) {
    made.forEach(removeEmptyFolder);
    throw error;
  }
  return () =>
    Promise.all([
      durability.syncName(home, path),
      mtime === null ? undefined : durability.syncFolder(path),
    ]);
}

/** @throws NetdiskError unless a folder is there, and may be */
function checkMayStay(info: Deno.FileInfo, parents: boolean): void {
  if (info.isSymlink) throw isLink();
  if (!parents) throw exists();
  if (info.isDirectory) return;
  throw new NetdiskError("not-folder", "it is there, but not a folder");
}

function move(
  { home, durability }: ChangePlace,
  request: RequestOf<"move">,
): Settle {
  if (request.from === "") throw isOwnFolder();
  const from = existingStoragePath(home, request.from);
  const source = Deno.lstatSync(from);
  if (source.isDirectory && request.to.startsWith(`${request.from}/`)) {
    throw new NetdiskError("denied", "a folder cannot be moved into itself");
  }
  const { path: to, missingFolders } = storagePath(home, request.to);
  if (missingFolders.length > 0) throw noFolder();
  const target = infoOf(to);
  if (target) {
    if (!request.replace) throw exists();
    if (from !== to) checkMayReplace(source, target);
  }
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    throw toMoveError(error);
  }
  if (source.isDirectory) {
    durability.forgetTree(from);
    durability.forgetTree(to);
  }
  return () =>
    Promise.all([
      durability.syncName(home, to),
      durability.syncFolder(dirname(from)),
    ]);
}

function checkMayReplace(source: Deno.FileInfo, target: Deno.FileInfo): void {
  if (target.isDirectory) {
    if (source.isDirectory) return;
    throw new NetdiskError("is-folder", "a folder has that name");
  }
  if (source.isDirectory) {
    throw new NetdiskError("not-folder", "a file has that name");
  }
  if (!target.isFile) throw isNoFile(target);
  // rename(2) would do nothing, and say that all is well.
  if (source.ino !== null && source.ino === target.ino) throw exists();
}

function toMoveError(error: unknown): unknown {
  switch (errnoOf(error)) {
    case "EXDEV":
      return new NetdiskError(
        "io",
        "the two names are on different disks of the server",
        { cause: error },
      );
    case "ENOTEMPTY":
    case "EEXIST":
      return new NetdiskError("exists", "a folder of that name is not empty");
    default:
      return error;
  }
}

function remove(
  { home, durability, removed }: ChangePlace,
  { path, recursive }: RequestOf<"remove">,
): Settle {
  if (path === "") throw isOwnFolder();
  const gone = existingStoragePath(home, path);
  const parent = dirname(gone);
  const info = Deno.lstatSync(gone);
  if (info.isDirectory && !recursive) {
    throw new NetdiskError("is-folder", "it is a folder");
  }
  if (!info.isDirectory && info.size <= MAX_UNLINKED_BYTES) {
    Deno.removeSync(gone);
    return () => durability.syncFolder(parent);
  }
  const name = removed.take(gone);
  if (info.isDirectory) durability.forgetTree(gone);
  return async () => {
    await Promise.all([
      durability.syncFolder(parent),
      durability.syncFolder(removed.folder),
    ]);
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

function isOwnFolder(): NetdiskError {
  return new NetdiskError("denied", "it is the user's own folder");
}

function isLink(): NetdiskError {
  return new NetdiskError("denied", "links are not followed");
}

function isNoFile(info: Deno.FileInfo): NetdiskError {
  if (info.isSymlink) return isLink();
  return new NetdiskError("denied", "it is a device or pipe, not a file");
}

function exists(): NetdiskError {
  return new NetdiskError("exists", "there is something of that name already");
}

function noFolder(): NetdiskError {
  return new NetdiskError("not-found", "there is no such folder above it");
}
