/** Carries out a part of a push: removals, uploads, touches, in this order. */

import type { Entry, RequestOf } from "../protocol/messages.ts";
import type { Replacement } from "./sync_plan.ts";
import { Changes, type Step, unlessDone } from "./changes.ts";
import { about, type Connection } from "./connection.ts";
import { jsonTime } from "./entry_view.ts";
import type { UploadItem, UploadOutcome } from "./pending_put.ts";
import { ask } from "./pipeline.ts";
import type { ProgressStyle } from "./progress.ts";
import type { Retry } from "./retry.ts";
import { type Place, placeOf } from "./sync_place.ts";
import type { SyncReport } from "./sync_report.ts";
import { relativeTo, type SyncRoots } from "./sync_walk.ts";
import { uploadAll } from "./upload.ts";
import { UploadProgress, type UploadsBefore } from "./upload_progress.ts";
import { UploadQueue } from "./upload_queue.ts";

export interface RemoveStep extends Step {
  change: RequestOf<"remove">;
  /** Nobody knows of what is removed. */
  isSilent?: boolean;
}

interface MoveStep extends Step {
  change: RequestOf<"move">;
  of: Replacement<Entry>;
  /** The old one out of the way, the new one to its place, or the old one back. */
  kind: "out" | "in" | "back";
}

export interface TouchStep extends Step {
  change: RequestOf<"touch">;
  /** A folder gets its time back, which is not worth telling. */
  isFolder: boolean;
}

/** What is to be done. */
export interface PushWork {
  uploads?: Iterable<UploadItem>;
  /** The places of uploads that wait beside them. */
  names?: ReadonlyMap<string, string>;
  /** What waits, and takes its place. */
  replacements?: readonly Replacement<Entry>[];
  removals?: readonly RemoveStep[];
  touches?: readonly TouchStep[];
}

export interface PushRoundOptions {
  report: SyncReport;
  style: ProgressStyle;
  roots: SyncRoots;
  /** Of all rounds so far. */
  sums: UploadSums;
}

/** What was uploaded, of all that one progress is to show. */
export interface UploadSums extends UploadsBefore {
  files: number;
  bytes: number;
  isOpen: boolean;
}

