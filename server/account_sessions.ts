/**
 * Sessions as the database has them: a token that stands for a user until it
 * expires or is ended (SPEC.md 5). The session of a connection is session.ts.
 */

import { NetdiskError } from "../protocol/errors.ts";
import {
  MAX_SESSIONS_PER_USER,
  type SessionInfo,
} from "../protocol/messages.ts";
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

/** Where a session is used; both are for lists of sessions, and may be empty. */
export interface SessionOrigin {
  /** The client's program. */
  agent: string;
  /** Its host, in the spelling of address.ts. */
  address: string;
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
  start(
    user: string,
    userId: number,
    { agent, address }: SessionOrigin,
  ): AccountSession {
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
         (token_hash, user_id, created, last_used, expires, agent, address)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[tokenHash, userId, now, now, expires, agent, address],
    );
    return { user, userId, tokenHash, token, expires };
  }

  /**
   * The session that `token` stands for, which lasts longer by being used.
   *
   * @param address where from, if that is known
   * @throws NetdiskError `unauthenticated`
   */
  find(token: string, address?: string): AccountSession {
    const now = this.#now();
    const tokenHash = hashSecret(token);
    const row = this.#read(tokenHash);
    if (!row || row.expires <= now) throw sessionEnded();
    const expires = now - row.last_used >= TOUCH_MS
      ? this.#touch(tokenHash, row, { now, address })
      : row.expires;
    const { name: user, user_id: userId } = row;
    return { user, userId, tokenHash, token: null, expires };
  }

  /** Voids the token; the session may have ended already. */
  end(tokenHash: Uint8Array): void {
    this.#database.run("DELETE FROM sessions WHERE token_hash = ?", tokenHash);
  }

  /** Ends all sessions of a user, but the one to keep, and tells how many. */
  endAll(userId: number, keep?: Uint8Array): number {
    return this.#database.run(
      "DELETE FROM sessions WHERE user_id = ? AND token_hash IS NOT ?",
      ...[userId, keep ?? null],
    );
  }

  /** When a session ends unless it is used again; undefined when it has ended. */
  endOf(tokenHash: Uint8Array): number | undefined {
    const row = this.#database.get<{ expires: number }>(
      "SELECT expires FROM sessions WHERE token_hash = ? AND expires > ?",
      ...[tokenHash, this.#now()],
    );
    return row?.expires;
  }

  /** The sessions of a user, the one used last first. */
  list(userId: number, current: Uint8Array): SessionInfo[] {
    return this.#database.all<Omit<SessionInfo, "current"> & { own: number }>(
      `SELECT created, last_used AS used, expires, agent, address,
         token_hash = ? AS own
       FROM sessions WHERE user_id = ? AND expires > ?
       ORDER BY last_used DESC, created DESC`,
      ...[current, userId, this.#now()],
    ).map(({ own, ...info }) => ({ ...info, current: own === 1 }));
  }

  /** Where the sessions of a user were last used; none for an unknown user. */
  addressesOf(user: string): string[] {
    return this.#database.all<{ address: string }>(
      `SELECT DISTINCT address FROM sessions JOIN users ON users.id = user_id
       WHERE name = ? AND expires > ? AND address <> ''`,
      ...[user, this.#now()],
    ).map(({ address }) => address);
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
  #touch(
    tokenHash: Uint8Array,
    row: SessionRow,
    { now, address }: { now: number; address: string | undefined },
  ): number {
    const expires = Math.min(
      now + SESSION_IDLE_MS,
      row.created + SESSION_MAX_MS,
    );
    try {
      this.#database.run(
        `UPDATE sessions SET last_used = ?, expires = ?,
           address = coalesce(?, address) WHERE token_hash = ?`,
        ...[now, expires, address ?? null, tokenHash],
      );
      return expires;
    } catch {
      // With a full disk a user must still come in, to read and to remove.
      return row.expires;
    }
  }
}

/** What a token is answered that stands for nothing any more. */
export function sessionEnded(): NetdiskError {
  const message = "the session has ended, log in again";
  return new NetdiskError("unauthenticated", message);
}
