/** What both directions of a sync have in common. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import type { CompareRules, Difference } from "./compare_folders.ts";
import type { Connection } from "./connection.ts";
import { whatIs } from "./local_items.ts";
import type { NameProbe } from "./local_names.ts";
import type { ProgressStyle } from "./progress.ts";
import type { Retry } from "./retry.ts";
import type { SyncReport } from "./sync_report.ts";
import type { Place } from "./sync_place.ts";
import type { FolderPair, SyncRoots } from "./sync_walk.ts";

/**
 * The work that a comparison comes to: gathered from some folders, then done,
 * until all are compared; at the end what must come last.
 */
export interface SyncPlan extends Disposable {
  /** Files and folders with work that is not done. */
  readonly size: number;
  /** Whether a remote folder is compared with what is here. */
  enter(localPath: string): boolean;
  /** Takes what is to be done in a folder. */
  add(pair: FolderPair): void;
  /** Nothing more will be added. */
  walked(): void;
  /**
   * Does what was added.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  run(connection: Connection, retry: Retry): Promise<void>;
  /** Deletes, and gives folders their times. As `run` does when it fails. */
  finish(connection: Connection, retry: Retry): Promise<void>;
}

/** Work that goes on over another connection. */
export interface Round extends Disposable {
  /** @throws NetdiskError when the connection fails */
  run(connection: Connection, retry: Retry): Promise<void>;
}

/** What takes the place of something of another kind. */
export interface Replacement<S> {
  place: Place;
  source: S;
  /** What gives way. */
  isFolder: boolean;
  /** Beside the place: where the new one waits, and the old one goes. */
  temporary: string;
  aside: string;
}

export interface SyncPlanOptions {
  roots: SyncRoots;
  rules: CompareRules;
  report: SyncReport;
  style: ProgressStyle;
  names: NameProbes;
  /** Times of the folders where it begins. */
  times: FolderTimes;
}

/** How it is found out which names the local disk takes for one. */
export interface NameProbes {
  isOneName: NameProbe;
  isOneFile: NameProbe;
}

/** Times of a folder, from when it is met to when it is compared. */
export interface FolderTimes {
  source: number | null;
  /** Undefined for one that was missing. */
  target: number | null | undefined;
}

/** A file is in the way of a folder, or the reverse. */
export function clashError(
  name: string,
  source: Entry,
  target: Entry,
): NetdiskError {
  return new NetdiskError(
    target.kind === "folder" ? "is-folder" : "not-folder",
    `${name}: it is a ${target.kind}, and a ${source.kind} in the source`,
    { hint: "--delete replaces it" },
  );
}

/**
 * More often than not an empty source is a disk that is not mounted.
 *
 * @throws NetdiskError when all that the target has would be deleted
 */
export function checkNotEmpty(source: string, rules: CompareRules): void {
  if (!rules.delete || rules.deleteAll) return;
  throw new NetdiskError(
    "exists",
    `${
      source || "/"
    }: it has nothing to copy, and --delete would delete all that the target has`,
    { hint: "--delete-all does it" },
  );
}

export function nameOf(difference: Difference<Entry, Entry>): string {
  return difference.kind === "delete"
    ? difference.target.name
    : difference.source.name;
}

/** A server does not say what it is that it has. */
export function whatIsEntry(entry: Entry & { info?: Deno.FileInfo }): string {
  return entry.info ? whatIs(entry.info) : "neither file nor folder";
}
