/**
 * The users' files: the only way to them. One {@link UserStorage} knows one
 * user's folder and nothing outside it; how a put is written is upload.ts's
 * business, where things lie is storage_path.ts's.
 */

import { join, SEPARATOR } from "@std/path";
import { setImmediate } from "node:timers";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry, RequestOf } from "../protocol/messages.ts";
import { remoteName } from "../protocol/remote_path.ts";
import {
  type Change,
  changeOf,
  type ChangePlace,
  type ChangeRequest,
} from "./changes.ts";
import { Durability, syncFolderNow } from "./durability.ts";
import { infoOf } from "./file_system.ts";
import { type FolderReader, plainFolders } from "./folder_reader.ts";
import { FreeSpace, type Reserve } from "./free_space.ts";
import type { SyncAll } from "./group_sync.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import type { Holder } from "./partial_file.ts";
import { PARTIAL_EXPIRY_MS, Partials } from "./partials.ts";
import { ReadingTurns } from "./prefix.ts";
import { RemovedTrees } from "./removed_trees.ts";
import { SendingTurns } from "./sending_turns.ts";
import {
  dataFolder,
  existingStoragePath,
  RecentFolders,
  uploadsFolder,
  userFolder,
} from "./storage_path.ts";
import { StoredFile } from "./stored_file.ts";
import { findTarget, Upload, type UploadPlace } from "./upload.ts";

export interface StorageOptions {
  /** What uploads leave free. @default 1 % of the disk, or 256 MiB if that is less */
  minFree?: Reserve | null;
  /** How long unfinished uploads are kept, in milliseconds. @default 7 days */
  keepMs?: number;
  /** Puts everything on the disk at once, where that can be. */
  syncAll?: SyncAll;
  /** Reads folders. @default plainFolders */
  folders?: FolderReader;
}

/** Entries that are looked at in one go; then others have their turn. */
const LIST_BATCH = 256;

/** What the files of one user have around them. */
interface UserPlace extends UploadPlace, ChangePlace {
  folders: FolderReader;
  sendingTurns: SendingTurns;
}

/** The storage root: makes and opens the users' folders. */
export class Storage {
  #root: string;
  #durability: Durability;
  #partials: Partials;
  #space: FreeSpace;
  #recent = new RecentFolders();
  #removed: RemovedTrees;
  #folders: FolderReader;
  #readingTurns = new ReadingTurns();
  #sendingTurns = new SendingTurns();

  constructor(root: string, options: StorageOptions = {}) {
    this.#root = root;
    this.#durability = new Durability(options.syncAll);
    this.#folders = options.folders ?? plainFolders;
    this.#removed = new RemovedTrees(root, this.#folders);
    this.#partials = new Partials(root, options.keepMs ?? PARTIAL_EXPIRY_MS);
    this.#space = new FreeSpace(root, options.minFree ?? null);
  }

