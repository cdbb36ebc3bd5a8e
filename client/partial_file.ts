/**
 * The unfinished file of a download, which stays beside its target when that is
 * interrupted, so that the next one can go on with it. Its lock keeps two
 * downloads of one target apart; the kernel gives it back however we end.
 */

import { createHash, type Hash } from "node:crypto";
import { basename, dirname, join } from "@std/path";

/** A smaller file is fetched again sooner than a second one is explained. */
export const MIN_PARTIAL_BYTES = 1024 * 1024;

/** A lock that is free is taken at once; one that is held stays so. */
const LOCK_MS = 400;

/**
 * Locks that may be waited for at a time. Deno has `tryLock` only since 2.7, and
 * a `lock` that is given up keeps one of the few threads for files until the
 * other download ends.
 */
const MAX_WAITING = 4;

/** Another download may give the file its name or remove it between two steps. */
const MAX_TRIES = 3;

const READ_BYTES = 1024 * 1024;

let waiting = 0;

/** Where the unfinished file of a target lies. Any name of a target fits. */
export function partialPath(target: string): string {
  const hash = createHash("sha256").update(basename(target)).digest("hex");
  return join(dirname(target), `.netdisk-${hash.slice(0, 32)}.part`);
}

/** True for a name that a transfer, on either side, gives what has no place yet; nobody else does. */
export function isUnfinished(name: string): boolean {
  return /^\.netdisk-([0-9a-f]{32}\.part|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-[0-9a-z]+)?)$/
    .test(name);
}

/** Why something that has such a name on the server is left there. */
export const IS_UNFINISHED = "an interrupted sync has left it";

/** True when there may be unfinished files in a folder. */
export function hasPartials(folder: string): boolean {
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      if (/^\.netdisk-[0-9a-f]{32}\.part$/.test(name)) return true;
    }
    return false;
  } catch {
    // A new name; what else is wrong with it is told later.
    return true;
  }
}

/** True when there are bytes to go on with. Cheap, and only a guess: see {@link takePartial}. */
export function hasPartial(path: string): boolean {
  const info = lstatIfThere(path);
  return info !== undefined && isOurs(info) && info.size > 0;
}

/**
 * Opens and locks the unfinished file at `path`; it is the caller's to close.
 *
 * @param mode to make it with when it is missing; without one it stays missing
 * @returns undefined when there is none, another download has it, or it is
 * nothing that we would have made: a link, or somebody else's
 * @throws what `Deno.openSync` throws when it cannot be made
 */
export async function takePartial(
  path: string,
  mode?: number,
): Promise<Deno.FsFile | undefined> {
  for (let tries = 0; tries < MAX_TRIES && waiting < MAX_WAITING; tries++) {
    const seen = lstatIfThere(path);
    if (seen ? !isOurs(seen) : mode === undefined) return undefined;
    const file = seen ? openOld(path) : openNew(path, mode!);
    if (!file) continue;
    const state = await lockInTime(file);
    if (state === "locked" && isStillAt(path, file)) return file;
    if (state === "impossible" && !seen) Deno.removeSync(path);
    file.close();
    if (state !== "locked") return undefined;
  }
  return undefined;
}

/** Reads a file from its start to its end, where writing then goes on. */
export async function hashFile(
  file: Deno.FsFile,
): Promise<{ hash: Hash; size: number }> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  await file.seek(0, Deno.SeekMode.Start);
  for (let size = 0;;) {
    const count = await file.read(buffer);
    if (count === null) return { hash, size };
    hash.update(buffer.subarray(0, count));
    size += count;
  }
}

/** A plain file of our own that has no other name: nobody else can change or lose by it. */
function isOurs({ isFile, nlink, uid }: Deno.FileInfo): boolean {
  return isFile && (nlink ?? 1) === 1 && (uid === null || uid === Deno.uid());
}

/** Undefined when it is gone by now, or cannot be read and written. */
function openOld(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { read: true, write: true });
  } catch {
    return undefined;
  }
}

/** Undefined when somebody else made one meanwhile. */
function openNew(path: string, mode: number): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, {
      read: true,
      write: true,
      // Would otherwise follow a link that appears only now.
      createNew: true,
      mode,
    });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Takes the lock or gives up; `impossible` where files have no locks. */
async function lockInTime(
  file: Deno.FsFile,
): Promise<"locked" | "held" | "impossible"> {
  waiting++;
  const locking = file.lock(true).then(
    () => "locked" as const,
    () => "impossible" as const,
  ).finally(() => {
    waiting--;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<"held">((resolve) => {
    timer = setTimeout(() => resolve("held"), LOCK_MS);
  });
  try {
    return await Promise.race([locking, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a path still leads to the open file: others may have renamed or removed it. */
export function isStillAt(path: string, file: Deno.FsFile): boolean {
  const now = lstatIfThere(path);
  const { dev, ino } = file.statSync();
  return now !== undefined && isOurs(now) && now.dev === dev && now.ino === ino;
}

function lstatIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
