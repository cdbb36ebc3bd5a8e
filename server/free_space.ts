/**
 * The part of the disk that uploads leave free, so that accounts and sessions
 * can be written when the disk is full of files.
 */

import { statfsSync } from "node:fs";
import { NetdiskError } from "../protocol/errors.ts";
import { parseSize } from "../protocol/size.ts";

/** Bytes, or percent of the disk. */
export type Reserve = { bytes: number } | { percent: number };

/** 1 % of the disk, but no more than this many bytes. */
const DEFAULT_PERCENT = 1;
const MAX_DEFAULT_BYTES = 256 * 1024 * 1024;

/** The part of the inodes that stays free, where their number is known (not 0). */
const MIN_FREE_FILES = 0.01;

/** Others write to the disk as well: how long a measurement is good, in milliseconds. */
const MEASURE_MS = 1000;

/**
 * Reads a size as {@link parseSize} does, or `5%`.
 *
 * @returns undefined when it is none
 */
export function parseReserve(text: string): Reserve | undefined {
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  const percent = Number(digits);
  if (digits !== undefined) return percent < 100 ? { percent } : undefined;
  const bytes = parseSize(text);
  return bytes === undefined ? undefined : { bytes };
}

/** The disk as an upload sees it, in bytes. */
export interface DiskSpace {
  size: number;
  free: number;
  /** The part of the free ones that uploads leave. */
  reserve: number;
}

/**
 * How much room the disk of `folder` has.
 *
 * @returns null for a file system that does not tell
 */
export function diskSpace(
  folder: string,
  reserve: Reserve | null,
): DiskSpace | null {
  try {
    const { bavail, blocks, bsize } = statfsSync(folder);
    const size = blocks * bsize;
    return { size, free: bavail * bsize, reserve: bytesOf(reserve, size) };
  } catch {
    return null;
  }
}

/** Watches over the free space of one disk. */
export class FreeSpace {
  #folder: string;
  #reserve: Reserve | null;
  /** Bytes that may still be written, by the last measurement. */
  #left = 0;
  #measuredAt = -Infinity;

  /** @param reserve null is the default: 1 % of the disk or 256 MiB, the smaller */
  constructor(folder: string, reserve: Reserve | null) {
    this.#folder = folder;
    this.#reserve = reserve;
  }

  /** Refuses a file for which there is no room. @throws NetdiskError `disk-full` */
  require(bytes: number): void {
    if (bytes > this.#left || this.#isOld()) this.#measure();
    if (bytes > this.#left) {
      throw new NetdiskError("disk-full", "the server's disk is full");
    }
  }

  /** The same for bytes that are written now. @throws NetdiskError `disk-full` */
  take(bytes: number): void {
    this.require(bytes);
    this.#left -= bytes;
  }

  /** What there is at the moment. */
  look(): DiskSpace | null {
    return diskSpace(this.#folder, this.#reserve);
  }

  #isOld(): boolean {
    return performance.now() - this.#measuredAt > MEASURE_MS;
  }

  #measure(): void {
    this.#measuredAt = performance.now();
    try {
      const { bavail, blocks, bsize, files, ffree } = statfsSync(this.#folder);
      this.#left = ffree < files * MIN_FREE_FILES
        // Without an inode there is no room for an empty file either.
        ? -1
        : bavail * bsize - bytesOf(this.#reserve, blocks * bsize);
    } catch {
      // A file system that does not tell has its own limits, and reports them.
      this.#left = Infinity;
    }
  }
}

function bytesOf(reserve: Reserve | null, total: number): number {
  if (reserve && "bytes" in reserve) return reserve.bytes;
  const part = total * (reserve?.percent ?? DEFAULT_PERCENT) / 100;
  return Math.floor(reserve ? part : Math.min(part, MAX_DEFAULT_BYTES));
}
