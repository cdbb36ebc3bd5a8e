/**
 * Parcels as the database has them: who sent which to whom, and what may be
 * sent. Their files are in parcel_folders.ts, whom somebody does not want to
 * hear of is in blocked_senders.ts.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { ParcelInfo, ResponseOf } from "../protocol/messages.ts";
import {
  MAX_COMING,
  MAX_INBOX_PARCELS,
  MAX_LINE_CHARACTERS,
  MAX_PAGE_PARCELS,
  MAX_PARCELS_FROM_ONE,
} from "../protocol/parcels.ts";
import type { AccountSession } from "./account_sessions.ts";
import type { BlockedSenders } from "./blocked_senders.ts";
import type { Database } from "./database.ts";
import type { ParcelKey } from "./parcel_folders.ts";
import { isBlocked, noDraft } from "./refusals.ts";

/** Drafts that one sender may have; one more takes the place of the oldest. */
export const MAX_DRAFTS = 20;

/** That a draft is in use is written down at most this often: it costs an fsync. */
const TOUCH_MS = 60_000;

/** Who asks. */
export type Person = Pick<AccountSession, "user" | "userId">;

/** A parcel that is on its way. */
export interface Draft extends ParcelKey {
  receiverId: number;
}

/** A draft, or what has become of it. */
export interface SentParcel extends Draft {
  /** When it was delivered; null for a draft. */
  delivered: number | null;
}

const SENT = `SELECT parcels.id, name AS receiver, receiver_id AS receiverId,
    delivered FROM parcels JOIN users ON users.id = receiver_id`;

export class Parcels {
  #database: Database;
  #blocked: BlockedSenders;
  #now: () => number;

  constructor(
    database: Database,
    blocked: BlockedSenders,
    now: () => number = Date.now,
  ) {
    this.#database = database;
    this.#blocked = blocked;
    this.#now = now;
  }

