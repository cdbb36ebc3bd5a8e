/** A sync to the server: what is here is made there. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath, remotePathFault } from "../protocol/remote_path.ts";
import { type Check, compareContents } from "./checksums.ts";
import {
  compareFolders,
  type Difference,
  hasSameFacts,
} from "./compare_folders.ts";
import { about, type Connection, isAboutPath } from "./connection.ts";
import { type LocalItem, localKind } from "./local_items.ts";
import { localError } from "./local_source.ts";
import { type Sent, uploadsOf } from "./push_items.ts";
import {
  folderTouch,
  PushRound,
  type PushWork,
  removalOf,
  type RemoveStep,
  touchOf,
  type TouchStep,
} from "./push_round.ts";
import type { Retry } from "./retry.ts";
import {
  checkWhole,
  type Deletion,
  remoteDeletions,
} from "./sync_deletions.ts";
import {
  clashError,
  type FolderTimes,
  type SyncPlan,
  type SyncPlanOptions,
} from "./sync_plan.ts";
import { type FolderPair, localPathOf } from "./sync_walk.ts";

interface PushCheck extends Check {
  source: LocalItem;
  target: Entry;
  /** What gives the folder its time when something in it is sent. */
  folder: TouchStep | undefined;
}

/** What is in the way of something of another kind. */
interface Replacement {
  deletion: Deletion;
  source: LocalItem;
}

interface LastDeletion {
  deletion: Deletion;
  /** What gives the folder above its time. */
  folder: TouchStep | undefined;
}

export class PushPlan implements SyncPlan {
  readonly #options: SyncPlanOptions;
  /** Of folders that were met. */
  readonly #times: Map<string, FolderTimes>;
  #checks: PushCheck[] = [];
  #replacements: Replacement[] = [];
  #removals: RemoveStep[] = [];
  #sent: Sent[] = [];
  #touches: TouchStep[] = [];
  #round: PushRound | undefined;
  /** For the end. */
  #deletions: LastDeletion[] = [];
  #lastRemovals: RemoveStep[] = [];
  readonly #folderTimes = new Set<TouchStep>();

  constructor(options: SyncPlanOptions) {
    this.#options = options;
    this.#times = new Map([["", options.times]]);
  }

  get size(): number {
    return this.#checks.length + this.#replacements.length +
      this.#sent.length + this.#touches.length;
  }

  /** The folder where it begins is missing. */
  addRoot(info: LocalItem): void {
    this.#sent.push({ relative: "", source: info });
  }

  enter(localPath: string): boolean {
    try {
      return localKind(localPath) === "folder";
    } catch {
      // Told when the folder above is read.
      return false;
    }
  }

