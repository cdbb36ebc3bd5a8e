/**
 * Uploads over one connection: many small files without a round trip each,
 * large ones asked for first and continued where an earlier upload stopped,
 * answers read while data is sent (SPEC.md 4).
 */

import { hash } from "node:crypto";
import { BLOCK_HEADROOM } from "../protocol/channel.ts";
import { isConnectionLost, NetdiskError } from "../protocol/errors.ts";
import type { Frame } from "../protocol/frame.ts";
import { type Connection, expectResponse, serverError } from "./connection.ts";
import { type LargeObserver, sendData } from "./large_upload.ts";
import type { SourceReader } from "./local_source.ts";
import {
  changed,
  type FileItem,
  type FolderItem,
  isNotice,
  outcomeOf,
  PendingPut,
  refusal,
  type UploadItem,
  type UploadOutcome,
} from "./pending_put.ts";

/** Up to this size a file is read whole, and sent in one frame. */
const SMALL_BYTES = 256 * 1024;

/**
 * A larger file is asked for, as the server may have the beginning of it. To ask
 * takes a round trip, and the time that the disk needs for the files before it:
 * up to this size it is cheaper to send a file again.
 */
const ASK_ABOVE_BYTES = 8 * 1024 * 1024;

/** The same where the rate is limited and a block is small: a second of the line. */
const ASK_ABOVE_BLOCKS = 10;

/** Changes that may wait for their answers: as many as the server allows (SPEC.md 9). */
const MAX_PENDING = 1024;

const PUT_ANSWERS = [
  "continue",
  "verifying",
  "working",
  "receipt",
  "cancelled",
  "error",
] as const;
const FOLDER_ANSWERS = ["ok", "working", "error"] as const;

/** Who wants to know how far it is. */
export interface UploadObserver extends LargeObserver {
  /** A file or folder is about to be sent. */
  began(item: UploadItem): void;
  /** What the server gets of the file is there for a later upload, should this one break off. */
  asked(item: FileItem): void;
  /** All is there, but the server's disk takes its time. */
  flushing(): void;
  /** In the order of the items. */
  ended(outcome: UploadOutcome): void;
}

export interface UploadOptions {
  /** False for an item that is to be sent whole, whatever the server has. @default true */
  mayResume?: (item: FileItem) => boolean;
  /** False when what the server has of that name stays: then the outcome is `exists`. @default true */
  replace?: boolean;
  /** The server is asked about larger files, in bytes. @default 8 MiB, less where the rate is limited */
  askAbove?: number | undefined;
}

/** What is due, in the order of the items: an answer, or for what has failed here none. */
type Pending = PendingPut | { folder: FolderItem } | UploadOutcome;

/** Sends the items in their order. A class of one run; see {@link uploadAll}. */
class Uploader {
  #connection: Connection;
  #observer: UploadObserver;
  #mayResume: (item: FileItem) => boolean;
  #replace: boolean;
  #askAbove: number;
  #pending: Pending[] = [];
  #reading: Promise<void> | undefined;
  #room: (() => void) | undefined;
  #failure: unknown;
  /** For one small file after the other. */
  #block = new Uint8Array(BLOCK_HEADROOM + SMALL_BYTES);

  constructor(
    connection: Connection,
    observer: UploadObserver,
    options: UploadOptions,
  ) {
    const { mayResume = () => true, replace = true } = options;
    this.#askAbove = options.askAbove ??
      Math.min(ASK_ABOVE_BYTES, ASK_ABOVE_BLOCKS * connection.blockBytes);
    this.#connection = connection;
    this.#observer = observer;
    this.#mayResume = mayResume;
    this.#replace = replace;
  }

