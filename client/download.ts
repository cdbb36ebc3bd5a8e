/**
 * Downloads, over as many connections as it takes: requests are sent ahead while
 * answers are taken in order, what is here already is not sent again, and a file
 * gets its name only when its SHA-256 is right (SPEC.md 4).
 */

import { isConnectionLost, NetdiskError } from "../protocol/errors.ts";
import type { Frame } from "../protocol/frame.ts";
import type { ResponseOf } from "../protocol/messages.ts";
import {
  about,
  type Connection,
  expectResponse,
  serverError,
} from "./connection.ts";
import {
  type DownloadItem,
  type DownloadOutcome,
  type FileItem,
  IncomingFile,
} from "./incoming_file.ts";
import type { Beginning } from "./local_target.ts";
import { MIN_PARTIAL_BYTES } from "./partial_file.ts";
import { receiveSmall, SMALL_BYTES } from "./small_download.ts";

/** Requests that may be under way: the way to the server and back is then no wait. */
const MAX_AHEAD = 512;

/** So many are left when more are sent, or each answer would wake the sender. */
const MIN_AHEAD = MAX_AHEAD / 2;

/**
 * Unfinished files of earlier downloads that are held open at a time. An
 * interrupted command leaves one; what is beyond starts again.
 */
const MAX_BEGINNINGS = 16;

const FILE_ANSWERS = ["file", "error"] as const;
const RESUMED_ANSWERS = ["file", "error", "verifying"] as const;

/** Who wants to know how far it is. */
export interface DownloadObserver {
  /** What is here of a file is being read, or compared by the server. */
  verifying(item: FileItem): void;
  /** What was here of a file is of no use any more. */
  startsAgain(item: FileItem, reason: string): void;
  /** The bytes from `offset` on are about to come. */
  began(item: FileItem, size: number, offset: number): void;
  received(bytes: number): void;
  /** In the order of the items, once for each. */
  ended(outcome: DownloadOutcome): void;
}

/** One connection at work. */
interface Round {
  connection: Connection;
  isOver: boolean;
  /** Why nothing more is asked for. */
  fault?: unknown;
}

/**
 * The items of one command, downloaded in their order. Disposing leaves of the
 * unfinished ones what a later download can go on with.
 */
export class Downloads implements Disposable {
  readonly #observer: DownloadObserver;
  /** Never asked for yet. */
  #items: DownloadItem[];
  #next = 0;
  /** Without outcome: asked for, or to be asked for again. */
  #window: DownloadItem[] = [];
  /** How many of these this connection has been asked for. */
  #asked = 0;
  /** Wakes whoever waits for the other one: the sender for room, the reader for something to read. */
  #wake: (() => void) | undefined;
  /** Files that something is here of. */
  #files = new Map<DownloadItem, IncomingFile>();
  #restarts: boolean;

  /** @param restart what earlier downloads have left is taken, but not to go on with */
  constructor(
    items: DownloadItem[],
    observer: DownloadObserver,
    restart = false,
  ) {
    this.#items = items;
    this.#observer = observer;
    this.#restarts = restart;
  }

