/**
 * From whom users take nothing, as the database has it. It is the name that
 * counts: who comes back by that name is still not wanted.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { MAX_BLOCKED } from "../protocol/parcels.ts";
import type { Database } from "./database.ts";

export class BlockedSenders {
  #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  has(userId: number, sender: string): boolean {
    return this.#database.get(
      "SELECT 1 FROM blocked_senders WHERE user_id = ? AND sender = ?",
      ...[userId, sender],
    ) !== undefined;
  }

  /** By name. */
  list(userId: number): string[] {
    return this.#database.all<{ sender: string }>(
      "SELECT sender FROM blocked_senders WHERE user_id = ? ORDER BY sender",
      userId,
    ).map(({ sender }) => sender);
  }

  /** May be blocked already. @throws NetdiskError `denied` when these are too many */
  add(userId: number, sender: string): void {
    this.#database.transaction(() => {
      if (this.has(userId, sender)) return;
      if (this.list(userId).length >= MAX_BLOCKED) {
        throw new NetdiskError(
          "denied",
          `you block ${MAX_BLOCKED} users already`,
        );
      }
      this.#database.run(
        "INSERT INTO blocked_senders (user_id, sender) VALUES (?, ?)",
        ...[userId, sender],
      );
    });
  }

  /** May not be blocked. */
  remove(userId: number, sender: string): void {
    this.#database.run(
      "DELETE FROM blocked_senders WHERE user_id = ? AND sender = ?",
      ...[userId, sender],
    );
  }
}
