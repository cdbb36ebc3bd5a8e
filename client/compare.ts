/** Whether a local file and a remote one are the same, as far as one looks. */

import { NetdiskError } from "../protocol/errors.ts";
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

/** The SHA-256 of a local file. @throws NetdiskError */
export async function localDigest(path: string): Promise<string> {
  try {
    using file = Deno.openSync(path);
    const { hash } = await hashFile(file);
    return hash.digest("hex");
  } catch (error) {
    throw localError(path, error);
  }
}

/** Of a local file that cannot be read: it is not the same as anything. */
export async function digestIfReadable(
  path: string,
): Promise<string | undefined> {
  try {
    return await localDigest(path);
  } catch (error) {
    if (error instanceof NetdiskError) return undefined;
    throw error;
  }
}