  add({ relative, local, remote, remotePath }: FolderPair): void {
    const { rules, report } = this.#options;
    const { differences, same } = compareFolders(local, remote, rules);
    report.unchanged(same);
    const times = this.#times.get(relative);
    this.#times.delete(relative);
    const folder = folderTouch(remotePath, times?.source ?? null);
    let isOff = times?.source !== times?.target;
    for (const difference of differences) {
      if (this.#take(relative, difference, folder)) isOff = true;
    }
    if (folder && isOff) this.#folderTimes.add(folder);
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    if (!this.#round) {
      const { roots, report } = this.#options;
      await this.#runChecks(connection, retry);
      await this.#clear(connection, retry);
      const work = {
        removals: this.#removals,
        uploads: uploadsOf(this.#sent, roots, report),
        touches: this.#touches,
      };
      this.#removals = [];
      this.#sent = [];
      this.#touches = [];
      if (report.isDryRun) return this.#show(work);
      this.#round = this.#newRound(work);
    }
    await this.#round.run(connection, retry);
    this.#endRound();
  }

  async finish(connection: Connection, retry: Retry): Promise<void> {
    const { report } = this.#options;
    if (!this.#round) {
      if (report.failures > 0 && this.#deletions.length > 0) {
        report.leaveDeletes();
        this.#deletions = [];
      }
      while (this.#deletions.length > 0) {
        await this.#addDeletion(this.#deletions.at(-1)!, connection);
        this.#deletions.pop();
        retry.moved();
      }
      const work = {
        removals: this.#lastRemovals.reverse(),
        uploads: [],
        touches: [...this.#folderTimes],
      };
      if (report.isDryRun) return this.#show(work);
      this.#round = this.#newRound(work);
    }
    await this.#round.run(connection, retry);
    this.#endRound();
  }

  [Symbol.dispose](): void {
    this.#endRound();
  }

  /** True when it changes the time of the remote folder. */
  #take(
    folder: string,
    difference: Difference<LocalItem, Entry>,
    folderTouch: TouchStep | undefined,
  ): boolean {
    const { roots, report } = this.#options;
    const { name } = difference.kind === "delete"
      ? difference.target
      : difference.source;
    const relative = joinRemotePath(folder, name);
    const localPath = localPathOf(roots, relative);
    const remotePath = joinRemotePath(roots.remotePath, relative);
    if (difference.kind === "delete") {
      const isFolder = difference.target.kind === "folder";
      const deletion = { path: remotePath, relative, isFolder };
      this.#deletions.push({ deletion, folder: folderTouch });
      return false;
    }
    const { kind, source } = difference;
    if (kind === "skip") {
      const what = source.info.isSymlink ? "a link" : "neither file nor folder";
      report.skipped(localPath, `it is ${what}`);
      return false;
    }
    const fault = remotePathFault(remotePath);
    if (fault !== undefined) {
      const error = new NetdiskError("bad-name", `${localPath}: ${fault}`);
      report.failed(error, localPath);
      return false;
    }
    switch (kind) {
      case "both": {
        const { mtime: target } = difference.target;
        this.#times.set(relative, { source: source.mtime, target });
        return false;
      }
      case "clash":
        report.failed(
          clashError(remotePath, source, difference.target),
          remotePath,
        );
        return false;
      case "mend":
        this.#touches.push(touchOf(remotePath, source));
        return false;
      case "verify": {
        const { target } = difference;
        const { size } = source;
        this.#checks.push(
          { localPath, remotePath, size, source, target, folder: folderTouch },
        );
        return false;
      }
      case "replace": {
        const error = unreadable(localPath, source);
        if (error) {
          report.failed(error, localPath);
          return false;
        }
        const isFolder = difference.target.kind === "folder";
        const deletion = { path: remotePath, relative, isFolder };
        this.#replacements.push({ deletion, source });
        return true;
      }
    }
    this.#sent.push({ relative, source });
    return true;
  }

  async #runChecks(connection: Connection, retry: Retry): Promise<void> {
    const { report, roots } = this.#options;
    const open = new Set(this.#checks);
    try {
      for await (const result of compareContents(connection, this.#checks)) {
        const { check, error } = result;
        const { source, target, remotePath, folder } = check;
        open.delete(check);
        retry.moved();
        if (error) report.failed(error, remotePath);
        else if (!result.isSame) {
          const relative = roots.remotePath === ""
            ? remotePath
            : remotePath.slice(roots.remotePath.length + 1);
          this.#sent.push({ relative, source });
          if (folder) this.#folderTimes.add(folder);
        } else if (hasSameFacts(source, target)) report.unchanged(1);
        else this.#touches.push(touchOf(remotePath, source));
      }
    } finally {
      this.#checks = [...open];
    }
  }

  /** Takes away what may be replaced. */
  async #clear(connection: Connection, retry: Retry): Promise<void> {
    const { report, roots: { exclude } } = this.#options;
    for (let next; (next = this.#replacements.at(-1)); retry.moved()) {
      const { deletion, source } = next;
      const { path, relative, isFolder } = deletion;
      try {
        const parts = await remoteDeletions(connection, deletion, exclude);
        checkWhole(deletion, parts);
        this.#removals.push(removalOf(path, isFolder));
        this.#sent.push({ relative, source });
      } catch (error) {
        if (error instanceof NetdiskError && error.code === "is-folder") {
          report.failed(error, path);
        } else if (isAboutPath(error)) report.failed(about(path, error), path);
        else throw error;
      }
      this.#replacements.pop();
    }
  }

  /** What of something can be deleted. */
  async #addDeletion(
    { deletion, folder }: LastDeletion,
    connection: Connection,
  ): Promise<void> {
    const { report, roots } = this.#options;
    const { path: whole } = deletion;
    try {
      const parts = await remoteDeletions(connection, deletion, roots.exclude);
      for (const { path, isFolder } of parts) {
        this.#lastRemovals.push(removalOf(path, isFolder));
        if (path === whole && folder) this.#folderTimes.add(folder);
      }
    } catch (error) {
      if (!isAboutPath(error)) throw error;
      report.failed(about(whole, error), whole);
    }
  }

  /** What a dry run shows instead of doing it. */
  #show({ removals, uploads, touches }: PushWork): void {
    const { report } = this.#options;
    for (const { label: name, change } of removals) {
      report.done("deleted", { name, isFolder: change.recursive });
    }
    for (const { source, remotePath: name } of uploads) {
      if (!source) report.done("made", { name, isFolder: true });
      else report.done("transferred", { name, bytes: source.size ?? 0 });
    }
    for (const { label: name, isFolder } of touches) {
      if (!isFolder) report.done("touched", { name });
    }
  }

  #newRound(work: PushWork): PushRound {
    return new PushRound(work, this.#options.report, this.#options.style);
  }

  #endRound(): void {
    this.#round?.[Symbol.dispose]();
    this.#round = undefined;
  }
}

/** Nothing on the server gives way to what cannot be read here. */
function unreadable(path: string, { kind }: Entry): NetdiskError | undefined {
  try {
    if (kind === "folder") Deno.readDirSync(path)[Symbol.iterator]().next();
    else Deno.openSync(path).close();
    return undefined;
  } catch (error) {
    return localError(path, error);
  }
}
