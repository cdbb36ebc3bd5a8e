/**
 * Puts and other changes on a connection, from the request to the answer. They
 * wait for the disk together, and are made in the order in which they were sent.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import type { RequestOf, Response, ResponseOf } from "../protocol/messages.ts";
import type { Change } from "./changes.ts";
import type { PutOutcomes } from "./counters.ts";
import { IncomingUpload, type UploadStage } from "./incoming_upload.ts";
import type { ReplyQueue } from "./reply_queue.ts";
import type { Upload } from "./upload.ts";
import type { PutStorage } from "./user_storage.ts";

/** Hears of each put that was made, for the log. */
export type ReceiptListener = (
  request: RequestOf<"put">,
  receipt: ResponseOf<"receipt">,
) => void;

/** An upload whose frames are being read, as deadlines.ts sees it. */
export interface UploadUnderWay {
  stage: UploadStage;
  /** Bytes that were there already, and are compared. */
  offset: number;
  /** Nobody knows how long it is. */
  isPipe: boolean;
}

const TAKEN_OVER = "the upload goes on on another connection";

/** The changes of one session. */
export class ChangeQueue {
  #channel: FrameChannel;
  #replies: ReplyQueue;
  #onReceipt: ReceiptListener;
  #drop: (reason: string) => void;
  #outcomes: PutOutcomes;
  /** Ends when the last change was made, or failed. */
  #lastMade: Promise<void> = Promise.resolve();
  #incoming: IncomingUpload | undefined;
  #isPipe = false;
  #waitingBytes = 0;

  constructor(
    channel: FrameChannel,
    replies: ReplyQueue,
    onReceipt: ReceiptListener,
    drop: (reason: string) => void,
    outcomes: PutOutcomes,
  ) {
    this.#channel = channel;
    this.#replies = replies;
    this.#onReceipt = onReceipt;
    this.#drop = drop;
    this.#outcomes = outcomes;
  }

  /** The upload whose frames are being read. */
  get upload(): UploadUnderWay | undefined {
    const incoming = this.#incoming;
    return incoming && {
      stage: incoming.stage,
      offset: incoming.upload?.offset ?? 0,
      isPipe: this.#isPipe,
    };
  }

  /** Bytes of the connection that said only that the client is alive. */
  get waitingBytes(): number {
    return this.#waitingBytes + (this.#incoming?.waitingBytes ?? 0);
  }

  /**
   * Reads one upload up to its end and queues its answer.
   *
   * @throws NetdiskError when the connection is lost or breaks the protocol;
   * a later upload may go on with what came.
   */
  async put(
    storage: PutStorage,
    request: RequestOf<"put">,
  ): Promise<void> {
    // What is there already is to be what the puts before it have left there;
    // 'continue' comes behind their receipts anyway.
    if (request.ask) await this.#replies.drained();
    const beginning = storage.beginPut(request, {
      received: () => this.#channel.traffic.received,
      drop: () => this.#drop(TAKEN_OVER),
      settled: () => this.#settled(request.ask),
      during: (work) => this.#replies.during(work),
    });
    beginning.catch(() => this.#outcomes.failed++);
    const upload = await this.#begin(beginning, request.ask);
    if (!upload && request.ask) return;
    const incoming = new IncomingUpload(
      this.#channel,
      upload,
      (response) => this.#reply(response),
    );
    const end = await this.#receive(incoming, request.size === null);
    if (!incoming.upload) return;
    if (end.type === "cancel") {
      this.#outcomes.cancelled++;
      incoming.upload.abort();
      return this.#replies.push(Promise.resolve({ type: "cancelled" }));
    }
    const whole = incoming.upload;
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
    await this.#replies.push(this.#make(change, onDone));
  }

  /** Reads its frames. */
  async #receive(
    incoming: IncomingUpload,
    isPipe: boolean,
  ): Promise<RequestOf<"commit"> | RequestOf<"cancel">> {
    this.#incoming = incoming;
    this.#isPipe = isPipe;
    try {
      return await incoming.run((error) => {
        this.#outcomes.failed++;
        return this.#replies.push(Promise.reject(error));
      });
    } catch (error) {
      if (incoming.upload) this.#outcomes.interrupted++;
      throw error;
    } finally {
      this.#waitingBytes += incoming.waitingBytes;
      this.#incoming = undefined;
    }
  }

  async #make(change: Change, onDone: () => void): Promise<ResponseOf<"ok">> {
    await this.#inTurn(() => {
      change.apply();
      return change.settle();
    }, { inTurn: () => change.ready() });
    onDone();
    return { type: "ok" };
  }

  /**
   * Makes a change behind those that were sent before it: so of two puts to one
   * name the later one stays. Those behind it need not wait for what `make`
   * returns, which is the disk.
   *
   * @param ready what it waits for while they are being made
   * @param inTurn what it waits for when they have been made
   */
  async #inTurn<T>(
    make: () => Promise<T>,
    { ready, inTurn }: {
      ready?: Promise<void>;
      inTurn?: () => Promise<void> | undefined;
    },
  ): Promise<T> {
    const before = this.#lastMade;
    const { promise: made, resolve: pass } = Promise.withResolvers<void>();
    this.#lastMade = made;
    let settled: Promise<T>;
    try {
      try {
        await ready;
      } finally {
        await before;
      }
      const more = inTurn?.();
      if (more) await more;
      settled = make();
    } finally {
      pass();
    }
    return await settled;
  }

  /** Waits for what was sent before a put; for an asked one that has been done. */
  async #settled(ask: boolean): Promise<void> {
    // A lost connection is seen by whoever reads from it.
    if (!ask) await this.#replies.drained().catch(() => {});
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
      if (upload) this.#outcomes.interrupted++;
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
    const whole = upload.finish(commit, isMoreComing);
    whole.catch(leave);
    let receipt: ResponseOf<"receipt">;
    try {
      receipt = await this.#inTurn(() => {
        try {
          upload.publish();
        } finally {
          leave();
        }
        return upload.settle();
      }, { ready: whole });
    } catch (error) {
      this.#outcomes.failed++;
      throw error;
    }
    this.#outcomes.ok++;
    this.#onReceipt(request, receipt);
    return receipt;
  }
}
