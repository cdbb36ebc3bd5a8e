/**
 * Uploads over one connection: many small files without a round trip each,
 * large ones asked for first and continued where an earlier upload stopped,
 * answers read while data is sent (SPEC.md 4).
 */

import { createHash, type Hash } from "node:crypto";
import { BLOCK_HEADROOM } from "../protocol/channel.ts";
import { isConnectionLost, NetdiskError } from "../protocol/errors.ts";
import { type Connection, expectResponse } from "./connection.ts";
import { keepAlive, WAITING_MS } from "./keep_alive.ts";
import type { SourceReader } from "./local_source.ts";
import {
  changed,
  isNotice,
  outcomeOf,
  PendingPut,
  type UploadItem,
  type UploadOutcome,
} from "./pending_put.ts";
import { compareBeginning } from "./resume.ts";

/** Bytes that are read and sent at a time. */
const BLOCK_BYTES = 256 * 1024;

/** Up to this size a file is sent without asking first. */
const SMALL_BYTES = BLOCK_BYTES;

/** Uploads that may wait for their receipts; the server allows 64 (SPEC.md 9). */
const MAX_PENDING = 64;

/** Who wants to know how far it is. */
export interface UploadObserver {
  /** A file is about to be sent. */
  began(item: UploadItem): void;
  /** The server has `offset` bytes, which are compared with the file's beginning. */
  comparing(item: UploadItem, offset: number): void;
  /**
   * The data of a large file begins behind `offset` bytes, which the server has.
   *
   * @param differs that is 0 as what the server had is not the file's beginning
   */
  starts(item: UploadItem, offset: number, differs: boolean): void;
  /** All is there, but the server's disk takes its time. */
  flushing(): void;
  /** So many bytes were handed to the connection. */
  sent(bytes: number): void;
  /** In the order of the items. */
  ended(outcome: UploadOutcome): void;
}

export interface UploadOptions {
  /** False for an item that is to be sent whole, whatever the server has. @default true */
  mayResume?: (item: UploadItem) => boolean;
}

/** Sends the items in their order. A class of one run; see {@link uploadAll}. */
class Uploader {
  #connection: Connection;
  #observer: UploadObserver;
  #mayResume: (item: UploadItem) => boolean;
  #pending: PendingPut[] = [];
  #reading: Promise<void> | undefined;
  #room: (() => void) | undefined;
  #failure: unknown;

  constructor(
    connection: Connection,
    observer: UploadObserver,
    options: UploadOptions,
  ) {
    this.#connection = connection;
    this.#observer = observer;
    this.#mayResume = options.mayResume ?? (() => true);
  }

  async run(items: Iterable<UploadItem>): Promise<void> {
    // Data before the session is accepted would end the connection.
    await this.#connection.ready();
    try {
      for (const item of items) {
        await this.#roomForOne();
        this.#observer.began(item);
        await this.#sendFile(item);
      }
      await this.#answered();
    } catch (error) {
      // Of a connection that broke under the writer the reader knows more.
      if (isConnectionLost(error)) await this.#reading;
      throw this.#failure ?? error;
    }
  }

  /** Waits for every answer that is due. @throws NetdiskError of the connection */
  async #answered(): Promise<void> {
    // The reader may be waiting already: what is queued would never leave.
    await this.#connection.channel.flush();
    await this.#reading;
    if (this.#failure) throw this.#failure;
  }