const WAITING =
  /^(.*?\.netdisk-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(.*)$/s;

/** One round of work, over as many connections as it takes. */
export class PushRound implements Disposable {
  readonly #options: PushRoundOptions;
  readonly #names: PushWork["names"];
  readonly #moves: Changes<MoveStep>;
  readonly #removals: Changes<RemoveStep>;
  readonly #queue: UploadQueue;
  readonly #touches: Changes<TouchStep>;
  #progress: UploadProgress | undefined;

  constructor(work: PushWork, options: PushRoundOptions) {
    const { report, style } = options;
    this.#options = options;
    this.#names = work.names;
    const removals = [...work.removals ?? []];
    const moves = (work.replacements ?? []).flatMap(movesOf);
    const stuck = new Set<Replacement<Entry>>();
    this.#moves = new Changes(moves, {
      ended: (step, error) => {
        const { of, label } = step;
        const isGone = step.kind === "out" && error?.code === "not-found";
        if (step.kind === "in" && !error) {
          removals.push({ ...removalOf(of.aside, of.isFolder), label });
        } else if (step.kind === "in") {
          const isFolder = of.source.kind === "folder";
          const removal = removalOf(of.temporary, isFolder);
          removals.push({ ...removal, isSilent: true });
          if (!stuck.has(of)) moves.push(moveOf(of, "back"));
        }
        if (!error || isGone || stuck.has(of)) return;
        stuck.add(of);
        report.failed(about(label, error), label);
      },
      // A second time it has either left its old name, or found its new one taken.
      again: (step, connection) =>
        unlessDone(
          step,
          connection,
          step.kind === "out" ? "exists" : "not-found",
        ),
    });
    this.#removals = new Changes(removals, {
      ended: (step, error) => {
        const { label, isSilent, change: { recursive: isFolder } } = step;
        if (isSilent) return;
        // Gone is gone.
        if (!error || error.code === "not-found") {
          report.done("deleted", { place: this.#placeAt(label), isFolder });
        } else report.failed(about(label, error), label);
      },
      again: (step, connection) => unlessDone(step, connection, "not-found"),
    });
    this.#queue = new UploadQueue(work.uploads ?? [], {
      looksAhead: style !== "none",
    });
    this.#touches = new Changes(work.touches ?? [], {
      ended: ({ label: name, isFolder }, error) => {
        if (error) report.failed(about(name, error), name);
        else if (!isFolder) {
          report.done("touched", { place: this.#placeAt(name) });
        }
      },
      again: async ({ change }, connection) => {
        await ask(connection, change, "ok");
      },
    });
  }

  /**
   * Does what is not done.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async run(connection: Connection, retry: Retry): Promise<void> {
    if (!this.#queue.isDone) await this.#upload(connection, retry);
    await this.#moves.run(connection, retry);
    await this.#removals.run(connection, retry);
    await this.#touches.run(connection, retry);
  }

  [Symbol.dispose](): void {
    this.#progress?.[Symbol.dispose]();
    this.#queue[Symbol.dispose]();
  }

  async #upload(connection: Connection, retry: Retry): Promise<void> {
    this.#progress?.reconnected();
    this.#queue.restart();
    const progress = this.#progress ??= new UploadProgress(this.#queue, {
      output: this.#options.report.output,
      style: this.#options.style,
      retry,
      before: this.#options.sums,
      ended: (outcome) => this.#uploaded(outcome),
    });
    await uploadAll(connection, this.#queue.left(), progress);
    progress[Symbol.dispose]();
    this.#progress = undefined;
    retry.progress = undefined;
  }

  #uploaded({ item, receipt, error }: UploadOutcome): void {
    const { report, sums } = this.#options;
    if (item.source !== undefined) sums.files++;
    sums.bytes += receipt?.size ?? 0;
    const name = this.#nameOf(item.remotePath);
    if (error) return report.failed(error, name);
    const place = this.#placeAt(name);
    if (!receipt) return report.done("made", { place, isFolder: true });
    const { size, sha256, mtime, time } = receipt;
    report.done("transferred", {
      place,
      bytes: size,
      record: () => ["receipt", {
        name,
        path: place.localPath,
        size,
        sha256,
        mtime: jsonTime(mtime),
        time: jsonTime(time),
      }],
    });
  }

  /** What is told of a path instead of where it waits. */
  #nameOf(path: string): string {
    const [, waiting = "", rest = ""] = WAITING.exec(path) ?? [];
    const name = this.#names?.get(waiting);
    return name === undefined ? path : name + rest;
  }

  #placeAt(remotePath: string): Place {
    const { roots } = this.#options;
    return placeOf(roots, relativeTo(roots.remotePath, remotePath));
  }
}

function movesOf(replacement: Replacement<Entry>): MoveStep[] {
  return [moveOf(replacement, "out"), moveOf(replacement, "in")];
}

function moveOf(
  replacement: Replacement<Entry>,
  kind: MoveStep["kind"],
): MoveStep {
  const { place: { remotePath: label }, temporary, aside } = replacement;
  const [from, to] = kind === "out"
    ? [label, aside]
    : [kind === "in" ? temporary : aside, label];
  const change = { type: "move", from, to, replace: false } as const;
  return { label, change, of: replacement, kind };
}

/** Gives a file the time and the executable bit of its source, which has none on Windows. */
export function touchOf(
  path: string,
  { mtime, executable }: Entry,
  os: typeof Deno.build.os = Deno.build.os,
): TouchStep {
  const bit = os === "windows" ? null : executable;
  return {
    label: path,
    change: { type: "touch", path, mtime, executable: bit },
    isFolder: false,
  };
}

/** Gives a folder its time. Undefined where there is none to give, or nobody may. */
export function folderTouch(
  path: string,
  mtime: number | null,
): TouchStep | undefined {
  if (path === "" || mtime === null) return undefined;
  return {
    label: path,
    change: { type: "touch", path, mtime, executable: null },
    isFolder: true,
  };
}

/** Removes a file, or a folder with all that is in it. */
export function removalOf(path: string, isFolder: boolean): RemoveStep {
  return { label: path, change: { type: "remove", path, recursive: isFolder } };
}
