/** `move`: what may take whose place (SPEC.md 4, Changing). */

import { dirname } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { RequestOf } from "../protocol/messages.ts";
import type { Durability } from "./durability.ts";
import { infoOf } from "./file_system.ts";
import { errnoOf } from "./os_errors.ts";
import type { UserQuota } from "./quota.ts";
import { bytesIn } from "./quota_cost.ts";
import { exists, isNoFile, isOwnFolder, noFolder } from "./refusals.ts";
import { existingStoragePath, storagePath } from "./storage_path.ts";

/** What a move needs of its surroundings. */
interface MovePlace {
  home: string;
  durability: Durability;
  quota: UserQuota;
}

/**
 * Gives a file or folder another name, as rename(2) does.
 *
 * @returns waits until that is on the disk
 * @throws Error with an errno, or NetdiskError; then nothing has changed
 */
export function move(
  { home, durability, quota }: MovePlace,
  request: RequestOf<"move">,
): () => Promise<unknown> {
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
  // Nothing else has changed, but a walk may have missed what was moved.
  const isReplaced = target !== undefined && from !== to;
  quota.add(isReplaced ? -quota.cost(bytesIn(target)) : 0);
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
