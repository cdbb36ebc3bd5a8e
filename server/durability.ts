/**
 * Waiting for the disk without making everybody wait: which names have to be
 * there, and which are already. Folder syncs that are asked for while one runs
 * are done by a single one after it; group_sync.ts does the rest.
 */

import { dirname, SEPARATOR } from "@std/path";
import { GroupSync, type SyncAll } from "./group_sync.ts";
import { errnoOf } from "./os_errors.ts";
import { isGone } from "./refusals.ts";
import { Slots } from "./slots.ts";

/**
 * Whole files that wait for their sync, all users together: each has an open
 * descriptor, and a process often has no more than 1024.
 */
const MAX_WAITING_FILES = 128;

/** How many folders are remembered as durable before the list starts anew. */
const MAX_KNOWN_FOLDERS = 10_000;

/** Windows opens no folder; NTFS keeps their names in its journal, and writes it when it likes (docs/platforms.md). */
const FOLDERS_SYNC = Deno.build.os !== "windows";

/** Like {@link Durability.syncFolder}, at once and with everybody waiting. */
export function syncFolderNow(path: string): void {
  if (!FOLDERS_SYNC) return;
  using folder = Deno.openSync(path);
  folder.syncSync();
}

/** What is known of a folder's name; a folder that is made anew gets a new one. */
interface Mark {
  isDurable: boolean;
}

/** Somebody who waits for names in a folder. */
interface Waiting {
  folder: string;
  /** Other names may be synced instead, if any. */
  isDisplaced: boolean;
}

/** The syncs of one folder: the one that runs, and the one that everybody else waits for. */
interface FolderSyncs {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

/** Makes files and folder entries survive a loss of power. */
export class Durability {
  /** Whoever has a whole file enters here before it takes the next one. */
  readonly queue: Slots = new Slots(MAX_WAITING_FILES);
  /**
   * A name could not be synced. The system may have dropped it, and a second
   * sync would say that all is well: what is there proves nothing any more.
   */
  hasFailed = false;
  #syncs: GroupSync;
  #folders = new Map<string, FolderSyncs>();
  #marks = new Map<string, Mark>();
  #waiting = new Set<Waiting>();

  constructor(syncAll?: SyncAll) {
    this.#syncs = new GroupSync(syncAll);
  }

  /**
   * Waits until the file's bytes and metadata are on the disk.
   *
   * @param isMoreComing it may wait a moment for others
   */
  syncFile(
    file: Pick<Deno.FsFile, "sync">,
    isMoreComing = false,
  ): Promise<void> {
    return this.#syncs.add(() => file.sync(), isMoreComing);
  }

  /**
   * Waits until the name `path` is on the disk, and those of the folders above
   * it down from `home`. A folder may be new although this upload did not make
   * it: another one may be about to sync it, or a server that was killed made
   * it. So each one is synced once in a run.
   *
   * @throws NetdiskError `io` when its folder is no longer there; see {@link forgetTree}
   */
  syncName(home: string, path: string): Promise<void> {
    const syncs = [this.#syncFolder(dirname(path))];
    for (let at = dirname(path); at.length >= home.length; at = dirname(at)) {
      const mark = this.#markOf(at);
      if (mark.isDurable) continue;
      syncs.push(
        this.#syncFolder(dirname(at)).then(() => {
          mark.isDurable = true;
        }),
      );
    }
    return this.#inPlace(dirname(path), Promise.all(syncs));
  }

  /** Reports a folder that was made or removed: its name is not durable. */
  forgetFolder(path: string): void {
    this.#marks.delete(path);
  }

  /**
   * The same for a folder that was moved, here or away, with all that is in it.
   * Who waits for names in there is told that they may not be durable: folders
   * are synced by their path.
   */
  forgetTree(path: string): void {
    const isBelow = (folder: string) =>
      folder === path || folder.startsWith(path + SEPARATOR);
    for (const known of this.#marks.keys()) {
      if (isBelow(known)) this.#marks.delete(known);
    }
    for (const waiting of this.#waiting) {
      waiting.isDisplaced ||= isBelow(waiting.folder);
    }
  }

  async #inPlace(folder: string, syncs: Promise<unknown>): Promise<void> {
    const waiting: Waiting = { folder, isDisplaced: false };
    this.#waiting.add(waiting);
    try {
      await syncs;
    } catch (error) {
      if (!isMissing(error) && !waiting.isDisplaced) throw error;
      throw isGone(error);
    } finally {
      this.#waiting.delete(waiting);
    }
    if (waiting.isDisplaced) throw isGone();
  }

  #markOf(folder: string): Mark {
    const known = this.#marks.get(folder);
    if (known) return known;
    if (this.#marks.size >= MAX_KNOWN_FOLDERS) this.#marks.clear();
    const mark = { isDurable: false };
    this.#marks.set(folder, mark);
    return mark;
  }

  /**
   * Waits until the names in a folder are on the disk: until a sync has ended
   * that began after this call.
   *
   * @throws NetdiskError `io` when it is no longer there; see {@link forgetTree}
   */
  syncFolder(path: string): Promise<void> {
    return this.#inPlace(path, this.#syncFolder(path));
  }

  #syncFolder(path: string): Promise<void> {
    const syncs = this.#folders.get(path);
    if (!syncs) {
      const running = this.#runFolder(path);
      this.#folders.set(path, { running, next: undefined });
      return running;
    }
    syncs.next ??= syncs.running.then(ignore, ignore).then(() => {
      const running = this.#runFolder(path);
      this.#folders.set(path, { running, next: undefined });
      return running;
    });
    return syncs.next;
  }

  async #runFolder(path: string): Promise<void> {
    try {
      // With those that are being gathered; it must not make them leave alone.
      await this.#syncs.add(() => syncNames(path), this.#syncs.isGathering);
    } catch (error) {
      // A folder that was moved or removed meanwhile is no fault of the disk.
      if (!isMissing(error)) this.hasFailed = true;
      throw error;
    } finally {
      if (!this.#folders.get(path)?.next) this.#folders.delete(path);
    }
  }
}

async function syncNames(folder: string): Promise<void> {
  if (!FOLDERS_SYNC) return;
  using opened = await Deno.open(folder);
  await opened.sync();
}

function isMissing(error: unknown): boolean {
  return errnoOf(error) === "ENOENT";
}

function ignore(): void {}
