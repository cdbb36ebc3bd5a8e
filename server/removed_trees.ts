/**
 * What was removed and takes its time to be deleted: folders with all that is
 * in them, and large files. Each leaves its place in one step for a name in
 * here, and is deleted in the background, one after the other. The folder is
 * the list of what is to be done: what a crash leaves, the next start deletes.
 *
 *     <root>/.netdisk/removed/<uuid>
 */

import { join } from "@std/path";
import type { FolderReader } from "./folder_reader.ts";
import { logEvent } from "./log.ts";
import { errnoOf } from "./os_errors.ts";
import { bytesIn } from "./quota_cost.ts";
import { removedFolder } from "./storage_path.ts";

/** How much is deleted at a time; others need the disk as well. */
const BATCH = 8;

/** Whose files are being deleted; told of each thing when it is gone. */
export interface Owner {
  cost(bytes: number): number;
  add(bytes: number): void;
  /** Until `end` more is to come. */
  removing(end: Promise<void>): void;
}

/** One that wants to be told. */
interface Owned {
  owner: Owner;
  end: () => void;
}

/** What was removed below one storage root. */
export class RemovedTrees {
  /** Where they lie. */
  readonly folder: string;
  #reader: FolderReader;
  /** Names that stay: their removal is not known to be durable, or the disk refused. */
  #kept = new Set<string>();
  #owned = new Map<string, Owned>();
  #sweeping: Promise<void> | undefined;
  #again = false;

  constructor(root: string, reader: FolderReader) {
    this.folder = removedFolder(root);
    this.#reader = reader;
  }

  /**
   * Takes a folder or file away from its place.
   *
   * @param owner who is to hear of what becomes of it
   * @returns the name for {@link delete}, to be called when that is durable:
   * a folder must not come back in part after a loss of power; else {@link keep}
   * @throws Error with an errno
   */
  take(path: string, owner?: Owner): string {
    const name = crypto.randomUUID();
    Deno.renameSync(path, join(this.folder, name));
    this.#kept.add(name);
    if (owner) {
      const { promise, resolve: end } = Promise.withResolvers<void>();
      owner.removing(promise);
      this.#owned.set(name, { owner, end });
    }
    return name;
  }

  /** Leaves what was taken for the next start. */
  keep(name: string): void {
    this.#owned.get(name)?.end();
    this.#owned.delete(name);
  }

  /** Deletes what was taken, in the background. */
  delete(name: string): void {
    this.#kept.delete(name);
    void this.sweep();
  }

  /** Deletes all that may be deleted; on return nothing is under way. Never throws. */
  sweep(): Promise<void> {
    this.#again = true;
    return this.#sweeping ??= this.#sweep();
  }

  async #sweep(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        for await (const names of this.#reader.read(this.folder)) {
          for (const name of names) {
            if (!this.#kept.has(name)) await this.#deleteOne(name);
          }
        }
      } catch (error) {
        logEvent("sweep-failed", { reason: String(error) });
      }
    }
    this.#sweeping = undefined;
  }

  async #deleteOne(name: string): Promise<void> {
    try {
      const owner = this.#owned.get(name)?.owner;
      await deleteTree(join(this.folder, name), this.#reader, owner);
    } catch (error) {
      // Somebody else was quicker.
      if (errnoOf(error) === "ENOENT") return;
      // Not tried again before the next start.
      this.#kept.add(name);
      logEvent("delete-failed", { reason: String(error) });
    } finally {
      this.keep(name);
    }
  }
}

/**
 * Deletes a file, or a folder with all that is in it. Folders that lie deeper
 * than two levels are brought up first: so no path gets too long, and nothing
 * must be remembered, whatever the tree looks like.
 */
export async function deleteTree(
  tree: string,
  reader: FolderReader,
  owner?: Owner,
): Promise<void> {
  const remove = owner
    ? (path: string) => removeCounted(path, owner)
    : removeIfEmpty;
  if (await remove(tree)) return;
  const raise = async (path: string) => {
    await Deno.rename(path, join(tree, crypto.randomUUID()));
    return true;
  };
  const clear = async (path: string) => {
    const isLess = await clearFolder(path, reader, remove, raise);
    return await remove(path) || isLess;
  };
  while (await clearFolder(tree, reader, remove, clear));
  // Itself, and what the reader has no names for.
  await Deno.remove(tree, { recursive: true });
  owner?.add(-owner.cost(0));
}

/**
 * Removes the files, links and empty folders in a folder.
 *
 * @param remove as {@link removeIfEmpty}
 * @param onFull does something about a folder that is not empty; whether it could
 * @returns whether anything happened
 */
async function clearFolder(
  folder: string,
  reader: FolderReader,
  remove: (path: string) => Promise<boolean>,
  onFull: (path: string) => Promise<boolean>,
): Promise<boolean> {
  let isLess = false;
  // What fails here fails again at the end, and is told then.
  const attempt = (work: Promise<boolean>) => work.catch(() => undefined);
  try {
    for await (const names of reader.read(folder)) {
      for (let at = 0; at < names.length; at += BATCH) {
        const paths = names.slice(at, at + BATCH).map((n) => join(folder, n));
        const removed = await Promise.all(
          paths.map((path) => attempt(remove(path))),
        );
        for (const [index, isRemoved] of removed.entries()) {
          const isDone = isRemoved === false
            ? await attempt(onFull(paths[index]!))
            : isRemoved;
          isLess ||= isDone === true;
        }
      }
    }
  } catch {
    // A folder that may not be read.
  }
  return isLess;
}

/** Removes anything, a link itself; false for a folder with something in it. */
async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    // Solaris and others say EEXIST.
    if (["ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

/** The same for what somebody gets back. */
async function removeCounted(path: string, owner: Owner): Promise<boolean> {
  const info = await Deno.lstat(path);
  const isRemoved = await removeIfEmpty(path);
  if (isRemoved) owner.add(-owner.cost(bytesIn(info)));
  return isRemoved;
}
