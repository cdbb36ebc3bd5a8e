/** One put, over as many connections as it takes. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Invocation } from "./command.ts";
import type { Connection } from "./connection.ts";
import type { Output } from "./output.ts";
import type { UploadOutcome } from "./pending_put.ts";
import { labelOf } from "./pending_put.ts";
import { progressStyle } from "./progress.ts";
import { Results } from "./results.ts";
import { GOES_ON, type Retry } from "./retry.ts";
import {
  type TransferRules,
  transferRules,
  type TransferValues,
} from "./transfer_options.ts";
import { uploadAll } from "./upload.ts";
import {
  itemsOf,
  nameTargets,
  openSource,
  type PlanObserver,
  type PutSource,
  targetFolder,
  withoutBlocked,
} from "./upload_plan.ts";
import { UploadProgress } from "./upload_progress.ts";
import { UploadQueue } from "./upload_queue.ts";

const PIPE_IS_GONE =
  "what a pipe has given cannot be sent again: run the whole command line once more";

export type PutInvocation = Invocation<
  TransferValues & { to: string | undefined; restart: boolean }
>;

export class PutJob implements Disposable {
  readonly #invocation: PutInvocation;
  readonly #rules: TransferRules;
  readonly #results: Results;
  readonly #sources: PutSource[];
  #queue: UploadQueue | undefined;
  #progress: UploadProgress | undefined;
  hasReadStdin = false;

  /** @throws NetdiskError for what cannot be put at all */
  constructor(invocation: PutInvocation) {
    const { args, options } = invocation;
    this.#invocation = invocation;
    this.#rules = transferRules("put", options, {
      isStream: args.includes("-"),
    });
    const isSingle = args.length === 1 && !options.recursive;
    this.#results = new Results(isSingle ? 1 : undefined, "uploaded");
    this.#sources = this.#openSources();
  }

  /** True when the same command would go on where this one is. */
  get isResumable(): boolean {
    return this.#progress?.resumable ?? false;
  }

  /** What to do about a connection that stays lost, where that is worth saying. */
  get hint(): string | undefined {
    if (this.hasReadStdin) return PIPE_IS_GONE;
    return this.isResumable ? GOES_ON : undefined;
  }

  /** Sends what has no outcome yet. */
  async run(connection: Connection, retry: Retry): Promise<void> {
    const { options } = this.#invocation;
    this.#progress?.reconnected();
    this.#queue?.restart();
    const queue = this.#queue ??= await this.#begin(connection);
    const progress = this.#progress ??= this.#follow(queue, retry);
    if (queue.isDone) return;
    await uploadAll(connection, queue.left(), progress, {
      mayResume: (item) => !options.restart || progress.hasStarted(item),
      replace: this.#rules.wanted !== "missing",
    });
  }

  /** Says how it went. @throws NetdiskError when a file failed */
  finish(): void {
    if (this.#results.failures === 0) this.#progress?.finish();
    this.#results.finish(this.#invocation.output);
  }

  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
    this.#queue?.[Symbol.dispose]();
  }

  /** The sources that can be read; the others are failures already. */
  #openSources(): PutSource[] {
    const { args, options, output, stdin } = this.#invocation;
    const watched = {
      read: (target: Uint8Array) => {
        this.hasReadStdin = true;
        return stdin.read(target);
      },
    };
    const { recursive, to } = options;
    return args.flatMap((path) => {
      try {
        return openSource(path, { recursive, stdin: watched });
      } catch (error) {
        const failure = withHint(error as NetdiskError, args, to);
        // Meant as a new name: uploading the other one could replace a file.
        if (args.length === 1 || isGuess(failure)) throw failure;
        this.#results.failed(failure, output, { name: path });
        return [];
      }
    });
  }

  /** Names what is sent, which takes the server: `--to` may be a folder there. */
  async #begin(connection: Connection): Promise<UploadQueue> {
    const { options, output } = this.#invocation;
    const results = this.#results;
    const observer: PlanObserver = {
      failed: (name, error) => results.failed(error, output, { name }),
      left({ path, reason }, name) {
        results.skipped();
        output.notice(`${path}: ${reason.message}, skipped`);
        output.record("skipped", { name, path, reason: reason.message });
      },
    };
    const { to } = options;
    const folder = await targetFolder(connection, to);
    const targets = await withoutBlocked(
      connection,
      nameTargets(this.#sources, { to, folder }, observer),
      observer,
    );
    const { exclude } = this.#rules;
    return new UploadQueue(itemsOf(targets, exclude, observer), {
      looksAhead: this.#style !== "none",
    });
  }

  #follow(queue: UploadQueue, retry: Retry): UploadProgress {
    const { output } = this.#invocation;
    return new UploadProgress(queue, {
      output,
      style: queue.first === undefined ? "none" : this.#style,
      retry,
      ended: (outcome) => this.#report(outcome, output),
    });
  }

  get #style() {
    const { options, output } = this.#invocation;
    return progressStyle(options.progress, output);
  }

  /** Puts one outcome on the screen. */
  #report({ item, receipt, error }: UploadOutcome, output: Output): void {
    const name = item.remotePath;
    if (error?.code === "exists" && this.#rules.wanted === "missing") {
      this.#results.skipped();
      output.detail(`${name}: it is there already, skipped`);
      const reason = "it is there already";
      output.record("skipped", { name, path: labelOf(item), reason });
    } else if (error) {
      this.#results.failed(error, output, { name });
    } else if (receipt) {
      const { size, sha256, mtime, time } = receipt;
      this.#results.succeeded(size);
      if (output.json) {
        output.record("receipt", {
          name,
          size,
          sha256,
          mtime: mtime === null ? null : new Date(mtime).toISOString(),
          time: new Date(time).toISOString(),
        });
      }
      if (output.verbose) {
        output.detail(`${name}: ${size} bytes, sha256 ${sha256}`);
      }
    }
  }
}

/** `put a b` where b does not exist is most often meant as `cp a b`. */
function withHint(
  error: NetdiskError,
  args: readonly string[],
  to: string | undefined,
): NetdiskError {
  const [source, name] = args;
  if (error.code !== "not-found" || args.length !== 2 || to !== undefined) {
    return error;
  }
  if (!error.message.startsWith(`${name}:`)) return error;
  return new NetdiskError(error.code, error.message, {
    hint: `to upload under another name: netdisk put ${source} --to ${name}`,
    cause: error,
  });
}

/** True when something else was meant, most probably. */
function isGuess({ code, hint }: NetdiskError): boolean {
  return code === "not-found" && hint !== undefined;
}
