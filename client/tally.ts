/** What became of several paths, and how the command ends. */

import { NetdiskError } from "../protocol/errors.ts";
import type { JsonFields, Output } from "./output.ts";

export class Tally {
  readonly #output: Output;
  readonly #isSingle: boolean;
  readonly #deed: string;
  #only: NetdiskError | undefined;
  #failures = 0;
  #successes = 0;

  /**
   * @param isSingle there is one path: its failure is that of the command
   * @param deed what could not be done, such as `removed`
   */
  constructor(output: Output, isSingle: boolean, deed: string) {
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
    if (!this.#isSingle) return this.failedPart(error, fields);
    this.#failures++;
    this.#only = error;
  }

  /** The failure of something below a path. */
  failedPart(error: NetdiskError, fields: JsonFields = {}): void {
    this.#failures++;
    this.#output.failure(error, fields);
  }

  /** @throws NetdiskError the failure of a single path, or `partial` */
  finish(): void {
    if (this.#only) throw this.#only;
    if (this.#failures === 0) return;
    const total = this.#failures + this.#successes;
    throw new NetdiskError(
      "partial",
      `${this.#failures} of ${total} paths could not be ${this.#deed}`,
    );
  }
}
