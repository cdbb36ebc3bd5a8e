/**
 * How many folders are listed at a time for each user. A listing whose client
 * takes its time keeps a folder open, and of those the server has a limited
 * number (native_folders.ts) that all users share.
 */

import { NetdiskError } from "../protocol/errors.ts";

/** An eighth of all. */
export const MAX_LISTINGS_PER_USER = 32;

/** The listings under way; holds nothing of users who have none. */
export class Listings {
  #counts = new Map<string, number>();

  /** One begins; it ends when what this returns is disposed of. @throws NetdiskError `busy` */
  begin(user: string): Disposable {
    const count = this.#counts.get(user) ?? 0;
    if (count >= MAX_LISTINGS_PER_USER) {
      throw new NetdiskError("busy", "too many listings of this user at once");
    }
    this.#counts.set(user, count + 1);
    return { [Symbol.dispose]: () => this.#end(user) };
  }

  #end(user: string): void {
    const left = this.#counts.get(user)! - 1;
    if (left > 0) this.#counts.set(user, left);
    else this.#counts.delete(user);
  }
}
