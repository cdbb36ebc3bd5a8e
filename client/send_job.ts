/** One parcel on its way, over as many connections as it takes. */

import { createHash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";
import { MAX_PARCEL_FILES } from "../protocol/parcels.ts";
import { segmentFault } from "../protocol/remote_path.ts";
import { type Invocation, usageError } from "./command.ts";
import { type Connection, isAboutPath } from "./connection.ts";
import { formatBytes, formatCount } from "./format.ts";
import { type LocalSource, namedSource, statLocal } from "./local_source.ts";
import { requireParcels } from "./parcels.ts";
import { labelOf, type UploadItem, type UploadOutcome } from "./pending_put.ts";
import { ask } from "./pipeline.ts";
import { progressStyle } from "./progress.ts";
import { GOES_ON, type Retry } from "./retry.ts";
import { shellWord } from "./shell_word.ts";
import { uploadAll } from "./upload.ts";
import { UploadProgress } from "./upload_progress.ts";
import { UploadQueue } from "./upload_queue.ts";

/** What is sent to whom. */
export interface Consignment {
  to: string;
  files: readonly string[];
  /** May be empty. */
  message: string;
}

/** All of it is delivered, or nothing. */
export class SendJob implements Disposable {
  readonly #invocation: Invocation;
  readonly #to: string;
  readonly #message: string;
  readonly #sources: readonly LocalSource[];
  readonly #draft: string;
  readonly #queue: UploadQueue;
  #progress: UploadProgress | undefined;
  #bytes = 0;
  /** Such as that of the first file that failed: nothing will be delivered. */
  #error: NetdiskError | undefined;
  #isDelivering = false;
  /** When it was delivered. */
  #time: number | undefined;

  /** @throws NetdiskError for what cannot be sent at all */
  constructor(
    invocation: Invocation,
    { to, files, message }: Consignment,
  ) {
    this.#invocation = invocation;
    this.#to = to;
    this.#message = message;
    this.#sources = openAll(to, files);
    this.#draft = draftOf(to, message, this.#sources);
    const items = this.#sources.map((source) => ({
      source,
      remotePath: source.name,
    }));
    this.#queue = new UploadQueue(items);
  }

  /** What to do about a parcel that is not delivered, where that is worth saying. */
  get hint(): string | undefined {
    return this.#progress && !this.#error ? GOES_ON : undefined;
  }

  /** What has become of the parcel when it is given up here and now. */
  get state(): string | undefined {
    if (this.#isDelivering) return `it may have been delivered to ${this.#to}`;
    if (!this.#progress || this.#error) return undefined;
    const state = `nothing was delivered to ${this.#to}`;
    return this.#progress.resumable ? `${state}; ${GOES_ON}` : state;
  }

  /** Does what is left to do. */
  async run(connection: Connection, retry: Retry): Promise<void> {
    await requireParcels(connection);
    if (!this.#isDelivering && !this.#error) {
      await this.#upload(connection, retry);
    }
    if (this.#error) await this.#abandon(connection);
    else await this.#deliver(connection);
  }

  /** Says how it went. @throws NetdiskError when nothing was delivered */
  finish(): void {
    if (this.#error) throw this.#error;
    this.#progress?.finish();
    const { output } = this.#invocation;
    const files = this.#sources.length;
    const bytes = this.#bytes;
    const to = this.#to;
    const time = new Date(this.#time!).toISOString();
    output.record("sent", { to, files, bytes, time });
    const what = files === 0
      ? "a message"
      : `${formatCount(files)} ${files === 1 ? "file" : "files"}, ${
        formatBytes(bytes)
      }`;
    output.notice(`sent to ${to}: ${what}`);
  }

  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
    this.#queue[Symbol.dispose]();
  }

  async #upload(connection: Connection, retry: Retry): Promise<void> {
    const request = {
      type: "compose",
      to: this.#to,
      draft: this.#draft,
    } as const;
    await ask(connection, request, "ok");
    if (this.#sources.length === 0) return;
    this.#progress?.reconnected();
    this.#queue.restart();
    const progress = this.#progress ??= this.#follow(retry);
    if (!this.#queue.isDone) {
      await uploadAll(connection, this.#left(), progress);
    }
  }

  /** Ends with the first failure: the others would be sent for nothing. */
  #left(): Iterable<UploadItem> {
    const items = this.#queue.left()[Symbol.iterator]();
    const next = (): IteratorResult<UploadItem> =>
      this.#error ? { done: true, value: undefined } : items.next();
    return { [Symbol.iterator]: () => ({ next }) };
  }

  async #deliver(connection: Connection): Promise<void> {
    const isAgain = this.#isDelivering;
    this.#isDelivering = true;
    try {
      const { time } = await ask(connection, {
        type: "deliver",
        draft: this.#draft,
        files: this.#sources.length,
        message: this.#message,
      }, "delivered");
      this.#time = time;
    } catch (error) {
      if (!isAboutPath(error)) throw error;
      if (error.code === "changed") throw isIncomplete(error);
      if (!isAgain || error.code !== "not-found") throw error;
      // To connect once more would not help.
      this.#error = isUnknown(error);
    }
  }

  /** The receiver need not have room for what will never come. */
  async #abandon(connection: Connection): Promise<void> {
    try {
      const { error } = await abandon(connection, this.#draft);
      if (error) this.#invocation.output.detail(error.message);
    } catch {
      // The server gives it up by itself.
    }
  }

  #follow(retry: Retry): UploadProgress {
    const { output, options } = this.#invocation;
    return new UploadProgress(this.#queue, {
      output,
      style: progressStyle(options.progress, output),
      retry,
      ended: (outcome) => this.#ended(outcome),
    });
  }

  #ended({ item, receipt, error }: UploadOutcome): void {
    if (error) {
      const { code, message, hint } = wordOf(error);
      this.#error ??= new NetdiskError(
        code,
        `${message}; nothing was sent to ${this.#to}`,
        { ...(hint === undefined ? {} : { hint }), cause: error },
      );
    }
    if (!receipt) return;
    const { size, sha256, mtime, time } = receipt;
    this.#bytes += size;
    this.#invocation.output.record("receipt", {
      name: item.remotePath,
      path: labelOf(item),
      size,
      sha256,
      mtime: mtime === null ? null : new Date(mtime).toISOString(),
      time: new Date(time).toISOString(),
    });
  }
}