  /**
   * The draft of that name, which is made if there is none.
   *
   * @param isOpen whether a draft is in somebody's hands
   * @returns also the drafts that had to make room for it
   * @throws NetdiskError `not-found`, `denied`, `quota`, `exists`, `busy`
   */
  compose(
    sender: Person,
    { to, draft }: { to: string; draft: string },
    isOpen: (id: string) => boolean,
  ): { draft: Draft; dropped: Draft[] } {
    return this.#database.transaction(() => {
      const receiverId = this.#idOf(to);
      this.#checkMaySend(sender, { receiver: to, receiverId });
      const known = this.find(sender, draft);
      if (known && known.delivered === null) {
        if (known.receiverId !== receiverId) throw otherReceiver();
        this.touch(known.id);
        return { draft: known, dropped: [] };
      }
      // Or whoever asks about the new one, when it is gone, hears of the old one.
      this.#database.run(
        "UPDATE parcels SET draft = '' WHERE sender_id = ? AND draft = ?",
        ...[sender.userId, draft],
      );
      const dropped = this.#makeRoom(sender, isOpen);
      const id = crypto.randomUUID();
      this.#database.run(
        `INSERT INTO parcels (id, receiver_id, sender_id, sender, draft, used)
         VALUES (?, ?, ?, ?, ?, ?)`,
        ...[id, receiverId, sender.userId, sender.user, draft, this.#now()],
      );
      return { draft: { id, receiver: to, receiverId }, dropped };
    });
  }

  /** A sender's draft of that name, else the last one that was delivered. */
  find({ userId }: Person, draft: string): SentParcel | undefined {
    return this.#database.get<SentParcel>(
      `${SENT} WHERE sender_id = ? AND draft = ?
       ORDER BY delivered IS NULL DESC, delivered DESC, number DESC LIMIT 1`,
      ...[userId, draft],
    );
  }

  /** Somebody has it in hand still. */
  touch(id: string): void {
    const now = this.#now();
    this.#database.run(
      "UPDATE parcels SET used = ? WHERE id = ? AND used < ?",
      ...[now, id, now - TOUCH_MS],
    );
  }

  /**
   * Makes sure that a draft may be delivered.
   *
   * @throws NetdiskError `denied`, `quota`
   */
  checkMayDeliver(sender: Person, draft: Draft): void {
    this.#checkMaySend(sender, draft);
  }

  /**
   * Gives a draft its number: from now on the receiver has it.
   *
   * @returns when
   * @throws NetdiskError `denied`, `quota`, `not-found`; then it is none
   */
  deliver(
    sender: Person,
    draft: Draft,
    contents: { files: number; bytes: number; message: string },
  ): number {
    return this.#database.transaction(() => {
      this.#checkMaySend(sender, draft);
      const { number } = this.#database.get<{ number: number }>(
        `UPDATE users SET parcels = parcels + 1 WHERE id = ?
         RETURNING parcels AS number`,
        draft.receiverId,
      ) ?? {};
      if (number === undefined) throw noUser(draft.receiver);
      const now = this.#now();
      const { files, bytes, message } = contents;
      const changed = this.#database.run(
        `UPDATE parcels SET number = ?, delivered = ?, files = ?, bytes = ?,
           message = ? WHERE id = ? AND delivered IS NULL`,
        ...[number, now, files, bytes, message, draft.id],
      );
      if (changed === 0) throw noDraft();
      return now;
    });
  }

  /** Parcels that were not read. */
  unread({ userId }: Person): number {
    return this.#database.get<{ count: number }>(
      `SELECT count(*) AS count FROM parcels
       WHERE receiver_id = ? AND number IS NOT NULL AND is_read = 0`,
      userId,
    )!.count;
  }

  /** A page of the inbox, the newest first, of numbers below `before`. */
  page({ userId }: Person, before: number | null): ResponseOf<"parcels"> {
    const rows = this.#database.all<Row & { files: number; bytes: number }>(
      `SELECT number, sender, delivered, is_read AS isRead, files, bytes,
         substr(message, 1, ?) AS message
       FROM parcels WHERE receiver_id = ? AND number < ?
       ORDER BY number DESC LIMIT ?`,
      ...[MAX_LINE_CHARACTERS, userId, before ?? Number.MAX_SAFE_INTEGER],
      MAX_PAGE_PARCELS + 1,
    );
    const parcels = rows.slice(0, MAX_PAGE_PARCELS).map((row): ParcelInfo => {
      const { number, sender, delivered, isRead, files, bytes } = row;
      const line = row.message.split("\n", 1)[0]!;
      const read = isRead === 1;
      return {
        number,
        from: sender,
        time: delivered,
        read,
        files,
        bytes,
        line,
      };
    });
    return {
      type: "parcels",
      parcels,
      more: rows.length > MAX_PAGE_PARCELS,
    };
  }

  /** Who has drafts for a user, the last who was at work on one first. */
  coming({ userId }: Person): string[] {
    return this.#database.all<{ sender: string }>(
      `SELECT sender FROM parcels WHERE receiver_id = ? AND delivered IS NULL
       GROUP BY sender ORDER BY max(used) DESC LIMIT ?`,
      ...[userId, MAX_COMING],
    ).map(({ sender }) => sender);
  }

  /** A parcel of the inbox. @throws NetdiskError `not-found` */
  open(
    { user, userId }: Person,
    number: number,
  ): { key: ParcelKey; parcel: ResponseOf<"parcel"> } {
    const row = this.#database.get<Row & { id: string }>(
      `SELECT id, number, sender, delivered, is_read AS isRead, message
       FROM parcels WHERE receiver_id = ? AND number = ?`,
      ...[userId, number],
    );
    if (!row) throw noParcel(number);
    const { id, sender, delivered, isRead, message } = row;
    const read = isRead === 1;
    return {
      key: { id, receiver: user },
      parcel: {
        type: "parcel",
        number,
        from: sender,
        time: delivered,
        read,
        message,
      },
    };
  }

  /** May have been done before. @throws NetdiskError `not-found` */
  markRead(receiver: Person, number: number): void {
    const { parcel } = this.open(receiver, number);
    // What changes nothing would cost an fsync as well.
    if (parcel.read) return;
    this.#database.run(
      "UPDATE parcels SET is_read = 1 WHERE receiver_id = ? AND number = ?",
      ...[receiver.userId, number],
    );
  }

  /** Its files have been taken out. */
  emptied(id: string): void {
    this.#database.run(
      "UPDATE parcels SET files = 0, bytes = 0 WHERE id = ?",
      id,
    );
  }

  /** Forgets a parcel or draft, of which the files are left. */
  remove(id: string): void {
    this.#database.run("DELETE FROM parcels WHERE id = ?", id);
  }

  /** Forgets what one sender has on its way to a user. */
  removeDrafts({ user, userId }: Person, sender: string): ParcelKey[] {
    return this.#database.all<{ id: string }>(
      `DELETE FROM parcels WHERE receiver_id = ? AND sender = ?
         AND delivered IS NULL RETURNING id`,
      ...[userId, sender],
    ).map(({ id }) => ({ id, receiver: user }));
  }

  /** Forgets drafts that nobody had in hand since `before`, or whose sender is gone. */
  sweep(before: number, isOpen: (id: string) => boolean): void {
    const old = this.#database.all<{ id: string }>(
      `SELECT id FROM parcels WHERE delivered IS NULL
         AND (used < ? OR sender_id IS NULL)`,
      before,
    );
    for (const { id } of old) if (!isOpen(id)) this.remove(id);
  }

  /** @throws NetdiskError when it was delivered or is gone */
  checkIsDraft(sender: Person, draft: Draft): void {
    const found = this.#database.get(
      "SELECT 1 FROM parcels WHERE id = ? AND delivered IS NULL",
      draft.id,
    );
    if (!found) throw this.reasonOfEnd(sender, draft);
  }

  /** Why there is a draft no more that its sender has in hand. */
  reasonOfEnd(sender: Person, draft: Draft): NetdiskError {
    const { receiver, receiverId } = draft;
    const isUser = "SELECT 1 FROM users WHERE id = ?";
    if (!this.#database.get(isUser, receiverId)) return noUser(receiver);
    if (this.#blocked.has(receiverId, sender.user)) return isBlocked(receiver);
    return noDraft();
  }

  /** Whether there is such a parcel or draft. */
  isKnown(id: string): boolean {
    return this.#database.get("SELECT 1 FROM parcels WHERE id = ?", id) !==
      undefined;
  }

  #idOf(user: string): number {
    const found = this.#database.get<{ id: number }>(
      "SELECT id FROM users WHERE name = ?",
      user,
    );
    if (!found) throw noUser(user);
    return found.id;
  }

  #checkMaySend(
    sender: Person,
    { receiver, receiverId }: Pick<Draft, "receiver" | "receiverId">,
  ): void {
    if (this.#blocked.has(receiverId, sender.user)) {
      throw isBlocked(receiver);
    }
    const { all, own } = this.#database.get<{ all: number; own: number }>(
      `SELECT count(*) AS "all", count(*) FILTER (WHERE sender = ?) AS own
       FROM parcels WHERE receiver_id = ? AND number IS NOT NULL`,
      ...[sender.user, receiverId],
    )!;
    if (all >= MAX_INBOX_PARCELS) {
      throw new NetdiskError("quota", `the inbox of ${receiver} is full`);
    }
    if (own >= MAX_PARCELS_FROM_ONE) {
      throw new NetdiskError(
        "quota",
        `${receiver} has ${own} parcels from you already, and must delete some first`,
      );
    }
  }

  /** @throws NetdiskError `busy` when all are in somebody's hands */
  #makeRoom({ userId }: Person, isOpen: (id: string) => boolean): Draft[] {
    const drafts = this.#database.all<SentParcel>(
      `${SENT} WHERE sender_id = ? AND delivered IS NULL ORDER BY used`,
      userId,
    );
    const count = drafts.length - MAX_DRAFTS + 1;
    if (count <= 0) return [];
    const dropped = drafts.filter(({ id }) => !isOpen(id)).slice(0, count);
    if (dropped.length < count) {
      throw new NetdiskError("busy", "too many parcels are on their way");
    }
    for (const { id } of dropped) this.remove(id);
    return dropped;
  }
}

interface Row {
  number: number;
  sender: string;
  delivered: number;
  isRead: number;
  message: string;
}

export function noUser(user: string): NetdiskError {
  return new NetdiskError("not-found", `there is no user '${user}'`);
}

function noParcel(number: number): NetdiskError {
  return new NetdiskError("not-found", `there is no parcel ${number}`);
}

function otherReceiver(): NetdiskError {
  return new NetdiskError("exists", "the draft is for somebody else");
}
