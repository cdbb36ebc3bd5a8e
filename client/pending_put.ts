/**
 * One upload between its request and its answer: what was said last, and which
 * answer may come. Sending and reading is upload.ts's business.
 */

import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { ResponseOf } from "../protocol/messages.ts";
import { about, serverError } from "./connection.ts";
import type { LocalSource } from "./local_source.ts";

/** One file to upload. */
export interface UploadItem {
  source: LocalSource;
  /** In the form that crosses the wire. */
  remotePath: string;
}

/** What became of one: a receipt, or the error that it met. */
export interface UploadOutcome {
  item: UploadItem;
  receipt?: ResponseOf<"receipt">;
  error?: NetdiskError;
}

type Answer = ResponseOf<"continue" | "receipt" | "cancelled" | "error">;

/** What an answer answers. An `error` may come at any time. */
const ANSWERED_STATE = {
  continue: "asked",
  receipt: "committed",
  cancelled: "cancelled",
} as const;

/** An upload that the server has not answered yet. */
export class PendingPut {
  readonly item: UploadItem;
  /** True on `continue`; false when the answer came without one. */
  readonly go = Promise.withResolvers<boolean>();
  /** Why this side gave up; then the server's answer is `cancelled`. */
  localError: NetdiskError | undefined;
  sha256 = "";
  size = 0;
  /** What the client said last, or that the server has answered. */
  state: "asked" | "sending" | "committed" | "cancelled" | "answered";
  #ended = false;
  #endWait: (() => void) | undefined;

  constructor(item: UploadItem, ask: boolean) {
    this.item = item;
    this.state = ask ? "asked" : "sending";
  }

  get answered(): boolean {
    return this.state === "answered";
  }

  /** Takes the server's word. @throws ProtocolError when it is not its turn */
  answer({ type }: Answer): void {
    const due = type === "error" ||
      this.state === ANSWERED_STATE[type];
    if (!due) {
      throw new ProtocolError(
        "out-of-order",
        `the server answered '${type}' out of order`,
      );
    }
    if (type === "continue") {
      this.state = "sending";
      this.go.resolve(true);
    } else {
      this.state = "answered";
      this.end();
    }
  }

  /** No more data is wanted: the answer came, or the connection is lost. */
  end(): void {
    this.#ended = true;
    this.go.resolve(false);
    this.#endWait?.();
  }

  /** What a read gives, or 0 as soon as no more data is wanted: a pipe may be silent for ever. */
  orEnd(reading: Promise<number>): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#endWait = () => resolve(0);
      if (this.#ended) this.#endWait();
      reading.then(resolve, reject);
    });
  }
}

/** What the final answer makes of an upload. */
export function outcomeOf(
  put: PendingPut,
  answer: ResponseOf<"receipt" | "cancelled" | "error">,
): UploadOutcome {
  const { item } = put;
  const { label } = item.source;
  if (put.localError) return { item, error: put.localError };
  if (answer.type === "error") {
    return { item, error: about(label, serverError(answer)) };
  }
  if (
    answer.type === "receipt" && answer.size === put.size &&
    answer.sha256 === put.sha256
  ) return { item, receipt: answer };
  const message = `${label}: the server's receipt does not fit what was sent`;
  return { item, error: new NetdiskError("integrity", message) };
}
