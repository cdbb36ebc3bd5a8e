/** Users as the database has them: a name and the hash of a password. */

import type { Database } from "./database.ts";
import type { StoredPassword } from "./passwords.ts";
import { type Quota, quotaColumn, quotaOf } from "./quota_limits.ts";

/** A user, with the password that they had when this was read. */
export interface User extends StoredPassword {
  /** Never used again, even when the user is gone. */
  id: number;
  name: string;
}

/** What an administrator sees of a user. Times are milliseconds since 1970. */
export interface UserSummary {
  name: string;
  created: number;
  /** When a session that has not ended was last used; null without any. */
  lastUsed: number | null;
  sessions: number;
  quota: Quota;
}

const COLUMNS = "id, name, salt, hash, n, r, p";

export class Users {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  find(name: string): User | undefined {
    const sql = `SELECT ${COLUMNS} FROM users WHERE name = ?`;
    return this.#database.get<User>(sql, name);
  }

  get(id: number): User | undefined {
    const sql = `SELECT ${COLUMNS} FROM users WHERE id = ?`;
    return this.#database.get<User>(sql, id);
  }

  /** The id of a new user; undefined when the name is taken. */
  add(name: string, password: StoredPassword, now: number): number | undefined {
    const { salt, hash, n, r, p } = password;
    return this.#database.get<{ id: number }>(
      `INSERT INTO users (name, created, salt, hash, n, r, p)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (name) DO NOTHING RETURNING id`,
      ...[name, now, salt, hash, n, r, p],
    )?.id;
  }

  /** Whether the user is still there and has the same password. */
  isUnchanged({ id, hash, salt }: User): boolean {
    return this.#database.get(
      "SELECT 1 FROM users WHERE id = ? AND hash = ? AND salt = ?",
      ...[id, hash, salt],
    ) !== undefined;
  }

  /** Sessions go on; to end them is part of the caller's transaction. */
  setPassword(id: number, { salt, hash, n, r, p }: StoredPassword): void {
    this.#database.run(
      "UPDATE users SET salt = ?, hash = ?, n = ?, r = ?, p = ? WHERE id = ?",
      ...[salt, hash, n, r, p, id],
    );
  }

  /** Removes a user with all sessions, but no file. False when there is none. */
  remove(id: number): boolean {
    return this.#database.run("DELETE FROM users WHERE id = ?", id) > 0;
  }

  /** All users by name, with the sessions that have not expired at `now`. */
  list(now: number): UserSummary[] {
    return this.#database.all<
      Omit<UserSummary, "quota"> & { quota: number | null }
    >(
      `SELECT name, users.created, max(last_used) AS lastUsed,
         count(token_hash) AS sessions, quota
       FROM users LEFT JOIN sessions ON user_id = id AND expires > ?
       GROUP BY id ORDER BY name`,
      now,
    ).map((row) => ({ ...row, quota: quotaOf(row.quota) }));
  }

  /** How much a user may store; undefined when there is no such user. */
  quota(name: string): Quota | undefined {
    const row = this.#database.get<{ quota: number | null }>(
      "SELECT quota FROM users WHERE name = ?",
      name,
    );
    return row && quotaOf(row.quota);
  }

  /** False when there is no such user. */
  setQuota(name: string, quota: Quota): boolean {
    return this.#database.run(
      "UPDATE users SET quota = ? WHERE name = ?",
      ...[quotaColumn(quota), name],
    ) > 0;
  }
}
