/**
 * Follows a download over all its connections: how far it is, what of that came
 * now and what was here already, and what became of each item.
 */

import type { DownloadObserver } from "./download.ts";
import type { DownloadOutcome, FileItem } from "./incoming_file.ts";
import type { Output } from "./output.ts";
import {
  Progress,
  type ProgressStart,
  type ProgressStyle,
} from "./progress.ts";
import type { Retry } from "./retry.ts";

/** Who is told what. */
export interface DownloadWatchers {
  output: Output;
  style: ProgressStyle;
  /** Of each item once, in their order. */
  ended(outcome: DownloadOutcome): void;
}

/** How much there is to download, as far as that is known. */
export interface DownloadTotals {
  readonly files: number;
  readonly bytes: number | undefined;
  readonly isComplete: boolean;
}

export class DownloadProgress implements DownloadObserver, Disposable {
  readonly #totals: DownloadTotals;
  readonly #watchers: DownloadWatchers;
  #progress: Progress | undefined;
  #retry: Retry | undefined;
  #name = "";
  /** Of a single file. */
  #size: number | undefined;
  /** Files with outcome. */
  #done = 0;
  /** Bytes of these. */
  #settled = 0;
  /** Bytes that are here, those of the file at hand included. */
  #position = 0;
  #furthest = 0;

  constructor(totals: DownloadTotals, watchers: DownloadWatchers) {
    this.#totals = totals;
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
    this.#name = label;
    this.#shown().phase("verifying");
  }

  startsAgain({ label }: FileItem, reason: string): void {
    this.#watchers.output.notice(`${label}: ${reason}, starting again`);
  }

  began({ label }: FileItem, size: number, offset: number): void {
    const progress = this.#shown();
    this.#name = label;
    this.#size = size;
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
    if (outcome.item.target) this.#done++;
    this.#retry?.moved();
    this.#shown().phase(undefined);
    this.#watchers.ended(outcome);
  }

  /** It is looked for what is to be downloaded, or not any more. */
  listing(isListing: boolean): void {
    this.#shown().phase(isListing ? "listing" : undefined);
  }

  /** Leaves a line that all is done. */
  finish(): void {
    this.#progress?.finish();
  }

  [Symbol.dispose](): void {
    this.hide();
  }

  get #start(): ProgressStart {
    const { files: total, bytes, isComplete } = this.#totals;
    const name = this.#name;
    if (isComplete && total <= 1) return { name, total: this.#size };
    const files = { done: this.#done, total, isOpen: !isComplete };
    return { name, total: isComplete ? bytes : undefined, files };
  }

  #shown(): Progress {
    const { output, style } = this.#watchers;
    const look = () => this.#start;
    return this.#progress ??= new Progress(look(), { output, style, look });
  }
}
