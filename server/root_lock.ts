/** Makes the storage root, and locks it: one server at a time has it. */

import { basename, dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { guardedPlace } from "./sandbox.ts";
import { dataFolder } from "./storage_path.ts";
import { checkStorageRoot } from "./storage_root.ts";

/** A lock that is free is taken at once; one that is held stays so. */
const LOCK_MS = 500;

/**
 * Makes the root and the server's own folder in it and takes the lock that
 * keeps a second server away. The kernel gives it back however we end.
 *
 * @param label what an error calls the option: where it was set
 * @returns the root's real, absolute path, and the lock to hold on to
 * @throws NetdiskError when the root cannot be used or is in use
 */
export async function lockRoot(
  folder: string,
  label = "--root",
): Promise<{ root: string; lock: Deno.FsFile }> {
  let root: string;
  let lock: Deno.FsFile;
  try {
    checkPlace(folder, label);
    // Before anything is made, and again when nobody can exchange it any more.
    checkStorageRoot(folder, "serve");
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    checkStorageRoot(folder, "serve");
    root = Deno.realPathSync(folder);
    Deno.mkdirSync(dataFolder(root), { recursive: true, mode: 0o700 });
    // Accounts must not vanish with a folder's name when the power fails, and
    // those above the root may be as new as itself.
    for (let at = root; at !== dirname(at); at = dirname(at)) {
      syncFolder(dirname(at));
    }
    syncFolder(root);
    lock = Deno.openSync(lockFile(root), {
      write: true,
      create: true,
      mode: 0o600,
    });
  } catch (cause) {
    if (cause instanceof NetdiskError) throw cause;
    const reason = cause instanceof Deno.errors.AlreadyExists
      ? "it is not a folder"
      : systemReason(cause);
    throw new NetdiskError("local-io", `${folder}: ${reason}`, {
      hint: "choose a folder that you may write to with --root DIR",
      cause,
    });
  }
  if (await isLockedWithin(lock, LOCK_MS)) return { root, lock };
  throw new NetdiskError("local-io", `${folder}: another server is using it`, {
    hint: "stop that one first, or serve another folder with --root DIR",
  });
}

/** Refuses a root that no server can have. @throws NetdiskError `usage` */
function checkPlace(folder: string, label: string): void {
  const root = placeOf(folder);
  const guarded = guardedPlace(root);
  const reason = guarded !== undefined
    ? `is ${guarded}, where the server's sandbox may do nothing`
    : dirname(root) === root
    ? "is a whole disk, and only a folder can be served"
    : undefined;
  if (reason === undefined) return;
  throw new NetdiskError("usage", `${label}: '${folder}' ${reason}`, {
    hint: "netdisk serve --root ~/netdisk-data",
  });
}

/** The real path of a folder, also of one that is still to be made. */
function placeOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : join(placeOf(above), basename(path));
  }
}

/** Whether a server has the root `root`; takes half a second if one has. */
export async function isRootLocked(root: string): Promise<boolean> {
  let lock: Deno.FsFile;
  try {
    lock = Deno.openSync(lockFile(root));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  // Given back at once: a server that starts now waits longer than that.
  using _lock = lock;
  return !await isLockedWithin(lock, LOCK_MS);
}

function lockFile(root: string): string {
  return join(dataFolder(root), "lock");
}

function syncFolder(path: string): void {
  try {
    using folder = Deno.openSync(path);
    folder.syncSync();
  } catch {
    // Not ours to read, or a system without such a sync.
  }
}

/**
 * Takes the lock or gives up. Deno has `tryLock` only since 2.7; a `lock` that
 * is still waiting when we give up ends with the process.
 */
async function isLockedWithin(
  lock: Deno.FsFile,
  timeoutMs: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const locked = lock.lock(true).then(() => true);
  try {
    return await Promise.race([locked, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
