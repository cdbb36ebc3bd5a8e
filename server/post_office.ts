/**
 * Sending to people: parcels in the database and their files on the disk, kept
 * together. The database decides what there is, and it is told first:
 *
 * - A draft is in the database before its folder is made, and a parcel is gone
 *   from there before its folder is deleted. A crash in between leaves a folder
 *   that nobody knows, which is swept away.
 * - To deliver, the folder is moved and that is on the disk; then the database
 *   says that it is delivered, in one step. A crash or a refusal in between
 *   leaves a draft whose folder is in the inbox: who goes on with it, or deletes
 *   it, finds it there.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { RequestOf } from "../protocol/messages.ts";
import { BlockedSenders } from "./blocked_senders.ts";
import type { Database } from "./database.ts";
import { logEvent } from "./log.ts";
import type { ParcelFolders, ParcelKey } from "./parcel_folders.ts";
import {
  type Draft,
  noUser,
  Parcels,
  type Person,
  type SentParcel,
} from "./parcels.ts";
import { PARTIAL_EXPIRY_MS } from "./partials.ts";
import { noDraft } from "./refusals.ts";
import { Hold, type Holder, outlive } from "./takeover.ts";
import type { UserStorage } from "./user_storage.ts";
import { Users } from "./users.ts";

export interface PostOfficeOptions {
  /** How long drafts are kept that nobody has in hand, in milliseconds. @default 7 days */
  keepMs?: number;
  /** A clock in milliseconds since 1970. @default Date.now */
  now?: () => number;
}

/** The parcels of one server. Every method throws NetdiskErrors only. */
export class PostOffice {
  readonly parcels: Parcels;
  readonly blocked: BlockedSenders;
  readonly folders: ParcelFolders;
  #users: Users;
  #keepMs: number;
  #now: () => number;
  /** Drafts that a connection has in hand, each by one at a time. */
  #holds = new Map<string, Hold>();

