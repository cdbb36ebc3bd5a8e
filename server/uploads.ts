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

/** Receives the uploads of one session. */
export class UploadReceiver {
  #channel: FrameChannel;
  #replies: ReplyQueue;
  #onReceipt: UploadListener;
  #lastPublished: Promise<void> = Promise.resolve();

  constructor(
    channel: FrameChannel,
    replies: ReplyQueue,
    onReceipt: UploadListener,
  ) {
    this.#channel = channel;
    this.#replies = replies;
    this.#onReceipt = onReceipt;
  }

  /**
   * Reads one upload up to its end and queues its answer.
   *
   * @throws NetdiskError when the connection is lost or breaks the protocol;
   * the upload is gone then.
   */
  async receive(
    storage: UserStorage,
    request: RequestOf<"put">,
  ): Promise<void> {
    let upload: Upload | undefined;
    try {
      upload = storage.beginPut(request);
    } catch (error) {
      await this.#replies.push(Promise.reject(error));
      if (request.ask) return;
    }
    if (upload && request.ask) {
      try {
        await this.#replies.push(
          Promise.resolve({ type: "continue", offset: 0 }),
        );
      } catch (error) {
        upload.abort();
        throw error;
      }
    }
    const transfer = new IncomingTransfer(this.#channel, upload);
    const end = await transfer.run((error) =>
      this.#replies.push(Promise.reject(error))
    );
    if (!transfer.upload) return;
    if (end.type === "cancel") {
      transfer.upload.abort();
      return this.#replies.push(Promise.resolve({ type: "cancelled" }));
    }
    const leave = await storage.waitForDisk();
    return this.#replies.push(
      this.#commit(transfer.upload, request, end, leave),
    );
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

/** The data frames of one upload. After a failure it only drains them. */
class IncomingTransfer {
  /** The upload, until it fails. */
  upload: Upload | undefined;
  #channel: FrameChannel;
  #writing: Promise<void> | undefined;

  constructor(channel: FrameChannel, upload: Upload | undefined) {
    this.#channel = channel;
    this.upload = upload;
  }

  /** Reads up to `commit` or `cancel`; `onFailure` hears of the first failure. */
  async run(
    onFailure: (error: unknown) => Promise<void>,
  ): Promise<RequestOf<"commit"> | RequestOf<"cancel">> {
    try {
      for (;;) {
        const frame = await this.#channel.read();
        if (!frame) {
          throw new NetdiskError(
            "connection-lost",
            "the connection ended in the middle of an upload",
          );
        }
        if (frame.kind === FrameKind.control) {
          const end = decodeRequest(frame.payload);
          // That bytes moved is all that it says: see deadlines.ts.
          if (end.type === "waiting") continue;
          if (end.type !== "commit" && end.type !== "cancel") {
            throw new ProtocolError(
              "out-of-order",
              `'${end.type}' came in the middle of an upload`,
            );
          }
          await this.#guard(onFailure, () => this.#written());
          return end;
        }
        await this.#guard(onFailure, () => this.#take(frame.payload));
      }
    } catch (error) {
      await this.#writing?.catch(() => {});
      this.upload?.abort();
      throw error;
    }
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
