/**
 * What an admin may do to accounts, straight on the database: the server that
 * may be running on it looks for changes by itself. Users' own requests are in
 * accounts.ts.
 */

import { NetdiskError } from "../../protocol/errors.ts";
import type { Database } from "../database.ts";
import { Invites } from "../invites.ts";
import type { StoredPassword } from "../passwords.ts";

/** A limit in bytes, none, or the server's default. */
export type Quota = number | "none" | "default";

/** Times are milliseconds since 1970. */
export interface UserInfo {
  name: string;
  created: number;
  /** When a session that has not ended was last used. */
  lastUsed: number | null;
  sessions: number;
  quota: Quota;
}

/** Times are milliseconds since 1970. */
export interface SessionInfo {
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

  /** Does not own `database`; `now` is a clock in milliseconds. */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /** All accounts, by name. */
  users(): UserInfo[] {
    const rows = this.#database.all<
      Omit<UserInfo, "quota"> & { quota: number | null }
    >(
      `SELECT name, users.created, max(last_used) AS lastUsed,
         count(token_hash) AS sessions, quota
       FROM users LEFT JOIN sessions ON user_id = id AND expires > ?
       GROUP BY id ORDER BY name`,
      this.#now(),
    );
    return rows.map((row) => ({ ...row, quota: quotaOf(row.quota) }));
  }

  /** @throws NetdiskError `not-found` */
  requireUser(user: string): void {
    this.#idOf(user);
  }

  hasUser(user: string): boolean {
    return this.#find(user) !== undefined;
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
    const { salt, hash, n, r, p } = password;
    return this.#database.transaction(() => {
      const id = this.#idOf(user);
      this.#database.run(
        `UPDATE users SET salt = ?, hash = ?, n = ?, r = ?, p = ?
         WHERE id = ?`,
        ...[salt, hash, n, r, p, id],
      );
      return this.#endSessions(id);
    });
  }

  /** @throws NetdiskError `not-found` */
  quota(user: string): Quota {
    return quotaOf(this.#row(user).quota);
  }

  /** @throws NetdiskError `not-found` */
  setQuota(user: string, quota: Quota): void {
    const value = quota === "default" ? null : quota === "none" ? -1 : quota;
    const changed = this.#database.run(
      "UPDATE users SET quota = ? WHERE name = ?",
      ...[value, user],
    );
    if (changed === 0) throw noUser(user);
  }

  /**
   * Removes an account with its sessions; its files stay.
   *
   * @throws NetdiskError `not-found`
   */
  removeUser(user: string): void {
    this.#database.transaction(() => {
      const id = this.#idOf(user);
      this.#endSessions(id);
      this.#database.run("DELETE FROM users WHERE id = ?", id);
    });
  }

  /**
   * The sessions of one user or of all, the last used first.
   *
   * @throws NetdiskError `not-found`
   */
  sessions(user?: string): SessionInfo[] {
    const id = user === undefined ? null : this.#idOf(user);
    const rows = this.#database.all<SessionInfo>(
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
      this.#endSessions(this.#idOf(user))
    );
  }

  #endSessions(id: number): number {
    const now = this.#now();
    const live = this.#database.get<{ count: number }>(
      "SELECT count(*) AS count FROM sessions WHERE user_id = ? AND expires > ?",
      ...[id, now],
    );
    this.#database.run("DELETE FROM sessions WHERE user_id = ?", id);
    return live!.count;
  }

  #idOf(user: string): number {
    return this.#row(user).id;
  }

  #row(user: string): { id: number; quota: number | null } {
    const row = this.#find(user);
    if (!row) throw noUser(user);
    return row;
  }

  #find(user: string): { id: number; quota: number | null } | undefined {
    return this.#database.get(
      "SELECT id, quota FROM users WHERE name = ?",
      user,
    );
  }
}

/** What a command says of a user who is not there. */
export function noUser(user: string): NetdiskError {
  return new NetdiskError("not-found", `there is no user '${user}'`, {
    hint: "netdisk admin --root DIR users",
  });
}

function quotaOf(value: number | null): Quota {
  return value === null ? "default" : value < 0 ? "none" : value;
}
