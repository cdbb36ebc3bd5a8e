/** Why a request is refused, because of what lies at its path or does not. */

import { dirname } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";

export function isOwnFolder(): NetdiskError {
  return new NetdiskError("denied", "it is the user's own folder");
}

export function isLink(): NetdiskError {
  return new NetdiskError("denied", "links are not followed");
}

export function isNoFile(info: Deno.FileInfo): NetdiskError {
  if (info.isSymlink) return isLink();
  return new NetdiskError("denied", "it is a device or pipe, not a file");
}

/**
 * A hard link to somebody else's file: it has other names, and not the owner of
 * the folder it lies in. Whoever made the link may not have been allowed to read
 * the file, and must not read or change it by way of us. Many names alone are no
 * reason: backups are made like that, with the owners that the files have.
 *
 * @param path where `info` was seen, a file
 */
export function checkIsOwn(path: string, info: Deno.FileInfo): void {
  // Nearly every file has one name; Windows tells neither.
  if ((info.nlink ?? 1) === 1) return;
  if (Deno.lstatSync(dirname(path)).uid === info.uid) return;
  throw new NetdiskError("denied", "it is a link to a file of somebody else");
}

export function isFolder(): NetdiskError {
  return new NetdiskError("is-folder", "it is a folder");
}

export function exists(): NetdiskError {
  return new NetdiskError("exists", "there is something of that name already");
}

/** What was done is true no more, and whether it was ever safe is not known. */
export function isGone(cause?: unknown): NetdiskError {
  return new NetdiskError("io", "it was moved or removed meanwhile", { cause });
}

export function noFolder(): NetdiskError {
  return new NetdiskError("not-found", "there is no such folder above it");
}

/** It was delivered, given up or too old, or never was. */
export function noDraft(): NetdiskError {
  return new NetdiskError("not-found", "there is no such draft any more");
}

export function isBlocked(receiver: string): NetdiskError {
  return new NetdiskError("denied", `${receiver} takes nothing from you`);
}
