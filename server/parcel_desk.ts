/**
 * Sending to people, for one connection: which draft or parcel its puts and gets
 * are about, and what each request on parcels is answered (SPEC.md 4).
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { Request, RequestOf, Response } from "../protocol/messages.ts";
import { MAX_PARCEL_FILES, parcelNameFault } from "../protocol/parcels.ts";
import type { LogFields } from "./log.ts";
import type { Draft, Person } from "./parcels.ts";
import type { PostOffice } from "./post_office.ts";
import { noDraft } from "./refusals.ts";
import type { PutClient, PutStorage, UserStorage } from "./user_storage.ts";
import type { Upload } from "./upload.ts";

const REQUESTS = [
  "compose",
  "deliver",
  "abandon",
  "leave",
  "unread",
  "inbox",
  "coming",
  "open",
  "read",
  "save",
  "discard",
  "block",
  "blocked",
] as const;

export type ParcelRequest = RequestOf<typeof REQUESTS[number]>;

export function isParcelRequest(request: Request): request is ParcelRequest {
  return (REQUESTS as readonly string[]).includes(request.type);
}

/** What is open instead of the user's own files. */
type Opened =
  | { draft: Draft; files: DraftFiles }
  | { draft?: undefined; number: number; files: UserStorage };

/** Who asks, and what is theirs. */
export interface Customer extends Person {
  storage: UserStorage;
  log(event: string, fields: LogFields): void;
}

export class ParcelDesk {
  #office: PostOffice;
  #opened: Opened | undefined;

  constructor(office: PostOffice) {
    this.#office = office;
  }

  /** What a log says of puts and gets, so that nobody takes them for the user's own. */
  get logFields(): LogFields {
    const opened = this.#opened;
    if (!opened) return {};
    return opened.draft
      ? { to: opened.draft.receiver }
      : { parcel: opened.number };
  }

  /** Where puts go. */
  filesForPut(own: UserStorage): PutStorage {
    return !this.#opened
      ? own
      : this.#opened.draft
      ? this.#opened.files
      : NO_PUTS;
  }

  /** What there is to look at. @throws NetdiskError `denied` in a draft */
  filesToRead(own: UserStorage): UserStorage {
    if (!this.#opened) return own;
    if (this.#opened.draft) throw notHere();
    return this.#opened.files;
  }

  /** @throws NetdiskError `denied` unless these are the user's own files */
  checkMayChange(): void {
    if (this.#opened) throw notHere();
  }

  /** Puts and gets are about the user's own files again. Never throws. */
  leave(): void {
    if (this.#opened?.draft) this.#office.close(this.#opened.draft);
    this.#opened = undefined;
  }

  /** @throws NetdiskError */
  async answer(request: ParcelRequest, customer: Customer): Promise<Response> {
    const { parcels, blocked } = this.#office;
    switch (request.type) {
      case "compose":
        return await this.#compose(request, customer);
      case "deliver":
        return await this.#deliver(request, customer);
      case "abandon":
        this.leave();
        await this.#office.abandon(customer, request.draft);
        return OK;
      case "leave":
        this.leave();
        return OK;
      case "unread":
        return { type: "unread", count: parcels.unread(customer) };
      case "inbox":
        return parcels.page(customer, request.before);
      case "coming":
        return { type: "coming", users: parcels.coming(customer) };
      case "open":
        return this.#open(request, customer);
      case "read":
        parcels.markRead(customer, request.number);
        return OK;
      case "save":
        await this.#office.save(customer, customer.storage, request);
        customer.log("save", { number: request.number, to: request.to });
        return OK;
      case "discard":
        await this.#office.discard(customer, request.number);
        customer.log("discard", { number: request.number });
        return OK;
      case "block": {
        await this.#office.block(customer, request);
        const event = request.blocked ? "block" : "unblock";
        customer.log(event, { sender: request.user });
        return OK;
      }
      case "blocked":
        return { type: "blocked", users: blocked.list(customer.userId) };
    }
  }

  async #compose(
    request: RequestOf<"compose">,
    customer: Customer,
  ): Promise<Response> {
    this.leave();
    const { draft, names } = await this.#office.compose(customer, request);
    const files = this.#office.folders.files(draft, "drafts");
    this.#opened = { draft, files: new DraftFiles(files, names) };
    return OK;
  }

  async #deliver(
    request: RequestOf<"deliver">,
    customer: Customer,
  ): Promise<Response> {
    this.leave();
    const { time, parcel } = await this.#office.deliver(customer, request);
    if (parcel) customer.log("deliver", { ...parcel, files: request.files });
    return { type: "delivered", time };
  }

  #open({ number }: RequestOf<"open">, customer: Customer): Response {
    this.leave();
    const { key, parcel } = this.#office.parcels.open(customer, number);
    const files = this.#office.folders.files(key, "inbox");
    this.#opened = { number, files };
    return parcel;
  }
}

/** The files of a draft: their sender may put them, and do nothing else. */
class DraftFiles implements PutStorage {
  #files: UserStorage;
  /** Without those of other connections; all are counted when it is delivered. */
  #names: Set<string>;

  /** @param names what is there already */
  constructor(files: UserStorage, names: readonly string[]) {
    this.#files = files;
    this.#names = new Set(names);
  }

  async beginPut(
    request: RequestOf<"put">,
    client: PutClient,
  ): Promise<Upload> {
    const fault = parcelNameFault(request.path);
    if (fault) throw new NetdiskError("bad-name", fault);
    const isFull = this.#names.size >= MAX_PARCEL_FILES;
    if (isFull && !this.#names.has(request.path)) {
      throw new NetdiskError(
        "too-large",
        `a parcel has at most ${MAX_PARCEL_FILES} files`,
      );
    }
    if (!this.#isThere()) throw noDraft();
    this.#names.add(request.path);
    return await this.#files.beginPut(request, client);
  }

  waitForDisk(): Promise<() => void> {
    return this.#files.waitForDisk();
  }

  /** False when it was delivered, given up or blocked meanwhile. */
  #isThere(): boolean {
    try {
      this.#files.stat("");
      return true;
    } catch {
      return false;
    }
  }
}

/** A parcel of the inbox is as its sender has sent it. */
const NO_PUTS: PutStorage = {
  beginPut: () => Promise.reject(notHere()),
  waitForDisk: () => Promise.resolve(() => {}),
};

const OK: Response = { type: "ok" };

function notHere(): NetdiskError {
  return new NetdiskError("denied", "that cannot be done in a parcel");
}
