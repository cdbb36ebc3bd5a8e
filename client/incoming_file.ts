/**
 * One file on its way: its local end, and the hash of what is there so far. It
 * outlives the connection that it comes over, so that the next one goes on.
 */

import { createHash, type Hash } from "node:crypto";
import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import { type Frame, FrameKind } from "../protocol/frame.ts";
import type { RequestOf, ResponseOf } from "../protocol/messages.ts";
import type { FileFacts } from "./compare.ts";
import {
  about,
  type Connection,
  expectResponse,
  serverError,
} from "./connection.ts";
import type { Beginning, LocalTarget } from "./local_target.ts";
import type { TargetWriter } from "./target_writer.ts";

/** One file to download. */
export interface FileItem {
  /** As the user wrote it. */
  label: string;
  /** In the form that crosses the wire. */
  remotePath: string;
  target: LocalTarget;
  /** What a listing says of it. */
  facts?: FileFacts;
}

/** A folder whose files are all done when it is its turn. */
export interface FolderItem {
  label: string;
  remotePath: string;
  target?: undefined;
  /** What is left to do with it. */
  finish(): { error?: NetdiskError };
}

export type DownloadItem = FileItem | FolderItem;

/** What became of one: size and hash, or the error that it met. */
export interface DownloadOutcome {
  item: DownloadItem;
  file?: { size: number; sha256: string; mtime: number | null };
  error?: NetdiskError;
}

/** What a `get` says about the bytes that are here already. */
export type Prefix = RequestOf<"get">["prefix"];

/** What to do with one `file`. */
export interface ReceiveOptions {
  received(bytes: number): void;
  /** Nothing follows that the connection is needed for. */
  isLast: boolean;
  /** What came behind its `file` already. */
  first?: Frame | undefined;
}

/** A file from before its first byte to its end, over any number of connections. */
export class IncomingFile {
  #item: FileItem;
  #writer: TargetWriter | undefined;
  #hash: Hash = createHash("sha256");
  /** Bytes that are written and hashed. */
  #there = 0;
  #left = 0;
  #writing: Promise<void> | undefined;
  #error: NetdiskError | undefined;

  constructor(item: FileItem) {
    this.#item = item;
  }

  /** A file that goes on, or with `restart` starts again, where an earlier download left it. */
  static async from(
    item: FileItem,
    { writer, read }: Beginning,
    restart: boolean,
  ): Promise<IncomingFile> {
    const file = new IncomingFile(item);
    file.#writer = writer;
    if (restart) return file;
    try {
      const { hash, size } = await read();
      file.#hash = hash;
      file.#there = size;
      return file;
    } catch (error) {
      writer.abort();
      throw error;
    }
  }

  /** The local failure of this file, which no other connection would mend. */
  get error(): NetdiskError | undefined {
    return this.#error;
  }

  /** What is here, for the next `get`; not while a connection is in use. */
  get prefix(): Prefix {
    if (this.#there === 0) return null;
    return { size: this.#there, sha256: this.#hash.copy().digest("hex") };
  }

  /** Whether {@link suspend} leaves something to go on with. */
  get isKept(): boolean {
    return this.#there > 0 && this.#writer?.isKept === true;
  }

  /**
   * Takes the file from its `file` to its end. When the disk fails the rest is
   * drained for the files that follow, unless this is the last one.
   *
   * @throws NetdiskError when the connection fails; what is there stays open
   * for the next one, unless the server broke the rules
   */
  async receive(
    connection: Connection,
    facts: ResponseOf<"file">,
    { received, isLast, first }: ReceiveOptions,
  ): Promise<DownloadOutcome> {
    let here = first;
    try {
      await this.#start(facts);
      while (this.#left > 0 && !(isLast && this.#error)) {
        const frame = here ?? await connection.frame();
        here = undefined;
        if (frame.kind === FrameKind.control) {
          // Before all data has come it can only be an error.
          return this.#refused(expectResponse(frame, ["error"]));
        }
        received(frame.payload.length);
        await this.#take(frame.payload, connection);
      }
      if (isLast && this.#error) return this.#failed();
      const end = expectResponse(await connection.frame(), ["done", "error"]);
      if (end.type === "error") return this.#refused(end);
      await this.#guard(() => this.#finish(end.sha256, facts));
      if (this.#error) return this.#failed();
      const { size, mtime } = facts;
      return { item: this.#item, file: { size, sha256: end.sha256, mtime } };
    } catch (error) {
      await this.#guard(() => this.#written());
      const isLost = error instanceof NetdiskError && error.code !== "protocol";
      if (!isLost) this.#abort();
      throw error;
    }
  }

  /** Closes it, and leaves what is there for the next download where that can be. */
  suspend(): void {
    this.#writer?.suspend();
    this.#writer = undefined;
  }

  async #start(facts: ResponseOf<"file">): Promise<void> {
    const { size, offset } = facts;
    if (offset > size || (offset > 0 && offset !== this.#there)) {
      throw new ProtocolError(
        "out-of-order",
        "the server goes on at a place that nobody named",
      );
    }
    this.#left = size - offset;
    if (offset === 0) {
      this.#hash = createHash("sha256");
      this.#there = 0;
    }
    await this.#guard(async () => {
      if (!this.#writer) this.#writer = await this.#item.target.open(facts);
      else if (offset === 0) this.#writer.restart();
    });
  }

  async #refused(answer: ResponseOf<"error">): Promise<DownloadOutcome> {
    await this.#guard(() => this.#written());
    this.#error ??= about(this.#item.label, serverError(answer));
    return this.#failed();
  }

  /** Hashes a piece while the last one is still being written. */
  async #take(payload: Uint8Array, connection: Connection): Promise<void> {
    this.#left -= payload.length;
    if (this.#left < 0) {
      throw new ProtocolError("out-of-order", "the server sent too much data");
    }
    if (this.#error) return;
    await this.#guard(async () => {
      await this.#written();
      const writing = this.#writer!.write(payload);
      if (writing) {
        this.#writing = writing.finally(connection.channel.keep());
        // A failure is seen when the next step awaits it.
        this.#writing.catch(() => {});
      }
      this.#hash.update(payload);
      this.#there += payload.length;
    });
  }

  async #finish(sha256: string, facts: ResponseOf<"file">): Promise<void> {
    if (this.#error) return;
    await this.#written();
    if (this.#hash.digest("hex") !== sha256) {
      throw new NetdiskError(
        "integrity",
        `${this.#item.label}: checksum mismatch, ${this.#item.target.afterFailure}`,
      );
    }
    this.#writer!.finish(facts);
  }

  #failed(): DownloadOutcome {
    this.#abort();
    return { item: this.#item, error: this.#error! };
  }

  #abort(): void {
    this.#writer?.abort();
    this.#writer = undefined;
    this.#there = 0;
  }

  /** Runs a local step; its failure is that of the file, not of the connection. */
  async #guard(step: () => Promise<void> | void): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof NetdiskError)) throw error;
      this.#error ??= error;
      await this.#writing?.catch(() => {});
      this.#abort();
    }
  }

  async #written(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    await writing;
  }
}
