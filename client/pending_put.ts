/**
 * What is uploaded, and one upload between its request and its answer: what was
 * said last, and which answer may come. Sending and reading is upload.ts's
 * business.
 */

import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { ResponseOf } from "../protocol/messages.ts";
import { about, serverError } from "./connection.ts";
import type { LocalSource } from "./local_source.ts";

/** One file to upload. */
export interface FileItem {
  source: LocalSource;
  /** In the form that crosses the wire. */
  remotePath: string;
  /** It was found in a folder that was named, most often among others. */
  isFound?: boolean;
}

/** A folder to make behind what is in it: only then does its time stay. */
export interface FolderItem {
  source?: undefined;
  /** As the user knows it. */
  label: string;
  remotePath: string;
  /** Milliseconds since 1970. */
  mtime: number | null;
  /** It is known that the server does not have it yet. */
  isNew?: boolean;
}

export type UploadItem = FileItem | FolderItem;

/** What became of one: of a file a receipt, or the error that it met. */
export interface UploadOutcome {
  item: UploadItem;
  receipt?: ResponseOf<"receipt">;
  error?: NetdiskError;
}

/** What the user calls it. */
export function labelOf(item: UploadItem): string {
  return item.source === undefined ? item.label : item.source.label;
}

type FinalAnswer = ResponseOf<"receipt" | "cancelled" | "error">;
type Answer = FinalAnswer | ResponseOf<"continue" | "verifying" | "working">;

/**
 * What the client said last, or what the server did: `offered` is a `continue`
 * with bytes that it has, `compared` our `prefix` for them.
 */
type State =
  | "asked"
  | "offered"
  | "compared"
  | "sending"
  | "committed"
  | "cancelled"
  | "answered";

/** What an answer answers. An `error` may come at any time. */
const ANSWERED_STATES: Record<Answer["type"], readonly State[] | undefined> = {
  continue: ["asked", "compared"],
  verifying: ["offered", "compared", "cancelled"],
  working: undefined,
  receipt: ["committed"],
  cancelled: ["cancelled"],
  error: undefined,
};

/** An upload that the server has not answered yet. */
export class PendingPut {
  readonly item: FileItem;
  /** Why this side gave up; then the server's answer is `cancelled`. */
  localError: NetdiskError | undefined;
  sha256 = "";
  /** Bytes that are hashed and on their way, or with the server already. */
  size = 0;
  state: State;
  /** From the first `continue`: bytes that the server has. */
  #offered = 0;
  /** Whether our `prefix` had a hash: without one, all is sent again. */
  #hasPrefix = false;
  #go: PromiseWithResolvers<number | undefined> | undefined;
  #ended = false;
  #endWait: (() => void) | undefined;

  constructor(item: FileItem, ask: boolean) {
    this.item = item;
    this.state = ask ? "asked" : "sending";
    if (ask) this.#go = Promise.withResolvers();
  }

  get answered(): boolean {
    return this.state === "answered";
  }

  /** True when no more data is wanted: the answer came, or the connection is lost. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The offset of the next `continue`; undefined when there will be none. */
  get go(): Promise<number | undefined> {
    return this.#go?.promise ?? Promise.resolve(undefined);
  }

  /** To be called before `prefix` is sent. */
  comparing(sha256: string | null): void {
    if (this.#ended) return;
    this.state = "compared";
    this.#hasPrefix = sha256 !== null;
    this.#go = Promise.withResolvers();
  }

  /** Takes the server's word. @throws ProtocolError when it is not its turn */
  answer(answer: Answer): void {
    const { type } = answer;
    if (ANSWERED_STATES[type]?.includes(this.state) === false) {
      throw new ProtocolError(
        "out-of-order",
        `the server answered '${type}' out of order`,
      );
    }
    if (isNotice(answer)) return;
    if (type === "continue") {
      this.#continue(answer.offset);
    } else {
      this.state = "answered";
      this.end();
    }
  }

  /** No more data is wanted: the answer came, or the connection is lost. */
  end(): void {
    this.#ended = true;
    this.#go?.resolve(undefined);
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

  #continue(offset: number): void {
    const isFirst = this.state === "asked";
    const isLegal = isFirst
      ? offset <= (this.item.source.size ?? 0)
      : offset === 0 || this.#hasPrefix && offset === this.#offered;
    if (!isLegal) {
      throw new ProtocolError(
        "bad-message",
        `the server wants to continue at ${offset}, which it cannot`,
      );
    }
    if (isFirst) this.#offered = offset;
    this.state = isFirst && offset > 0 ? "offered" : "sending";
    this.#go?.resolve(offset);
  }
}

/** What the final answer makes of an upload. */
export function outcomeOf(
  put: PendingPut,
  answer: FinalAnswer,
): UploadOutcome {
  const { item } = put;
  const { label } = item.source;
  if (put.localError) return { item, error: put.localError };
  if (answer.type === "error") {
    return { item, error: refusal(item, serverError(answer)) };
  }
  if (
    answer.type === "receipt" && answer.size === put.size &&
    answer.sha256 === put.sha256
  ) return { item, receipt: answer };
  const message = `${label}: the server's receipt does not fit what was sent`;
  return { item, error: new NetdiskError("integrity", message) };
}

/** Says on which side it is what is in the way of an upload. */
export function refusal(item: UploadItem, error: NetdiskError): NetdiskError {
  const label = labelOf(item);
  const there = `${item.remotePath} on the server`;
  const reasons: Partial<Record<NetdiskError["code"], string>> = {
    "is-folder": `${there} is a folder`,
    "not-folder": item.source
      ? `a folder above ${there} is a file`
      : `${there}, or a folder above it, is a file`,
    "denied": `${there}: ${error.message}`,
  };
  const reason = reasons[error.code];
  if (reason === undefined) return about(label, error);
  const { code, hint } = error;
  return new NetdiskError(code, `${label}: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** True for what only says that the server is alive. */
export function isNotice(
  answer: Answer,
): answer is ResponseOf<"verifying" | "working"> {
  return answer.type === "verifying" || answer.type === "working";
}

/** The source is not what it was when it was looked at. */
export function changed(item: FileItem): NetdiskError {
  return new NetdiskError(
    "changed",
    `${item.source.label}: it changed while it was read, nothing was replaced`,
    {
      hint:
        "upload it again when it is at rest, or as a stream: netdisk put - --to NAME",
    },
  );
}
