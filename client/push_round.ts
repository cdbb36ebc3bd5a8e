/** Carries out a part of a push: removals, uploads, touches, in this order. */

import type { Entry, RequestOf } from "../protocol/messages.ts";
import { Changes, type Step, unlessDone } from "./changes.ts";
import { about, type Connection } from "./connection.ts";
import type { UploadItem, UploadOutcome } from "./pending_put.ts";
import { ask } from "./pipeline.ts";
import type { ProgressStyle } from "./progress.ts";
import type { Retry } from "./retry.ts";
import type { SyncReport } from "./sync_report.ts";
import { uploadAll } from "./upload.ts";
import { UploadProgress } from "./upload_progress.ts";
import { UploadQueue } from "./upload_queue.ts";

export interface RemoveStep extends Step {
  change: RequestOf<"remove">;
}

export interface TouchStep extends Step {
  change: RequestOf<"touch">;
  /** A folder gets its time back, which is not worth telling. */
  isFolder: boolean;
}

/** What is to be done. */
export interface PushWork {
  removals: readonly RemoveStep[];
  uploads: Iterable<UploadItem>;
  touches: readonly TouchStep[];
}

/** One round of work, over as many connections as it takes. */
export class PushRound implements Disposable {
  readonly #report: SyncReport;
  readonly #style: ProgressStyle;
  readonly #removals: Changes<RemoveStep>;
  readonly #queue: UploadQueue;
  readonly #touches: Changes<TouchStep>;
  #progress: UploadProgress | undefined;

  constructor(work: PushWork, report: SyncReport, style: ProgressStyle) {
    this.#report = report;
    this.#style = style;
    this.#removals = new Changes(work.removals, {
      ended: (step, error) => {
        const { label: name, change: { recursive: isFolder } } = step;
        // Gone is gone.
        if (!error || error.code === "not-found") {
          report.done("deleted", { name, isFolder });
        } else report.failed(about(name, error), name);
      },
      again: (step, connection) => unlessDone(step, connection, "not-found"),
    });
    this.#queue = new UploadQueue(work.uploads, {
      looksAhead: style !== "none",
    });
    this.#touches = new Changes(work.touches, {
      ended: ({ label: name, isFolder }, error) => {
        if (error) report.failed(about(name, error), name);
        else if (!isFolder) report.done("touched", { name });
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
    await this.#removals.run(connection, retry);
    if (!this.#queue.isDone) await this.#upload(connection, retry);
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
      output: this.#report.output,
      style: this.#style,
      retry,
      ended: (outcome) => this.#uploaded(outcome),
    });
    await uploadAll(connection, this.#queue.left(), progress);
    progress[Symbol.dispose]();
    this.#progress = undefined;
    retry.progress = undefined;
  }

  #uploaded({ item, receipt, error }: UploadOutcome): void {
    const name = item.remotePath;
    if (error) return this.#report.failed(error, name);
    if (!receipt) return this.#report.done("made", { name, isFolder: true });
    const { size, sha256, mtime, time } = receipt;
    this.#report.done("transferred", {
      name,
      bytes: size,
      record: () => ["receipt", {
        name,
        size,
        sha256,
        mtime: mtime === null ? null : new Date(mtime).toISOString(),
        time: new Date(time).toISOString(),
      }],
    });
  }
}

/** Gives a file the time and the executable bit of its source. */
export function touchOf(path: string, { mtime, executable }: Entry): TouchStep {
  return {
    label: path,
    change: { type: "touch", path, mtime, executable },
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
