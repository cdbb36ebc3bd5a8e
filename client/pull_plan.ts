/** A sync from the server: what is there is made here. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath } from "../protocol/remote_path.ts";
import { type Check, compareContents } from "./checksums.ts";
import {
  compareFolders,
  type Difference,
  hasSameFacts,
} from "./compare_folders.ts";
import type { Connection } from "./connection.ts";
import { makeFolder } from "./local_folder.ts";
import { type LocalItem, localKind, setTime } from "./local_items.ts";
import { FolderNames, isOneName, localNameFault } from "./local_names.ts";
import {
  attempt,
  type Mend,
  type PullItem,
  pullItem,
  PullRound,
} from "./pull_round.ts";
import type { Retry } from "./retry.ts";
import { checkWhole, type Deletion, localDeletions } from "./sync_deletions.ts";
import {
  clashError,
  type FolderTimes,
  type SyncPlan,
  type SyncPlanOptions,
} from "./sync_plan.ts";
import { type FolderPair, localPathOf } from "./sync_walk.ts";

/** A local folder whose time is to be set at the end. */
interface FolderTime {
  path: string;
  mtime: number | null;
}

interface PullCheck extends Check {
  source: Entry;
  target: LocalItem;
  folder: FolderTime;
}

export class PullPlan implements SyncPlan {
  readonly #options: SyncPlanOptions;
  /** Of folders that were met. */
  readonly #times: Map<string, FolderTimes>;
  /** Folders that could not be made. */
  readonly #lost = new Set<string>();
  #checks: PullCheck[] = [];
  #items: PullItem[] = [];
  #mends: Mend[] = [];
  #round: PullRound | undefined;
  /** For the end. */
  #deletions: { deletion: Deletion; folder: FolderTime }[] = [];
  readonly #folderTimes = new Set<FolderTime>();

  constructor(options: SyncPlanOptions) {
    this.#options = options;
    this.#times = new Map([["", options.times]]);
  }

  get size(): number {
    return this.#checks.length + this.#items.length + this.#mends.length;
  }

  enter(localPath: string): boolean {
    try {
      const kind = localKind(localPath);
      // What is in the way is told, or replaced, when the folder above is compared.
      return kind === undefined || kind === "folder" ||
        (kind === "file" && this.#options.rules.delete);
    } catch {
      return false;
    }
  }

  add({ relative, local, remote, localPath }: FolderPair): void {
    const times = this.#times.get(relative);
    this.#times.delete(relative);
    if (this.#lost.delete(relative)) {
      for (const { name, kind } of remote) {
        if (kind === "folder") this.#lost.add(joinRemotePath(relative, name));
      }
      return;
    }
    const { rules, report } = this.#options;
    const { differences, same } = compareFolders(remote, local, rules);
    report.unchanged(same);
    const refused = this.#refused(localPath, remote, differences);
    const folder = { path: localPath, mtime: times?.source ?? null };
    let isOff = times?.source !== times?.target;
    for (const difference of differences) {
      const name = nameOf(difference);
      const fault = refused.get(name);
      if (fault !== undefined) {
        const path = `${localPath}/${name}`;
        report.failed(new NetdiskError("bad-name", `${path}: ${fault}`), path);
        this.#lost.add(joinRemotePath(relative, name));
      } else if (this.#take(relative, difference, folder)) isOff = true;
    }
    if (isOff) this.#folderTimes.add(folder);
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    const { report, style } = this.#options;
    if (!this.#round) {
      await this.#runChecks(connection, retry);
      const work = { mends: this.#mends, items: this.#items };
      this.#mends = [];
      this.#items = [];
      this.#round = new PullRound(work, report, style);
    }
    await this.#round.run(connection, retry);
    this.#endRound();
  }

  finish(): Promise<void> {
    const { report } = this.#options;
    if (report.failures > 0 && this.#deletions.length > 0) {
      report.leaveDeletes();
    } else {
      for (const { deletion, folder } of this.#deletions) {
        this.#delete(deletion, folder);
      }
    }
    this.#deletions = [];
    if (!report.isDryRun) {
      for (const { path, mtime } of this.#folderTimes) {
        attempt(report, path, () => setTime(path, mtime));
      }
    }
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.#endRound();
  }

  /** True when it changes the time of the local folder. */
  #take(
    folder: string,
    difference: Difference<Entry, LocalItem>,
    time: FolderTime,
  ): boolean {
    const { roots, report } = this.#options;
    const relative = joinRemotePath(folder, nameOf(difference));
    const path = localPathOf(roots, relative);
    const remotePath = joinRemotePath(roots.remotePath, relative);
    if (difference.kind === "delete") {
      const isFolder = difference.target.kind === "folder";
      const deletion = { path, relative, isFolder };
      this.#deletions.push({ deletion, folder: time });
      return false;
    }
    const { kind, source } = difference;
    switch (kind) {
      case "skip":
        report.skipped(remotePath, "it is neither file nor folder");
        return false;
      case "both": {
        const { mtime: target } = difference.target;
        this.#times.set(relative, { source: source.mtime, target });
        return false;
      }
      case "clash":
        report.failed(clashError(path, source, difference.target), path);
        if (source.kind === "folder") this.#lost.add(relative);
        return false;
      case "mend":
        this.#mends.push({ path, source });
        return false;
      case "verify": {
        const { target } = difference;
        const { size } = source;
        this.#checks.push(
          { localPath: path, remotePath, size, source, target, folder: time },
        );
        return false;
      }
      case "replace": {
        const isFolder = difference.target.kind === "folder";
        if (!this.#clear({ path, relative, isFolder })) {
          if (source.kind === "folder") this.#lost.add(relative);
          return false;
        }
      }
    }
    if (source.kind === "folder") this.#make(relative, path, source);
    else this.#items.push(pullItem(path, remotePath, source));
    return true;
  }

  /** Names that are new here, and that the local disk cannot have, or not beside the others. */
  #refused(
    localPath: string,
    remote: readonly Entry[],
    differences: readonly Difference<Entry, LocalItem>[],
  ): Map<string, string> {
    const refused = new Map<string, string>();
    const isNew = ({ kind }: Difference<Entry, LocalItem>) =>
      kind === "copy" || kind === "make";
    if (!differences.some(isNew)) return refused;
    const names = new FolderNames(localPath, isOneName);
    try {
      for (const { name } of remote) {
        const fault = localNameFault(name);
        const other = fault ?? names.clash(name);
        if (fault !== undefined) refused.set(name, fault);
        else if (other !== undefined) {
          refused.set(name, `it and ${other} are one name on this disk`);
        }
      }
    } catch {
      // Where nothing can be written, that is told of each file.
    }
    return refused;
  }

