/** Whether a local file and a remote one are the same, as far as one looks. */

import { createHash } from "node:crypto";
import { dirname } from "@std/path";
import { localError, statIfThere } from "./local_source.ts";
import { hashFile } from "./partial_file.ts";

/** What both sides know of a file without reading it. */
export interface FileFacts {
  size: number;
  mtime: number | null;
  /** Its disk may know no fraction of a second. Not so the server, which has the time as it was given. */
  isCoarse?: boolean;
}

/** The same size and time, or that time as a coarse disk cuts it off. */
export function looksSame(a: FileFacts, b: FileFacts): boolean {
  return a.size === b.size && isSameTime(a, b);
}

function isSameTime(a: FileFacts, b: FileFacts): boolean {
  if (a.mtime === null || b.mtime === null) return false;
  if (a.mtime === b.mtime) return true;
  // Deno sets no fraction of a second before 1970.
  if (a.mtime < 0 && b.mtime < 0) {
    return Math.floor(a.mtime / 1000) === Math.floor(b.mtime / 1000);
  }
  const [coarse, exact] = a.isCoarse ? [a, b] : [b, a];
  if (!coarse.isCoarse) return false;
  // FAT has even seconds only.
  const step = coarse.mtime! % 2000 === 0 ? 2000 : 1000;
  const cutOff = exact.mtime! - coarse.mtime!;
  return cutOff > 0 && cutOff < step;
}

/**
 * Whether what is told, a folder and files in it, lies on a disk that has whole
 * seconds: a fraction anywhere proves the contrary, be it that of a birth.
 */
export function isCoarse(infos: Iterable<Deno.FileInfo>): boolean {
  for (const { mtime, atime, birthtime } of infos) {
    if (!isMultiple(mtime, 1000) || !isMultiple(atime, 1000)) return false;
    // Where FAT has a birth it is in steps of 10 ms.
    if (!isMultiple(birthtime, 10)) return false;
  }
  return true;
}

function isMultiple(time: Date | null, ms: number): boolean {
  return time === null || time.getTime() % ms === 0;
}

/** What is known of a local file; undefined for all else, and where nothing is. */
export function localFacts(path: string): FileFacts | undefined {
  const info = statIfThere(path);
  if (!info?.isFile) return undefined;
  const { size, mtime } = info;
  const facts = { size, mtime: mtime?.getTime() ?? null };
  if (!isCoarse([info])) return facts;
  const folder = statIfThere(dirname(path));
  return folder ? { ...facts, isCoarse: isCoarse([folder]) } : facts;
}

/** Up to this size to read at once is quicker than a thread. */
const SMALL_BYTES = 256 * 1024;

/** For what is read at once; more than a file has, so that its end is seen early. */
let buffer: Uint8Array<ArrayBuffer> | undefined;

/** The SHA-256 of a local file. @throws NetdiskError */
export async function localDigest(path: string): Promise<string> {
  try {
    using file = Deno.openSync(path);
    const { size, isFile } = file.statSync();
    if (isFile && size <= SMALL_BYTES) {
      const small = smallDigest(file);
      if (small !== undefined) return small;
    }
    const { hash } = await hashFile(file);
    return hash.digest("hex");
  } catch (error) {
    throw localError(path, error);
  }
}

/** Undefined when it has grown. */
function smallDigest(file: Deno.FsFile): string | undefined {
  buffer ??= new Uint8Array(SMALL_BYTES + 1);
  for (let size = 0; size < buffer.length;) {
    const count = file.readSync(buffer.subarray(size));
    if (count === null) {
      return createHash("sha256").update(buffer.subarray(0, size))
        .digest("hex");
    }
    size += count;
  }
  return undefined;
}
