/**
 * Follows a transfer and shows how far it is: on a terminal as a line that is drawn
 * over, in a pipe or log as a line now and then. progress_line.ts makes the text.
 */

import type { Output } from "./output.ts";
import {
  type FileCount,
  type ProgressView,
  renderPlainProgress,
  renderProgress,
} from "./progress_line.ts";
import { loadTextWidth } from "./text_width.ts";

/** The rate is that of the last seconds: steady enough to read, quick enough to follow. */
const RATE_WINDOW_MS = 3000;

/** Before, buffers fill and connections warm up, and any rate would be nonsense. */
const MIN_RATE_MS = 500;

/** Without a byte for this long a transfer counts as stalled. */
const STALL_MS = 5000;

/** Time between two draws. */
const DRAW_MS = 125;

/** A log gets a line at each tenth of the way, or after this long without one. */
const PLAIN_MAX_MS = 10_000;

/** But not more than one in this time. */
const PLAIN_MIN_MS = 1000;

/** How long it is said that a transfer goes on where it stopped: to be read. */
const RESUMING_MS = 2000;

/** How progress is shown: as a line drawn over, as lines in a log, or not. */
export type ProgressStyle = "line" | "plain" | "none";

/** What a transfer knows when it starts. */
export interface ProgressStart {
  name: string;
  /** Bytes there will be, if that is known. */
  total?: number | undefined;
  /** Files done and to do, for a transfer of many. */
  files?: FileCount | undefined;
}

/** The style for `--progress`: on its own (`auto`) it is a matter of the terminal and of --quiet and --json. */
export function progressStyle(
  when: "auto" | "always" | "never" | undefined,
  output: Output,
): ProgressStyle {
  if (when === "never") return "none";
  if (when === "always") return output.canRedraw ? "line" : "plain";
  return output.canRedraw && !output.quiet && !output.json ? "line" : "none";
}

/** Loads what a {@link Progress} of this style needs; to be awaited before the first. */
export async function loadProgress(
  ...args: Parameters<typeof progressStyle>
): Promise<void> {
  if (progressStyle(...args) === "line") await loadTextWidth();
}

/** Counts bytes, and derives rate and stalls from when they were counted. Knows no clock. */
export class ProgressMeter {
  name: string;
  total: number | undefined;
  /** What goes on, if it is not plain transfer. */
  phase: string | undefined;
  files: FileCount | undefined;

  readonly #startedAt: number;
  #done = 0;
  /** Bytes that were there without having been transferred. */
  #skipped = 0;
  #lastByteAt: number;
  #samples: { at: number; done: number }[];

  constructor(start: ProgressStart, now: number) {
    this.name = start.name;
    this.total = start.total;
    this.files = start.files;
    this.#startedAt = now;
    this.#lastByteAt = now;
    this.#samples = [{ at: now, done: 0 }];
  }

  /** Counts bytes that were transferred. Cheap; may be called for each buffer. */
  add(bytes: number): void {
    this.#done += bytes;
  }

  /** Goes on at another position, forth or back, with nothing transferred in between. */
  moveTo(done: number, now: number): void {
    this.#skipped += done - this.#done;
    this.#done = done;
    this.#lastByteAt = now;
    this.#samples = [{ at: now, done }];
  }

