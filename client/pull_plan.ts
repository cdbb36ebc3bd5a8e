/** A sync from the server: what is there is made here. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath, remoteParent } from "../protocol/remote_path.ts";
import { BasePlan } from "./base_plan.ts";
import type { Difference } from "./compare_folders.ts";
import { onInterrupt, type Registration } from "./interrupt.ts";
import { makeFolder } from "./local_folder.ts";
import { type LocalItem, localKind, setTime } from "./local_items.ts";
import { FolderNames, foldName, localNameFault } from "./local_names.ts";
import { localError } from "./local_source.ts";
import { IS_UNFINISHED, isUnfinished } from "./partial_file.ts";
import {
  attempt,
  type Mend,
  type PullItem,
  pullItem,
  PullProgress,
  PullRound,
  withChoice,
} from "./pull_round.ts";
import { type Deletion, localDeletions } from "./sync_deletions.ts";
import type { Replacement, Round, SyncPlanOptions } from "./sync_plan.ts";
import { type Place, placeOf } from "./sync_place.ts";
import type { FolderPair } from "./sync_walk.ts";

/** A local folder whose time is to be set. */
interface FolderTime {
  path: string;
  mtime: number | null;
  /** Set while it still waits beside its place. */
  isLate: boolean;
}

/** A folder to make beside the place of another one, or in such a folder. */
interface LateFolder {
  place: Place;
  path: string;
}

export class PullPlan extends BasePlan<Entry, LocalItem, FolderTime> {
  /** Folders that could not be made. */
  readonly #lost = new Set<string>();
  #items: PullItem[] = [];
  #mends: Mend[] = [];
  /** Replacements and what is in them: folders by where they are to be. */
  readonly #lateFolders = new Map<string, LateFolder>();
  readonly #lateItems: PullItem[] = [];
  readonly #lateTimes: FolderTime[] = [];
  #staged: Replacement<Entry>[] = [];
  readonly #cleanup: Registration;
  readonly #progress: PullProgress;

  constructor(options: SyncPlanOptions) {
    super(options);
    this.#progress = new PullProgress(options.report.output, options.style);
    this.#cleanup = onInterrupt(() => this.#removeStaged());
  }

  enter(localPath: string): boolean {
    try {
      const kind = localKind(localPath);
      // What is in the way is told, or replaced, when the folder above is compared.
      return kind === undefined || kind === "folder" ||
        (kind === "file" && this.options.rules.delete);
    } catch {
      return false;
    }
  }