  /** Makes the folders of the root. */
  prepare(): void {
    for (
      const folder of [
        uploadsFolder(this.#root),
        this.#removed.folder,
        join(this.#root, "users"),
      ]
    ) Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    // What lies in them is no safer than the names above it.
    syncFolderNow(dataFolder(this.#root));
    syncFolderNow(this.#root);
  }

  /**
   * Removes unfinished uploads that nobody will go on with, and what is left of
   * removed folders. Never throws.
   */
  async sweep(): Promise<void> {
    await this.#partials.sweep(Date.now());
    await this.#removed.sweep();
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
    const place = {
      home,
      recent: this.#recent,
      durability: this.#durability,
      space: this.#space,
      removed: this.#removed,
      folders: this.#folders,
      readingTurns: this.#readingTurns,
      sendingTurns: this.#sendingTurns,
    };
    return new UserStorage(user, place, this.#partials);
  }
}

/** One user's files. Every method throws NetdiskErrors only. */
export class UserStorage {
  #user: string;
  #place: UserPlace;
  #partials: Partials;

  constructor(
    user: string,
    place: UserPlace,
    partials: Partials,
  ) {
    this.#user = user;
    this.#place = place;
    this.#partials = partials;
  }

  /** To be kept to by whoever reads much of a file. */
  get readingTurns(): ReadingTurns {
    return this.#place.readingTurns;
  }

  /** To be kept to by whoever sends much of a file. */
  get sendingTurns(): SendingTurns {
    return this.#place.sendingTurns;
  }

  /** What lies at `path`; a link is `other`, whatever it leads to. */
  stat(path: string): Entry {
    const disk = existingStoragePath(this.#place.home, path);
    try {
      return toEntry(remoteName(path), Deno.lstatSync(disk));
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /**
   * The entries of a folder, a few at a time and as they are when they are asked
   * for, in no order.
   */
  async *list(path: string): AsyncGenerator<Entry[]> {
    const { home, folders } = this.#place;
    const folder = existingStoragePath(home, path);
    try {
      if (!Deno.lstatSync(folder).isDirectory) {
        throw new NetdiskError("not-folder", "it is not a folder");
      }
      for await (const names of folders.read(folder)) {
        for (let at = 0; at < names.length; at += LIST_BATCH) {
          // Promises alone would let nobody else have their turn.
          if (at > 0) await new Promise((resolve) => setImmediate(resolve));
          yield entriesOf(folder, names.slice(at, at + LIST_BATCH));
        }
      }
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Opens a file; the reader stays with this version of it. */
  openRead(path: string): StoredFile {
    const { home, recent } = this.#place;
    return new StoredFile(existingStoragePath(home, path, recent.has));
  }

  /** What `mkdir`, `move`, `remove` or `touch` would do. */
  change(request: ChangeRequest): Change {
    return changeOf(this.#place, request);
  }

  /**
   * Waits until the disk takes one more whole file; call what this returns when
   * that file is closed. Only the disk is waited for, never a client.
   */
  waitForDisk(): Promise<() => void> {
    return this.#place.durability.queue.enter();
  }

  /**
   * Begins a put; see {@link Upload} for what follows. One that is asked for
   * goes on with what an earlier one left, and may have to wait for that.
   *
   * @param client who sends it, should a later one want to take the upload over
   */
  async beginPut(
    request: RequestOf<"put">,
    client: Holder,
  ): Promise<Upload> {
    const { path, size, ask, executable } = request;
    const mode = executable ? 0o777 : 0o666;
    if (!ask) {
      const partial = this.#partials.create(this.#user, mode);
      return new Upload(this.#place, request, partial);
    }
    // Refused before the client sends anything.
    const target = findTarget(this.#place, request);
    // Of an empty file there is nothing to go on with.
    if (!size) {
      const partial = this.#partials.create(this.#user, mode);
      return new Upload(this.#place, request, partial);
    }
    const partial = await this.#partials.claim(this.#user, path, mode, client);
    const mayBeThere = request.replace && !this.#place.durability.hasFailed;
    const published = partial.size === 0 && mayBeThere
      ? openIfSame(target.path, request)
      : undefined;
    return new Upload(this.#place, request, partial, published);
  }
}

/**
 * The file that is there, if it looks like the one that is to come: the client
 * may not have heard that it had arrived. Its content is compared before it
 * counts.
 */
function openIfSame(
  path: string,
  { size, mtime, executable }: RequestOf<"put">,
): StoredFile | undefined {
  // Windows syncs no file that is open for reading only.
  if (mtime === null || Deno.build.os === "windows") return undefined;
  try {
    const file = new StoredFile(path);
    const looksSame = file.size === size && file.mtime === mtime &&
      file.executable === executable;
    if (looksSame) return file;
    file.close();
  } catch {
    // Not there, or not to be read: the new one comes whole.
  }
  return undefined;
}

/** A file that vanished while the folder was read is not an error. */
function entriesOf(folder: string, names: string[]): Entry[] {
  const entries: Entry[] = [];
  for (const name of names) {
    // Nothing to normalise: no name has a separator.
    const info = infoOf(folder + SEPARATOR + name);
    if (info) entries.push(toEntry(name, info));
  }
  return entries;
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
