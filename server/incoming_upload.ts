/**
 * The frames of one upload, from behind the `put` to its `commit` or `cancel`:
 * the disk works on one while the next one arrives.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import {
  isConnectionLost,
  NetdiskError,
  ProtocolError,
} from "../protocol/errors.ts";
import { FRAME_HEADER_BYTES, FrameKind } from "../protocol/frame.ts";
import {
  decodeRequest,
  type RequestOf,
  type Response,
} from "../protocol/messages.ts";
import type { Upload } from "./upload.ts";

/** Who is at work: the client, we, both. */
export type UploadStage = "offered" | "comparing" | "receiving";

/** One upload on its way in. After a failure its frames are only drained. */
export class IncomingUpload {
  /** The upload, until it fails. */
  upload: Upload | undefined;
  #channel: FrameChannel;
  #reply: (response: Response) => Promise<void>;
  #writing: Promise<void> | undefined;
  /**
   * `offered`: the client is to say what it has of the bytes that are here
   * already. Data may come only when that has been compared.
   */
  #stage: UploadStage;
  #waitingBytes = 0;
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

  get stage(): UploadStage {
    return this.#stage;
  }

  /** Bytes that came and said only that the client is alive. */
  get waitingBytes(): number {
    return this.#waitingBytes;
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
            // That the client is alive is all that it says: see deadlines.ts.
            this.#waitingBytes += FRAME_HEADER_BYTES + frame.payload.length;
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