  async #sendFile(item: UploadItem): Promise<void> {
    let reader: SourceReader;
    try {
      reader = item.source.open();
    } catch (error) {
      // In its turn: results come in the order of the items.
      await this.#answered();
      this.#observer.ended({ item, error: error as NetdiskError });
      return;
    }
    try {
      await this.#sendOpened(item, reader);
    } finally {
      reader.close();
    }
  }

  async #sendOpened(item: UploadItem, reader: SourceReader): Promise<void> {
    const { source, remotePath: path } = item;
    const { size, mtime, executable } = source;
    const ask = size === null || size > SMALL_BYTES;
    const put = new PendingPut(item, ask);
    await this.#connection.send({
      type: "put",
      path,
      size,
      mtime,
      executable,
      ask,
      replace: true,
    });
    this.#pending.push(put);
    this.#reading ??= this.#readAnswers();
    let offset: number | undefined;
    if (ask) {
      await this.#connection.channel.flush();
      offset = await put.go;
      if (offset === undefined) return;
    }
    try {
      if (offset === undefined) await this.#sendSmall(put, reader);
      else await this.#sendLarge(put, reader, offset);
    } catch (error) {
      if (this.#failure || !isLocal(error)) throw error;
      put.localError = error;
    }
    const { answered, localError } = put;
    if (!answered) put.state = localError ? "cancelled" : "committed";
    await this.#connection.send(
      answered || localError
        ? { type: "cancel" }
        : { type: "commit", size: put.size, sha256: put.sha256 },
    );
  }

  /** One read, one hash, one frame. */
  async #sendSmall(put: PendingPut, reader: SourceReader): Promise<void> {
    const size = put.item.source.size ?? 0;
    // A file that has no size may still have bytes, as those of /proc do.
    const room = new Uint8Array(BLOCK_HEADROOM + Math.max(1, size));
    const count = reader.readSync(room.subarray(BLOCK_HEADROOM));
    if (count !== size || reader.hasChanged()) throw changed(put);
    const block = room.subarray(0, BLOCK_HEADROOM + size);
    const data = block.subarray(BLOCK_HEADROOM);
    put.sha256 = createHash("sha256").update(data).digest("hex");
    put.size = size;
    if (size > 0) await this.#connection.channel.sendBlock(block);
    this.#observer.sent(size);
  }

  /** Sends what the server does not have: it offers the bytes before `offset`. */
  async #sendLarge(
    put: PendingPut,
    reader: SourceReader,
    offset: number,
  ): Promise<void> {
    const { item } = put;
    if (offset === 0) {
      this.#observer.starts(item, 0, false);
      return await this.#sendRest(put, reader, createHash("sha256"));
    }
    const mayResume = this.#mayResume(item);
    if (mayResume) this.#observer.comparing(item, offset);
    const agreed = await compareBeginning(this.#connection, put, reader, {
      offset,
      mayResume,
    });
    if (this.#failure) throw this.#failure;
    if (agreed === undefined) return;
    put.size = agreed.offset;
    const differs = mayResume && agreed.offset === 0;
    this.#observer.starts(item, agreed.offset, differs);
    await this.#sendRest(put, reader, agreed.hash);
  }

  /** Reads a block while the one before it is hashed and sent. */
  async #sendRest(
    put: PendingPut,
    reader: SourceReader,
    hash: Hash,
  ): Promise<void> {
    const { size } = put.item.source;
    let block = newBlock();
    let spare = newBlock();
    let next = this.#readBlock(put, reader, block);
    let isWaiting = false;
    // A disk answers, or fails; a pipe may be silent for as long as it likes.
    using _alive = size === null
      ? keepAlive(this.#connection, put, WAITING_MS, () => isWaiting)
      : undefined;
    try {
      for (;;) {
        isWaiting = true;
        const count = await put.orEnd(next);
        isWaiting = false;
        if (count === 0 || put.answered) break;
        const full = block.subarray(0, BLOCK_HEADROOM + count);
        put.size += count;
        next = this.#readBlock(put, reader, spare);
        // Seen when it is awaited.
        next.catch(() => {});
        hash.update(full.subarray(BLOCK_HEADROOM));
        await this.#connection.channel.sendBlock(full);
        // The next bytes of a pipe may take their time.
        if (size === null) await this.#connection.channel.flush();
        this.#observer.sent(count);
        [block, spare] = [spare, block];
      }
    } finally {
      // A read under way still uses a file's descriptor.
      next.catch(() => {});
      if (size !== null) await next.catch(() => {});
    }
    if (this.#failure) throw this.#failure;
    if (!put.answered && size !== null) {
      if (put.size !== size || reader.hasChanged()) throw changed(put);
    }
    put.sha256 = hash.digest("hex");
  }

  /** Never more than was announced: a file may grow while it is read. */
  #readBlock(
    put: PendingPut,
    reader: SourceReader,
    block: Uint8Array,
  ): Promise<number> {
    const { size } = put.item.source;
    const left = size === null ? BLOCK_BYTES : size - put.size;
    const wanted = Math.min(BLOCK_BYTES, left);
    return reader.read(
      block.subarray(BLOCK_HEADROOM, BLOCK_HEADROOM + wanted),
    );
  }

  /** Waits until another upload may be begun. */
  async #roomForOne(): Promise<void> {
    while (this.#pending.length >= MAX_PENDING) {
      // The answer may be here before the flush is done.
      const room = new Promise<void>((resolve) => this.#room = resolve);
      await this.#connection.channel.flush();
      await room;
    }
    if (this.#failure) throw this.#failure;
  }

  /** Reads answers as long as any is due. Never throws: see #failure. */
  async #readAnswers(): Promise<void> {
    try {
      while (this.#pending.length > 0) await this.#readAnswer();
    } catch (error) {
      this.#failure ??= error;
      for (const put of this.#pending) put.end();
      this.#pending = [];
      // The writer must not wait for a peer that we do not listen to.
      this.#connection.close();
    } finally {
      this.#reading = undefined;
      this.#room?.();
    }
  }

  async #readAnswer(): Promise<void> {
    const frame = await this.#connection.frame();
    const put = this.#pending[0]!;
    const answer = expectResponse(frame, [
      "continue",
      "verifying",
      "working",
      "receipt",
      "cancelled",
      "error",
    ]);
    put.answer(answer);
    if (answer.type === "working" && put.state === "committed") {
      this.#observer.flushing();
    }
    if (answer.type === "continue" || isNotice(answer)) return;
    this.#pending.shift();
    this.#room?.();
    this.#observer.ended(outcomeOf(put, answer));
  }
}

/**
 * Uploads the items in their order. What happens to one of them is reported to
 * the observer.
 *
 * @throws NetdiskError when the connection fails; items without outcome were
 * not uploaded, as far as this side knows
 */
export function uploadAll(
  connection: Connection,
  items: Iterable<UploadItem>,
  observer: UploadObserver,
  options: UploadOptions = {},
): Promise<void> {
  return new Uploader(connection, observer, options).run(items);
}

function newBlock(): Uint8Array {
  return new Uint8Array(BLOCK_HEADROOM + BLOCK_BYTES);
}

/** A failure of the source: the connection is fine, and the other files go on. */
function isLocal(error: unknown): error is NetdiskError {
  return error instanceof NetdiskError &&
    ["changed", "local-io", "not-found", "disk-full"].includes(error.code);
}
