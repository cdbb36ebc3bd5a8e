/** What became of several files, and how the command ends. */

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

  /** A file was transferred. */
  succeeded(bytes = 0): void {
    this.#successes++;
    this.#bytes += bytes;
  }

  /** Nothing was to be done for a file. */
  skipped(): void {
    this.#skipped++;
  }

  /** Reports the failure of one file; that of a single one is kept for finish(). */
  failed(
    error: NetdiskError,
    output: Output,
    fields: Record<string, unknown>,
  ): void {
    this.#failures++;
    if (this.#total === 1) this.#only = error;
    else output.failure(error, fields);
  }

  /**
   * Says how it went, where that is not plain.
   *
   * @throws NetdiskError the failure of a single file, or `partial`
   */
  finish(output?: Output): void {
    output?.summarise({
      files: this.#successes,
      skipped: this.#skipped,
      failed: this.#failures,
      bytes: this.#bytes,
    });
    if (this.#only) throw this.#only;
    const skipped = `${formatCount(this.#skipped)} skipped`;
    if (this.#failures > 0) {
      const all = this.#failures + this.#successes + this.#skipped;
      const failed = `${formatCount(this.#failures)} of ${formatCount(all)}`;
      throw new NetdiskError(
        "partial",
        `${failed} files ${this.#past(false)}` +
          (this.#skipped > 0 ? `, ${skipped}` : ""),
      );
    }
    if (this.#skipped > 0) {
      const files = this.#successes === 1 ? "file" : "files";
      const done = `${formatCount(this.#successes)} ${files}`;
      output?.notice(`${done} ${this.#past(true)}, ${skipped}`);
    }
  }

  #past(isDone: boolean): string {
    if (this.#isPlan) return `would ${isDone ? "" : "not "}be ${this.#verb}`;
    return isDone ? this.#verb : `were not ${this.#verb}`;
  }
}
