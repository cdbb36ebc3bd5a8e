/**
 * Answers in the order of their requests, while the work behind them overlaps:
 * a client that sends a thousand small files waits for the disk only once in a
 * while.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import { isWireErrorCode, NetdiskError } from "../protocol/errors.ts";
import { MAX_ERROR_TEXT, type Response } from "../protocol/messages.ts";
import { logEvent, type LogFields } from "./log.ts";

/** The most answers that may be outstanding (SPEC.md 9). */
export const MAX_PENDING_REPLIES = 1024;

/** How often a client hears that its answer takes long, in milliseconds (SPEC.md 4). */
const WORKING_MS = 2000;

/** Writes an event into the log, with whom it is about. */
type Log = (event: string, fields: LogFields) => void;

/** The pending answers of one session. */
export class ReplyQueue {
  #channel: FrameChannel;
  #log: Log;
  #queue: Promise<Response>[] = [];
  #pumping: Promise<void> | undefined;
  #working = false;
  #sent = 0;
  #room: (() => void) | undefined;

  constructor(channel: FrameChannel, log: Log = logEvent) {
    this.#channel = channel;
    this.#log = log;
  }

  /** Answers that have not been handed to the channel yet. */
  get pending(): number {
    return this.#queue.length;
  }

  /** True while the next answer is not known yet; else the peer is to take it. */
  get waitsForWork(): boolean {
    return this.#working;
  }

  /**
   * Adds the answer to the request after the last one added; a failure becomes
   * an `error`. Resolves as soon as there is room for one more.
   */
  async push(reply: Promise<Response>): Promise<void> {
    this.#queue.push(
      reply.catch((error) => toErrorResponse(error, this.#log)),
    );
    if (!this.#pumping) {
      this.#pumping = this.#pump();
      // The reader of the connection learns of a lost one by itself.
      this.#pumping.catch(() => {});
    }
    while (this.#queue.length >= MAX_PENDING_REPLIES) {
      const room = new Promise<void>((resolve) => this.#room = resolve);
      await Promise.race([room, this.#pumping]);
    }
  }

  /** Waits until every answer has been sent. */
  async drained(): Promise<void> {
    await this.#pumping;
  }

  /** Tells the client that we are alive while something takes long that is no answer. */
  async during<T>(work: Promise<T>): Promise<T> {
    const timer = setInterval(() => this.#tellWorking(), WORKING_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
    }
  }

  async #pump(): Promise<void> {
    let looked = this.#sent;
    const timer = setInterval(() => {
      if (this.#working && this.#sent === looked) this.#tellWorking();
      looked = this.#sent;
    }, WORKING_MS);
    try {
      while (this.#queue.length > 0) {
        await this.#sendNext();
        // What is added during the flush is sent, too, before this ends.
        if (this.#queue.length === 0) await this.#channel.flush();
      }
    } catch (error) {
      await Promise.all(this.#queue);
      this.#queue = [];
      throw error;
    } finally {
      clearInterval(timer);
      this.#pumping = undefined;
    }
  }

  /** The next answer has been due since the last look: the client must not give up. */
  #tellWorking(): void {
    // The pump learns of a lost connection by itself.
    this.#channel.send({ type: "working" }).catch(() => {});
    this.#channel.flush().catch(() => {});
  }

  async #sendNext(): Promise<void> {
    this.#working = true;
    const response = await this.#queue[0]!;
    this.#working = false;
    await this.#channel.send(response);
    this.#queue.shift();
    this.#sent++;
    this.#room?.();
  }
}

/**
 * The one place where what a request threw becomes an answer. What the client
 * cannot mend, the log tells: a disk that is full or fails, and our own mistakes.
 */
export function toErrorResponse(error: unknown, log: Log = logEvent): Response {
  if (error instanceof NetdiskError && isWireErrorCode(error.code)) {
    const { code, cause } = error;
    if (code === "io" || code === "disk-full") {
      const detail = cause instanceof Error ? cause.message : undefined;
      log("storage-failed", { code, reason: error.message, detail });
    }
    const message = error.message.slice(0, MAX_ERROR_TEXT).toWellFormed();
    return { type: "error", code, message };
  }
  // The client learns that it is not at fault, the log what happened.
  log("internal-error", {
    error: error instanceof Error ? stackOf(error) : `${error}`,
  });
  return { type: "error", code: "internal", message: "the server failed" };
}

/** Without the folder of the modules, as the log cuts what is long. */
function stackOf({ stack, message }: Error): string {
  const folder = new URL(".", import.meta.url).href;
  return (stack ?? message).replaceAll(folder, "");
}
