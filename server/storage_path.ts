/**
 * From a remote path to a path on the disk: the only code that makes one. A
 * link is never followed, wherever it stands in the path: the sandbox ends at
 * the storage root, but a link inside the root could lead from one user's
 * folder to another's.
 */

import { join, SEPARATOR } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { depthFault, remotePathFault } from "../protocol/remote_path.ts";
import { userNameFault } from "../protocol/credentials.ts";
import { windowsNameFault } from "../protocol/windows_names.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";

/** The server's own folder below the storage root. */
const DATA_FOLDER = ".netdisk";

/** `<root>/.netdisk` */
export function dataFolder(root: string): string {
  return join(root, DATA_FOLDER);
}

/** `<root>/.netdisk/uploads`, where unfinished files lie. */
export function uploadsFolder(root: string): string {
  return join(dataFolder(root), "uploads");
}

/** `<root>/.netdisk/removed`, where that lies which is being deleted. */
export function removedFolder(root: string): string {
  return join(dataFolder(root), "removed");
}

/** Where the files of parcels lie: of drafts, and of those that are delivered. */
export type ParcelPlace = "drafts" | "inbox";

/**
 * `<root>/.netdisk/drafts`, `<root>/.netdisk/inbox`: in a folder for each
 * receiver one for each parcel.
 */
export function parcelsFolder(root: string, place: ParcelPlace): string {
  return join(dataFolder(root), place);
}

/** `<root>/.netdisk/<place>/<user>` @throws NetdiskError `bad-name` */
export function userParcelsFolder(
  root: string,
  place: ParcelPlace,
  user: string,
): string {
  checkUserName(user);
  return join(parcelsFolder(root, place), user);
}

/** Why the disk of a system cannot store a legal name as it is. */
export function diskNameFault(
  name: string,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  return os === "windows" ? windowsNameFault(name) : undefined;
}

/** `<root>/users/<user>` @throws NetdiskError `bad-name` */
export function userFolder(
  root: string,
  user: string,
  os: typeof Deno.build.os = Deno.build.os,
): string {
  checkUserName(user, os);
  return join(root, "users", user);
}

/** @throws NetdiskError `bad-name` */
function checkUserName(user: string, os = Deno.build.os): void {
  const fault = userNameFault(user) ?? diskNameFault(user, os);
  if (fault) throw new NetdiskError("bad-name", fault);
}

/** A place on the disk, and which folders above it are not there yet. */
export interface StoragePath {
  path: string;
  /** Missing folders from the top down; empty when the parent exists. */
  missingFolders: string[];
}

/**
 * The disk path of `remotePath` below the user's folder `home`. Every folder
 * on the way, `home` included, is checked to be a real one.
 *
 * @param isFolder whether a path is a folder; see {@link RecentFolders}
 * @throws NetdiskError `bad-name`, `not-folder`, `denied` for a link on the way
 */
export function storagePath(
  home: string,
  remotePath: string,
  isFolder: (path: string) => boolean = isRealFolder,
  os: typeof Deno.build.os = Deno.build.os,
): StoragePath {
  const fault = remotePathFault(remotePath);
  if (fault) throw new NetdiskError("bad-name", fault);
  const parts = remotePath === "" ? [] : remotePath.split("/");
  const tooDeep = depthFault(remotePath);
  if (tooDeep !== undefined) throw new NetdiskError("bad-name", tooDeep);
  for (const part of parts) {
    const fault = diskNameFault(part, os);
    if (fault !== undefined) throw new NetdiskError("bad-name", fault);
  }
  const missingFolders: string[] = [];
  // Throws for a link in its place; whoever opens it sees that it is missing.
  if (parts.length > 0) isFolder(home);
  let path = home;
  for (const [index, part] of parts.entries()) {
    // Nothing to normalise: `..` and empty parts were refused above.
    path += SEPARATOR + part;
    if (index === parts.length - 1) break;
    if (missingFolders.length > 0 || !isFolder(path)) missingFolders.push(path);
  }
  return { path, missingFolders };
}

/** Like {@link storagePath}, for what must exist. @throws NetdiskError `not-found` */
export function existingStoragePath(
  home: string,
  remotePath: string,
  isFolder?: (path: string) => boolean,
): string {
  const { path, missingFolders } = storagePath(home, remotePath, isFolder);
  if (missingFolders.length > 0) {
    throw new NetdiskError("not-found", "no such file or folder");
  }
  return path;
}

/**
 * The folders that were looked at in this turn of the event loop: of a thousand
 * small files for one folder it is checked a few times, not a thousand.
 */
export class RecentFolders {
  #folders = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Like the check of {@link storagePath}, for which it stands in. */
  has = (path: string): boolean => {
    if (this.#folders.has(path)) return true;
    if (!isRealFolder(path)) return false;
    this.#folders.add(path);
    this.#timer ??= setTimeout(() => this.clear(), 0);
    return true;
  };

  /** To be called when a folder has been moved or removed. */
  clear(): void {
    this.#folders.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** True for a folder, false for nothing; everything else is refused. */
function isRealFolder(path: string): boolean {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw toStorageError(error);
  }
  if (info.isDirectory) return true;
  if (info.isSymlink) {
    throw new NetdiskError("denied", "links are not followed");
  }
  throw new NetdiskError("not-folder", "a part of the path is not a folder");
}
