/** Why a request is refused, because of what lies at its path or does not. */

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