  /** Does not own the database. */
  constructor(
    database: Database,
    folders: ParcelFolders,
    options: PostOfficeOptions = {},
  ) {
    this.#now = options.now ?? Date.now;
    this.#keepMs = options.keepMs ?? PARTIAL_EXPIRY_MS;
    this.blocked = new BlockedSenders(database);
    this.parcels = new Parcels(database, this.blocked, this.#now);
    this.#users = new Users(database);
    this.folders = folders;
  }

  /**
   * Takes a draft in the hands of a client, until {@link close}.
   *
   * @returns also the names that are in it
   * @throws NetdiskError `not-found`, `denied`, `quota`, `exists`, `busy`
   */
  async compose(
    sender: Person,
    request: RequestOf<"compose">,
    client: Holder,
  ): Promise<{ draft: Draft; names: string[] }> {
    const name = request.draft;
    const { draft, dropped } = await this.#whenFree(
      { sender, name, client },
      () => {
        const made = this.parcels.compose(sender, request, this.#isOpen);
        this.#holds.set(made.draft.id, new Hold(client));
        return made;
      },
    );
    try {
      for (const old of dropped) await this.folders.discard(old);
      await this.folders.make(draft, () => {
        this.parcels.checkIsDraft(sender, draft);
      });
      return { draft, names: this.folders.names(draft) };
    } catch (error) {
      try {
        // Nothing of it has come: the receiver need not hear of it.
        if (!this.folders.has(draft)) this.parcels.remove(draft.id);
      } finally {
        this.close(draft, client);
      }
      throw error;
    }
  }

  /** Lets go of a draft that was composed. Never throws. */
  close({ id }: ParcelKey, client: Holder): void {
    this.#release(id, client);
    try {
      // From now on it gets old.
      this.parcels.touch(id);
    } catch (error) {
      logEvent("touch-failed", { reason: String(error) });
    }
  }

  /**
   * Delivers a draft, or tells when that was done.
   *
   * @returns when, and if that is now also what to whom
   * @throws NetdiskError `not-found`, `denied`, `quota`, `changed`, `busy`, `io`
   */
  async deliver(
    sender: Person,
    { draft: name, files, message }: RequestOf<"deliver">,
    client: Holder,
  ): Promise<{ time: number; parcel?: { to: string; bytes: number } }> {
    const draft = await this.#whenFree({ sender, name, client }, () => {
      const draft = this.#find(sender, name);
      if (draft.delivered !== null) return draft;
      this.parcels.checkMayDeliver(sender, draft);
      const hold = this.#holds.get(draft.id) ?? new Hold(client);
      hold.isEnding = true;
      this.#holds.set(draft.id, hold);
      return draft;
    });
    if (draft.delivered !== null) return { time: draft.delivered };
    try {
      const contents = await this.folders.seal(draft, files);
      const parcel = { ...contents, message };
      const time = this.parcels.deliver(sender, draft, parcel);
      await this.folders.removeUploads(draft);
      return { time, parcel: { to: draft.receiver, bytes: contents.bytes } };
    } finally {
      this.#release(draft.id, client);
    }
  }

  /** Gives a draft up. @throws NetdiskError `not-found`, `busy` */
  async abandon(sender: Person, name: string, client: Holder): Promise<void> {
    await this.#whenFree({ sender, name, client }, () => {
      const draft = this.#find(sender, name);
      if (draft.delivered !== null) throw noDraft();
      return this.#drop(draft);
    });
  }

  /** Takes the files of a parcel into the receiver's own. @throws NetdiskError */
  async save(
    receiver: Person,
    own: UserStorage,
    { number, to }: RequestOf<"save">,
  ): Promise<void> {
    const { key } = this.parcels.open(receiver, number);
    const change = own.takeIn(this.folders.pathOf(key, "inbox"), to);
    await change.ready();
    change.apply();
    // Also when this fails: the next one finds fewer files, or none.
    this.parcels.emptied(key.id);
    await change.settle();
  }

  /** Deletes a parcel. @throws NetdiskError `not-found` */
  async discard(receiver: Person, number: number): Promise<void> {
    await this.#drop(this.parcels.open(receiver, number).key);
  }

  /**
   * Takes nothing from a sender any more, and what is on its way from there is
   * gone; or takes it again.
   *
   * @throws NetdiskError `not-found`, `denied`
   */
  async block(
    receiver: Person,
    { user, blocked }: RequestOf<"block">,
  ): Promise<void> {
    if (!blocked) return this.blocked.remove(receiver.userId, user);
    if (!this.#users.find(user)) throw noUser(user);
    this.blocked.add(receiver.userId, user);
    for (const draft of this.parcels.removeDrafts(receiver, user)) {
      // Who is at work on it hears of it, and who is silent holds no room.
      const hold = this.#holds.get(draft.id);
      if (hold) void outlive(hold);
      await this.folders.discard(draft);
    }
  }

  /** Deletes drafts that nobody goes on with, and what a crash has left. Never throws. */
  async sweep(): Promise<void> {
    try {
      this.parcels.sweep(this.#now() - this.#keepMs, this.#isOpen);
    } catch (error) {
      logEvent("sweep-failed", { reason: String(error) });
    }
    await this.folders.sweep((id) => this.parcels.isKnown(id));
  }

  /** The database first: see above. */
  async #drop(parcel: ParcelKey): Promise<void> {
    this.parcels.remove(parcel.id);
    await this.folders.discard(parcel);
  }

  #find(sender: Person, name: string): SentParcel {
    const found = this.parcels.find(sender, name);
    if (!found) throw noDraft();
    return found;
  }

  /**
   * Waits until no other client has the draft in hand. Then it begins at once,
   * or the next one that waits could be before it.
   *
   * @throws NetdiskError `busy` when one has it that is still heard of
   */
  async #whenFree<T>(
    { sender, name, client }: { sender: Person; name: string; client: Holder },
    begin: () => T | Promise<T>,
  ): Promise<T> {
    for (;;) {
      const draft = this.parcels.find(sender, name);
      const hold = draft && this.#holds.get(draft.id);
      if (!hold || hold.isOf(client)) return await begin();
      if (await outlive(hold)) continue;
      throw new NetdiskError(
        "busy",
        "the same is on its way over another connection",
      );
    }
  }

  /** Another client may have it by now. */
  #release(id: string, client: Holder): void {
    const hold = this.#holds.get(id);
    if (!hold?.isOf(client)) return;
    this.#holds.delete(id);
    hold.release();
  }

  #isOpen = (id: string): boolean => this.#holds.has(id);
}
