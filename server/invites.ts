/** Invites: who has one may register until it expires (SPEC.md 5). */

import type { Database } from "./database.ts";
import { hashSecret, newSecret } from "./secrets.ts";

/** How long an invite lasts if nothing else is asked for. */
export const INVITE_MS = 7 * 24 * 3600_000;

/** A server that starts again and again makes an invite each time. */
export const MAX_INVITES = 1000;

const INVITE_BYTES = 16;

export class Invites {
  #database: Database;
  #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Makes an invite and returns its only copy. The oldest go beyond the limit. */
  create(lifetimeMs: number): string {
    const invite = newSecret(INVITE_BYTES);
    const now = this.#now();
    this.#database.transaction(() => {
      this.#database.run(
        `DELETE FROM invites WHERE token_hash IN (
           SELECT token_hash FROM invites
           ORDER BY created DESC LIMIT -1 OFFSET ?)`,
        MAX_INVITES - 1,
      );
      this.#database.run(
        "INSERT INTO invites (token_hash, created, expires) VALUES (?, ?, ?)",
        ...[hashSecret(invite), now, now + lifetimeMs],
      );
    });
    return invite;
  }

  /** Whether `invite` was made here and has not expired. */
  accept(invite: string): boolean {
    const row = this.#database.get<{ expires: number }>(
      "SELECT expires FROM invites WHERE token_hash = ?",
      hashSecret(invite),
    );
    return row !== undefined && row.expires > this.#now();
  }

  /** Removes at most `rows` that have expired. */
  sweep(rows: number): void {
    this.#database.run(
      `DELETE FROM invites WHERE token_hash IN (
         SELECT token_hash FROM invites WHERE expires <= ? LIMIT ?)`,
      ...[this.#now(), rows],
    );
  }
}
