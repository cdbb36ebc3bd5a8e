/**
 * Downloads, over as many connections as it takes: requests are sent ahead,
 * answers are taken in order, what is here already is not sent again, and a file
 * gets its name only when its SHA-256 is right (SPEC.md 4).
 */

import { NetdiskError } from "../protocol/errors.ts";
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
  IncomingFile,
} from "./incoming_file.ts";
import type { Beginning } from "./local_target.ts";

/** Requests that may be under way. */
const MAX_AHEAD = 32;

/**
 * Length of their paths; a character has up to 3 bytes. All of them together,
 * each with its prefix, fit the channel's queue, so that sending never waits:
 * meanwhile nobody would read, and the server may wait for just that.
 */
const MAX_AHEAD_CHARACTERS = 16 * 1024;

/**
 * Unfinished files of earlier downloads that are held open from the start. An
 * interrupted command leaves one; what is beyond starts again.
 */
const MAX_BEGINNINGS = 16;

/** Who wants to know how far it is. */
export interface DownloadObserver {
  /** What is here of a file is being read, or compared by the server. */
  verifying(item: DownloadItem): void;
  /** What was here of a file is of no use any more. */
  startsAgain(item: DownloadItem, reason: string): void;
  /** The bytes from `offset` on are about to come. */
  began(item: DownloadItem, size: number, offset: number): void;
  received(bytes: number): void;
  /** In the order of the items, once for each. */
  ended(outcome: DownloadOutcome): void;
}

/**
 * The items of one command, downloaded in their order. Disposing leaves of the
 * unfinished ones what a later download can go on with.
 */
export class Downloads implements Disposable {
  #items: readonly DownloadItem[];
  #observer: DownloadObserver;
  /** Of the first item without outcome. */
  #next = 0;
  /** Files that something is here of, by their index. */
  #files = new Map<number, IncomingFile>();

  constructor(items: readonly DownloadItem[], observer: DownloadObserver) {
    this.#items = items;
    this.#observer = observer;
  }

  /** Whether a later download would not start from nothing, once this is disposed of. */
  get isKept(): boolean {
    return [...this.#files.values()].some((file) => file.isKept);
  }

  /**
   * Takes what earlier downloads have left, and reads it. That may take minutes,
   * so no connection should wait for it.
   *
   * @param restart it is taken, but not to go on with
   */
  async takeBeginnings(restart: boolean): Promise<void> {
    for (const [index, item] of this.#items.entries()) {
      if (this.#files.size === MAX_BEGINNINGS) return;
      const beginning = await item.target.takeBeginning();
      if (!beginning) continue;
      const file = await this.#readBeginning(item, beginning, restart);
      if (file) this.#files.set(index, file);
    }
  }

  /**
   * Downloads the items that have no outcome yet. What happens to one of them is
   * reported to the observer.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async run(connection: Connection): Promise<void> {
    let sent = this.#next;
    let charactersAhead = 0;
    while (this.#next < this.#items.length) {
      const most = Math.min(this.#items.length, this.#next + MAX_AHEAD);
      while (sent < most && charactersAhead < MAX_AHEAD_CHARACTERS) {
        const path = this.#items[sent]!.remotePath;
        const prefix = this.#files.get(sent)?.prefix ?? null;
        charactersAhead += path.length;
        sent++;
        await connection.send({ type: "get", path, prefix });
      }
      charactersAhead -= this.#items[this.#next]!.remotePath.length;
      await this.#answered(connection);
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file.suspend();
    this.#files.clear();
  }

  /** Undefined when it cannot be read: then it is gone. */
  async #readBeginning(
    item: DownloadItem,
    beginning: Beginning,
    restart: boolean,
  ): Promise<IncomingFile | undefined> {
    if (!restart) this.#observer.verifying(item);
    try {
      return await IncomingFile.from(item, beginning, restart);
    } catch (error) {
      if (!(error instanceof NetdiskError)) throw error;
      this.#observer.startsAgain(item, "what is here of it cannot be read");
      return undefined;
    }
  }

  /** Takes the next item to its end. */
  async #answered(connection: Connection): Promise<void> {
    const index = this.#next;
    const item = this.#items[index]!;
    const file = this.#files.get(index) ?? new IncomingFile(item);
    const { prefix } = file;
    const answer = await this.#answer(connection, item, prefix !== null);
    if (answer.type === "error") {
      // About the name: what is here is as good as it was.
      file.suspend();
      this.#end({ item, error: about(item.label, serverError(answer)) });
      return;
    }
    this.#files.set(index, file);
    const { size, offset } = answer;
    if (prefix && offset === 0) {
      const reason =
        "it has changed since it was interrupted, or what was kept is damaged";
      this.#observer.startsAgain(item, reason);
    }
    this.#observer.began(item, size, offset);
    let outcome: DownloadOutcome;
    try {
      outcome = await file.receive(connection, answer, {
        received: (bytes) => this.#observer.received(bytes),
        isLast: index === this.#items.length - 1,
      });
    } catch (error) {
      if (!file.error) throw error;
      // It has failed already; the connection is that of the others.
      this.#end({ item, error: file.error });
      if (this.#next < this.#items.length) throw error;
      return;
    }
    this.#end(outcome);
  }

  async #answer(
    connection: Connection,
    item: DownloadItem,
    hasPrefix: boolean,
  ): Promise<ResponseOf<"file" | "error">> {
    for (;;) {
      const frame = await connection.frame();
      const answer = hasPrefix
        ? expectResponse(frame, ["file", "error", "verifying"])
        : expectResponse(frame, ["file", "error"]);
      if (answer.type !== "verifying") return answer;
      this.#observer.verifying(item);
    }
  }

  #end(outcome: DownloadOutcome): void {
    this.#files.delete(this.#next);
    this.#next++;
    this.#observer.ended(outcome);
  }
}
