/** What a sync has done, or with `-n` would do: told as it happens, and summed up. */

import { NetdiskError } from "../protocol/errors.ts";
import { type PlannedAction, showPlanned } from "./dry_run.ts";
import { formatBytes, formatCount } from "./format.ts";
import type { JsonFields, Output } from "./output.ts";
import { tellLeft } from "./skipped.ts";
import type { Place } from "./sync_place.ts";

/** What is counted, in the order in which it is told. */
const DEEDS = [
  "transferred",
  "made",
  "touched",
  "deleted",
  "unchanged",
  "skipped",
] as const;

type Deed = typeof DEEDS[number];

export class SyncReport {
  readonly output: Output;
  readonly isDryRun: boolean;
  readonly #verb: "uploaded" | "downloaded";
  readonly #counts: Record<Deed, number> = {
    transferred: 0,
    made: 0,
    touched: 0,
    deleted: 0,
    unchanged: 0,
    skipped: 0,
  };
  #bytes = 0;
  #failures = 0;
  #left: "nothing" | "nothing more" | undefined;

  constructor(
    output: Output,
    { isDryRun, isPull }: { isDryRun: boolean; isPull: boolean },
  ) {
    this.output = output;
    this.isDryRun = isDryRun;
    this.#verb = isPull ? "downloaded" : "uploaded";
  }

  get failures(): number {
    return this.#failures;
  }

  unchanged(files: number): void {
    this.#counts.unchanged += files;
  }

  /** @param name as JSON has it: the path on the server */
  failed(error: NetdiskError, path: string, name = path): void {
    this.#failures++;
    this.output.failure(error, { name });
  }

  /** Something that is no file nor folder, and is left alone. */
  skipped(place: Place, label: string, reason: string) {
    this.#counts.skipped++;
    const { remotePath: name, localPath: path } = place;
    tellLeft(this.output, label, { name, path, reason });
  }

  /** Something is done, or in a dry run would be. */
  done(
    deed: Exclude<Deed, "unchanged" | "skipped">,
    { place, isFolder = false, bytes = 0, record }: {
      place: Place;
      isFolder?: boolean;
      bytes?: number;
      /** The JSON object of what was transferred. */
      record?: () => [type: string, fields: JsonFields];
    },
  ): void {
    this.#counts[deed]++;
    this.#bytes += bytes;
    const { output } = this;
    const { remotePath: name, localPath: path } = place;
    const isPull = this.#verb === "downloaded";
    const label = isPull ? path : name;
    if (this.isDryRun) {
      const size = deed === "transferred" ? { size: bytes } : {};
      const fields = { name, path, ...size };
      const labels = { label, isFolder };
      return showPlanned(output, this.#actionOf(deed), labels, fields);
    }
    if (output.json) {
      const type = deed === "deleted" ? "removed" : deed;
      const [own, fields] = record?.() ?? [type, { name, path }];
      output.record(own, fields);
    }
    if (output.verbose) {
      const verb = deed === "transferred" ? this.#verb : deed;
      output.detail(`${label}${isFolder ? "/" : ""}: ${verb}`);
    }
  }

  /** Something failed, and so nothing is deleted, or nothing more. */
  leaveDeletes(isBegun: boolean): void {
    this.#left ??= isBegun ? "nothing more" : "nothing";
  }

  /** Says how it went. @throws NetdiskError `partial` */
  finish(): void {
    const { output } = this;
    const { transferred, ...counts } = this.#counts;
    output.summarise({
      files: transferred,
      bytes: this.#bytes,
      ...counts,
      failed: this.#failures,
      dryRun: this.isDryRun,
    });
    if (this.#left) {
      const verb = this.isDryRun ? "would be" : "was";
      output.notice(
        `${this.#left} ${verb} deleted, as not all could be read or done`,
      );
    }
    output.notice(this.#sentence);
    if (this.#failures === 0) return;
    const isOne = this.#failures === 1;
    const what = isOne ? "file or folder" : "files or folders";
    const verb = this.isDryRun ? "would not be" : isOne ? "is not" : "are not";
    throw new NetdiskError(
      "partial",
      `${formatCount(this.#failures)} ${what} ${verb} in sync`,
    );
  }

  /** `would be: 3 uploaded (1.20 MiB), 1 deleted, 40 unchanged`. */
  get #sentence(): string {
    const parts = DEEDS.flatMap((deed) => {
      const count = this.#counts[deed];
      if (count === 0 && deed !== "unchanged") return [];
      const size = deed === "transferred"
        ? ` (${formatBytes(this.#bytes)})`
        : "";
      const verb = deed === "transferred"
        ? this.#verb
        : deed === "made"
        ? (count === 1 ? "folder made" : "folders made")
        : deed;
      return [`${formatCount(count)} ${verb}${size}`];
    });
    return `${this.isDryRun ? "would be: " : ""}${parts.join(", ")}`;
  }

  #actionOf(deed: Deed): PlannedAction {
    switch (deed) {
      case "made":
        return "mkdir";
      case "touched":
        return "touch";
      case "deleted":
        return "delete";
      default:
        return this.#verb === "uploaded" ? "upload" : "download";
    }
  }
}
