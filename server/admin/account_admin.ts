/**
 * What an admin may do to accounts, straight on the database: the server that
 * may be running on it looks for changes by itself. Users' own requests are in
 * accounts.ts.
 */

import { NetdiskError } from "../../protocol/errors.ts";
import { type AccountCounts, countAccounts } from "../account_counts.ts";
import type { Database } from "../database.ts";
import { Invites } from "../invites.ts";
import { AccountSessions } from "../account_sessions.ts";
import type { StoredPassword } from "../passwords.ts";
import type { Quota } from "../quota_limits.ts";
import { type User, Users, type UserSummary } from "../users.ts";

/** What an administrator sees of a session. Times are milliseconds since 1970. */
export interface SessionSummary {
  user: string;
  /** The client's program, as it calls itself. */
  agent: string;
  /** Where it last came from. Empty when that is not known. */
  address: string;
  created: number;
  lastUsed: number;
  expires: number;
}

export class AccountAdmin {
  #database: Database;
  #now: () => number;
  #users: Users;
  #sessions: AccountSessions;

  /** Does not own `database`; `now` is a clock in milliseconds. */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
    this.#users = new Users(database);
    this.#sessions = new AccountSessions(database, now);
  }

  /** How many accounts and sessions there are. */
  counts(): AccountCounts {
    return countAccounts(this.#database, this.#now());
  }

  /** All accounts, by name. */
  users(): UserSummary[] {
    return this.#users.list(this.#now());
  }

  /** @throws NetdiskError `not-found` */
  requireUser(user: string): User {
    const found = this.#users.find(user);
    if (!found) throw noUser(user);
    return found;
  }

  hasUser(user: string): boolean {
    return this.#users.find(user) !== undefined;
  }

  /** A new invite, and when it ends. */
  createInvite(lifetimeMs: number): { invite: string; expires: number } {
    const now = this.#now();
    const invites = new Invites(this.#database, () => now);
    return { invite: invites.create(lifetimeMs), expires: now + lifetimeMs };
  }

  /**
   * Replaces the password and ends all sessions, in one step.
   *
   * @returns how many have ended
   * @throws NetdiskError `not-found`
   */
  setPassword(user: string, password: StoredPassword): number {
    return this.#database.transaction(() => {
      const { id } = this.requireUser(user);
      this.#users.setPassword(id, password);
      return this.#endSessions(id);
    });
  }

  /** @throws NetdiskError `not-found` */
  quota(user: string): Quota {
    const quota = this.#users.quota(user);
    if (quota === undefined) throw noUser(user);
    return quota;
  }

  /** @throws NetdiskError `not-found` */
  setQuota(user: string, quota: Quota): void {
    if (!this.#users.setQuota(user, quota)) throw noUser(user);
  }

  /**
   * Removes an account with its sessions; its files stay.
   *
   * @throws NetdiskError `not-found`
   */
  removeUser(user: string): void {
    this.#database.transaction(() => {
      this.#users.remove(this.requireUser(user).id);
    });
  }

  /**
   * The sessions of one user or of all, the last used first.
   *
   * @throws NetdiskError `not-found`
   */
  sessions(user?: string): SessionSummary[] {
    const id = user === undefined ? null : this.requireUser(user).id;
    const rows = this.#database.all<SessionSummary>(
      `SELECT name AS user, agent, address, sessions.created,
         last_used AS lastUsed, expires
       FROM sessions JOIN users ON id = user_id
       WHERE expires > ? AND (? IS NULL OR id = ?)
       ORDER BY name, last_used DESC`,
      ...[this.#now(), id, id],
    );
    return rows.map((row) => ({ ...row }));
  }

  /**
   * Ends all sessions of a user.
   *
   * @returns how many there were
   * @throws NetdiskError `not-found`
   */
  endSessions(user: string): number {
    return this.#database.transaction(() =>
      this.#endSessions(this.requireUser(user).id)
    );
  }

  #endSessions(id: number): number {
    const live = this.#database.get<{ count: number }>(
      "SELECT count(*) AS count FROM sessions WHERE user_id = ? AND expires > ?",
      ...[id, this.#now()],
    );
    this.#sessions.endAll(id);
    return live!.count;
  }
}

/** What a command says of a user who is not there. */
export function noUser(user: string): NetdiskError {
  return new NetdiskError("not-found", `there is no user '${user}'`, {
    hint: "netdisk admin users, with the same --root, lists them",
  });
}
