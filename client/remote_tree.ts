/**
 * A walk through a remote tree: folders are listed one by one, with the requests
 * sent ahead (SPEC.md 4). It outlives its connection and goes on over another.
 */

import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { childFault, joinRemotePath } from "../protocol/remote_path.ts";
import { type Connection, isAboutPath } from "./connection.ts";
import { ListingBounds, MAX_HELD_WEIGHT, weightOf } from "./listing.ts";

/** Folders up to this length are sorted; longer ones come as the server has them. */
export const MAX_SORTED = 4_000;

/** Requests that may be under way. */
const MAX_AHEAD = 64;

/**
 * Length of their paths; a character has up to 3 bytes. All of them together fit
 * the channel's queue, so that sending never waits while nobody reads.
 */
const MAX_AHEAD_CHARACTERS = 16 * 1024;

/** Paths of folders to visit that are held, see {@link weightOf}. */
const MAX_PATHS_WEIGHT = 2 * MAX_HELD_WEIGHT;

/** Entries that came before their turn, in a sorted walk. */
const MAX_HELD = 50_000;

/** What a folder has, or some of it. */
export interface FolderPage {
  /** Of the folder, in the form that crosses the wire. */
  path: string;
  /** Names are as the server sent them: {@link childPath} checks them. */
  entries: Entry[];
  /** Nothing of the folder that came before counts: a new connection lists it again. */
  isFirst: boolean;
  isLast: boolean;
  error?: undefined;
}

/** A folder that cannot be listed, or not to its end. */
export interface FolderFailure {
  path: string;
  /** Does not name the path. */
  error: NetdiskError;
}

export type TreeEvent = FolderPage | FolderFailure;

export interface TreeOptions {
  /** Which folders are entered. @default all */
  enter?: (path: string, entry: Entry) => boolean;
  /**
   * Folders come in the order of their paths, each before those in it, and those
   * up to {@link MAX_SORTED} entries in one page that is sorted. Otherwise pages
   * come as soon as they are here. @default false
   */
  sorted?: boolean;
  /** Entries of a sorted walk that may wait for their turn. */
  maxHeld?: number;
  /** The caller holds all that a folder has, whose length is then limited. @default false */
  whole?: boolean;
}

/** A folder that is not done with. */
class Folder {
  readonly path: string;
  /** Of the listing under way. */
  bounds: ListingBounds | undefined;
  isAsked = false;
  /** Its listing is here, or has failed. */
  isComplete = false;
  error: NetdiskError | undefined;
  /** What came of it and was not told yet. */
  held: Entry[] = [];
  /** More came than may be held: it is asked for again when it is its turn. */
  isDropped = false;
  /** Some of it was told. */
  isTold = false;
  children: Folder[] = [];
  /** In the order in which they are told. */
  next: Folder | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Nothing is known of it. */
  forget(): void {
    this.isAsked =
      this.isComplete =
      this.isDropped =
      this.isTold =
        false;
    this.held = [];
    this.children = [];
    this.bounds = undefined;
    this.error = undefined;
  }
}

/**
 * The folders below and with one. Memory holds the paths of those still to visit
 * and what is under way; a sorted walk also up to {@link MAX_HELD} entries, and
 * the folder whose turn it is up to {@link MAX_SORTED}.
 */
export class RemoteTree {
  readonly #enter: (path: string, entry: Entry) => boolean;
  readonly #isSorted: boolean;
  readonly #maxHeld: number;
  readonly #isWhole: boolean;
  /** Still to be asked for, the next one last; in a sorted walk some may have been. */
  #waiting: Folder[];
  /** Asked for, in the order of the answers. */
  #asked: Folder[] = [];
  #askedCharacters = 0;
  /** Of all folders that are not done with. */
  #pathsWeight = 0;
  /** Of a sorted walk: the folder whose turn it is. */
  #head: Folder | undefined;
  #held = 0;
  #isPaused = false;

  constructor(path: string, options: TreeOptions = {}) {
    const { enter = () => true, sorted = false, maxHeld = MAX_HELD } = options;
    this.#isWhole = options.whole ?? false;
    this.#enter = enter;
    this.#isSorted = sorted;
    this.#maxHeld = maxHeld;
    const root = this.#note(path);
    this.#waiting = [root];
    if (sorted) this.#head = root;
  }

