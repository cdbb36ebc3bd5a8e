/** One get, over as many connections as it takes. */

import { NetdiskError } from "../protocol/errors.ts";
import { parseRemotePath } from "../protocol/remote_path.ts";
import { type Invocation, usageError } from "./command.ts";
import type { Connection } from "./connection.ts";
import { showPlanned } from "./dry_run.ts";
import { jsonTime } from "./entry_view.ts";
import { goesOn } from "./go_on.ts";
import { Downloads } from "./download.ts";
import { localPaths } from "./download_names.ts";
import { DownloadPlan, isFolderError } from "./download_plan.ts";
import { DownloadProgress } from "./download_progress.ts";
import { withChoice } from "./folder_download.ts";
import type {
  DownloadItem,
  DownloadOutcome,
  FileItem,
} from "./incoming_file.ts";
import { isOneName } from "./local_names.ts";
import { statIfThere } from "./local_source.ts";
import { fileTarget, stdoutTarget } from "./local_target.ts";
import { hasPartials } from "./partial_file.ts";
import { progressStyle } from "./progress.ts";
import { hasGlob } from "./remote_glob.ts";
import { checkTargets } from "./remote_targets.ts";
import { Results } from "./results.ts";
import { GOES_ON, type Retry } from "./retry.ts";
import { tellLeft, tellNeedless } from "./skipped.ts";
import {
  REASONS,
  type TransferRules,
  transferRules,
  type TransferValues,
} from "./transfer_options.ts";

/** Up to so many files each is looked at for what an earlier download has left. */
const MAX_LOOKS = 16;

/** When the disk had no room for so many files in a row the others are not tried. */
const MAX_FULL = 3;

export type GetInvocation = Invocation<
  TransferValues & { to: string | undefined; restart: boolean }
>;

export class GetJob implements Disposable {
  readonly #invocation: GetInvocation;
  readonly #rules: TransferRules;
  readonly #progress: DownloadProgress;
  readonly #downloads: Downloads;
  /** Undefined when the server need not be asked what there is. */
  readonly #plan: DownloadPlan | undefined;
  #results: Results;
  #isPlanned = false;
  /** Files in a row that the disk had no room for. */
  #full = 0;

  /** @throws NetdiskError for what cannot be got at all */
  constructor(invocation: GetInvocation) {
    const { args, options, output } = invocation;
    this.#invocation = invocation;
    const isStream = options.to === "-";
    this.#rules = transferRules("get", options, { isStream });
    this.#results = new Results(args.length, "downloaded", options.dryRun);
    const isDirect = !options.recursive && !options.dryRun &&
      ["all", "missing"].includes(this.#rules.wanted) &&
      !args.some((arg) => hasGlob(arg) || /[^/]\/$/.test(arg) && !isStream);
    let items: FileItem[];
    try {
      this.#plan = isDirect ? undefined : this.#makePlan(isStream);
      items = this.#plan ? [] : this.#nameItems();
    } catch (error) {
      // A command line that makes no sense has no results, either.
      if (error instanceof NetdiskError && error.code !== "usage") {
        this.#results.failedWhole(error);
        this.#results.summarise(output);
      }
      throw error;
    }
    this.#progress = new DownloadProgress(
      this.#plan ?? { files: items.length, bytes: undefined, isComplete: true },
      {
        output,
        style: options.dryRun
          ? "none"
          : progressStyle(options.progress, output),
        ended: (outcome) => this.#report(outcome),
      },
    );
    this.#downloads = new Downloads(items, this.#progress, options.restart);
  }

