/** Users as the database has them: a name and the hash of a password. */

import type { Database } from "./database.ts";
import type { StoredPassword } from "./passwords.ts";

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
  /** Bytes; null is the server's default, -1 no limit. */
  quota: number | null;
  sessions: number;
  /** When one of the sessions was last used; null without any. */
  used: number | null;
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
    return this.#database.all<UserSummary>(
      `SELECT name, users.created, quota, count(token_hash) AS sessions,
         max(last_used) AS used
       FROM users LEFT JOIN sessions ON user_id = id AND expires > ?
       GROUP BY id ORDER BY name`,
      now,
    );
  }
}
