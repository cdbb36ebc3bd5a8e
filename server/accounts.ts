/**
 * Who may use the server: registering, logging in, and the way back in with a
 * token (SPEC.md 4 and 5). Hashing is done by password_worker.ts; which policy
 * applies to a peer and how often it may try is decided by the caller.
 */

import { passwordFault, userNameFault } from "../protocol/credentials.ts";
import { NetdiskError } from "../protocol/errors.ts";
import { type AccountSession, AccountSessions } from "./account_sessions.ts";
import type { Database } from "./database.ts";
import { INVITE_MS, Invites } from "./invites.ts";
import type { PasswordHasher, StoredPassword } from "./passwords.ts";
import type { Registration } from "./worker_messages.ts";

/** How often, and how many at a time, what has expired is removed. */
const SWEEP_MS = 3600_000;
const SWEEP_ROWS = 1000;

export interface RegisterOptions {
  /** Throws where the user's folder cannot be a new one. */
  checkFolder?: (user: string) => void;
  invite: string | null;
  /** What applies to this peer. */
  policy: Registration;
  /** The client's program, for lists of sessions. Default empty. */
  agent?: string;
}

export interface LoginOptions {
  /** The client's program, for lists of sessions. Default empty. */
  agent?: string;
}

interface UserRow extends StoredPassword {
  id: number;
}

/** The accounts of one server. Several Workers may have an object each. */
export class Accounts {
  #database: Database;
  #hasher: PasswordHasher;
  #now: () => number;
  #sessions: AccountSessions;
  #invites: Invites;
  #nextSweep = 0;
  /** Compared with where there is no such user, so that it takes as long. */
  #nobody: StoredPassword;

  /** Owns neither argument; `now` is a clock in milliseconds. */
  constructor(
    database: Database,
    hasher: PasswordHasher,
    options: { now?: () => number } = {},
  ) {
    this.#database = database;
    this.#hasher = hasher;
    this.#now = options.now ?? Date.now;
    this.#sessions = new AccountSessions(database, this.#now);
    this.#invites = new Invites(database, this.#now);
    this.#nobody = {
      salt: new Uint8Array(16),
      hash: new Uint8Array(32),
      ...hasher.parameters,
    };
    this.#sweepNowAndThen();
  }

  /**
   * Makes an account and its first session; both survive a loss of power.
   *
   * @throws NetdiskError `denied`, `bad-name`, `exists` or `busy`
   */
  async register(
    user: string,
    password: string,
    options: RegisterOptions,
  ): Promise<AccountSession> {
    // The invite comes first: without one, nobody learns which names are taken.
    this.#admit(options.policy, options.invite);
    const nameFault = userNameFault(user);
    if (nameFault) throw new NetdiskError("bad-name", nameFault);
    const fault = passwordFault(password);
    if (fault) throw new NetdiskError("denied", fault);
    if (this.#findUser(user)) throw taken(user);
    options.checkFolder?.(user);

    const { salt, hash, n, r, p } = await this.#hasher.hash(password);
    return this.#database.transaction(() => {
      const row = this.#database.get<{ id: number }>(
        `INSERT INTO users (name, created, salt, hash, n, r, p)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO NOTHING RETURNING id`,
        ...[user, this.#now(), salt, hash, n, r, p],
      );
      // Somebody may have taken the name while the hash was computed.
      if (!row) throw taken(user);
      return this.#sessions.start(user, row.id, options.agent ?? "");
    });
  }

  /**
   * Makes a session for whoever knows the password. That there is no such user
   * shows neither in the answer nor in the time that it takes.
   *
   * @throws NetdiskError `denied` or `busy`
   */
  async login(
    user: string,
    password: string,
    options: LoginOptions = {},
  ): Promise<AccountSession> {
    if (userNameFault(user) || passwordFault(password)) throw wrong();
    const row = this.#findUser(user);
    const matches = await this.#hasher.verify(password, row ?? this.#nobody);
    if (!row || !matches) throw wrong();
    return this.#database.transaction(() => {
      // While the hash was computed, the user may have been removed or given
      // another password, which ends whatever the old one has begun.
      if (!this.#isUnchanged(row)) throw wrong();
      return this.#sessions.start(user, row.id, options.agent ?? "");
    });
  }

  /**
   * The session that `token` stands for, which lasts longer by being used.
   *
   * @throws NetdiskError `unauthenticated`
   */
  authenticate(token: string): AccountSession {
    this.#sweepNowAndThen();
    return this.#sessions.find(token);
  }

  /** Ends a session: its token is void. It may have ended already. */
  logout(session: Pick<AccountSession, "tokenHash">): void {
    this.#sessions.end(session.tokenHash);
  }

  /** A new invite, with which anybody may register until it expires. */
  createInvite(lifetimeMs: number = INVITE_MS): string {
    return this.#invites.create(lifetimeMs);
  }

  #admit(policy: Registration, invite: string | null): void {
    if (policy === "closed") {
      throw new NetdiskError(
        "denied",
        "this server does not take registrations",
      );
    }
    if (policy === "open") return;
    if (invite === null) {
      throw new NetdiskError("denied", "this server registers by invite only");
    }
    if (!this.#invites.accept(invite)) {
      throw new NetdiskError(
        "denied",
        "the invite is not valid or has expired, ask for a new link",
      );
    }
  }

  #findUser(user: string): UserRow | undefined {
    return this.#database.get<UserRow>(
      "SELECT id, salt, hash, n, r, p FROM users WHERE name = ?",
      user,
    );
  }

  #isUnchanged({ id, hash, salt }: UserRow): boolean {
    return this.#database.get(
      "SELECT 1 FROM users WHERE id = ? AND hash = ? AND salt = ?",
      ...[id, hash, salt],
    ) !== undefined;
  }

  #sweepNowAndThen(): void {
    const now = this.#now();
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + SWEEP_MS;
    try {
      this.#sessions.sweep(SWEEP_ROWS);
      this.#invites.sweep(SWEEP_ROWS);
    } catch {
      // Nobody is kept out because there is no room to tidy up.
    }
  }
}

function taken(user: string): NetdiskError {
  return new NetdiskError("exists", `the user name '${user}' is taken`);
}

function wrong(): NetdiskError {
  return new NetdiskError("denied", "wrong user name or password");
}
