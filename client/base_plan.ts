/**
 * What both directions of a sync do alike: which differences are work, and what
 * waits for the end. Nothing gives way before all else is done without failure.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath } from "../protocol/remote_path.ts";
import { type Check, compareContents } from "./checksums.ts";
import {
  compareFolders,
  type Difference,
  hasSameFacts,
} from "./compare_folders.ts";
import { about, type Connection, isAboutPath } from "./connection.ts";
import { foldName } from "./local_names.ts";
import { compareNames } from "./remote_tree.ts";
import type { Retry } from "./retry.ts";
import { checkWhole, type Deletion } from "./sync_deletions.ts";
import {
  checkNotEmpty,
  clashError,
  type FolderTimes,
  nameOf,
  type Replacement,
  type Round,
  type SyncPlan,
  type SyncPlanOptions,
  whatIsEntry,
} from "./sync_plan.ts";
import { besides, besidesAgain, type Place, placeOf } from "./sync_place.ts";
import type { FolderPair } from "./sync_walk.ts";

interface PlanCheck<S, T, F> extends Check {
  place: Place;
  source: S;
  target: T;
  folder: F | undefined;
}

/** With what gives the folder above its time. */
type Last<F, W> = { what: W; folder: F | undefined };

/** @template F what gives a folder its time at the end */
export abstract class BasePlan<S extends Entry, T extends Entry, F>
  implements SyncPlan {
  protected readonly options: SyncPlanOptions;
  /** Of folders that were met. */
  readonly #times: Map<string, FolderTimes>;
  #checks: PlanCheck<S, T, F>[] = [];
  #round: Round | undefined;
  /** The round is one of the last stages. */
  #isFinishing = false;
  /** For the end. */
  #replacements: Last<F, Replacement<S>>[] = [];
  #deletions: Last<F, Deletion>[] = [];
  #doomed: Deletion[] = [];
  /** How many of these it is known of what can be deleted. */
  #seen = 0;
  readonly #folderTimes = new Set<F>();
  #stages: ((connection: Connection, retry: Retry) => Promise<void>)[];

  constructor(options: SyncPlanOptions) {
    this.options = options;
    this.#times = new Map([["", options.times]]);
    const round = (make: () => Round | undefined) => {
      return (connection: Connection, retry: Retry) =>
        this.#runRound(make, connection, retry);
    };
    const replacements = () => this.#replacements.map(({ what }) => what);
    this.#stages = [
      (connection, retry) => this.#look(connection, retry),
      // What an interrupted sync has left there.
      round(() => this.drop(replacements())),
      round(() => this.#mayDelete() ? this.stage(replacements()) : undefined),
      round(() => {
        if (!this.#mayDelete()) return this.drop(replacements());
        for (const { folder } of this.#replacements) this.#changed(folder);
        return this.swap(replacements());
      }),
      round(() =>
        this.end(this.#mayDelete(true) ? this.#doomed : [], [
          ...this.#folderTimes,
        ])
      ),
    ];
  }

  get size(): number {
    return this.#checks.length + this.waiting;
  }

  abstract enter(localPath: string): boolean;
  abstract walked(): void;

  add(pair: FolderPair): void {
    const { rules, report, roots } = this.options;
    const { relative } = pair;
    const times = this.#times.get(relative);
    this.#times.delete(relative);
    const { sources, targets } = this.sidesOf(pair);
    const { differences, same } = compareFolders(sources, targets, rules);
    const isEmpty = sources.every(({ kind }) => kind === "other");
    if (relative === "" && isEmpty && differences.some(isDeletion)) {
      checkNotEmpty(this.sourceOf(placeOf(roots, "")), rules);
    }
    differences.sort((a, b) => compareNames(nameOf(a), nameOf(b)));
    report.unchanged(same);
    const faults = this.faults(pair, differences);
    const folder = this.folderTime(pair, times?.source ?? null);
    // To find out about names may have changed the time.
    let isOff = times?.source !== times?.target || faults.size > 0;
    const twins = new Map<string, string>();
    if (differences.some(isDeletion)) {
      for (const { name } of sources) twins.set(foldName(name), name);
    }
    for (const difference of differences) {
      const name = nameOf(difference);
      const place = placeOf(roots, joinRemotePath(relative, name));
      const fault = faults.get(name);
      if (fault === undefined) {
        if (difference.kind !== "delete") {
          if (this.#take(place, difference, folder)) isOff = true;
          continue;
        }
        const twin = twins.get(foldName(name));
        this.#deletions.push({
          what: {
            path: this.targetOf(place),
            relative: place.relative,
            isFolder: difference.target.kind === "folder",
            ...(twin === undefined ? {} : { twin }),
          },
          folder,
        });
        continue;
      }
      const error = new NetdiskError(
        "bad-name",
        `${place.localPath}: ${fault}`,
      );
      this.failed(place, error, place.localPath);
    }
    if (isOff) this.#changed(folder);
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    if (this.#isFinishing) return;
    await this.#runChecks(connection, retry);
    await this.#runRound(() => this.round(), connection, retry);
  }

  async finish(connection: Connection, retry: Retry): Promise<void> {
    this.#isFinishing = true;
    for (let stage; (stage = this.#stages[0]); this.#stages.shift()) {
      await stage(connection, retry);
    }
  }

  [Symbol.dispose](): void {
    this.#round?.[Symbol.dispose]();
    this.#round = undefined;
  }

  /** What was added and is not done, without files that are compared. */
  protected abstract readonly waiting: number;
  protected abstract sidesOf(pair: FolderPair): { sources: S[]; targets: T[] };
  protected abstract targetOf(place: Place): string;
  protected abstract sourceOf(place: Place): string;
  /** Why names cannot be made in the target, by the name. */
  protected abstract faults(
    pair: FolderPair,
    differences: readonly Difference<S, T>[],
  ): Map<string, string>;
  protected abstract folderTime(
    pair: FolderPair,
    mtime: number | null,
  ): F | undefined;
  /** Takes a file or folder whose content is to be transferred. */
  protected abstract copy(place: Place, source: S): void;
  /** Takes a file whose time or executable bit is wrong. */
  protected abstract mend(place: Place, source: S): void;
  /** Takes what is transferred at the end. @throws NetdiskError when it cannot be read */
  protected abstract replace(replacement: Replacement<S>): void;
  /** What can be deleted of something. @throws NetdiskError */
  protected abstract partsOf(
    deletion: Deletion,
    connection: Connection,
  ): Promise<Deletion[]>;
  /** What was taken. */
  protected abstract round(): Round | undefined;
  /** Transfers replacements to where they wait. */
  protected abstract stage(all: readonly Replacement<S>[]): Round | undefined;
  /** Removes what waits. */
  protected abstract drop(all: readonly Replacement<S>[]): Round | undefined;
  /** Puts them in their places. */
  protected abstract swap(all: readonly Replacement<S>[]): Round | undefined;
  protected abstract end(
    deletions: readonly Deletion[],
    times: readonly F[],
  ): Round | undefined;

  /** Something in a folder is not done. */
  protected failed(place: Place, error: NetdiskError, label: string): void {
    this.options.report.failed(error, label, place.remotePath);
  }

  /** Whether what the source does not have may go. Replacing deletes as well. */
  #mayDelete(isBegun = false): boolean {
    const { report } = this.options;
    if (report.failures === 0) return true;
    if (this.#deletions.length + this.#replacements.length > 0) {
      report.leaveDeletes(isBegun && this.#replacements.length > 0);
    }
    return false;
  }

  #changed(folder: F | undefined): void {
    if (folder) this.#folderTimes.add(folder);
  }

  /** True when it changes the time of the target's folder. */
  #take(
    place: Place,
    difference: Exclude<Difference<S, T>, { kind: "delete" }>,
    folder: F | undefined,
  ): boolean {
    const { report } = this.options;
    const target = this.targetOf(place);
    const { kind, source } = difference;
    if (source.kind === "folder") {
      const mtime = kind === "both" ? difference.target.mtime : undefined;
      this.#times.set(place.relative, { source: source.mtime, target: mtime });
    }
    switch (kind) {
      case "skip": {
        const { target } = difference;
        const [path, what] = target?.kind === "other"
          ? [this.targetOf(place), target]
          : [this.sourceOf(place), source];
        report.skipped(place, path, `it is ${whatIsEntry(what)}`);
        return false;
      }
      case "both":
        return false;
      case "clash": {
        const error = clashError(target, source, difference.target);
        this.failed(place, error, target);
        return false;
      }
      case "mend":
        this.mend(place, source);
        return false;
      case "verify": {
        const { localPath, remotePath } = place;
        const sides = { source, target: difference.target, size: source.size };
        this.#checks.push({ place, localPath, remotePath, folder, ...sides });
        return false;
      }
      case "replace": {
        const what = {
          place,
          source,
          isFolder: difference.target.kind === "folder",
          temporary: besidesAgain(target),
          aside: besides(target),
        };
        try {
          this.replace(what);
          this.#replacements.push({ what, folder });
        } catch (error) {
          if (!(error instanceof NetdiskError)) throw error;
          this.failed(place, error, this.sourceOf(place));
        }
        return false;
      }
    }
    this.copy(place, source);
    return true;
  }

  async #runChecks(connection: Connection, retry: Retry): Promise<void> {
    const { report } = this.options;
    const open = new Set(this.#checks);
    try {
      for await (const result of compareContents(connection, this.#checks)) {
        const { check, error } = result;
        const { place, source, target, folder } = check;
        open.delete(check);
        retry.moved();
        if (error) this.failed(place, error, place.remotePath);
        else if (!result.isSame) {
          this.copy(place, source);
          this.#changed(folder);
        } else if (hasSameFacts(source, target)) report.unchanged(1);
        else this.mend(place, source);
      }
    } finally {
      this.#checks = [...open];
    }
  }

  /** Finds out what can be deleted, before anything is. */
  async #look(connection: Connection, retry: Retry): Promise<void> {
    if (!this.#mayDelete()) return;
    const all = [
      ...this.#replacements.map(({ what: { place, isFolder } }) => {
        const { relative } = place;
        const what = { path: this.targetOf(place), relative, isFolder };
        return { what, folder: undefined, isReplaced: true };
      }),
      ...this.#deletions.map((last) => ({ ...last, isReplaced: false })),
    ];
    for (; this.#seen < all.length; this.#seen++) {
      const { what, folder, isReplaced } = all[this.#seen]!;
      const { path, relative } = what;
      try {
        const parts = await this.partsOf(what, connection);
        retry.moved();
        if (isReplaced) {
          checkWhole(what, parts);
          continue;
        }
        for (const part of parts) {
          this.#doomed.push(part);
          if (part.path === path) this.#changed(folder);
        }
      } catch (error) {
        if (!(error instanceof NetdiskError)) throw error;
        const isNamed = error.message.startsWith(`${path}: `);
        if (!isNamed && !isAboutPath(error)) throw error;
        const place = placeOf(this.options.roots, relative);
        this.failed(place, isNamed ? error : about(path, error), path);
      }
    }
  }

  async #runRound(
    make: () => Round | undefined,
    connection: Connection,
    retry: Retry,
  ): Promise<void> {
    this.#round ??= make();
    await this.#round?.run(connection, retry);
    this.#round?.[Symbol.dispose]();
    this.#round = undefined;
  }
}

function isDeletion({ kind }: Difference<Entry, Entry>): boolean {
  return kind === "delete";
}
