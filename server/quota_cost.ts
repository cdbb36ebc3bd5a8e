/**
 * What things on the disk take of their user's quota. Whatever is small, or no
 * file at all, takes a block of the disk and an inode nevertheless: else a user
 * with a quota could use up both with empty files and folders.
 */

/** The least that anything counts, in bytes: a block of most disks. */
export const LEAST_COST = 4096;

/** What counts for a file of so many bytes; for a folder or link, for 0 of them. */
export type Cost = (bytes: number) => number;

/** The rule. */
export function costOfAtLeast(least: number): Cost {
  return (bytes) => Math.max(bytes, least);
}

/** The bytes of whatever lies on the disk, as {@link Cost} wants them. */
export function bytesIn(info: Pick<Deno.FileInfo, "isFile" | "size">): number {
  return info.isFile ? info.size : 0;
}
