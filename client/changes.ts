/**
 * Requests that change something, over as many connections as it takes. What a
 * lost connection leaves open is whether its last requests were carried out.
 */

import type { NetdiskError } from "../protocol/errors.ts";
import type { RequestOf } from "../protocol/messages.ts";
import { type Connection, isAboutPath } from "./connection.ts";
import { answers, ask } from "./pipeline.ts";
import type { Retry } from "./retry.ts";

/** A request whose answer is `ok`. */
export type Change = RequestOf<
  "mkdir" | "move" | "remove" | "touch" | "discard"
>;

/** One thing to do. */
export interface Step {
  /** As the user knows it. */
  label: string;
  change: Change;
}

export interface ChangesOptions<S extends Step> {
  /** In the order of the steps, once for each. The error does not name the path. */
  ended(step: S, error: NetdiskError | undefined): void;
  /**
   * Carries out a step that may have been carried out already, over a connection
   * that was lost before its answer came.
   *
   * @throws NetdiskError
   */
  again(step: S, connection: Connection): Promise<void>;
}

/** The steps of one command, in their order; more may come while they are carried out. */
export class Changes<S extends Step> {
  readonly #steps: readonly S[];
  readonly #options: ChangesOptions<S>;
  /** Steps that are over. */
  #done = 0;
  /** Steps that were sent; those behind `#done` may have been carried out. */
  #sent = 0;

  constructor(steps: readonly S[], options: ChangesOptions<S>) {
    this.#steps = steps;
    this.#options = options;
  }

  /**
   * Carries out what is not over.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async run(connection: Connection, retry: Retry): Promise<void> {
    while (this.#done < this.#sent) {
      this.#ended(await this.#again(connection));
      retry.moved();
    }
    // What a step ends with may be a further step.
    while (this.#sent < this.#steps.length) {
      for await (const answer of answers(connection, this.#requests(), "ok")) {
        this.#ended(answer.error);
        retry.moved();
      }
    }
  }

  *#requests(): Generator<Change> {
    while (this.#sent < this.#steps.length) {
      yield this.#steps[this.#sent++]!.change;
    }
  }

  async #again(connection: Connection): Promise<NetdiskError | undefined> {
    try {
      await this.#options.again(this.#steps[this.#done]!, connection);
      return undefined;
    } catch (error) {
      if (!isAboutPath(error)) throw error;
      return error;
    }
  }

  #ended(error: NetdiskError | undefined): void {
    this.#options.ended(this.#steps[this.#done++]!, error);
  }
}

/** Carries a step out once more; an error of the given code says that it is done. */
export async function unlessDone(
  { change }: Step,
  connection: Connection,
  code: NetdiskError["code"],
): Promise<void> {
  try {
    await ask(connection, change, "ok");
  } catch (error) {
    if (!isAboutPath(error) || error.code !== code) throw error;
  }
}
