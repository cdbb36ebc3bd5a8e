/**
 * From a remote path to a path on the disk: the only code that makes one. A
 * link is never followed, wherever it stands in the path: the sandbox ends at
 * the storage root, but a link inside the root could lead from one user's
 * folder to another's.
 */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { remotePathFault } from "../protocol/remote_path.ts";
import { userNameFault } from "../protocol/credentials.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";

/** The server's own folder below the storage root. */
export const DATA_FOLDER = ".netdisk";

/**
 * How deep folders may lie in each other. Every level of a path is looked at,
 * and the system walks to each from the top: at 2000 levels everybody would
 * wait for half a second.
 */
export const MAX_DEPTH = 256;

/** What Windows takes for a separator, a stream or a wildcard. */
const NOT_ON_WINDOWS = /[\\:*?"<>|]|[. ]$/;

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

/** `<root>/users/<user>` @throws NetdiskError `bad-name` */
export function userFolder(root: string, user: string): string {
  const fault = userNameFault(user);
  if (fault) throw new NetdiskError("bad-name", fault);
  return join(root, "users", user);
}

/** A place on the disk, and which folders above it are not there yet. */
export interface StoragePath {
  path: string;
  /** Missing folders from the top down; empty when the parent exists. */
  missingFolders: string[];
}

/**
 * The disk path of `remotePath` below the user's folder `home`. Every folder
 * on the way is checked to be a real one.
 *
 * @throws NetdiskError `bad-name`, `not-folder`, `denied` for a link on the way
 */
export function storagePath(home: string, remotePath: string): StoragePath {
  const fault = remotePathFault(remotePath);
  if (fault) throw new NetdiskError("bad-name", fault);
  const parts = remotePath === "" ? [] : remotePath.split("/");
  if (parts.length > MAX_DEPTH) {
    throw new NetdiskError(
      "bad-name",
      `the path is more than ${MAX_DEPTH} folders deep`,
    );
  }
  if (
    Deno.build.os === "windows" && parts.some((p) => NOT_ON_WINDOWS.test(p))
  ) {
    throw new NetdiskError("bad-name", "Windows cannot store that name");
  }
  const missingFolders: string[] = [];
  let path = home;
  for (const part of parts.slice(0, -1)) {
    path = join(path, part);
    if (missingFolders.length > 0 || !isFolder(path)) missingFolders.push(path);
  }
  const last = parts.at(-1);
  return { path: last === undefined ? home : join(path, last), missingFolders };
}

/** Like {@link storagePath}, for what must exist. @throws NetdiskError `not-found` */
export function existingStoragePath(home: string, remotePath: string): string {
  const { path, missingFolders } = storagePath(home, remotePath);
  if (missingFolders.length > 0) {
    throw new NetdiskError("not-found", "no such file or folder");
  }
  return path;
}

/** True for a folder, false for nothing; everything else is refused. */
function isFolder(path: string): boolean {
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
