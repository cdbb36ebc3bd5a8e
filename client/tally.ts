/** What became of several paths, and how the command ends; for transfers: results.ts. */

import { NetdiskError } from "../protocol/errors.ts";
import type { JsonFields, Output } from "./output.ts";

export class Tally {
  readonly #output: Output;
  readonly #isSingle: boolean;
  readonly #deed: string;
  readonly #noun: string;
  #only: NetdiskError | undefined;
  #failures = 0;
  #hasParts = false;
  #successes = 0;

  /**
   * @param isSingle there is one path: its failure is that of the command
   * @param deed what could not be done, such as `removed`
   * @param noun what there are several of
   */
  constructor(
    output: Output,
    isSingle: boolean,
    deed: string,
    noun = "path",
  ) {
    this.#noun = noun;
    this.#output = output;
    this.#isSingle = isSingle;
    this.#deed = deed;
  }

  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#successes++;
  }

  /** The failure of a path. That of a single one is kept for finish(). */
  failed(error: NetdiskError, fields: JsonFields = {}): void {
    this.#failures++;
    if (this.#isSingle) this.#only = error;
    else this.#output.failure(error, fields);
  }

  /** The failure of something below a path. */
  failedPart(error: NetdiskError, fields: JsonFields = {}): void {
    this.#hasParts = true;
    this.#failures++;
    this.#output.failure(error, fields);
  }

  /** @throws NetdiskError the failure of a single path, or `partial` */
  finish(): void {
    this.#output.summarise({ done: this.#successes, failed: this.#failures });
    if (this.#only) throw this.#only;
    if (this.#failures === 0) return;
    // Nobody has counted the parts that are fine.
    const count = !this.#hasParts
      ? `${this.#failures} of ${
        this.#failures + this.#successes
      } ${this.#noun}s`
      : this.#failures === 1
      ? `1 ${this.#noun}`
      : `${this.#failures} ${this.#noun}s`;
    throw new NetdiskError(
      "partial",
      `${count} could not be ${this.#deed}`,
    );
  }
}