  async run(items: Iterable<UploadItem>): Promise<void> {
    // Data before the session is accepted would end the connection.
    await this.#connection.ready();
    try {
      for (const item of items) {
        if (this.#pending.length >= MAX_PENDING) await this.#roomForOne();
        if (this.#failure) throw this.#failure;
        this.#observer.began(item);
        const sending = this.#send(item);
        // Thousands of small files need no promise each.
        if (sending) await sending;
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

  #send(item: UploadItem): Promise<void> | undefined {
    if (item.source === undefined) return this.#sendFolder(item);
    const { size } = item.source;
    return size !== null && size <= SMALL_BYTES
      ? this.#sendSmall(item, size)
      : this.#sendLarge(item);
  }

  #sendFolder(folder: FolderItem): Promise<void> | undefined {
    const { remotePath: path, mtime } = folder;
    const { channel } = this.#connection;
    const going = channel.post({ type: "mkdir", path, parents: true, mtime });
    this.#expect({ folder });
    return going;
  }

  /** One read, one hash, one frame; what cannot be read is not announced. */
  #sendSmall(item: FileItem, size: number): Promise<void> | undefined {
    const put = new PendingPut(item, false);
    const block = this.#block.subarray(0, BLOCK_HEADROOM + size);
    try {
      this.#readSmall(item, size);
    } catch (error) {
      return this.#failed(item, error);
    }
    put.sha256 = hash("sha256", block.subarray(BLOCK_HEADROOM), "hex");
    put.size = size;
    const going = this.#announce(put);
    this.#expect(put);
    return going
      ? going.then(() => this.#sendBlock(put, block))
      : this.#sendBlock(put, block);
  }

  #readSmall(item: FileItem, size: number): void {
    const reader = item.source.open();
    try {
      // A file that has no size may still have bytes, as those of /proc do.
      const end = BLOCK_HEADROOM + Math.max(1, size);
      const room = this.#block.subarray(BLOCK_HEADROOM, end);
      const count = reader.readSync(room);
      if (count !== size || reader.hasChanged()) throw changed(item);
    } finally {
      reader.close();
    }
  }

  #sendBlock(put: PendingPut, block: Uint8Array): Promise<void> | undefined {
    const going = put.size > 0
      ? this.#connection.channel.postBlock(block)
      : undefined;
    return going ? going.then(() => this.#end(put)) : this.#end(put);
  }

  #end(put: PendingPut): Promise<void> | undefined {
    this.#observer.sent(put.size);
    return this.#commit(put);
  }

  async #sendLarge(item: FileItem): Promise<void> {
    let reader: SourceReader;
    try {
      reader = item.source.open();
    } catch (error) {
      return this.#failed(item, error);
    }
    try {
      const { size } = item.source;
      const put = new PendingPut(item, size === null || size > this.#askAbove);
      await this.#announce(put);
      this.#expect(put);
      const offset = await this.#offsetOf(put);
      if (offset === undefined) return;
      try {
        await sendData(this.#connection, put, reader, {
          offset,
          observer: this.#observer,
          mayResume: this.#mayResume(item),
          check: () => {
            if (this.#failure) throw this.#failure;
          },
        });
      } catch (error) {
        if (this.#failure || !isLocal(error)) throw error;
        put.localError = error;
      }
      await this.#commit(put);
    } finally {
      reader.close();
    }
  }

  /** Where the server has it from; undefined when it does not want it. */
  async #offsetOf(put: PendingPut): Promise<number | undefined> {
    if (put.state !== "asked") return 0;
    await this.#connection.channel.flush();
    const offset = await put.go;
    if (offset !== undefined) this.#observer.asked(put.item);
    return offset;
  }

  #announce({ item, state }: PendingPut): Promise<void> | undefined {
    const { size, mtime, executable } = item.source;
    return this.#connection.channel.post({
      type: "put",
      path: item.remotePath,
      size,
      mtime,
      executable,
      ask: state === "asked",
      replace: this.#replace,
    });
  }

  #commit(put: PendingPut): Promise<void> | undefined {
    const { answered, localError, size, sha256 } = put;
    if (!answered) put.state = localError ? "cancelled" : "committed";
    return this.#connection.channel.post(
      answered || localError
        ? { type: "cancel" }
        : { type: "commit", size, sha256 },
    );
  }

  /** The file is not sent; it is told of in its turn. @throws what is no failure of the file */
  #failed(item: FileItem, error: unknown): undefined {
    if (!isLocal(error)) throw error;
    this.#pending.push({ item, error });
    this.#settle();
  }

  #expect(pending: Pending): void {
    this.#pending.push(pending);
    this.#reading ??= this.#readAnswers();
  }

  /** Waits until another upload may be begun. */
  async #roomForOne(): Promise<void> {
    while (this.#pending.length >= MAX_PENDING) {
      // The answer may be here before the flush is done.
      const room = new Promise<void>((resolve) => this.#room = resolve);
      await this.#connection.channel.flush();
      await room;
    }
  }

  /** Reads answers as long as any is due. Never throws: see #failure. */
  async #readAnswers(): Promise<void> {
    try {
      for (;;) {
        const pending = this.#pending[0];
        if (!pending) break;
        const frame = this.#connection.frameHere() ??
          await this.#connection.frame();
        if (!this.#isAnswered(frame, pending)) continue;
        this.#settle();
        this.#room?.();
      }
    } catch (error) {
      this.#failure ??= error;
      for (const put of this.#pending) {
        if (put instanceof PendingPut) put.end();
      }
      this.#pending = [];
      // The writer must not wait for a peer that we do not listen to.
      this.#connection.close();
    } finally {
      this.#reading = undefined;
      this.#room?.();
    }
  }

  /** True when it was the last word about the item. */
  #isAnswered(frame: Frame, pending: Pending): boolean {
    if (pending instanceof PendingPut) {
      const answer = expectResponse(frame, PUT_ANSWERS);
      pending.answer(answer);
      if (answer.type === "working" && pending.state === "committed") {
        this.#observer.flushing();
      }
      if (answer.type === "continue" || isNotice(answer)) return false;
      this.#pending.shift();
      this.#observer.ended(outcomeOf(pending, answer));
    } else if ("folder" in pending) {
      const { folder: item } = pending;
      const answer = expectResponse(frame, FOLDER_ANSWERS);
      if (answer.type === "working") {
        this.#observer.flushing();
        return false;
      }
      this.#pending.shift();
      this.#observer.ended(
        answer.type === "ok"
          ? { item }
          : { item, error: refusal(item, serverError(answer)) },
      );
    }
    return true;
  }

  /** Tells of the failures whose turn has come. */
  #settle(): void {
    for (;;) {
      const first = this.#pending[0];
      if (!first || !("error" in first)) return;
      this.#pending.shift();
      this.#observer.ended(first);
    }
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

const LOCAL_CODES: readonly NetdiskError["code"][] = [
  "changed",
  "local-io",
  "not-found",
  "not-folder",
  "disk-full",
];

/** A failure of the source: the connection is fine, and the other files go on. */
function isLocal(error: unknown): error is NetdiskError {
  return error instanceof NetdiskError &&
    LOCAL_CODES.includes(error.code);
}