  /** Nothing is left to visit. */
  get isDone(): boolean {
    if (this.#isSorted) return this.#head === undefined;
    return this.#asked.length === 0 && this.#waiting.length === 0;
  }

  /**
   * Asks for no further folder: {@link events} ends as soon as what is under way
   * has come, and the connection is free for other requests. A later call goes on.
   */
  pause(): void {
    this.#isPaused = true;
  }

  /**
   * What comes over a connection, which nothing else may use meanwhile. A folder
   * that cannot be listed is an event as well, and does not stop the others.
   * Whoever leaves before the end cannot use the connection any more.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async *events(connection: Connection): AsyncGenerator<TreeEvent> {
    this.#isPaused = false;
    try {
      for (;;) {
        await this.#ask(connection);
        const folder = this.#asked[0];
        if (!folder) return;
        yield* this.#answer(folder, connection);
      }
    } finally {
      this.#forgetAsked();
    }
  }

  async #ask(connection: Connection): Promise<void> {
    if (this.#isPaused) return;
    const head = this.#head;
    // Whatever is held, the one that all others wait for is asked for.
    if (head && !head.isAsked) await this.#askFor(head, connection);
    while (
      this.#waiting.length > 0 && this.#asked.length < MAX_AHEAD &&
      this.#askedCharacters < MAX_AHEAD_CHARACTERS && this.#held < this.#maxHeld
    ) {
      const folder = this.#waiting.pop()!;
      if (!folder.isAsked) await this.#askFor(folder, connection);
    }
  }

  async #askFor(folder: Folder, connection: Connection): Promise<void> {
    const { path } = folder;
    folder.isAsked = true;
    this.#asked.push(folder);
    this.#askedCharacters += path.length;
    await connection.send({ type: "list", path });
  }

  /** Takes the next answer, or a page of it. */
  async *#answer(
    folder: Folder,
    connection: Connection,
  ): AsyncGenerator<TreeEvent> {
    try {
      const page = await connection.receive("entries");
      folder.bounds ??= new ListingBounds(this.#isWhole);
      folder.bounds.add(page);
      const { entries, more } = page;
      const failures = this.#addChildren(folder, entries);
      if (!more) this.#answered(folder);
      if (this.#isSorted) {
        this.#hold(folder, entries);
        if (folder === this.#head) yield* this.#tellHead(more);
      } else {
        yield tell(folder, entries, !more);
      }
      yield* failures;
    } catch (error) {
      if (!isAboutPath(error)) throw error;
      folder.error = error;
      this.#answered(folder);
      if (!this.#isSorted) yield { path: folder.path, error };
    }
    if (this.#isSorted) yield* this.#tellComplete();
  }

  /** Notes the folders of a page, and returns those that cannot be entered. */
  #addChildren(folder: Folder, entries: readonly Entry[]): FolderFailure[] {
    const failures: FolderFailure[] = [];
    for (const entry of entries) {
      if (entry.kind !== "folder") continue;
      const path = childPath(folder.path, entry);
      if (path instanceof NetdiskError) {
        failures.push({
          path: joinRemotePath(folder.path, entry.name),
          error: path,
        });
      } else if (this.#enter(path, entry)) {
        folder.children.push(this.#note(path));
      }
    }
    return failures;
  }

  /** A folder to visit. @throws ProtocolError when there are too many of them */
  #note(path: string): Folder {
    this.#pathsWeight += weightOf(path);
    if (this.#pathsWeight > MAX_PATHS_WEIGHT) {
      throw new ProtocolError(
        "too-long",
        "the server has more folders than can be remembered",
      );
    }
    return new Folder(path);
  }

  /** Nothing is known of a folder; it is asked for again. */
  #forget(folder: Folder): void {
    this.#unnote(folder.children);
    folder.forget();
  }

  /** Each but once: a folder that changes while it is read may have a name twice. */
  #distinct(folders: readonly Folder[]): Folder[] {
    const seen = new Set<string>();
    return folders.filter((folder) => {
      const isNew = !seen.has(folder.path);
      if (isNew) seen.add(folder.path);
      else this.#unnote([folder]);
      return isNew;
    });
  }

  #unnote(folders: readonly Folder[]): void {
    for (const { path } of folders) this.#pathsWeight -= weightOf(path);
  }

  /** The last of a folder came. */
  #answered(folder: Folder): void {
    this.#asked.shift();
    this.#askedCharacters -= folder.path.length;
    folder.isComplete = true;
    const children = this.#distinct(folder.children);
    folder.children = [];
    if (folder.isDropped) return this.#unnote(children);
    this.#unnote([folder]);
    if (this.#isSorted) {
      children.sort((a, b) => compareNames(a.path, b.path));
      let last = folder;
      for (const child of children) {
        child.next = last.next;
        last.next = child;
        last = child;
      }
    }
    for (const child of children.reverse()) this.#waiting.push(child);
  }

  #hold(folder: Folder, entries: readonly Entry[]): void {
    if (folder.isDropped) return;
    for (const entry of entries) folder.held.push(entry);
    this.#held += entries.length;
    if (folder === this.#head || folder.held.length <= MAX_SORTED) return;
    this.#release(folder);
    folder.isDropped = true;
  }

  #release(folder: Folder): Entry[] {
    const { held } = folder;
    this.#held -= held.length;
    folder.held = [];
    return held;
  }

  /** Tells what came of a folder that is too long to be sorted. */
  *#tellHead(more: boolean): Generator<TreeEvent> {
    const head = this.#head!;
    const isLong = head.isTold || head.held.length > MAX_SORTED;
    if (isLong && more) yield tell(head, this.#release(head), false);
  }

  /** Tells the folders whose turn has come. */
  *#tellComplete(): Generator<TreeEvent> {
    for (let head = this.#head; head?.isComplete; head = this.#head) {
      const { path, error } = head;
      if (head.isDropped && !error) {
        this.#forget(head);
        return;
      }
      const held = this.#release(head);
      const isShort = !head.isTold && held.length <= MAX_SORTED;
      if (isShort) held.sort((a, b) => compareNames(a.name, b.name));
      this.#head = head.next;
      yield error ? { path, error } : tell(head, held, true);
    }
  }

  /** The connection is of no use any more: what it owes is asked for again. */
  #forgetAsked(): void {
    for (const folder of this.#asked.splice(0).reverse()) {
      this.#release(folder);
      this.#forget(folder);
      this.#waiting.push(folder);
    }
    this.#askedCharacters = 0;
  }
}

/** The path of what a listing names, or why it has none. */
export function childPath(
  folder: string,
  { name }: Pick<Entry, "name">,
): string | NetdiskError {
  const fault = childFault(folder, name);
  return fault === undefined
    ? joinRemotePath(folder, name)
    : new NetdiskError("bad-name", fault);
}

/** The order of `ls`: by UTF-16 units. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function tell(folder: Folder, entries: Entry[], isLast: boolean): FolderPage {
  const isFirst = !folder.isTold;
  folder.isTold = true;
  return { path: folder.path, entries, isFirst, isLast };
}
