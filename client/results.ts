/** What became of the files of a transfer, and how the command ends; for other commands: tally.ts. */

import { NetdiskError } from "../protocol/errors.ts";
import { formatCount } from "./format.ts";
import type { Output } from "./output.ts";

/** Counts what a command has done. */
export class Results {
  readonly #total: number | undefined;
  readonly #verb: string;
  readonly #isPlan: boolean;
  #only: NetdiskError | undefined;
  #failures = 0;
  #successes = 0;
  #skipped = 0;
  #folders = 0;
  #bytes = 0;

  /**
   * @param total how many files there are; undefined when only the end will tell
   * @param verb what was to be done, such as `uploaded`
   * @param isPlan nothing is done
   */
  constructor(total: number | undefined, verb: string, isPlan = false) {
    this.#total = total;
    this.#verb = verb;
    this.#isPlan = isPlan;
  }

  get failures(): number {
    return this.#failures;
  }

  /** How many files were transferred. */
  get successes(): number {
    return this.#successes;
  }

  /** A file was transferred. */
  succeeded(bytes = 0): void {
    this.#successes++;
    this.#bytes += bytes;
  }

  /** Nothing was to be done for a file. */
  skipped(): void {
    this.#skipped++;
  }

  /** A folder is there now, or in a plan would be. */
  made(): void {
    this.#folders++;
  }

  /** Reports the failure of one file; that of a single one is kept for finish(). */
  failed(
    error: NetdiskError,
    output: Output,
    fields: Record<string, unknown>,
  ): void {
    if (this.#total === 1) return this.failedWhole(error);
    this.#failures++;
    output.failure(error, fields);
  }

  /** The failure of all that was asked for, kept for finish(). */
  failedWhole(error: NetdiskError): void {
    this.#failures++;
    this.#only = error;
  }

  /** Adds the counts to the result object, however the command ends. */
  summarise(output: Output): void {
    output.summarise({
      files: this.#successes,
      skipped: this.#skipped,
      failed: this.#failures,
      bytes: this.#bytes,
      dryRun: this.#isPlan,
    });
  }

  /**
   * Says how it went, where that is not plain.
   *
   * @throws NetdiskError the failure of a single file, or `partial`
   */
  finish(output?: Output): void {
    if (output) this.summarise(output);
    if (this.#only) throw this.#only;
    const skipped = `${formatCount(this.#skipped)} skipped`;
    if (this.#failures > 0) {
      const all = this.#failures + this.#successes + this.#skipped;
      const failed = all === 1
        ? "1 file"
        : `${formatCount(this.#failures)} of ${formatCount(all)} files`;
      throw new NetdiskError(
        "partial",
        `${failed} ${this.#past(false, this.#failures === 1)}` +
          (this.#skipped > 0 ? `, ${skipped}` : ""),
      );
    }
    const files = this.#successes === 1 ? "file" : "files";
    const done = `${formatCount(this.#successes)} ${files} ${this.#past(true)}`;
    if (this.#skipped > 0) output?.notice(`${done}, ${skipped}`);
    else if (this.#successes > 1) output?.notice(done);
    else if (this.#successes === 0 && this.#folders > 0) {
      const folders = this.#folders === 1 ? "folder" : "folders";
      const made = this.#isPlan ? "would be made" : "made";
      output?.notice(`${formatCount(this.#folders)} ${folders} ${made}`);
    }
  }

  #past(isDone: boolean, isOne = false): string {
    if (this.#isPlan) return `would ${isDone ? "" : "not "}be ${this.#verb}`;
    return isDone ? this.#verb : `${isOne ? "was" : "were"} not ${this.#verb}`;
  }
}