  /** What to do about a download that is not done, where that is worth saying. */
  get hint(): string | undefined {
    const { args, options: { recursive, dryRun, restart } } = this.#invocation;
    if (dryRun) return undefined;
    const isMany = (recursive || args.some(hasGlob)) && this.#isPlanned;
    // The same command would fetch these again.
    if (isMany || this.#results.successes > 0) {
      return goesOn("get", this.#invocation, this.#plan?.renamed);
    }
    if (!this.#downloads.isKept) return undefined;
    return restart ? goesOn("get", this.#invocation, undefined) : GOES_ON;
  }

  /** Takes what earlier downloads have left of the files that are named. */
  async takeBeginnings(): Promise<void> {
    const { options, args } = this.#invocation;
    // One look at the folder is cheaper than one for each of thousands.
    if (args.length > MAX_LOOKS && !hasPartials(options.to || ".")) return;
    await this.#downloads.takeBeginnings();
    this.#progress.hide();
  }

  /** Fetches what has no outcome yet. */
  async run(connection: Connection, retry: Retry): Promise<void> {
    const { dryRun } = this.#invocation.options;
    const plan = this.#plan;
    this.#progress.connected(retry);
    for (;;) {
      if (!this.#downloads.isDone) {
        const isFinal = !plan || this.#isPlanned && plan.isComplete;
        await this.#downloads.run(connection, isFinal);
      }
      if (!plan || this.#isPlanned && plan.isComplete) return;
      this.#progress.listing(true);
      const items = await plan.next(connection);
      this.#progress.listing(false);
      this.#isPlanned = true;
      retry.moved();
      if (!items) return;
      if (dryRun) { for (const item of items) this.#show(item); }
      else this.#downloads.add(items);
    }
  }

  /** Says how it went. @throws NetdiskError when a file failed */
  finish(): void {
    if (this.#results.failures === 0) this.#progress.finish();
    this.#results.finish(this.#invocation.output);
  }

  [Symbol.dispose](): void {
    this.#results.summarise(this.#invocation.output);
    this.#downloads[Symbol.dispose]();
    this.#progress[Symbol.dispose]();
  }

  /** The files that are named, whatever the server has. */
  #nameItems(): FileItem[] {
    const { args, options, output } = this.#invocation;
    const { to } = options;
    const sources = args.map((label) => ({
      label,
      remotePath: parseRemotePath(label),
    }));
    for (const { label, remotePath } of sources) {
      if (remotePath === "") throw isFolderError(label, to);
    }
    if (to === "-") {
      checkStdout(this.#invocation);
      return [{ ...sources[0]!, target: stdoutTarget(output) }];
    }
    // Only patterns make errors of single files.
    const paths = localPaths(sources, to) as string[];
    const replace = this.#rules.wanted === "all";
    const items = sources.map((source, index) => {
      const path = paths[index]!;
      const target = fileTarget(path, { replace, isNamed: path === to });
      return { ...source, target };
    });
    if (replace) return items;
    return items.filter((item) => {
      if (statIfThere(item.target.label) === undefined) return true;
      this.#skipped(item, REASONS.missing);
      return false;
    });
  }

  #makePlan(isStream: boolean): DownloadPlan {
    const { args, options } = this.#invocation;
    checkTargets(args);
    if (isStream) {
      throw usageError("get", "patterns and --to - exclude each other");
    }
    return new DownloadPlan(args, {
      to: options.to,
      recursive: options.recursive,
      wanted: this.#rules.wanted,
      exclude: this.#rules.exclude,
      dryRun: options.dryRun,
      replace: this.#rules.wanted !== "missing",
      isOneName,
    }, {
      resolved: (isSingle) => {
        const total = isSingle ? 1 : undefined;
        this.#results = new Results(total, "downloaded", options.dryRun);
      },
      failed: (name, error) => this.#failed(name, error),
      made: (name, path) => this.#made(name, path),
      failedWhole: (error) => this.#results.failedWhole(error),
      skipped: (item, reason) => this.#skipped(item, reason),
      left: (name, reason) => {
        const { output } = this.#invocation;
        this.#results.skipped();
        tellLeft(output, name, { name, reason });
      },
    });
  }

  #made(name: string, path: string): void {
    const { output, options: { dryRun } } = this.#invocation;
    this.#results.made();
    if (!dryRun) return output.record("made", { name, path });
    const label = path.replace(/\/+$/, "");
    showPlanned(output, "mkdir", { label, isFolder: true }, { name, path });
  }

  #skipped({ remotePath: name, target }: FileItem, reason: string): void {
    const { output, options } = this.#invocation;
    this.#results.skipped();
    const { label: path } = target;
    tellNeedless(output, { name, path, reason }, options.dryRun);
  }

  #show(item: DownloadItem): void {
    if (!item.target) return;
    const { output } = this.#invocation;
    const { remotePath: name, target: { label: path }, facts } = item;
    this.#results.succeeded(facts?.size);
    const fields = { name, path, size: facts?.size };
    showPlanned(output, "download", { label: name, to: path }, fields);
  }

  #failed(name: string, error: NetdiskError): void {
    this.#results.failed(error, this.#invocation.output, { name });
  }

  /** Puts one outcome on the screen. */
  #report({ item, file, error }: DownloadOutcome): void {
    const { output, options } = this.#invocation;
    const { remotePath: name, target } = item;
    this.#full = error?.code === "disk-full" ? this.#full + 1 : 0;
    if (error?.code === "exists" && target) {
      this.#skipped(item, REASONS.missing);
    } else if (error) {
      const isFolder = error.code === "is-folder" &&
        error.message.startsWith(`${item.label}: `) && !this.#plan;
      this.#failed(
        name,
        isFolder
          ? isFolderError(item.label, options.to)
          : withChoice(error, name),
      );
    } else if (file && target) {
      const { size, sha256, mtime } = file;
      this.#results.succeeded(size);
      if (output.json) {
        output.record("file", {
          name,
          path: target.label,
          size,
          sha256,
          mtime: jsonTime(mtime),
        });
      }
      if (output.verbose) {
        output.detail(`${name}: ${size} bytes, sha256 ${sha256}`);
      }
    }
    if (this.#full === MAX_FULL) {
      const { hint } = this;
      throw new NetdiskError(
        "disk-full",
        "the disk of this machine is full, the rest was not tried",
        hint === undefined ? {} : { hint },
      );
    }
  }
}

function checkStdout({ args, output }: GetInvocation): void {
  if (args.length > 1) {
    throw usageError("get", "only one file can go to standard output");
  }
  if (output.json) {
    throw usageError("get", "--json and --to - both need standard output");
  }
}
