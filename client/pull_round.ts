/** Carries out a part of a pull: times and bits that are wrong, then downloads. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import type { Connection } from "./connection.ts";
import { Downloads } from "./download.ts";
import { DownloadProgress } from "./download_progress.ts";
import { jsonTime } from "./entry_view.ts";
import type { DownloadOutcome, FileItem } from "./incoming_file.ts";
import { setExecutable, setTime } from "./local_items.ts";
import { localError } from "./local_source.ts";
import { fileTarget } from "./local_target.ts";
import type { Output } from "./output.ts";
import type { ProgressStyle } from "./progress.ts";
import type { Retry } from "./retry.ts";
import { remoteWord } from "./shell_word.ts";
import type { Place } from "./sync_place.ts";
import type { SyncReport } from "./sync_report.ts";

export interface PullItem extends FileItem {
  place: Place;
  source: Entry;
}

/** A local file whose content is right. */
export interface Mend {
  place: Place;
  source: Entry;
}

/** What is to be done. */
export interface PullWork {
  mends: readonly Mend[];
  items: PullItem[];
}

/** The one progress of all rounds. */
export class PullProgress implements Disposable {
  readonly totals = { files: 0, bytes: 0, isComplete: false };
  readonly line: DownloadProgress;
  /** Told of each item, by the round that has it. */
  ended: (outcome: DownloadOutcome) => void = () => {};

  constructor(output: Output, style: ProgressStyle) {
    const ended = (outcome: DownloadOutcome) => this.ended(outcome);
    this.line = new DownloadProgress(this.totals, { output, style, ended });
  }

  /** A file is to be downloaded sooner or later. */
  expect({ size }: Entry): void {
    this.totals.files++;
    this.totals.bytes += size;
  }

  [Symbol.dispose](): void {
    this.line[Symbol.dispose]();
  }
}

/** One round of work, over as many connections as it takes. */
export class PullRound implements Disposable {
  readonly #report: SyncReport;
  readonly #items: ReadonlyMap<unknown, PullItem>;
  readonly #progress: PullProgress;
  readonly #downloads: Downloads | undefined;

  /** Mends at once; a dry run only shows what would be done. */
  constructor(work: PullWork, report: SyncReport, progress: PullProgress) {
    this.#report = report;
    this.#progress = progress;
    const { items } = work;
    this.#items = new Map(items.map((item) => [item, item]));
    for (const mend of work.mends) this.#mend(mend);
    if (report.isDryRun) {
      for (const { place, source: { size: bytes } } of items) {
        report.done("transferred", { place, bytes });
      }
    } else if (items.length > 0) {
      progress.ended = (outcome) => this.#ended(outcome);
      this.#downloads = new Downloads(items, progress.line);
    }
  }

  /**
   * Does what is not done.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async run(connection: Connection, retry: Retry): Promise<void> {
    if (!this.#downloads) return;
    this.#progress.line.connected(retry);
    await this.#downloads.run(connection, false);
    retry.progress = undefined;
  }

  [Symbol.dispose](): void {
    this.#downloads?.[Symbol.dispose]();
  }

  #mend({ place, source }: Mend): void {
    const report = this.#report;
    const { localPath: path } = place;
    attempt(report, place, () => {
      if (!report.isDryRun) {
        setExecutable(path, source.executable);
        setTime(path, source.mtime);
      }
      report.done("touched", { place });
    });
  }

  #ended({ item, file, error }: DownloadOutcome): void {
    const report = this.#report;
    const { place, target, source } = this.#items.get(item)!;
    const { localPath: path, remotePath: name } = place;
    if (error || !file) {
      return report.failed(withChoice(error!, name), path, name);
    }
    // A file that was there has kept its mode.
    attempt(
      report,
      place,
      () => setExecutable(target.label, source.executable),
    );
    const { size, sha256, mtime } = file;
    report.done("transferred", {
      place,
      bytes: size,
      record: () => ["file", {
        name,
        path,
        size,
        sha256,
        mtime: jsonTime(mtime),
      }],
    });
  }
}

/**
 * A file to fetch.
 *
 * @param path where it is written to, if not to its place
 */
export function pullItem(
  place: Place,
  source: Entry,
  path = place.localPath,
): PullItem {
  const { remotePath } = place;
  const { size, mtime } = source;
  return {
    label: remotePath,
    remotePath,
    target: fileTarget(path),
    facts: { size, mtime },
    place,
    source,
  };
}

/** Does something to a local path; what fails is told. */
export function attempt(
  report: SyncReport,
  { localPath, remotePath }: Place,
  work: () => void,
): boolean {
  try {
    work();
    return true;
  } catch (error) {
    const failure = withChoice(localError(localPath, error), remotePath);
    report.failed(failure, localPath, remotePath);
    return false;
  }
}

/** What to do about a name that this machine cannot store. */
export function withChoice(error: NetdiskError, path: string): NetdiskError {
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  if (error.code !== "bad-name" && code !== "ENAMETOOLONG") return error;
  return new NetdiskError(error.code, error.message, {
    hint: `netdisk mv ${
      remoteWord(path)
    } NAME gives it another, --exclude leaves it out`,
    cause: error,
  });
}
