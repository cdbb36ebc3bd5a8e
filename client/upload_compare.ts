/**
 * Which files of a put the server has already: `--update` and `--checksum`, and
 * for a dry run which folders. A bounded number of them is looked at together,
 * over the connection that sends them afterwards.
 */

import type { Entry } from "../protocol/messages.ts";
import { remoteName, remoteParent } from "../protocol/remote_path.ts";
import { type Check, compareContents } from "./checksums.ts";
import { looksSame } from "./compare.ts";
import { type Connection, isAboutPath } from "./connection.ts";
import { listingPages } from "./listing.ts";
import type { FileItem, UploadItem } from "./pending_put.ts";
import { answers } from "./pipeline.ts";
import type { Wanted } from "./transfer_options.ts";
import type { UploadQueue } from "./upload_queue.ts";

/** Items that are looked at together. */
const MAX_PART = 4096;

/** Listings that may be under way. */
const MAX_AHEAD = 64;

/** Length of their paths: sending never waits then, while nobody reads. */
const MAX_AHEAD_CHARACTERS = 16 * 1024;

export interface CompareOptions {
  /** What files are looked at for. */
  wanted: Wanted;
  /** Folders are looked at as well: those that are there need not be made. */
  folders: boolean;
  /** Told of each file that need not be sent. */
  skipped(item: FileItem): void;
}

export class UploadCompare {
  readonly #queue: UploadQueue;
  readonly #options: CompareOptions;
  /** Taken from the queue, and not looked at to the end. */
  #part: UploadItem[] = [];
  /** Looked at and to be sent, in their order. */
  #selected: UploadItem[] = [];
  #next = 0;
  /** The folder that the last part ended in: another listing would bring all of it again. */
  #lastFolder: string | undefined;

  constructor(queue: UploadQueue, options: CompareOptions) {
    this.#queue = queue;
    this.#options = options;
  }

  /** True when there is something to send. */
  get hasItems(): boolean {
    return this.#queue.hasUnanswered || this.#next < this.#selected.length;
  }

  /** What is to be sent over this connection, as {@link UploadQueue.left}. */
  left(): Iterable<UploadItem> {
    const next = (): IteratorResult<UploadItem> => {
      const again = this.#queue.takeAgain();
      if (again) return { value: again };
      const value = this.take();
      if (value === undefined) return { done: true, value };
      this.#queue.handedOut(value);
      return { value };
    };
    return { [Symbol.iterator]: () => ({ next }) };
  }

  /** The next item that was selected; the caller says whether it is sent. */
  take(): UploadItem | undefined {
    const item = this.#selected[this.#next];
    if (item) this.#next++;
    return item;
  }

  /**
   * Looks at the next files, and knows then which of them are to be sent.
   *
   * @returns false at the end
   * @throws NetdiskError when the connection fails: may be called again
   */
  async look(connection: Connection): Promise<boolean> {
    while (this.#part.length < MAX_PART) {
      const item = this.#queue.takeNew();
      if (!item) break;
      this.#part.push(item);
    }
    if (this.#part.length === 0) return false;
    const there = await this.#there(connection);
    this.#selected = [];
    this.#next = 0;
    for (const item of this.#part) {
      if (!there.has(item)) this.#selected.push(item);
      else if (item.source !== undefined) this.#options.skipped(item);
    }
    const last = this.#part.findLast((item) => item.source !== undefined);
    this.#lastFolder = last && remoteParent(last.remotePath);
    this.#part = [];
    return true;
  }

  async #there(connection: Connection): Promise<Set<UploadItem>> {
    const { wanted, folders } = this.#options;
    const there = new Set<UploadItem>();
    if (folders) {
      const old = this.#part.filter((item) => !item.source && !item.isNew);
      for await (const [item, entry] of stats(connection, old)) {
        if (entry.kind === "folder") there.add(item);
      }
    }
    if (wanted === "all") return there;
    const unsure: (Check & { item: FileItem })[] = [];
    for await (const [item, entry] of this.#entries(connection)) {
      if (isThere(item, entry, wanted)) there.add(item);
      else if (wanted === "different" && hasSize(item, entry)) {
        const { source: { label: localPath }, remotePath } = item;
        unsure.push({ item, localPath, remotePath, size: entry.size });
      }
    }
    for await (const result of compareContents(connection, unsure)) {
      // What cannot be read is told when it is to be sent.
      if (!result.error && result.isSame) there.add(result.check.item);
    }
    return there;
  }

  /** What the server has of the names of this part. */
  async *#entries(
    connection: Connection,
  ): AsyncGenerator<[FileItem, Entry]> {
    const folders = new Map<string, Map<string, FileItem>>();
    const single: FileItem[] = [];
    for (const item of this.#part) {
      if (item.source === undefined || item.source.size === null) continue;
      const folder = remoteParent(item.remotePath);
      if (!item.isFound || folder === this.#lastFolder) {
        single.push(item);
        continue;
      }
      const names = folders.get(folder) ?? new Map<string, FileItem>();
      names.set(remoteName(item.remotePath), item);
      folders.set(folder, names);
    }
    for await (const [folder, entry] of listings(connection, folders.keys())) {
      const item = folders.get(folder)!.get(entry.name);
      if (item) yield [item, entry];
    }
    yield* stats(connection, single);
  }
}

/** What the server has of single names. */
async function* stats<I extends UploadItem>(
  connection: Connection,
  items: readonly I[],
): AsyncGenerator<[I, Entry]> {
  const requests = items.map(({ remotePath: path }) =>
    ({ type: "stat", path }) as const
  );
  let index = 0;
  for await (const { answer } of answers(connection, requests, "entry")) {
    const item = items[index++]!;
    if (answer) yield [item, answer.entry];
  }
}

/** The entries of folders, with the requests sent ahead; of a folder that cannot be listed none. */
async function* listings(
  connection: Connection,
  paths: Iterable<string>,
): AsyncGenerator<[string, Entry]> {
  const source = paths[Symbol.iterator]();
  const asked: string[] = [];
  let characters = 0;
  for (let isDrawn = false;;) {
    while (
      !isDrawn && asked.length < MAX_AHEAD && characters < MAX_AHEAD_CHARACTERS
    ) {
      const { done, value: path } = source.next();
      isDrawn = done === true;
      if (done) break;
      asked.push(path);
      characters += path.length;
      await connection.send({ type: "list", path });
    }
    const path = asked[0];
    if (path === undefined) return;
    try {
      for await (const entries of listingPages(connection)) {
        for (const entry of entries) yield [path, entry];
      }
    } catch (error) {
      if (!isAboutPath(error)) throw error;
    }
    asked.shift();
    characters -= path.length;
  }
}

function isThere(
  { source: { size, mtime } }: FileItem,
  entry: Entry,
  wanted: Wanted,
): boolean {
  if (wanted === "missing") return true;
  if (wanted === "different" || entry.kind !== "file") return false;
  return size !== null && looksSame({ size, mtime }, entry);
}

function hasSize({ source }: FileItem, entry: Entry): boolean {
  return entry.kind === "file" && entry.size === source.size;
}
