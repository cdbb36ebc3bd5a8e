/**
 * The users' files: the only way to them. One {@link UserStorage} knows one
 * user's folder and nothing outside it; how a put is written is upload.ts's
 * business, where things lie is storage_path.ts's.
 */

import { join } from "@std/path";
import * as fs from "node:fs";
import { promisify } from "node:util";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry, RequestOf } from "../protocol/messages.ts";
import { remoteName } from "../protocol/remote_path.ts";
import { Durability, syncFolderNow } from "./durability.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import {
  existingStoragePath,
  uploadsFolder,
  userFolder,
} from "./storage_path.ts";
import { Upload } from "./upload.ts";

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

/** The storage root: makes and opens the users' folders. */
export class Storage {
  #root: string;
  #durability = new Durability();

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folders of the root and removes what a crash left behind. */
  prepare(): void {
    const uploads = uploadsFolder(this.#root);
    Deno.mkdirSync(uploads, { recursive: true, mode: 0o700 });
    Deno.mkdirSync(join(this.#root, "users"), { recursive: true, mode: 0o700 });
    // The users' folders are no safer than the names above them.
    syncFolderNow(this.#root);
    for (const { name } of Deno.readDirSync(uploads)) {
      Deno.removeSync(join(uploads, name));
    }
  }

  /**
   * Makes sure that a new user would not be given files of somebody else, such
   * as those of a former user of that name.
   *
   * @throws NetdiskError `exists`
   */
  checkNewUser(user: string): void {
    const home = userFolder(this.#root, user);
    try {
      if (
        Deno.lstatSync(home).isDirectory && Deno.readDirSync(home)
          [Symbol.iterator]().next().done
      ) return;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw toStorageError(error);
    }
    throw new NetdiskError(
      "exists",
      `there are files of a user '${user}' already, ask the server's administrator`,
    );
  }

  /** The files of a user; makes the folder when it is not there. */
  async openUser(user: string): Promise<UserStorage> {
    const home = userFolder(this.#root, user);
    try {
      if (!Deno.lstatSync(home).isDirectory) {
        throw new NetdiskError("denied", "the user's folder is not a folder");
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw toStorageError(error);
      try {
        Deno.mkdirSync(home, { mode: 0o700, recursive: true });
        await this.#durability.syncFolder(join(this.#root, "users"));
      } catch (cause) {
        throw toStorageError(cause);
      }
    }
    return new UserStorage(home, uploadsFolder(this.#root), this.#durability);
  }
}

/** One user's files. Every method throws NetdiskErrors only. */
export class UserStorage {
  #home: string;
  #uploads: string;
  #durability: Durability;

  constructor(home: string, uploads: string, durability: Durability) {
    this.#home = home;
    this.#uploads = uploads;
    this.#durability = durability;
  }

  /** What lies at `path`; a link is `other`, whatever it leads to. */
  stat(path: string): Entry {
    const disk = existingStoragePath(this.#home, path);
    try {
      return toEntry(remoteName(path), Deno.lstatSync(disk));
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** The entries of a folder, one by one, in no order. */
  *list(path: string): Generator<Entry> {
    const folder = existingStoragePath(this.#home, path);
    try {
      if (!Deno.lstatSync(folder).isDirectory) {
        throw new NetdiskError("not-folder", "it is not a folder");
      }
      for (const { name } of Deno.readDirSync(folder)) {
        const entry = entryIfThere(folder, name);
        if (entry) yield entry;
      }
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Opens a file; the reader stays with this version of it. */
  openRead(path: string): StoredFile {
    return new StoredFile(existingStoragePath(this.#home, path));
  }

  /**
   * Waits until the disk takes one more whole file; call what this returns when
   * that file is closed. Only the disk is waited for, never a client.
   */
  waitForDisk(): Promise<() => void> {
    return this.#durability.queue.enter();
  }

  /** Begins a put; see {@link Upload} for what follows. */
  beginPut(request: RequestOf<"put">): Upload {
    const place = {
      home: this.#home,
      uploads: this.#uploads,
      durability: this.#durability,
    };
    return new Upload(place, request);
  }
}

/** An open file of a user's. */
export class StoredFile {
  #fd: number;
  #stats: fs.Stats;
  #position = 0;

  /** @throws NetdiskError `not-found`, `is-folder`, `denied` for a link or device */
  constructor(path: string) {
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

  /** True when somebody wrote into the open file since it was opened. */
  hasChanged(): boolean {
    const now = fs.fstatSync(this.#fd);
    return now.size !== this.#stats.size ||
      now.mtimeMs !== this.#stats.mtimeMs;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

/**
 * Opens the very file that lies at `path`. O_NOFOLLOW is not enough: with
 * permissions for one folder only, Deno resolves links before it opens.
 */
function openFile(path: string): [fd: number, stats: fs.Stats] {
  for (let tries = 0; tries < MAX_OPEN_TRIES; tries++) {
    const seen = fs.lstatSync(path);
    if (!seen.isFile()) throw notFile(seen);
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

function notFile(stats: fs.Stats): NetdiskError {
  if (stats.isDirectory()) {
    return new NetdiskError("is-folder", "it is a folder");
  }
  return new NetdiskError(
    "denied",
    stats.isSymbolicLink()
      ? "links are not followed"
      : "it is a device or pipe, not a file",
  );
}

/** A file that vanished while the folder was read is not an error. */
function entryIfThere(folder: string, name: string): Entry | undefined {
  try {
    return toEntry(name, Deno.lstatSync(join(folder, name)));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function toEntry(name: string, info: Deno.FileInfo): Entry {
  return {
    name,
    kind: info.isFile ? "file" : info.isDirectory ? "folder" : "other",
    size: info.isFile ? info.size : 0,
    mtime: info.mtime === null ? null : info.mtime.getTime(),
    executable: info.isFile && ((info.mode ?? 0) & 0o100) !== 0,
  };
}
