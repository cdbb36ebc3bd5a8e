/**
 * A put on a connection: from the request to the answer. Takes the data frames
 * that follow, lets the disk work while the next frame arrives, and gives the
 * files their names in the order in which they were sent.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import { FrameKind } from "../protocol/frame.ts";
import {
  decodeRequest,
  type RequestOf,
  type Response,
  type ResponseOf,
} from "../protocol/messages.ts";
import type { ReplyQueue } from "./reply_queue.ts";
import type { UserStorage } from "./storage.ts";
import type { Upload } from "./upload.ts";

/** How one put ended, for the log. */
export type UploadListener = (
  request: RequestOf<"put">,
  receipt: ResponseOf<"receipt">,
) => void;

const TAKEN_OVER = "the upload goes on on another connection";

/** Receives the uploads of one session. */
export class UploadReceiver {
  #channel: FrameChannel;
  #replies: ReplyQueue;
  #onReceipt: UploadListener;
  #drop: (reason: string) => void;
  #lastPublished: Promise<void> = Promise.resolve();

  constructor(
    channel: FrameChannel,
    replies: ReplyQueue,
    onReceipt: UploadListener,
    drop: (reason: string) => void,
  ) {
    this.#channel = channel;
    this.#replies = replies;
    this.#onReceipt = onReceipt;
    this.#drop = drop;
  }

  /**
   * Reads one upload up to its end and queues its answer.
   *
   * @throws NetdiskError when the connection is lost or breaks the protocol;
   * a later upload may go on with what came.
   */
  async receive(
    storage: UserStorage,
    request: RequestOf<"put">,
  ): Promise<void> {
    // What is there already is to be what the puts before it have left there;
    // 'continue' comes behind their receipts anyway.
    if (request.ask) await this.#replies.drained();
    let upload: Upload | undefined;
    try {
      upload = await storage.beginPut(request, {
        received: () => this.#channel.traffic.received,
        drop: () => this.#drop(TAKEN_OVER),
      });
    } catch (error) {
      await this.#replies.push(Promise.reject(error));
      if (request.ask) return;
    }
    if (upload && request.ask) {
      try {
        await this.#reply({ type: "continue", offset: upload.offset });
      } catch (error) {
        upload.suspend();
        throw error;
      }
    }
    const transfer = new IncomingTransfer(
      this.#channel,
      upload,
      (response) => this.#reply(response),
    );
    const end = await transfer.run((error) =>
      this.#replies.push(Promise.reject(error))
    );
    if (!transfer.upload) return;
    if (end.type === "cancel") {
      transfer.upload.abort();
      return this.#replies.push(Promise.resolve({ type: "cancelled" }));
    }
    transfer.upload.complete();
    const leave = await storage.waitForDisk();
    return this.#replies.push(
      this.#commit(transfer.upload, request, end, leave),
    );
  }

  /** Sends a word that ends nothing. @throws NetdiskError when nobody is there */
  async #reply(response: Response): Promise<void> {
    await this.#replies.push(Promise.resolve(response));
    await this.#replies.drained();
  }

  async #commit(
    upload: Upload,
    request: RequestOf<"put">,
    commit: RequestOf<"commit">,
    onClosed: () => void,
  ): Promise<ResponseOf<"receipt">> {
    // Syncs overlap; names are given in order, so that of two puts to one name
    // the later one stays.
    const before = this.#lastPublished;
    const published = Promise.withResolvers<void>();
    this.#lastPublished = published.promise;
    try {
      await upload.finish(commit);
      await before;
      upload.publish();
    } finally {
      onClosed();
      before.then(published.resolve);
    }
    const receipt = await upload.settle();
    this.#onReceipt(request, receipt);
    return receipt;
  }
}

/** The frames of one upload. After a failure it only drains them. */
class IncomingTransfer {
  /** The upload, until it fails. */
  upload: Upload | undefined;
  #channel: FrameChannel;
  #reply: (response: Response) => Promise<void>;
  #writing: Promise<void> | undefined;
  /** The client is to say what it has of the bytes that are here already. */
  #awaitsPrefix: boolean;

  constructor(
    channel: FrameChannel,
    upload: Upload | undefined,
    reply: (response: Response) => Promise<void>,
  ) {
    this.#channel = channel;
    this.upload = upload;
    this.#reply = reply;
    this.#awaitsPrefix = upload !== undefined && upload.offset > 0;
  }

  /** Reads up to `commit` or `cancel`; `onFailure` hears of the first failure. */
  async run(
    onFailure: (error: unknown) => Promise<void>,
  ): Promise<RequestOf<"commit"> | RequestOf<"cancel">> {
    try {
      if (this.#awaitsPrefix) this.#verify();
      for (;;) {
        const frame = await this.#channel.read();
        if (!frame) {
          throw new NetdiskError(
            "connection-lost",
            "the connection ended in the middle of an upload",
          );
        }
        if (frame.kind === FrameKind.data) {
          this.#checkOrder("a data frame", !this.#awaitsPrefix);
          await this.#guard(onFailure, () => this.#take(frame.payload));
          continue;
        }
        const request = decodeRequest(frame.payload);
        switch (request.type) {
          case "waiting":
            // That bytes moved is all that it says: see deadlines.ts.
            break;
          case "prefix":
            this.#checkOrder("'prefix'", this.#awaitsPrefix);
            this.#awaitsPrefix = false;
            await this.#guard(onFailure, () => this.#resume(request.sha256));
            break;
          case "commit":
            this.#checkOrder("'commit'", !this.#awaitsPrefix);
            await this.#guard(onFailure, () => this.#written());
            return request;
          case "cancel":
            await this.#guard(onFailure, () => this.#written());
            return request;
          default:
            this.#checkOrder(`'${request.type}'`, false);
        }
      }
    } catch (error) {
      await this.#writing?.catch(() => {});
      this.upload?.suspend();
      throw error;
    }
  }

  #checkOrder(what: string, isInOrder: boolean): void {
    if (isInOrder) return;
    throw new ProtocolError(
      "out-of-order",
      `${what} came in the middle of an upload`,
    );
  }

  /** While the client reads its own bytes, these are read. */
  #verify(): void {
    const notice = (done: number) => this.#reply({ type: "verifying", done });
    // A failure is seen when the client has answered.
    this.upload!.verify(notice).catch(() => {});
  }

  async #resume(sha256: string | null): Promise<void> {
    const offset = await this.upload!.resume(sha256);
    await this.#reply({ type: "continue", offset });
  }

  /** Runs a step of the upload; when it fails the upload is over. */
  async #guard(
    onFailure: (error: unknown) => Promise<void>,
    step: () => Promise<void>,
  ): Promise<void> {
    if (!this.upload) return;
    try {
      await step();
    } catch (error) {
      await this.#writing?.catch(() => {});
      if (isLost(error)) throw error;
      this.upload.abort();
      this.upload = undefined;
      await onFailure(error);
    }
  }

  /** Hashes a piece while the last one is still being written. */
  async #take(payload: Uint8Array): Promise<void> {
    const upload = this.upload!;
    upload.update(payload);
    await this.#written();
    const writing = upload.write(payload);
    if (!writing) return;
    this.#writing = writing.finally(this.#channel.keep());
    // A failure is seen when the next step awaits it.
    this.#writing.catch(() => {});
  }

  async #written(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    await writing;
  }
}

function isLost(error: unknown): boolean {
  return error instanceof NetdiskError && error.code === "connection-lost";
}
