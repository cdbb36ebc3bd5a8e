/**
 * Follows an upload over all its connections: which items have their outcome,
 * where progress stands, and whether the same command would go on.
 */

import type { Output } from "./output.ts";
import type { FileItem, UploadItem, UploadOutcome } from "./pending_put.ts";
import {
  Progress,
  type ProgressStart,
  type ProgressStyle,
} from "./progress.ts";
import type { Retry } from "./retry.ts";
import type { UploadObserver } from "./upload.ts";
import type { UploadQueue } from "./upload_queue.ts";

/** Uploads of the same command before this one, all of which are shown as one. */
export interface UploadsBefore {
  readonly files: number;
  readonly bytes: number;
  /** More may follow behind this one. */
  readonly isOpen: boolean;
  /** Made by the first of them; it is for whoever has them all to take it away. */
  line?: Progress;
}

/** Who is told what. */
export interface UploadWatchers {
  output: Output;
  style: ProgressStyle;
  retry: Retry;
  /** Of each item once, in their order. */
  ended(outcome: UploadOutcome): void;
  before?: UploadsBefore;
}

export class UploadProgress implements UploadObserver, Disposable {
  readonly #queue: UploadQueue;
  readonly #watchers: UploadWatchers;
  readonly #progress: Progress;
  readonly #isMany: boolean;
  /** As it was when this upload began. */
  readonly #before: Pick<UploadsBefore, "files" | "bytes">;
  #name: string;
  /** Files with outcome. */
  #done = 0;
  /** Bytes that were counted for these. */
  #settled = 0;
  /** And for each of the others that has been begun on this connection. */
  #counted = new Map<UploadItem, number>();
  /** How far the server was seen to have each of the large ones. */
  #offsets = new Map<UploadItem, number>();
  #current: UploadItem | undefined;
  /** The one that the server was asked about. */
  #asked: UploadItem | undefined;
  /** The one of which the server keeps what it has, and has something. */
  #kept: UploadItem | undefined;
  /** Progress still stands where the last connection ended. */
  #isStale = false;

  constructor(queue: UploadQueue, watchers: UploadWatchers) {
    const { output, style } = watchers;
    this.#queue = queue;
    this.#watchers = watchers;
    const { files = 0, bytes = 0, isOpen = false } = watchers.before ?? {};
    this.#before = { files, bytes };
    this.#done = files;
    this.#settled = bytes;
    this.#isMany = isOpen || files > 0 || !queue.isComplete || queue.length > 1;
    this.#name = queue.first?.remotePath ?? "";
    const look = () => this.#start;
    this.#progress = watchers.before?.line ??
      new Progress(look(), { output, style, look });
    this.#progress.resume(look);
    if (watchers.before) watchers.before.line = this.#progress;
    watchers.retry.progress = this.#progress;
  }

  /** True when a second upload of the file at hand goes on with what the server has of it. */
  get resumable(): boolean {
    return this.#kept !== undefined;
  }

  /** True once the item was begun at a place that is known: what the server has is of this run. */
  hasStarted(item: FileItem): boolean {
    return this.#offsets.has(item);
  }

  /**
   * A new connection: what was on its way over the old one is sent again, and it
   * is not known yet from where.
   */
  reconnected(): void {
    this.#counted.clear();
    this.#current = undefined;
    this.#isStale = true;
  }

  began(item: UploadItem): void {
    this.#current = item;
    this.#name = item.remotePath;
    this.#counted.set(item, 0);
  }

  asked(item: FileItem): void {
    // What a pipe has given is not given again.
    if (item.source.size !== null) this.#asked = item;
  }

  comparing(item: FileItem, offset: number): void {
    this.#kept = item;
    this.#moveTo(item, offset);
    this.#progress.phase("verifying");
  }

  starts(item: FileItem, offset: number, differs: boolean): void {
    const before = this.#offsets.get(item) ?? 0;
    this.#offsets.set(item, Math.max(before, offset));
    if (offset > before) this.#watchers.retry.moved();
    if (differs) {
      this.#watchers.output.notice(
        `${item.source.label}: it has changed since it was interrupted, or what was kept is damaged, starting again`,
      );
    }
    this.#moveTo(item, offset);
    this.#progress.phase(undefined);
    this.#kept = offset > 0 ? item : undefined;
    if (offset === 0) return;
    this.#progress.resuming(Math.floor(100 * offset / item.source.size!));
  }

  flushing(): void {
    this.#progress.phase("flushing");
  }

  sent(bytes: number): void {
    const item = this.#current;
    // The answer may be quicker than the last block.
    if (!item) return;
    if (this.#isStale) this.#moveTo(item, 0);
    this.#counted.set(item, this.#counted.get(item)! + bytes);
    if (this.#asked === item) this.#kept = item;
    this.#progress.add(bytes);
  }

  ended(outcome: UploadOutcome): void {
    const { item } = outcome;
    this.#settled += this.#counted.get(item) ?? 0;
    this.#counted.delete(item);
    this.#offsets.delete(item);
    if (this.#current === item) this.#current = undefined;
    if (this.#kept === item) this.#kept = undefined;
    if (item.source !== undefined) this.#done++;
    this.#queue.ended();
    this.#watchers.retry.moved();
    this.#progress.phase(undefined);
    this.#watchers.ended(outcome);
  }

  /** Nothing is to be done for the file. */
  skipped(item: UploadItem): void {
    if (item.source !== undefined) this.#done++;
    this.#queue.forget(item);
    this.#watchers.retry.moved();
  }

  /** Both sides are asked what they have. */
  comparingAll(isComparing: boolean): void {
    this.#progress.phase(isComparing ? "comparing" : undefined);
  }

  /** Leaves a line that all is done. */
  finish(): void {
    this.#progress.finish();
  }

  [Symbol.dispose](): void {
    if (this.#watchers.before) this.#progress.pause();
    else this.#progress.abandon();
  }

  get #start(): ProgressStart {
    const { files, bytes, isComplete } = this.#queue;
    const name = this.#name;
    if (!this.#isMany) return { name, total: bytes };
    const before = this.#before;
    const isOpen = !isComplete || this.#watchers.before?.isOpen === true;
    return {
      name,
      total: isOpen || bytes === undefined ? undefined : before.bytes + bytes,
      files: { done: this.#done, total: before.files + files, isOpen },
    };
  }

  /** Nothing is transferred, but `count` bytes of the item are there. */
  #moveTo(item: UploadItem, count: number): void {
    if (!this.#isStale && this.#counted.get(item) === count) return;
    this.#isStale = false;
    this.#counted.set(item, count);
    let position = this.#settled;
    for (const bytes of this.#counted.values()) position += bytes;
    this.#progress.moveTo(position);
  }
}