  override add(pair: FolderPair): void {
    const { relative, remote } = pair;
    if (!this.#lost.delete(relative)) {
      return super.add({ ...pair, remote: this.#withoutUnfinished(pair) });
    }
    for (const { name, kind } of remote) {
      if (kind === "folder") this.#lost.add(joinRemotePath(relative, name));
    }
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#progress[Symbol.dispose]();
    this.#cleanup[Symbol.dispose]();
    this.#removeStaged();
  }

  walked(): void {
    this.#progress.totals.isComplete = true;
  }

  protected get waiting(): number {
    return this.#items.length + this.#mends.length;
  }

  /** What is here by another spelling of a remote name is that file, where the disk says so. */
  protected sidesOf({ localPath, local, remote }: FolderPair) {
    const here = new Set(local.map(({ name }) => name));
    const missing = new Map<string, string>();
    for (const { name } of remote) {
      if (!here.has(name)) missing.set(foldName(name), name);
    }
    if (missing.size === 0) return { sources: remote, targets: local };
    const there = new Set(remote.map(({ name }) => name));
    const { isOneFile } = this.options.names;
    const targets = local.map((item) => {
      const name = missing.get(foldName(item.name));
      if (name === undefined || there.has(item.name)) return item;
      return isOneFile(localPath, item.name, name) ? { ...item, name } : item;
    });
    return { sources: remote, targets };
  }

  protected targetOf({ localPath }: Place): string {
    return localPath;
  }

  protected sourceOf({ remotePath }: Place): string {
    return remotePath;
  }

  /** Names that are new here, and that the local disk cannot have, or not beside the others. */
  protected faults(
    { localPath, remote }: FolderPair,
    differences: readonly Difference<Entry, LocalItem>[],
  ): Map<string, string> {
    const refused = new Map<string, string>();
    const isNew = ({ kind }: Difference<Entry, LocalItem>) =>
      kind === "copy" || kind === "make";
    if (!differences.some(isNew)) return refused;
    for (const { name } of remote) {
      const fault = localNameFault(name);
      if (fault !== undefined) refused.set(name, fault);
    }
    // To ask the disk is to write on it.
    if (this.options.report.isDryRun) return refused;
    const names = new FolderNames(localPath, this.options.names.isOneName);
    try {
      for (const { name } of remote) {
        if (refused.has(name)) continue;
        const other = names.clash(name);
        if (other === undefined) continue;
        refused.set(name, `it and ${other} are one name on this disk`);
      }
    } catch {
      // Where nothing can be written, that is told of each file.
    }
    return refused;
  }

  protected folderTime(
    { relative, localPath }: FolderPair,
    mtime: number | null,
  ) {
    const late = this.#lateFolders.get(relative);
    const isLate = late !== undefined;
    const time = { path: late?.path ?? localPath, mtime, isLate };
    if (isLate) this.#lateTimes.push(time);
    return time;
  }

  protected override failed(place: Place, error: NetdiskError, label: string) {
    super.failed(place, withChoice(error, place.remotePath), label);
    this.#lost.add(place.relative);
  }

  protected copy(place: Place, source: Entry): void {
    const { relative, localPath } = place;
    if (source.kind === "file") this.#progress.expect(source);
    const late = this.#lateFolders.get(remoteParent(relative));
    if (late) {
      const name = localPath.slice(localPath.lastIndexOf("/") + 1);
      this.#copyLate(place, source, `${late.path}/${name}`);
    } else if (source.kind === "folder") this.#make(place);
    else this.#items.push(pullItem(place, source));
  }

  protected mend(place: Place, source: Entry): void {
    this.#mends.push({ place, source });
  }

  protected replace(replacement: Replacement<Entry>): void {
    const { place, source, temporary } = replacement;
    if (source.kind === "file") this.#progress.expect(source);
    this.#copyLate(place, source, temporary);
  }

  protected partsOf(deletion: Deletion): Promise<Deletion[]> {
    const { exclude } = this.options.roots;
    return Promise.try(() => localDeletions(deletion, exclude));
  }

  protected round(): PullRound {
    const work = { mends: this.#mends, items: this.#items };
    this.#mends = [];
    this.#items = [];
    return this.#newRound(work);
  }

  protected stage(all: readonly Replacement<Entry>[]): PullRound | undefined {
    const { report } = this.options;
    this.#staged = [...all];
    for (const { path, place } of this.#lateFolders.values()) {
      const make = () => {
        if (!report.isDryRun) makeFolder(path);
        report.done("made", { place, isFolder: true });
      };
      if (!attempt(report, place, make)) return undefined;
    }
    return this.#newRound({ mends: [], items: this.#lateItems });
  }

  protected drop(all: readonly Replacement<Entry>[]): undefined {
    this.#staged = [...all];
    this.#removeStaged();
  }

  protected swap(all: readonly Replacement<Entry>[]): undefined {
    const { report } = this.options;
    if (!report.isDryRun) {
      for (const { path, mtime } of this.#lateTimes) setTime(path, mtime);
    }
    for (const replacement of all) {
      const { place, isFolder } = replacement;
      attempt(report, place, () => {
        if (!report.isDryRun) exchange(place.localPath, replacement);
        report.done("deleted", { place, isFolder });
      });
    }
    this.#removeStaged();
  }

  protected end(
    deletions: readonly Deletion[],
    times: readonly FolderTime[],
  ): Round | undefined {
    const { report, roots } = this.options;
    for (const { path, relative, isFolder } of deletions) {
      const place = placeOf(roots, relative);
      attempt(report, place, () => {
        // A link in it is removed, and not what it leads to.
        if (!report.isDryRun) Deno.removeSync(path, { recursive: isFolder });
        report.done("deleted", { place, isFolder });
      });
    }
    if (report.isDryRun) return undefined;
    for (const { path, mtime, isLate } of times) {
      const place = { ...placeOf(roots, ""), localPath: path };
      if (!isLate) attempt(report, place, () => setTime(path, mtime));
    }
    return undefined;
  }

  /** What has no place on the server gets none here. */
  #withoutUnfinished({ relative, remote }: FolderPair): Entry[] {
    const { report, roots } = this.options;
    return remote.filter(({ name }) => {
      if (!isUnfinished(name)) return true;
      const place = placeOf(roots, joinRemotePath(relative, name));
      report.skipped(place, place.remotePath, IS_UNFINISHED);
      return false;
    });
  }

  #copyLate(place: Place, source: Entry, path: string): void {
    if (source.kind === "folder") {
      this.#lateFolders.set(place.relative, { place, path });
    } else this.#lateItems.push(pullItem(place, source, path));
  }

  /** Makes a folder, as those in it come later. */
  #make(place: Place): void {
    const { report } = this.options;
    const make = () => {
      if (!report.isDryRun) makeFolder(place.localPath);
      report.done("made", { place, isFolder: true });
    };
    if (!attempt(report, place, make)) this.#lost.add(place.relative);
  }

  #newRound(work: { mends: Mend[]; items: PullItem[] }): PullRound {
    return new PullRound(work, this.options.report, this.#progress);
  }

  #removeStaged(): void {
    if (this.options.report.isDryRun) return;
    for (const { temporary } of this.#staged.splice(0)) {
      try {
        Deno.removeSync(temporary, { recursive: true });
      } catch {
        // It has its place by now, or was never there.
      }
    }
  }
}

/**
 * As near to one step as two names can be. What was there is back if that fails,
 * and so is what is left of it when it cannot be deleted whole.
 */
function exchange(
  path: string,
  { temporary, aside, isFolder }: Replacement<Entry>,
): void {
  Deno.renameSync(path, aside);
  let isIn = false;
  try {
    Deno.renameSync(temporary, path);
    isIn = true;
    Deno.removeSync(aside, { recursive: isFolder });
  } catch (error) {
    if (isIn) Deno.renameSync(path, temporary);
    Deno.renameSync(aside, path);
    const { code, message } = localError(path, error);
    const left = isIn ? ", what could not be deleted is left" : "";
    throw new NetdiskError(code, message + left, { cause: error });
  }
}
