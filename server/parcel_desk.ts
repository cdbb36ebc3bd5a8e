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
import type { Holder } from "./takeover.ts";
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
  | { kind: "draft"; draft: Draft; files: DraftFiles }
  | { kind: "parcel"; number: number; files: UserStorage }
  /** What was to be is refused, and what comes behind may be meant for it. */
  | { kind: "nothing" };

/** Who asks, and what is theirs. */
export interface Customer extends Person {
  storage: UserStorage;
  log(event: string, fields: LogFields): void;
}

export class ParcelDesk {
  #office: PostOffice;
  #client: Holder;
  #opened: Opened | undefined;

  constructor(office: PostOffice, client: Holder) {
    this.#office = office;
    this.#client = client;
  }

  /** What a log says of puts and gets, so that nobody takes them for the user's own. */
  get logFields(): LogFields {
    switch (this.#opened?.kind) {
      case "draft":
        return { to: this.#opened.draft.receiver };
      case "parcel":
        return { parcel: this.#opened.number };
      default:
        return {};
    }
  }

  /** Where puts go. */
  filesForPut(own: UserStorage): PutStorage {
    if (!this.#opened) return own;
    return this.#opened.kind === "draft" ? this.#opened.files : this.#noPuts;
  }

  /** What there is to look at. @throws NetdiskError `denied` in a draft, and after a refusal */
  filesToRead(own: UserStorage): UserStorage {
    if (!this.#opened) return own;
    if (this.#opened.kind === "parcel") return this.#opened.files;
    throw this.#notHere();
  }

  /** @throws NetdiskError `denied` unless these are the user's own files */
  checkMayChange(): void {
    if (this.#opened) throw this.#notHere();
  }

  /** Puts and gets are about the user's own files again. Never throws. */
  leave(): void {
    this.#letGo(this.#opened);
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
        return await this.#abandon(request, customer);
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
    this.#letGo(this.#toNothing());
    const office = this.#office;
    const client = this.#client;
    const { draft, names } = await office.compose(customer, request, client);
    const reason = () => office.parcels.reasonOfEnd(customer, draft);
    const files = office.folders.draftFiles(draft, reason);
    this.#opened = {
      kind: "draft",
      draft,
      files: new DraftFiles(files, names, reason),
    };
    return OK;
  }

  async #deliver(
    request: RequestOf<"deliver">,
    customer: Customer,
  ): Promise<Response> {
    const office = this.#office;
    const client = this.#client;
    const before = this.#toNothing();
    try {
      const { time, parcel } = await office.deliver(customer, request, client);
      this.#opened = undefined;
      if (parcel) customer.log("deliver", { ...parcel, files: request.files });
      return { type: "delivered", time };
    } catch (error) {
      const isOver = before?.kind === "draft" &&
        error instanceof NetdiskError && error.code === "not-found";
      throw isOver ? office.parcels.reasonOfEnd(customer, before.draft) : error;
    } finally {
      // Not before: somebody may wait for it.
      this.#letGo(before);
    }
  }

  async #abandon(
    { draft }: RequestOf<"abandon">,
    customer: Customer,
  ): Promise<Response> {
    try {
      await this.#office.abandon(customer, draft, this.#client);
      return OK;
    } finally {
      this.leave();
    }
  }

  #open({ number }: RequestOf<"open">, customer: Customer): Response {
    this.#letGo(this.#toNothing());
    const { key, parcel } = this.#office.parcels.open(customer, number);
    const files = this.#office.folders.files(key);
    this.#opened = { kind: "parcel", number, files };
    return parcel;
  }

  /** Nothing is opened, unless that is changed. @returns what was before */
  #toNothing(): Opened | undefined {
    const before = this.#opened;
    this.#opened = { kind: "nothing" };
    return before;
  }

  #letGo(opened: Opened | undefined): void {
    if (opened?.kind !== "draft") return;
    this.#office.close(opened.draft, this.#client);
  }

  #notHere(): NetdiskError {
    return new NetdiskError(
      "denied",
      this.#opened?.kind === "nothing"
        ? "there are no files here, as what was to be opened was refused"
        : "that cannot be done in a parcel",
    );
  }

  /** A parcel of the inbox is as its sender has sent it. */
  #noPuts: PutStorage = {
    beginPut: () => Promise.reject(this.#notHere()),
    waitForDisk: () => Promise.resolve(() => {}),
  };
}

/** The files of a draft: their sender may put them, and do nothing else. */
class DraftFiles implements PutStorage {
  #files: UserStorage;
  #names: Set<string>;
  #reasonOfEnd: () => NetdiskError;

  /**
   * @param names what is there already
   * @param reasonOfEnd what is said when it is a draft no more
   */
  constructor(
    files: UserStorage,
    names: readonly string[],
    reasonOfEnd: () => NetdiskError,
  ) {
    this.#files = files;
    this.#names = new Set(names);
    this.#reasonOfEnd = reasonOfEnd;
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
    if (!this.#isThere()) throw this.#reasonOfEnd();
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

const OK: Response = { type: "ok" };
