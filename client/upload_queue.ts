/**
 * What is still to be uploaded. It is found out while it is sent, a bounded part
 * of it ahead, so that it is known early how much it is; and what has been sent
 * stays here until it has its outcome, as another connection may have to send it
 * again.
 */

import type { UploadItem } from "./pending_put.ts";

/** Items that may be known and not sent yet. */
const MAX_AHEAD = 20_000;

/** How long looking ahead may keep everything else waiting. */
const SLICE_MS = 5;

/** At the start nothing else waits. */
const FIRST_SLICE_MS = 50;

/** Until the next look when enough is known. */
const FULL_MS = 50;

/** Items between two looks at the clock. */
const STEP = 64;

export interface QueueOptions {
  /** Look ahead while others work; otherwise only at the start, and as far as needed. */
  looksAhead?: boolean;
  maxAhead?: number;
}

/** The items of one command, in their order. Disposing ends the looking ahead. */
export class UploadQueue implements Disposable {
  readonly #source: Iterator<UploadItem>;
  readonly #maxAhead: number;
  #ahead: UploadItem[] = [];
  /** Of the first that is still ahead. */
  #next = 0;
  /** Handed out and without outcome. */
  #unanswered: UploadItem[] = [];
  /** How many of these this connection has. */
  #sent = 0;
  #isComplete = false;
  #error: unknown;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #files = 0;
  #bytes: number | undefined = 0;
  #length = 0;

  constructor(source: Iterable<UploadItem>, options: QueueOptions = {}) {
    const { looksAhead = false, maxAhead = MAX_AHEAD } = options;
    this.#source = source[Symbol.iterator]();
    this.#maxAhead = maxAhead;
    this.#look(FIRST_SLICE_MS);
    if (looksAhead) this.#keepLooking();
  }

  /** Files that are known of, those that are done included. */
  get files(): number {
    return this.#files;
  }

  /** Of these files; undefined where a pipe is among them. */
  get bytes(): number | undefined {
    return this.#bytes;
  }

  /** Files and folders that are known of. */
  get length(): number {
    return this.#length;
  }

  /** The next item, if there is one. */
  get first(): UploadItem | undefined {
    return this.#peek();
  }

  /** True when nothing more will be found. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** True when all that was found has its outcome. */
  get isDone(): boolean {
    return !this.hasUnanswered && this.#peek() === undefined;
  }

  /** True when something was handed out and has no outcome. */
  get hasUnanswered(): boolean {
    return this.#unanswered.length > 0;
  }

  /** A new connection: what has no outcome is handed out again. */
  restart(): void {
    this.#sent = 0;
  }

  /** All that is to be sent over this connection, each when it is asked for. */
  left(): Iterable<UploadItem> {
    const next = (): IteratorResult<UploadItem> => {
      const value = this.take();
      return value === undefined ? { done: true, value } : { value };
    };
    // No generator: what fails between two items would end it.
    return { [Symbol.iterator]: () => ({ next }) };
  }

  /** The next item to send. */
  take(): UploadItem | undefined {
    const again = this.takeAgain();
    if (again) return again;
    const item = this.takeNew();
    if (item) this.handedOut(item);
    return item;
  }

  /** What another connection was to send. */
  takeAgain(): UploadItem | undefined {
    const item = this.#unanswered[this.#sent];
    if (item) this.#sent++;
    return item;
  }

  /** An item that was never sent; the caller says whether it is. */
  takeNew(): UploadItem | undefined {
    const item = this.#peek();
    if (!item) return undefined;
    this.#next++;
    if (this.#next >= 1024 && this.#next * 2 >= this.#ahead.length) {
      this.#ahead = this.#ahead.slice(this.#next);
      this.#next = 0;
    }
    return item;
  }

  /** From now on an outcome is due. */
  handedOut(item: UploadItem): void {
    this.#unanswered.push(item);
    this.#sent++;
  }

  /** The first of those that were handed out has its outcome. */
  ended(): void {
    this.#unanswered.shift();
    this.#sent = Math.max(0, this.#sent - 1);
  }

  /** It was found, and need not be sent. */
  forget({ source }: UploadItem): void {
    if (source === undefined || this.#bytes === undefined) return;
    this.#bytes -= source.size ?? 0;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isComplete = true;
    this.#source.return?.();
  }

  #peek(): UploadItem | undefined {
    if (this.#next >= this.#ahead.length) this.#step(1);
    if (this.#next >= this.#ahead.length && this.#error) throw this.#error;
    return this.#ahead[this.#next];
  }

  #keepLooking(): void {
    this.#timer = undefined;
    if (this.#isComplete) return;
    this.#timer = setTimeout(() => {
      this.#look(SLICE_MS);
      this.#keepLooking();
    }, this.#room > 0 ? 0 : FULL_MS);
  }

  get #room(): number {
    return this.#maxAhead - (this.#ahead.length - this.#next);
  }

  #look(ms: number): void {
    const end = performance.now() + ms;
    while (!this.#isComplete && this.#room > 0 && performance.now() < end) {
      this.#step(Math.min(STEP, this.#room));
    }
  }

  #step(count: number): void {
    if (this.#isComplete) return;
    try {
      for (let i = 0; i < count; i++) {
        const { done, value } = this.#source.next();
        if (done) {
          this.#isComplete = true;
          return;
        }
        this.#add(value);
      }
    } catch (error) {
      this.#error = error;
      this.#isComplete = true;
    }
  }

  #add(item: UploadItem): void {
    this.#ahead.push(item);
    this.#length++;
    if (item.source === undefined) return;
    this.#files++;
    const { size } = item.source;
    this.#bytes = size === null || this.#bytes === undefined
      ? undefined
      : this.#bytes + size;
  }
}
