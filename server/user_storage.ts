/**
 * One user's files: the only way to them, and to nothing outside. How a put is
 * written is upload.ts's business, how a change is made changes.ts's.
 */

import { SEPARATOR } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry, RequestOf } from "../protocol/messages.ts";
import { remoteName } from "../protocol/remote_path.ts";
import {
  type Change,
  changeOf,
  type ChangePlace,
  type ChangeRequest,
} from "./changes.ts";
import { infoOf } from "./file_system.ts";
import type { FolderReader } from "./folder_reader.ts";
import type { Listings } from "./listings.ts";
import { toStorageError } from "./os_errors.ts";
import type { PartialFile } from "./partial_file.ts";
import type { Partials } from "./partials.ts";
import type { ReadingTurns } from "./prefix.ts";
import type { Usage } from "./quota.ts";
import type { Reservation, Wish } from "./quota_account.ts";
import type { SendingTurns } from "./sending_turns.ts";
import { existingStoragePath, storagePath } from "./storage_path.ts";
import { StoredFile } from "./stored_file.ts";
import { takeIn } from "./take_in.ts";
import type { Holder } from "./takeover.ts";
import { Upload, type UploadPlace } from "./upload.ts";
import { findTarget, openIfSame } from "./upload_target.ts";

/** Entries that are looked at in one go: half a millisecond. */
const LIST_BATCH = 64;

/** The client of a put, as far as that has to wait for anything. */
export interface PutClient extends Holder {
  /** Resolves when what it asked for before is done. Never rejects. */
  settled(): Promise<void>;
  /** Lets it know that it is not forgotten, as long as `work` takes. */
  during<T>(work: Promise<T>): Promise<T>;
}

/** What the files of one user have around them. */
export interface UserPlace extends UploadPlace, ChangePlace {
  folders: FolderReader;
  listings: Listings;
  sendingTurns: SendingTurns;
}

/** What a put needs of the files that it goes to. */
export type PutStorage = Pick<UserStorage, "beginPut" | "waitForDisk">;

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
   * for, in no order. Who takes many lets others have their turn in between.
   */
  async *list(path: string): AsyncGenerator<Entry[]> {
    const { home, folders, listings } = this.#place;
    const folder = existingStoragePath(home, path);
    using _listing = listings.begin(this.#user);
    try {
      if (!Deno.lstatSync(folder).isDirectory) {
        throw new NetdiskError("not-folder", "it is not a folder");
      }
      for await (const names of folders.read(folder)) {
        for (let at = 0; at < names.length; at += LIST_BATCH) {
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

  /** Takes the files of a folder of the server into the folder `to`, see {@link takeIn}. */
  takeIn(folder: string, to: string): Change {
    return takeIn(this.#place, folder, to);
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
    client: PutClient,
  ): Promise<Upload> {
    const { path, size, ask, executable } = request;
    const { quota, durability } = this.#place;
    const mode = executable ? 0o777 : 0o666;
    // Refused before the client sends anything.
    const target = ask ? findTarget(this.#place, request) : undefined;
    // Of an empty file there is nothing to go on with.
    if (!target || !size) {
      const room = quota.isLimited
        ? await this.#roomFor(request, client, 0)
        : undefined;
      const partial = this.#createPartial(mode, room);
      return new Upload(this.#place, request, partial, undefined, room);
    }
    const key = { path, draft: this.#place.gifts?.id };
    const partial = await this.#partials.claim(this.#user, key, mode, client);
    let room: Reservation | undefined;
    try {
      room = await this.#roomFor(request, client, partial.size);
    } catch (error) {
      partial.releaseOrRemove();
      throw error;
    }
    const mayBeThere = request.replace && !durability.hasFailed;
    const published = partial.size === 0 && mayBeThere
      ? openIfSame(target.path, request)
      : undefined;
    return new Upload(this.#place, request, partial, published, room);
  }

  #createPartial(mode: number, room?: Reservation): PartialFile {
    try {
      return this.#partials.create(this.#user, mode);
    } catch (error) {
      room?.release();
      throw error;
    }
  }

  /**
   * What the upload may take of the user's quota; undefined without a limit.
   *
   * @param here bytes that an earlier upload left
   * @throws NetdiskError `quota`
   */
  async #roomFor(
    request: RequestOf<"put">,
    client: PutClient,
    here: number,
  ): Promise<Reservation | undefined> {
    const { quota } = this.#place;
    if (!quota.isLimited) return undefined;
    const wish: Wish = {
      // It may have become shorter.
      bytes: quota.cost(Math.max(request.size ?? 0, here)),
      isPipe: request.size === null,
      here: here > 0 ? quota.cost(here) : 0,
      replaced: orNothing(() => {
        const bytes = findTarget(this.#place, request).replaces;
        return bytes === undefined ? 0 : quota.cost(bytes);
      }),
      folders: orNothing(() => {
        const { home, recent } = this.#place;
        const target = storagePath(home, request.path, recent.has);
        return target.missingFolders.length * quota.cost(0);
      }),
      refusal: this.#place.gifts?.refusal,
    };
    return quota.tryReserve(wish) ??
      await client.during(quota.reserve(wish, () => client.settled()));
  }

  /** `quota` */
  usage(): Promise<Usage> {
    return this.#place.quota.usage();
  }
}

/** What is wrong with a path is told when it is tried. */
function orNothing(bytes: () => number): () => number {
  return () => {
    try {
      return bytes();
    } catch {
      return 0;
    }
  };
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
