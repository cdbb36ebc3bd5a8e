/**
 * Follows an upload over all its connections: which items have their outcome,
 * where progress stands, and whether the same command would go on.
 */

import type { Output } from "./output.ts";
import type { UploadItem, UploadOutcome } from "./pending_put.ts";
import { Progress, type ProgressStyle } from "./progress.ts";
import type { Retry } from "./retry.ts";
import type { UploadObserver } from "./upload.ts";

/** From here on a server has kept something of an upload that is interrupted. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Who is told what. */
export interface UploadWatchers {
  output: Output;
  style: ProgressStyle;
  retry: Retry;
  /** Of each item once, in their order. */
  ended(outcome: UploadOutcome): void;
}

export class UploadProgress implements UploadObserver, Disposable {
  readonly #items: readonly UploadItem[];
  readonly #watchers: UploadWatchers;
  readonly #progress: Progress;
  /** Items with outcome; they are the first ones. */
  #done = 0;
  /** Bytes that were counted for these. */
  #settled = 0;
  /** And for each of the others that has been begun on this connection. */
  #counted = new Map<UploadItem, number>();
  /** How far the server was seen to have each of the large ones. */
  #offsets = new Map<UploadItem, number>();
  #current: UploadItem | undefined;
  /** Progress still stands where the last connection ended. */
  #isStale = false;

  constructor(items: readonly UploadItem[], watchers: UploadWatchers) {
    const { output, style } = watchers;
    this.#items = items;
    this.#watchers = watchers;
    this.#progress = new Progress(startOf(items), { output, style });
    watchers.retry.progress = this.#progress;
  }

  /** What is still to be sent: all that has no outcome. */
  get left(): readonly UploadItem[] {
    return this.#items.slice(this.#done);
  }

  /** True when a second upload of the file at hand can go on where this one is. */
  get resumable(): boolean {
    const item = this.#current;
    const known = item !== undefined && item.source.size !== null;
    return known && (this.#counted.get(item) ?? 0) > KEPT_BYTES;
  }

  /** True once the item was begun at a place that is known: what the server has is of this run. */
  hasStarted(item: UploadItem): boolean {
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
    this.#counted.set(item, 0);
    if (this.#isMany) this.#progress.update({ name: item.remotePath });
  }

  comparing(item: UploadItem, offset: number): void {
    this.#moveTo(item, offset);
    this.#progress.phase("verifying");
  }

  starts(item: UploadItem, offset: number, differs: boolean): void {
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
    this.#progress.add(bytes);
  }

  ended(outcome: UploadOutcome): void {
    const { item } = outcome;
    this.#settled += this.#counted.get(item) ?? 0;
    this.#counted.delete(item);
    if (this.#current === item) this.#current = undefined;
    this.#done++;
    this.#watchers.retry.moved();
    this.#progress.phase(undefined);
    if (this.#isMany) {
      const files = { done: this.#done, total: this.#items.length };
      this.#progress.update({ files });
    }
    this.#watchers.ended(outcome);
  }

  /** Leaves a line that all is done. */
  finish(): void {
    this.#progress.finish();
  }

  [Symbol.dispose](): void {
    this.#progress.abandon();
  }

  get #isMany(): boolean {
    return this.#items.length > 1;
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

function startOf(items: readonly UploadItem[]) {
  const [first] = items;
  let total: number | undefined = 0;
  for (const { source } of items) {
    total = source.size === null ? undefined : total! + source.size;
  }
  const start = { name: first?.remotePath ?? "", total };
  return items.length === 1
    ? start
    : { ...start, files: { done: 0, total: items.length } };
}
