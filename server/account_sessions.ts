/**
 * Sessions as the database has them: a token that stands for a user until it
 * expires or is ended (SPEC.md 5). The session of a connection is session.ts.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { MAX_SESSIONS_PER_USER } from "../protocol/messages.ts";
import type { Database } from "./database.ts";
import { hashSecret, newSecret } from "./secrets.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A session ends when it was not used for this long. */
export const SESSION_IDLE_MS = 30 * DAY_MS;

/** A session ends at this age, however much it is used. */
export const SESSION_MAX_MS = 90 * DAY_MS;

/** The use of a session is written down at most this often: it costs an fsync. */
const TOUCH_MS = MINUTE_MS;

const TOKEN_BYTES = 32;

/** A user who has proven to be one. */
export interface AccountSession {
  user: string;
  userId: number;
  /** Names the session in the database without being its secret. */
  tokenHash: Uint8Array;
  /** The secret, only where the session has just been made. */
  token: string | null;
  /** When it ends unless it is used again, in milliseconds since 1970. */
  expires: number;
}

interface SessionRow {
  user_id: number;
  name: string;
  created: number;
  last_used: number;
  expires: number;
}

export class AccountSessions {
  #database: Database;
  #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Makes a session; part of the caller's transaction. */
  start(user: string, userId: number, agent: string): AccountSession {
    this.#database.run(
      `DELETE FROM sessions WHERE token_hash IN (
         SELECT token_hash FROM sessions WHERE user_id = ?
         ORDER BY last_used DESC LIMIT -1 OFFSET ?)`,
      ...[userId, MAX_SESSIONS_PER_USER - 1],
    );
    const token = newSecret(TOKEN_BYTES);
    const tokenHash = hashSecret(token);
    const now = this.#now();
    const expires = now + SESSION_IDLE_MS;
    this.#database.run(
      `INSERT INTO sessions
         (token_hash, user_id, created, last_used, expires, agent)
       VALUES (?, ?, ?, ?, ?, ?)`,
      ...[tokenHash, userId, now, now, expires, agent],
    );
    return { user, userId, tokenHash, token, expires };
  }

  /**
   * The session that `token` stands for, which lasts longer by being used.
   *
   * @throws NetdiskError `unauthenticated`
   */
  find(token: string): AccountSession {
    const now = this.#now();
    const tokenHash = hashSecret(token);
    const row = this.#read(tokenHash);
    if (!row || row.expires <= now) {
      throw new NetdiskError(
        "unauthenticated",
        "the session has ended, log in again",
      );
    }
    const expires = now - row.last_used >= TOUCH_MS
      ? this.#touch(tokenHash, row, now)
      : row.expires;
    const { name: user, user_id: userId } = row;
    return { user, userId, tokenHash, token: null, expires };
  }

  /** Voids the token; the session may have ended already. */
  end(tokenHash: Uint8Array): void {
    this.#database.run("DELETE FROM sessions WHERE token_hash = ?", tokenHash);
  }

  /** Removes at most `rows` that have expired. */
  sweep(rows: number): void {
    this.#database.run(
      `DELETE FROM sessions WHERE token_hash IN (
         SELECT token_hash FROM sessions WHERE expires <= ? LIMIT ?)`,
      ...[this.#now(), rows],
    );
  }

  #read(tokenHash: Uint8Array): SessionRow | undefined {
    return this.#database.get<SessionRow>(
      `SELECT user_id, name, s.created, last_used, expires
       FROM sessions AS s JOIN users ON users.id = user_id
       WHERE token_hash = ?`,
      tokenHash,
    );
  }

  /** Writes down that the session is used and returns when it now ends. */
  #touch(tokenHash: Uint8Array, row: SessionRow, now: number): number {
    const expires = Math.min(
      now + SESSION_IDLE_MS,
      row.created + SESSION_MAX_MS,
    );
    try {
      this.#database.run(
        "UPDATE sessions SET last_used = ?, expires = ? WHERE token_hash = ?",
        ...[now, expires, tokenHash],
      );
      return expires;
    } catch {
      // With a full disk a user must still come in, to read and to remove.
      return row.expires;
    }
  }
}
