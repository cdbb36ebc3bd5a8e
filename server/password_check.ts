/**
 * Whether a password is that of a user: asked as often as login_guard.ts allows,
 * and answered in a time that does not tell whether there is such a user.
 */

import type { AccountSessions, SessionOrigin } from "./account_sessions.ts";
import { networkOf } from "./address.ts";
import type { Attempt, LoginGuard } from "./login_guard.ts";
import type { PasswordHasher, StoredPassword } from "./passwords.ts";
import { hexOf } from "./secrets.ts";
import type { User } from "./users.ts";

/** Who asks. Without an address nothing is limited: then it is not the network. */
export type Asker = Partial<SessionOrigin>;

/** A password that somebody says is that of a user. */
export interface Guess {
  name: string;
  /** The user of that name, if there is one. */
  user: User | undefined;
  password: string;
  /** The session in which it is said, if it is in one. */
  tokenHash?: Uint8Array;
}

export class PasswordCheck {
  #hasher: PasswordHasher;
  #guard: LoginGuard;
  #sessions: AccountSessions;
  /** Compared with where there is no such user, so that it takes as long. */
  #nobody: StoredPassword;

  /** Owns no argument. */
  constructor(
    hasher: PasswordHasher,
    guard: LoginGuard,
    sessions: AccountSessions,
  ) {
    this.#hasher = hasher;
    this.#guard = guard;
    this.#sessions = sessions;
    this.#nobody = {
      salt: new Uint8Array(16),
      hash: new Uint8Array(32),
      ...hasher.parameters,
    };
  }

  /** @throws NetdiskError `busy` or `throttled` */
  async isRight(guess: Guess, asker: Asker): Promise<boolean> {
    const { user, password } = guess;
    // Nothing that may fail comes between an attempt and its outcome.
    const attempt = this.#begin(guess, asker);
    let matches: boolean;
    try {
      const stored = user ?? this.#nobody;
      matches = await this.#hasher.verify(password, stored, placeOf(asker));
    } catch (error) {
      attempt?.dropped();
      throw error;
    }
    const isRight = user !== undefined && matches;
    if (isRight) attempt?.succeeded();
    else attempt?.failed();
    return isRight;
  }

  /** Hashes a new password. @throws NetdiskError `busy` */
  hash(password: string, asker: Asker): Promise<StoredPassword> {
    return this.#hasher.hash(password, placeOf(asker));
  }

  #begin(
    { name, tokenHash }: Guess,
    { address }: Asker,
  ): Attempt | undefined {
    if (address === undefined) return undefined;
    if (tokenHash) {
      // Who has a session is known, wherever they are, and is counted by it.
      const session = hexOf(tokenHash);
      return this.#guard.guess(name, address, { isKnown: () => true, session });
    }
    const isKnown = () => {
      const network = networkOf(address);
      return this.#sessions.addressesOf(name)
        .some((used) => networkOf(used) === network);
    };
    return this.#guard.guess(name, address, { isKnown });
  }
}

/** Who shares a part of the password queue. */
function placeOf({ address }: Asker): string | undefined {
  return address === undefined ? undefined : networkOf(address);
}
