/** A file of a user's that is open for reading, and opened without following a link. */

import * as fs from "node:fs";
import { promisify } from "node:util";
import { NetdiskError } from "../protocol/errors.ts";
import { toStorageError } from "./os_errors.ts";
import { checkIsOwn, isFolder, isNoFile } from "./refusals.ts";

/** Up to this size a read from the page cache is quicker than a thread. */
const SYNC_READ_BYTES = 64 * 1024;

// O_NONBLOCK: a FIFO that somebody put there must not hang the server.
const READ_FLAGS = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW |
  fs.constants.O_NONBLOCK;

/** Nobody replaces a file so quickly without meaning harm. */
const MAX_OPEN_TRIES = 100;

const readAsync = promisify(fs.read) as (
  fd: number,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>;

const syncAsync = promisify(fs.fsync) as (fd: number) => Promise<void>;

/** An open file of a user's. */
export class StoredFile {
  #path: string;
  #fd: number;
  #stats: fs.Stats;
  #position = 0;

  /** @throws NetdiskError `not-found`, `is-folder`, `denied` for a link, device or stranger's file */
  constructor(path: string) {
    this.#path = path;
    try {
      [this.#fd, this.#stats] = openFile(path);
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Bytes, when it was opened. */
  get size(): number {
    return this.#stats.size;
  }

  /** Milliseconds since 1970. */
  get mtime(): number {
    return Math.floor(this.#stats.mtimeMs);
  }

  get executable(): boolean {
    return (this.#stats.mode & 0o100) !== 0;
  }

  /** Fills `target` from where the last read ended; fewer bytes only at the end. */
  async read(target: Uint8Array): Promise<number> {
    try {
      let filled = 0;
      while (filled < target.length) {
        const rest = target.length - filled;
        const count = this.size <= SYNC_READ_BYTES
          ? fs.readSync(this.#fd, target, filled, rest, this.#position)
          : (await readAsync(this.#fd, target, filled, rest, this.#position))
            .bytesRead;
        if (count === 0) break;
        filled += count;
        this.#position += count;
      }
      return filled;
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Where the next read begins. */
  seek(position: number): void {
    this.#position = position;
  }

  /** True when somebody wrote into the open file since it was opened. */
  hasChanged(): boolean {
    if (this.#isUnchangedAtItsPath()) return false;
    const now = fs.fstatSync(this.#fd);
    return now.size !== this.#stats.size ||
      now.mtimeMs !== this.#stats.mtimeMs;
  }

  /** Waits until the bytes are on the disk, whoever wrote them. */
  sync(): Promise<void> {
    return syncAsync(this.#fd);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  /** A third of the time of a look at the descriptor, and it says it all but for replaced files. */
  #isUnchangedAtItsPath(): boolean {
    try {
      const now = Deno.lstatSync(this.#path);
      return now.ino === this.#stats.ino && now.dev === this.#stats.dev &&
        now.size === this.#stats.size &&
        now.mtime?.getTime() === Math.floor(this.#stats.mtimeMs);
    } catch {
      return false;
    }
  }
}

/**
 * Opens the very file that lies at `path`. O_NOFOLLOW is not enough: with
 * permissions for one folder only, Deno resolves links before it opens.
 */
function openFile(path: string): [fd: number, stats: fs.Stats] {
  for (let tries = 0; tries < MAX_OPEN_TRIES; tries++) {
    const seen = Deno.lstatSync(path);
    if (!seen.isFile) throw seen.isDirectory ? isFolder() : isNoFile(seen);
    checkIsOwn(path, seen);
    const fd = fs.openSync(path, READ_FLAGS);
    let stats: fs.Stats | undefined;
    try {
      stats = fs.fstatSync(fd);
      if (stats.ino === seen.ino && stats.dev === seen.dev) return [fd, stats];
      // A put gave the name to another file just now.
      stats = undefined;
    } finally {
      if (!stats) fs.closeSync(fd);
    }
  }
  throw new NetdiskError("changed", "the file is being replaced all the time");
}

/** Waits until a file is on the disk as it is now, its time and mode included. */
export async function syncStoredFile(path: string): Promise<void> {
  if (Deno.build.os === "windows") {
    // It syncs nothing that is open for reading only.
    using file = await Deno.open(path, { write: true });
    return await file.sync();
  }
  const file = new StoredFile(path);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}