/** `denied` is the receiver's word about the sender, and not about a file. */
function wordOf(error: NetdiskError): NetdiskError {
  const { code, cause } = error;
  return code === "denied" && cause instanceof NetdiskError ? cause : error;
}

async function abandon(
  connection: Connection,
  draft: string,
): Promise<{ error?: NetdiskError }> {
  try {
    await ask(connection, { type: "abandon", draft }, "ok");
    return {};
  } catch (error) {
    if (!isAboutPath(error)) throw error;
    return { error };
  }
}

/** @throws NetdiskError about the first file that cannot be sent */
function openAll(to: string, files: readonly string[]): LocalSource[] {
  if (files.length > MAX_PARCEL_FILES) {
    throw usageError(
      "send",
      `a parcel has at most ${MAX_PARCEL_FILES} files, put them into an archive`,
    );
  }
  const names = new Map<string, string>();
  return files.map((path) => {
    const info = statLocal(path);
    if (info.isDirectory) throw isFolder(to, path);
    if (!info.isFile) {
      throw new NetdiskError("local-io", `${path}: it is not a file`);
    }
    const source = namedSource(path, info);
    const { name } = source;
    const fault = segmentFault(name);
    if (fault) throw new NetdiskError("bad-name", `${path}: ${fault}`);
    const other = names.get(name);
    if (other !== undefined) {
      throw usageError("send", `${other} and ${path} have the same name`);
    }
    names.set(name, path);
    return source;
  });
}

/** The same command finds its draft again, and no other does. */
function draftOf(
  to: string,
  message: string,
  sources: readonly LocalSource[],
): string {
  const files = sources.map(({ name, size, mtime, executable }) => [
    ...[name, size, mtime, executable],
  ]);
  const text = JSON.stringify([to, message, files]);
  return createHash("sha256").update(text).digest("hex");
}

function isFolder(to: string, path: string): NetdiskError {
  const folder = path.replace(/(?<=.)\/+$/, "");
  const archive = /(^|\/)\.{0,2}$/.test(folder) ? "files.tar" : `${folder}.tar`;
  return new NetdiskError("is-folder", `${path}: it is a folder`, {
    hint: `tar cf ${shellWord(archive)} ${shellWord(folder)} && ` +
      `netdisk send ${to} ${shellWord(archive)}`,
  });
}

function isUnknown(cause: NetdiskError): NetdiskError {
  return new NetdiskError(
    "connection-lost",
    "the connection was lost before the server's answer, and now it does not know the parcel: it was delivered and deleted since, or not delivered",
    { cause },
  );
}

function isIncomplete(cause: NetdiskError): NetdiskError {
  return new NetdiskError(
    "changed",
    "the server does not have all of the files any more, nothing was delivered",
    { hint: "the same command sends them again", cause },
  );
}
