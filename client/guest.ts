/**
 * Connections without a session, for commands that need none yet. The server
 * ends them soon (SPEC.md 9), but a person may think long about a password.
 */

import type { Invocation } from "./command.ts";
import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { withRetries } from "./retry.ts";
import type { ServerChoice } from "./server_choice.ts";

/** Half of what the server allows, in milliseconds. */
const MAX_AGE_MS = 10_000;

/** A server takes no more than 100 requests before a login (SPEC.md 9). */
const MAX_USES = 90;

/** One connection at a time, a new one as soon as the last has grown old. */
export class Guest implements Disposable {
  #invocation: Invocation;
  #choice: ServerChoice;
  #mayRepin: boolean;
  #connection: Connection | undefined;
  #since = 0;
  #uses = 0;
  #hasMet = false;

  /** See connect() for `mayRepin`. */
  constructor(
    invocation: Invocation,
    choice: ServerChoice,
    mayRepin = false,
  ) {
    this.#invocation = invocation;
    this.#choice = choice;
    this.#mayRepin = mayRepin;
  }

  /**
   * A greeted connection, good for some seconds and one request. Only connecting is tried again:
   * what is said on it, such as a registration, need not be harmless twice.
   */
  async connection(): Promise<Connection> {
    const isYoung = performance.now() - this.#since < MAX_AGE_MS &&
      ++this.#uses < MAX_USES;
    if (this.#connection && isYoung) return this.#connection;
    this.#uses = 0;
    return await withRetries(
      this.#invocation,
      async (retry) => {
        if (this.#hasMet) retry.met();
        this.#connection?.close();
        this.#since = performance.now();
        this.#connection = await connect(
          this.#invocation,
          this.#choice,
          { mayRepin: this.#mayRepin },
        );
        await this.#connection.greet();
        await this.#connection.ready();
        this.#hasMet = true;
        return this.#connection;
      },
      undefined,
      { address: this.#choice.address },
    );
  }

  [Symbol.dispose](): void {
    this.#connection?.close();
  }
}
