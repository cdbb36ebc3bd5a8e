/**
 * Puts and other changes on a connection, from the request to the answer. Takes
 * the data frames that follow a put, lets the disk work while the next frame
 * arrives, and makes the changes in the order in which they were sent.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import {
  isConnectionLost,
  NetdiskError,
  ProtocolError,
} from "../protocol/errors.ts";
import { FrameKind } from "../protocol/frame.ts";
import {
  decodeRequest,
  type RequestOf,
  type Response,
  type ResponseOf,
} from "../protocol/messages.ts";
import type { Change } from "./changes.ts";
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
  /** Ends when the last change was made, or failed. */
  #lastMade: Promise<unknown> = Promise.resolve();

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
    const beginning = storage.beginPut(request, {
      received: () => this.#channel.traffic.received,
      drop: () => this.#drop(TAKEN_OVER),
    });
    const upload = await this.#begin(beginning, request.ask);
    if (!upload && request.ask) return;
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
    const whole = transfer.upload;
    whole.complete();
    const entered = storage.waitForDisk();
    const isMoreComing = this.#channel.holdsMore;
    await this.#replies.push(
      entered.then((leave) => {
        return this.#commit(whole, request, end, { isMoreComing, leave });
      }),
    );
    // The next one is not read before there is room for it.
    await entered;
  }

  /** Makes a change in its turn, and queues its answer. */
  async change(change: Change, onDone: () => void): Promise<void> {
    await this.#replies.push(this.#settle(change, onDone));
  }

  async #settle(
    change: Change,
    onDone: () => void,
  ): Promise<ResponseOf<"ok">> {
    await this.#inTurn(() => change.apply());
    await change.settle();
    onDone();
    return { type: "ok" };
  }

  /**
   * Makes a change that is ready, behind those that were sent before it: so of
   * two puts to one name the later one stays.
   */
  #inTurn(make: () => void, ready?: Promise<void>): Promise<void> {
    const before = this.#lastMade;
    const made = (async () => {
      try {
        await ready;
      } finally {
        await before;
      }
      make();
    })();
    this.#lastMade = made.catch(() => {});
    return made;
  }

  /** Answers an asked put; of the others only a failure is told. */
  async #begin(
    beginning: Promise<Upload>,
    ask: boolean,
  ): Promise<Upload | undefined> {
    let upload: Upload | undefined;
    const begun = beginning.then((made) => upload = made);
    if (!ask) {
      const failed = await begun.then(() => undefined, (error) => error);
      if (failed) await this.#replies.push(Promise.reject(failed));
      return upload;
    }
    try {
      await this.#replies.push(
        begun.then(({ offset }) => ({ type: "continue", offset })),
      );
      await this.#replies.drained();
    } catch (error) {
      await begun.catch(() => {});
      upload?.suspend();
      throw error;
    }
    return upload;
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
    { isMoreComing, leave }: { isMoreComing: boolean; leave: () => void },
  ): Promise<ResponseOf<"receipt">> {
    try {
      const whole = upload.finish(commit, isMoreComing);
      await this.#inTurn(() => upload.publish(), whole);
    } finally {
      leave();
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
  /**
   * `offered`: the client is to say what it has of the bytes that are here
   * already. Data may come only when that has been compared.
   */
  #stage: "offered" | "comparing" | "receiving";
  #comparing: Promise<void> | undefined;

  constructor(
    channel: FrameChannel,
    upload: Upload | undefined,
    reply: (response: Response) => Promise<void>,
  ) {
    this.#channel = channel;
    this.upload = upload;
    this.#reply = reply;
    this.#stage = upload && upload.offset > 0 ? "offered" : "receiving";
  }

  /** Reads up to `commit` or `cancel`; `onFailure` hears of the first failure. */
  async run(
    onFailure: (error: unknown) => Promise<void>,
  ): Promise<RequestOf<"commit"> | RequestOf<"cancel">> {
    try {
      if (this.#stage === "offered") this.#verify();
      for (;;) {
        const frame = await this.#channel.read();
        if (!frame) {
          throw new NetdiskError(
            "connection-lost",
            "the connection ended in the middle of an upload",
          );
        }
        if (frame.kind === FrameKind.data) {
          this.#checkOrder("a data frame", this.#stage === "receiving");
          await this.#guard(onFailure, () => this.#take(frame.payload));
          continue;
        }
        const request = decodeRequest(frame.payload);
        switch (request.type) {
          case "waiting":
            // That bytes moved is all that it says: see deadlines.ts.
            break;
          case "prefix":
            this.#checkOrder("'prefix'", this.#stage === "offered");
            this.#compare(onFailure, request.sha256);
            break;
          case "commit":
            this.#checkOrder("'commit'", this.#stage === "receiving");
            await this.#guard(onFailure, () => this.#written());
            return request;
          case "cancel":
            await this.#stopComparing();
            await this.#guard(onFailure, () => this.#written());
            return request;
          default:
            this.#checkOrder(`'${request.type}'`, false);
        }
      }
    } catch (error) {
      await this.#stopComparing();
      await this.#writing?.catch(() => {});
      this.upload?.suspend();
      throw error;
    }
  }

  /** Goes on in the background: the client is listened to, or it would seem dead. */
  #compare(
    onFailure: (error: unknown) => Promise<void>,
    sha256: string | null,
  ): void {
    this.#stage = "comparing";
    const comparing = this.#guard(onFailure, () => this.#resume(sha256));
    // A lost connection is seen by whoever reads from it.
    this.#comparing = comparing.catch(() => {}).finally(() => {
      this.#stage = "receiving";
    });
  }

  async #stopComparing(): Promise<void> {
    if (this.#stage !== "receiving") this.upload?.stopVerifying();
    await this.#comparing;
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
    // Before the client knows it, or its data could be quicker than we are.
    this.#stage = "receiving";
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
      if (isConnectionLost(error)) throw error;
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
