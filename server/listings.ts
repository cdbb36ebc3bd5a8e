/**
 * How many folders are listed at a time for each user. A listing whose client
 * takes its time keeps a folder open, and of those the server has a limited
 * number that all users share.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { MAX_OPEN_FOLDERS } from "./privileged_calls.ts";

/** The most of one user, an eighth of all. */
export const MAX_LISTINGS_PER_USER = MAX_OPEN_FOLDERS / 8;

/** Of what is free, one user gets so much: the more there are, the less each may begin. */
const SHARE = 1 / 4;

/** The listings under way; holds nothing of users who have none. */
export class Listings {
  #counts = new Map<string, number>();
  #total = 0;

  /** One begins; it ends when what this returns is disposed of. @throws NetdiskError `busy` */
  begin(user: string): Disposable {
    const count = this.#counts.get(user) ?? 0;
    const share = (MAX_OPEN_FOLDERS - this.#total) * SHARE;
    // The first one is refused by nobody but the system.
    if (count >= Math.min(MAX_LISTINGS_PER_USER, Math.max(1, share))) {
      throw new NetdiskError("busy", "too many listings of this user at once");
    }
    this.#counts.set(user, count + 1);
    this.#total++;
    return { [Symbol.dispose]: () => this.#end(user) };
  }

  #end(user: string): void {
    this.#total--;
    const left = this.#counts.get(user)! - 1;
    if (left > 0) this.#counts.set(user, left);
    else this.#counts.delete(user);
  }
}