  /** Makes a folder, as those in it come later. */
  #make(relative: string, path: string, { mtime }: Entry): void {
    const { report } = this.#options;
    const make = () => {
      if (!report.isDryRun) makeFolder(path);
      report.done("made", { name: path, isFolder: true });
    };
    if (!attempt(report, path, make)) this.#lost.add(relative);
    this.#times.set(relative, { source: mtime, target: undefined });
  }

  /** Removes what is in the way of something of another kind. */
  #clear(deletion: Deletion): boolean {
    const { path } = deletion;
    const { report, roots: { exclude } } = this.#options;
    return attempt(report, path, () => {
      checkWhole(deletion, localDeletions(deletion, exclude));
      this.#remove(deletion);
    });
  }

  #delete(deletion: Deletion, folder: FolderTime): void {
    const { path } = deletion;
    const { report, roots: { exclude } } = this.#options;
    attempt(report, path, () => {
      for (const part of localDeletions(deletion, exclude)) {
        attempt(report, part.path, () => this.#remove(part));
        if (part.path === path) this.#folderTimes.add(folder);
      }
    });
  }

  #remove({ path, isFolder }: Deletion): void {
    const { report } = this.#options;
    // A link in it is removed, and not what it leads to.
    if (!report.isDryRun) Deno.removeSync(path, { recursive: isFolder });
    report.done("deleted", { name: path, isFolder });
  }

  async #runChecks(connection: Connection, retry: Retry): Promise<void> {
    const { report } = this.#options;
    const open = new Set(this.#checks);
    try {
      for await (const result of compareContents(connection, this.#checks)) {
        const { check, error } = result;
        const { source, target, localPath: path, remotePath, folder } = check;
        open.delete(check);
        retry.moved();
        if (error) report.failed(error, remotePath);
        else if (!result.isSame) {
          this.#items.push(pullItem(path, remotePath, source));
          this.#folderTimes.add(folder);
        } else if (hasSameFacts(source, target)) report.unchanged(1);
        else this.#mends.push({ path, source });
      }
    } finally {
      this.#checks = [...open];
    }
  }

  #endRound(): void {
    this.#round?.[Symbol.dispose]();
    this.#round = undefined;
  }
}

function nameOf(difference: Difference<Entry, LocalItem>): string {
  return difference.kind === "delete"
    ? difference.target.name
    : difference.source.name;
}
