/** What became of several files, and how the command ends. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Output } from "./output.ts";

/** Counts successes and failures of a command with `total` files. */
export class Results {
  readonly #total: number;
  readonly #verb: string;
  #only: NetdiskError | undefined;
  #failures = 0;
  #successes = 0;

  /** `verb` says what was to be done, such as `uploaded`. */
  constructor(total: number, verb: string) {
    this.#total = total;
    this.#verb = verb;
  }

  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#successes++;
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

  /** @throws NetdiskError the failure of a single file, or `partial` */
  finish(): void {
    if (this.#only) throw this.#only;
    if (this.#failures === 0) return;
    throw new NetdiskError(
      "partial",
      `${this.#failures} of ${this.#total} files were not ${this.#verb}`,
    );
  }
}