  /** Time in which there was nothing to transfer changes neither rate nor stall. */
  passOver(ms: number): void {
    this.#lastByteAt += ms;
    for (const sample of this.#samples) sample.at += ms;
  }

  /** Takes note of where things are at this time. To be called regularly. */
  sample(now: number): void {
    const last = this.#samples.at(-1);
    if (last === undefined || last.done !== this.#done) this.#lastByteAt = now;
    this.#samples.push({ at: now, done: this.#done });
    // The first sample is the last one that is not younger than the window.
    while ((this.#samples[1]?.at ?? Infinity) <= now - RATE_WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** What to show at this time. */
  view(now: number): ProgressView {
    return {
      ...this.#counts(now),
      rate: this.#recentRate(now),
      phase: this.phase,
      stalled: now - this.#lastByteAt >= STALL_MS,
    };
  }

  /** What to show when all is done: the average instead of the rate of late. */
  finalView(now: number): ProgressView {
    const elapsedMs = now - this.#startedAt;
    const transferred = this.#done - this.#skipped;
    return {
      ...this.#counts(now),
      rate: elapsedMs > 0
        ? Math.max(0, transferred) * 1000 / elapsedMs
        : undefined,
      finished: true,
    };
  }

  #counts(now: number) {
    return {
      name: this.name,
      done: this.#done,
      total: this.total,
      files: this.files,
      elapsedMs: now - this.#startedAt,
    };
  }

  #recentRate(now: number): number | undefined {
    const [first] = this.#samples;
    if (first === undefined || now - first.at < MIN_RATE_MS) return undefined;
    return (this.#done - first.done) * 1000 / (now - first.at);
  }
}

/** What Progress needs beside its output; a test holds the clock. */
export interface ProgressClock {
  /** Milliseconds from anywhere that never go back. */
  now(): number;
  /** Calls back regularly without keeping the program alive; returns how to stop. */
  every(ms: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: ProgressClock = {
  now: () => performance.now(),
  every(ms, callback) {
    const timer = setInterval(callback, ms);
    Deno.unrefTimer(timer);
    return () => clearInterval(timer);
  },
};

/** One transfer on the screen. Only one at a time; `using` takes it away if it was not finished. */
export class Progress {
  readonly #output: Output;
  readonly #style: ProgressStyle;
  readonly #clock: ProgressClock;
  readonly #meter: ProgressMeter;
  readonly #stop: () => void;
  #look: () => Partial<ProgressStart>;
  #ended = false;
  #pausedAt: number | undefined;
  #shown: string | undefined;
  #resuming: { text: string; until: number } | undefined;
  #plainAt: number;
  #plainTenth = 0;

  constructor(
    start: ProgressStart,
    display: {
      output: Output;
      style: ProgressStyle;
      clock?: ProgressClock;
      /** Asked before each draw what is known by now: cheaper than `update` for each file. */
      look?: () => Partial<ProgressStart>;
    },
  ) {
    this.#output = display.output;
    this.#style = display.style;
    this.#clock = display.clock ?? SYSTEM_CLOCK;
    this.#look = display.look ?? (() => ({}));
    const now = this.#clock.now();
    this.#meter = new ProgressMeter(start, now);
    this.#plainAt = now;
    this.#stop = this.#style === "none"
      ? () => {}
      : this.#clock.every(DRAW_MS, () => this.#tick());
  }

  /** False where the style is `none`. */
  get isShown(): boolean {
    return this.#style !== "none";
  }

  /** Counts bytes that were transferred. */
  add(bytes: number): void {
    this.#meter.add(bytes);
  }

  /** Goes on at another position, as when a transfer is resumed; the rate does not jump. */
  moveTo(done: number): void {
    this.#meter.moveTo(done, this.#clock.now());
  }

  /** Names what goes on (`verifying`); `undefined` is plain transfer. Shown at once. */
  phase(text: string | undefined): void {
    if (this.#meter.phase === text) return;
    this.#meter.phase = text;
    this.#tick(text !== undefined);
  }

  /** Says for a moment that a file goes on where it stopped, at so many percent of it. */
  resuming(percent: number): void {
    const until = this.#clock.now() + RESUMING_MS;
    this.#resuming = { text: `resuming at ${percent}%`, until };
    this.#tick(true);
    // In a log the next line may be long after.
    if (this.#style === "plain") this.#resuming = undefined;
  }

  /** Changes what became known meanwhile: the file at hand, the total, the count of files. */
  update(change: Partial<ProgressStart>): void {
    Object.assign(this.#meter, change);
  }

  /** Takes the line away while there is nothing to transfer. */
  pause(): void {
    if (this.#ended || this.#pausedAt !== undefined) return;
    this.#pausedAt = this.#clock.now();
    this.#meter.sample(this.#pausedAt);
    this.#meter.phase = undefined;
    this.#shown = undefined;
    if (this.#style === "line") this.#output.status(undefined);
  }

  /** Goes on behind {@link pause} with the next of what is one transfer to the user. */
  resume(look: () => Partial<ProgressStart>): void {
    this.#look = look;
    if (this.#pausedAt === undefined) return;
    this.#meter.passOver(this.#clock.now() - this.#pausedAt);
    this.#pausedAt = undefined;
  }

  /** Leaves a line with the average and the time it took. */
  finish(): void {
    if (this.#ended) return;
    this.#end();
    if (this.#style === "none") return;
    this.update(this.#look());
    const view = this.#meter.finalView(this.#clock.now());
    this.#output.settle(this.#render(view));
  }

  /** Takes the line away; for a failure, which has an error line of its own. */
  abandon(): void {
    if (this.#ended) return;
    this.#end();
    if (this.#style === "line") this.#output.status(undefined);
  }

  [Symbol.dispose](): void {
    this.abandon();
  }

  #end(): void {
    this.#ended = true;
    this.#stop();
  }

  /** Takes a look; what is `news` is worth a line in a log of its own. */
  #tick(news = false): void {
    if (this.#ended || this.#pausedAt !== undefined) return;
    if (this.#style === "none") return;
    const now = this.#clock.now();
    this.update(this.#look());
    this.#meter.sample(now);
    if (this.#resuming && now >= this.#resuming.until) {
      this.#resuming = undefined;
    }
    const view = this.#meter.view(now);
    const shown = { ...view, phase: view.phase ?? this.#resuming?.text };
    // Of a single file nothing is known yet.
    if (view.name === "" && !view.files && !shown.phase) return;
    if (this.#style === "line") this.#draw(shown);
    else if (this.#style === "plain") this.#log(shown, now, news);
  }

  /** The width is asked for each time, so a resized window is noticed without a signal. */
  #draw(view: ProgressView): void {
    const line = this.#render(view);
    if (line === this.#shown) return;
    this.#shown = line;
    this.#output.status(line);
  }

  #log(view: ProgressView, now: number, news: boolean): void {
    const silentMs = now - this.#plainAt;
    const tenth = view.total ? Math.floor(10 * view.done / view.total) : 0;
    const due = tenth > this.#plainTenth || silentMs >= PLAIN_MAX_MS;
    if (!news && (!due || silentMs < PLAIN_MIN_MS)) return;
    this.#plainAt = now;
    this.#plainTenth = tenth;
    this.#output.settle(renderPlainProgress(view));
  }

  /** One column stays free: terminals disagree about the cursor behind a full line. */
  #render(view: ProgressView): string {
    return this.#style === "line"
      ? renderProgress(view, this.#output.columns - 1)
      : renderPlainProgress(view);
  }
}