  /** Whether a later download would not start from nothing, once this is disposed of. */
  get isKept(): boolean {
    return [...this.#files.values()].some((file) => file.isKept);
  }

  /** True when all items have their outcome. */
  get isDone(): boolean {
    return this.#window.length === 0 && this.#next === this.#items.length;
  }

  /** Takes more items, once those before are done. */
  add(items: DownloadItem[]): void {
    this.#items = items;
    this.#next = 0;
  }

  /**
   * Takes what earlier downloads have left, and reads it. That may take minutes,
   * so no connection should wait for it.
   */
  async takeBeginnings(): Promise<void> {
    for (const item of this.#items) {
      if (this.#files.size === MAX_BEGINNINGS) return;
      if (item.target) await this.#takeBeginning(item);
    }
  }

  /**
   * Downloads the items that have no outcome yet. What happens to one of them is
   * reported to the observer.
   *
   * @param isFinal whether nothing follows that the connection is needed for
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async run(connection: Connection, isFinal = true): Promise<void> {
    this.#asked = 0;
    const round: Round = { connection, isOver: false };
    this.#ask(round);
    try {
      for (;;) {
        const item = this.#window[0];
        if (!item && this.#next === this.#items.length) break;
        if (this.#asked === 0) await this.#someAsked(round);
        else if (!item!.target) this.#end({ item: item!, ...item!.finish() });
        else await this.#answered(round, item!, isFinal);
      }
    } finally {
      round.isOver = true;
      this.#awake();
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file.suspend();
    this.#files.clear();
  }

  /** Asks for one item after the other. Never throws. */
  async #ask(round: Round): Promise<void> {
    const { channel } = round.connection;
    try {
      while (!round.isOver) {
        if (this.#asked >= MAX_AHEAD) {
          await this.#wait();
          continue;
        }
        const item = this.#window[this.#asked] ?? this.#pull();
        if (!item) return;
        if (item.target) {
          if (item.facts && item.facts.size >= MIN_PARTIAL_BYTES) {
            await this.#takeBeginning(item);
            if (round.isOver) return;
          }
          const { remotePath: path } = item;
          const prefix = this.#files.get(item)?.prefix ?? null;
          const going = channel.post({ type: "get", path, prefix });
          this.#asked++;
          if (this.#asked === 1) this.#awake();
          // Thousands of requests need no promise each.
          if (going) await going;
        } else {
          this.#asked++;
          if (this.#asked === 1) this.#awake();
        }
      }
    } catch (error) {
      round.fault = error;
      this.#awake();
    }
  }

  /** Waits until something is under way. @throws what asking failed with */
  async #someAsked({ connection, fault }: Round): Promise<void> {
    if (!fault) return await this.#wait();
    // Of a connection that broke under the sender the reader knows more.
    if (isConnectionLost(fault)) await connection.frame();
    throw fault;
  }

  #pull(): DownloadItem | undefined {
    const item = this.#items[this.#next];
    if (!item) return undefined;
    this.#next++;
    this.#window.push(item);
    return item;
  }

  /** Waits for the other one. Only one of both ever does. */
  #wait(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  async #takeBeginning(item: FileItem): Promise<void> {
    if (this.#files.has(item) || this.#files.size >= MAX_BEGINNINGS) return;
    const beginning = await item.target.takeBeginning();
    if (!beginning) return;
    const file = await this.#readBeginning(item, beginning);
    if (file) this.#files.set(item, file);
  }

  /** Undefined when it cannot be read: then it is gone. */
  async #readBeginning(
    item: FileItem,
    beginning: Beginning,
  ): Promise<IncomingFile | undefined> {
    if (!this.#restarts) this.#observer.verifying(item);
    try {
      return await IncomingFile.from(item, beginning, this.#restarts);
    } catch (error) {
      if (!(error instanceof NetdiskError)) throw error;
      this.#observer.startsAgain(item, "what is here of it cannot be read");
      return undefined;
    }
  }

  /** Takes the next item to its end. */
  async #answered(
    { connection }: Round,
    item: FileItem,
    isFinal: boolean,
  ): Promise<void> {
    const known = this.#files.get(item);
    const answer = await this.#answer(connection, item, known);
    if (answer.type === "error") {
      // About the name: what is here is as good as it was.
      known?.suspend();
      this.#end({ item, error: about(item.label, serverError(answer)) });
      return;
    }
    const { size, offset } = answer;
    if (known?.prefix && offset === 0) {
      const reason =
        "it has changed since it was interrupted, or what was kept is damaged";
      this.#observer.startsAgain(item, reason);
    }
    this.#observer.began(item, size, offset);
    let first: Frame | undefined;
    if (!known && offset === 0 && size <= SMALL_BYTES && item.target.store) {
      const small = await receiveSmall(
        connection,
        item,
        answer,
        (bytes) => this.#observer.received(bytes),
      );
      if ("item" in small) return this.#end(small);
      first = small;
    }
    const file = known ?? new IncomingFile(item);
    this.#files.set(item, file);
    let outcome: DownloadOutcome;
    const isLast = isFinal && this.#window.length === 1 &&
      this.#next === this.#items.length;
    try {
      outcome = await file.receive(connection, answer, {
        received: (bytes) => this.#observer.received(bytes),
        isLast,
        first,
      });
    } catch (error) {
      if (!file.error) throw error;
      // It has failed already; the connection is that of the others.
      this.#end({ item, error: file.error });
      if (!isLast) throw error;
      return;
    }
    this.#end(outcome);
  }

  async #answer(
    connection: Connection,
    item: FileItem,
    known: IncomingFile | undefined,
  ): Promise<ResponseOf<"file" | "error">> {
    for (;;) {
      const frame = connection.frameHere() ?? await connection.frame();
      const answer = known?.prefix
        ? expectResponse(frame, RESUMED_ANSWERS)
        : expectResponse(frame, FILE_ANSWERS);
      if (answer.type !== "verifying") return answer;
      this.#observer.verifying(item);
    }
  }

  #end(outcome: DownloadOutcome): void {
    if (this.#files.size > 0) this.#files.delete(outcome.item);
    this.#window.shift();
    this.#asked = Math.max(0, this.#asked - 1);
    if (this.#asked === MIN_AHEAD) this.#awake();
    this.#observer.ended(outcome);
  }
}
