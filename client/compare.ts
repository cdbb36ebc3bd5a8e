/** Whether a local file and a remote one are the same, as far as one looks. */

import { createHash } from "node:crypto";
import { localError, statIfThere } from "./local_source.ts";
import { hashFile } from "./partial_file.ts";

/** What both sides know of a file without reading it. */
export interface FileFacts {
  size: number;
  mtime: number | null;
}

/**
 * The same size and time. Where one side has only whole seconds, as some disks
 * do, the other one's fraction does not count.
 */
export function looksSame(a: FileFacts, b: FileFacts): boolean {
  return a.size === b.size && isSameTime(a.mtime, b.mtime);
}

function isSameTime(a: number | null, b: number | null): boolean {
  if (a === null || b === null) return false;
  if (a === b) return true;
  const isWhole = a % 1000 === 0 || b % 1000 === 0;
  return isWhole && Math.floor(a / 1000) === Math.floor(b / 1000);
}

/** What is known of a local file; undefined for all else, and where nothing is. */
export function localFacts(path: string): FileFacts | undefined {
  const info = statIfThere(path);
  if (!info?.isFile) return undefined;
  return { size: info.size, mtime: info.mtime?.getTime() ?? null };
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
