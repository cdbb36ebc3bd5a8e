/**
 * Follows a download over all its connections: how far it is, what of that came
 * now and what was here already, and what became of each item.
 */

import type { DownloadObserver } from "./download.ts";
import type {
  DownloadItem,
  DownloadOutcome,
  FileItem,
} from "./incoming_file.ts";
import type { Output } from "./output.ts";
import { Progress, type ProgressStyle } from "./progress.ts";
import type { Retry } from "./retry.ts";

/** Who is told what. */
export interface DownloadWatchers {
  output: Output;
  style: ProgressStyle;
  /** Of each item once, in their order. */
  ended(outcome: DownloadOutcome): void;
}

export class DownloadProgress implements DownloadObserver, Disposable {
  readonly #items: readonly DownloadItem[];
  readonly #watchers: DownloadWatchers;
  #progress: Progress | undefined;
  #retry: Retry | undefined;
  /** Items with outcome; they are the first ones. */
  #done = 0;
  /** Bytes of these. */
  #settled = 0;
  /** Bytes that are here, those of the file at hand included. */
  #position = 0;
  #furthest = 0;

  constructor(items: readonly DownloadItem[], watchers: DownloadWatchers) {
    this.#items = items;
    this.#watchers = watchers;
  }

  /** Takes the line away, as before something is asked on the terminal. */
  hide(): void {
    this.#progress?.abandon();
    this.#progress = undefined;
  }

  /** There is a connection, and from now on a line. */
  connected(retry: Retry): void {
    this.#retry = retry;
    retry.progress = this.#shown();
  }

  verifying({ label }: FileItem): void {
    const progress = this.#shown();
    progress.update({ name: label });
    progress.phase("verifying");
  }

  startsAgain({ label }: FileItem, reason: string): void {
    this.#watchers.output.notice(`${label}: ${reason}, starting again`);
  }

  began({ label }: FileItem, size: number, offset: number): void {
    const progress = this.#shown();
    const total = this.#isMany ? {} : { total: size };
    progress.update({ name: label, ...total });
    const position = this.#settled + offset;
    progress.phase(undefined);
    // Not for each of many files: the rate would begin anew.
    if (position !== this.#position) progress.moveTo(position);
    if (offset > 0) progress.resuming(Math.floor(100 * offset / size));
    this.#position = position;
  }

  received(bytes: number): void {
    this.#position += bytes;
    this.#progress?.add(bytes);
    if (this.#position <= this.#furthest) return;
    this.#furthest = this.#position;
    this.#retry?.moved();
  }

  ended(outcome: DownloadOutcome): void {
    this.#settled = this.#position;
    this.#done++;
    this.#retry?.moved();
    const progress = this.#shown();
    progress.phase(undefined);
    if (this.#isMany) progress.update(this.#files());
    this.#watchers.ended(outcome);
  }

  /** Leaves a line that all is done. */
  finish(): void {
    this.#progress?.finish();
  }

  [Symbol.dispose](): void {
    this.hide();
  }

  get #isMany(): boolean {
    return this.#items.length > 1;
  }

  #files() {
    return { files: { done: this.#done, total: this.#items.length } };
  }

  #shown(): Progress {
    const { output, style } = this.#watchers;
    return this.#progress ??= new Progress(
      { name: this.#items[0]!.label, ...(this.#isMany ? this.#files() : {}) },
      { output, style },
    );
  }
}
