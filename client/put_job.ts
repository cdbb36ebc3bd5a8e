/** One put, over as many connections as it takes. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Invocation } from "./command.ts";
import type { Connection } from "./connection.ts";
import { showPlanned } from "./dry_run.ts";
import { jsonTime } from "./entry_view.ts";
import { goesOn } from "./go_on.ts";
import { isThere } from "./local_names.ts";
import type { Output } from "./output.ts";
import { labelOf, type UploadItem, type UploadOutcome } from "./pending_put.ts";
import { progressStyle } from "./progress.ts";
import { Results } from "./results.ts";
import { GOES_ON, type Retry } from "./retry.ts";
import {
  REASONS,
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
import { shellWord } from "./shell_word.ts";
import { tellLeft, tellNeedless } from "./skipped.ts";
import { UploadCompare } from "./upload_compare.ts";
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
  readonly #sources: PutSource[];
  #results: Results;
  #compare: UploadCompare | undefined;
  #queue: UploadQueue | undefined;
  #progress: UploadProgress | undefined;
  /** The folder that `--to` gives a new name. */
  #renamed: string | undefined;
  /** What a dry run has shown last. */
  #shown = "";
  hasReadStdin = false;

  /** @throws NetdiskError for what cannot be put at all */
  constructor(invocation: PutInvocation) {
    const { args, options } = invocation;
    this.#invocation = invocation;
    this.#rules = transferRules("put", options, {
      isStream: args.includes("-"),
    });
    this.#results = new Results(undefined, "uploaded", options.dryRun);
    this.#sources = this.#openSources();
    const isSingle = args.length === 1 && this.#sources[0]?.file !== undefined;
    if (isSingle) this.#results = new Results(1, "uploaded", options.dryRun);
  }

  /** What to do about an upload that is not done, where that is worth saying. */
  get hint(): string | undefined {
    if (this.hasReadStdin) return PIPE_IS_GONE;
    const { recursive, dryRun, restart } = this.#invocation.options;
    if (dryRun || !this.#progress) return undefined;
    // The same command would send these again.
    if (recursive || this.#results.successes > 0) {
      return goesOn("put", this.#invocation, this.#renamed);
    }
    if (!this.#progress.resumable) return undefined;
    return restart ? goesOn("put", this.#invocation, undefined) : GOES_ON;
  }

  /** Sends what has no outcome yet. */
  async run(connection: Connection, retry: Retry): Promise<void> {
    const { options } = this.#invocation;
    this.#progress?.reconnected();
    this.#queue?.restart();
    const queue = this.#queue ??= await this.#begin(connection);
    const progress = this.#progress ??= this.#follow(queue, retry);
    const send = (items: Iterable<UploadItem>) =>
      uploadAll(connection, items, progress, {
        mayResume: (item) => !options.restart || progress.hasStarted(item),
        replace: this.#rules.wanted !== "missing",
      });
    const compare = this.#compare ??= this.#makeCompare(queue);
    if (!compare) {
      if (!queue.isDone) await send(queue.left());
      return;
    }
    for (;;) {
      if (options.dryRun) this.#show(compare);
      else if (compare.hasItems) await send(compare.left());
      progress.comparingAll(true);
      const hasMore = await compare.look(connection);
      progress.comparingAll(false);
      retry.moved();
      if (!hasMore) return;
    }
  }

  /** Says how it went. @throws NetdiskError when a file failed */
  finish(): void {
    if (this.#results.failures === 0) this.#progress?.finish();
    this.#results.finish(this.#invocation.output);
  }

  [Symbol.dispose](): void {
    this.#results.summarise(this.#invocation.output);
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
        return openSource(path, { recursive, stdin: watched, to });
      } catch (error) {
        const failure = withHint(error as NetdiskError, args, to);
        // Meant as a new name: uploading the other one could replace a file.
        if (args.length === 1 || isGuess(failure)) {
          this.#results.failedWhole(failure);
          this.#results.summarise(output);
          throw failure;
        }
        this.#results.failed(failure, output, { path });
        return [];
      }
    });
  }

  /** Names what is sent, which takes the server: `--to` may be a folder there. */
  async #begin(connection: Connection): Promise<UploadQueue> {
    const { args, options, output } = this.#invocation;
    const results = this.#results;
    const observer: PlanObserver = {
      failed: (path, error, name) =>
        args.length === 1 && path === args[0]
          ? results.failedWhole(error)
          : results.failed(error, output, { name, path }),
      left({ path, reason }, name) {
        results.skipped();
        tellLeft(output, path, { name, path, reason: reason.message });
      },
    };
    const { to } = options;
    const folder = await targetFolder(connection, to);
    const [source] = this.#sources;
    if (folder === undefined && source?.name && !source.file) {
      this.#renamed = source.label;
    }
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

  #makeCompare(queue: UploadQueue): UploadCompare | undefined {
    const { wanted } = this.#rules;
    const { dryRun } = this.#invocation.options;
    // The server looks itself whether a name is free.
    const looks = wanted !== "all" && wanted !== "missing";
    if (!looks && !dryRun) return undefined;
    return new UploadCompare(queue, {
      wanted,
      folders: dryRun,
      skipped: (item) => {
        this.#progress?.skipped(item);
        if (wanted !== "all") this.#skipped(item, REASONS[wanted]);
      },
    });
  }

  /** What would be sent; nothing is. */
  #show(compare: UploadCompare): void {
    const { output } = this.#invocation;
    for (let item = compare.take(); item; item = compare.take()) {
      if (item.source === undefined) {
        this.#showFolder(item.remotePath, item.label);
        continue;
      }
      this.#shown = item.remotePath;
      const { source: { label: path, size }, remotePath: name } = item;
      this.#results.succeeded(size ?? 0);
      const labels = { label: path, to: name };
      showPlanned(output, "upload", labels, { name, path, size });
    }
  }

  /** A folder comes behind what is in it: that shows already that it is made. */
  #showFolder(name: string, path: string): void {
    if (this.#shown.startsWith(`${name}/`)) return;
    this.#shown = name;
    this.#results.made();
    const { output } = this.#invocation;
    const labels = { label: name, isFolder: true };
    showPlanned(output, "mkdir", labels, { name, path });
  }

  #skipped(item: UploadItem, reason: string): void {
    const { output, options } = this.#invocation;
    const name = item.remotePath;
    this.#results.skipped();
    const path = labelOf(item);
    tellNeedless(output, { name, path, reason }, options.dryRun);
  }

  #follow(queue: UploadQueue, retry: Retry): UploadProgress {
    const { output, options } = this.#invocation;
    return new UploadProgress(queue, {
      output,
      style: queue.first === undefined || options.dryRun ? "none" : this.#style,
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
    const { remotePath: name } = item;
    const path = labelOf(item);
    if (error?.code === "exists" && this.#rules.wanted === "missing") {
      this.#skipped(item, REASONS.missing);
    } else if (error) {
      this.#results.failed(error, output, { name, path });
    } else if (receipt) {
      const { size, sha256, mtime, time } = receipt;
      this.#results.succeeded(size);
      if (output.json) {
        output.record("receipt", {
          name,
          path,
          size,
          sha256,
          mtime: jsonTime(mtime),
          time: jsonTime(time),
        });
      }
      if (output.verbose) {
        output.detail(`${name}: ${size} bytes, sha256 ${sha256}`);
      }
    } else if (item.source === undefined && item.isNew) {
      this.#results.made();
      output.record("made", { name, path });
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
  if (!isThere(source!)) return error;
  return new NetdiskError(error.code, error.message, {
    hint: `to upload under another name: netdisk put ${
      shellWord(source!)
    } --to ${shellWord(name!)}`,
    cause: error,
  });
}

/** True when something else was meant, most probably. */
function isGuess({ code, hint }: NetdiskError): boolean {
  return code === "not-found" && hint !== undefined;
}
