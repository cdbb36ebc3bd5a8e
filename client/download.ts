/**
 * Downloads over one connection: requests are sent ahead, answers are taken in
 * order, and a file gets its name only when its SHA-256 is right (SPEC.md 4).
 */

import { createHash } from "node:crypto";
import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import { FrameKind } from "../protocol/frame.ts";
import type { ResponseOf } from "../protocol/messages.ts";
import {
  about,
  type Connection,
  expectResponse,
  serverError,
} from "./connection.ts";
import type { LocalTarget, TargetWriter } from "./local_target.ts";

/** Requests that may be under way. */
const MAX_AHEAD = 32;

/**
 * Length of their paths; a character has up to 3 bytes. All of them together
 * fit the channel's queue, so that sending never waits: meanwhile nobody would
 * read, and the server may wait for just that.
 */
const MAX_AHEAD_CHARACTERS = 16 * 1024;

/** One file to download. */
export interface DownloadItem {
  /** As the user wrote it. */
  label: string;
  /** In the form that crosses the wire. */
  remotePath: string;
  target: LocalTarget;
}

/** What became of one: size and hash, or the error that it met. */
export interface DownloadOutcome {
  item: DownloadItem;
  file?: { size: number; sha256: string; mtime: number | null };
  error?: NetdiskError;
}

/** Who wants to know how far it is. */
export interface DownloadObserver {
  /** A file's first bytes are about to come. */
  began(item: DownloadItem, size: number): void;
  received(bytes: number): void;
  /** In the order of the items. */
  ended(outcome: DownloadOutcome): void;
}

/**
 * Downloads the items in their order. What happens to one of them is reported
 * to the observer.
 *
 * @throws NetdiskError when the connection fails; items without outcome were
 * not downloaded, and nothing of them is left
 */
export async function downloadAll(
  connection: Connection,
  items: readonly DownloadItem[],
  observer: DownloadObserver,
): Promise<void> {
  let sent = 0;
  let charactersAhead = 0;
  for (const [index, item] of items.entries()) {
    const most = Math.min(items.length, index + MAX_AHEAD);
    while (sent < most && charactersAhead < MAX_AHEAD_CHARACTERS) {
      const path = items[sent++]!.remotePath;
      charactersAhead += path.length;
      await connection.send({ type: "get", path, prefix: null });
    }
    charactersAhead -= item.remotePath.length;
    const answer = expectResponse(await connection.frame(), ["file", "error"]);
    if (answer.type === "error") {
      observer.ended({ item, error: about(item.label, serverError(answer)) });
      continue;
    }
    observer.began(item, answer.size);
    const incoming = new IncomingFile(connection, item, answer);
    const isLast = index === items.length - 1;
    observer.ended(await incoming.receive(observer, isLast));
  }
}

/** The answer to one `get`, from its first data frame on. */
class IncomingFile {
  #connection: Connection;
  #item: DownloadItem;
  #facts: ResponseOf<"file">;
  #hash = createHash("sha256");
  #left: number;
  #writer: TargetWriter | undefined;
  #writing: Promise<void> | undefined;
  #error: NetdiskError | undefined;

  constructor(
    connection: Connection,
    item: DownloadItem,
    facts: ResponseOf<"file">,
  ) {
    this.#connection = connection;
    this.#item = item;
    this.#facts = facts;
    this.#left = facts.size;
  }

  /**
   * Takes the file to its end. When the disk fails the rest is drained for the
   * files that follow, unless this is the last one.
   */
  async receive(
    observer: DownloadObserver,
    isLast: boolean,
  ): Promise<DownloadOutcome> {
    try {
      await this.#guard(() => {
        this.#writer = this.#item.target.open(this.#facts);
      });
      while (this.#left > 0 && !(isLast && this.#error)) {
        const frame = await this.#connection.frame();
        if (frame.kind === FrameKind.control) {
          // Before all data has come it can only be an error.
          return this.#refused(expectResponse(frame, ["error"]));
        }
        observer.received(frame.payload.length);
        await this.#take(frame.payload);
      }
      if (isLast && this.#error) return this.#failed();
      const end = expectResponse(await this.#connection.frame(), [
        "done",
        "error",
      ]);
      if (end.type === "error") return this.#refused(end);
      await this.#guard(() => this.#finish(end.sha256));
      if (this.#error) return this.#failed();
      const { size, mtime } = this.#facts;
      return { item: this.#item, file: { size, sha256: end.sha256, mtime } };
    } catch (error) {
      await this.#writing?.catch(() => {});
      this.#writer?.abort();
      throw error;
    }
  }

  async #refused(answer: ResponseOf<"error">): Promise<DownloadOutcome> {
    await this.#writing?.catch(() => {});
    this.#error ??= about(this.#item.label, serverError(answer));
    return this.#failed();
  }

  /** Hashes a piece while the last one is still being written. */
  async #take(payload: Uint8Array): Promise<void> {
    this.#left -= payload.length;
    if (this.#left < 0) {
      throw new ProtocolError("out-of-order", "the server sent too much data");
    }
    if (this.#error) return;
    this.#hash.update(payload);
    await this.#guard(async () => {
      await this.#written();
      const writing = this.#writer!.write(payload);
      if (!writing) return;
      this.#writing = writing.finally(this.#connection.channel.keep());
      // A failure is seen when the next step awaits it.
      this.#writing.catch(() => {});
    });
  }

  async #finish(sha256: string): Promise<void> {
    if (this.#error) return;
    await this.#written();
    if (this.#hash.digest("hex") !== sha256) {
      throw new NetdiskError(
        "integrity",
        `${this.#item.label}: checksum mismatch, ${this.#item.target.afterFailure}`,
      );
    }
    this.#writer!.finish();
  }

  #failed(): DownloadOutcome {
    this.#writer?.abort();
    return { item: this.#item, error: this.#error! };
  }

  /** Runs a local step; its failure is that of the file, not of the connection. */
  async #guard(step: () => Promise<void> | void): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof NetdiskError)) throw error;
      this.#error ??= error;
      await this.#writing?.catch(() => {});
      this.#writer?.abort();
      this.#writer = undefined;
    }
  }

  async #written(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    await writing;
  }
}
