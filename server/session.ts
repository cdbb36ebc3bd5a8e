/**
 * One client on the server: which message may come when, from the greeting to
 * the end of the connection. What a request does is in login.ts, handlers.ts
 * and change_queue.ts.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import {
  isConnectionLost,
  NetdiskError,
  ProtocolError,
  type WireErrorCode,
} from "../protocol/errors.ts";
import {
  type Frame,
  FRAME_LIMITS,
  FrameKind,
  type FrameLimits,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
} from "../protocol/frame.ts";
import {
  decodeRequest,
  type Request,
  type RequestOf,
  type Response,
} from "../protocol/messages.ts";
import { sessionEnded } from "./account_sessions.ts";
import { ChangeQueue, type UploadUnderWay } from "./change_queue.ts";
import { type ChangeRequest, isChange, mayDisplaceFolder } from "./changes.ts";
import type { Outcomes } from "./counters.ts";
import { digest, get, list, quota, stat } from "./handlers.ts";
import type { LogFields } from "./log.ts";
import { Login, type LoginRequest, type Peer, type Services } from "./login.ts";
import {
  isParcelRequest,
  ParcelDesk,
  type ParcelRequest,
} from "./parcel_desk.ts";
import { ReplyQueue, toErrorResponse } from "./reply_queue.ts";
import type { UserStorage } from "./user_storage.ts";

/** Data before login is out of order; a stranger fills no buffer with it. */
const LIMITS_BEFORE_LOGIN: FrameLimits = {
  control: MAX_CONTROL_BYTES_BEFORE_LOGIN,
  data: 0,
};

/** Requests of a stranger, the greeting included (SPEC.md 9). */
export const MAX_REQUESTS_BEFORE_LOGIN = 100;

const STOPPING = "the server is stopping";

const DRAFT_LOST = "its draft is over, or goes on on another connection";

/** One connection, until it ends. */
export class Session {
  #channel: FrameChannel;
  #login: Login;
  #log = (event: string, fields: LogFields) => this.#login.log(event, fields);
  #replies: ReplyQueue;
  #changes: ChangeQueue;
  #parcels: ParcelDesk;
  #gets: Outcomes;
  #isGetting = false;
  #waiting = false;
  #strangersRequests = 0;
  #over = false;
  #ending = false;
  #stopping = false;

  constructor(channel: FrameChannel, services: Services, peer: Peer) {
    this.#channel = channel;
    this.#login = new Login(services, peer, () => {
      void this.#end("unauthenticated", sessionEnded().message);
    });
    this.#replies = new ReplyQueue(channel, this.#log);
    this.#parcels = new ParcelDesk(services.office, {
      received: () => channel.traffic.received,
      isServed: () => this.#replies.pending > 0,
      drop: () => this.drop(DRAFT_LOST),
    });
    channel.takeTurns(() => services.turns.next(this.#login.owner));
    this.#changes = new ChangeQueue(
      channel,
      this.#replies,
      ({ path }, { size: bytes }) => {
        this.#login.log("put", { path, bytes, ...this.#parcels.logFields });
      },
      (reason) => this.drop(reason),
      services.counters.puts,
    );
    this.#gets = services.counters.gets;
  }

  /** True once an account is at work here. */
  get loggedIn(): boolean {
    return this.#login.storage !== undefined;
  }

  /** True while the session waits for a request and owes nothing. */
  get idle(): boolean {
    return this.#waiting && this.#replies.pending === 0;
  }

  /** True while the disk owes answers to puts that are wholly here. */
  get committing(): boolean {
    return this.#waiting && this.#replies.waitsForWork;
  }

  /** The upload under way, for the deadlines. */
  get upload(): UploadUnderWay | undefined {
    return this.#changes.upload;
  }

  /** The user, once an account is at work here. */
  get user(): string | undefined {
    return this.#login.user;
  }

  /** What is being transferred. */
  get direction(): "put" | "get" | undefined {
    if (this.#isGetting) return "get";
    // Small puts are here at once, and wait for the disk.
    return this.upload || this.committing ? "put" : undefined;
  }

  /** Bytes of uploads that said only that the client is alive. */
  get waitingBytes(): number {
    return this.#changes.waitingBytes;
  }

  /** Serves the connection to its end. Never throws. */
  async run(): Promise<void> {
    this.#channel.setLimits(LIMITS_BEFORE_LOGIN);
    try {
      while (!this.#over && !this.#stopping) await this.#serveNext();
      await this.#replies.drained();
      if (!this.#over) await this.#end("stopping", STOPPING);
      await this.#channel.flush();
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.#parcels.leave();
      this.#login.close();
      this.#channel.close();
    }
  }

  /** Ends the session after the request under way, at once if there is none. */
  stop(): void {
    this.#stopping = true;
    // Otherwise the loop sees it after the request under way.
    if (this.#waiting) void this.#stopIfIdle();
  }

  /** Asks a client that has nothing to do whether it is still there. */
  ping(): void {
    if (!this.loggedIn || !this.idle || this.#over) return;
    // The reader of the connection learns of a lost one by itself.
    this.#channel.send({ type: "ping" }).catch(() => {});
    this.#channel.flush().catch(() => {});
  }

  /** Ends the connection now and tells the peer why, as far as it still listens. */
  drop(reason: string): void {
    void this.#end("timeout", reason);
  }

  async #stopIfIdle(): Promise<void> {
    // The puts that are wholly here get their receipts.
    await this.#replies.drained().catch(() => {});
    if (this.idle) await this.#end("stopping", STOPPING);
  }

  async #end(code: WireErrorCode, message: string): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#over = true;
    this.#login.log("dropped", { reason: message });
    const told = this.#channel.send({ type: "error", code, message })
      .then(() => this.#channel.flush()).catch(() => {});
    // Whoever does not read is not waited for.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 500);
    });
    await Promise.race([told, patience]);
    clearTimeout(timer);
    this.#channel.close();
  }

  async #serveNext(): Promise<void> {
    const frame = await this.#nextFrame();
    // Dropped meanwhile: the peer has been told that nothing more is done.
    if (this.#over) return;
    if (!frame) {
      this.#over = true;
      return;
    }
    if (frame.kind === FrameKind.data) {
      throw outOfOrder("a data frame came outside an upload");
    }
    const request = decodeRequest(frame.payload);
    if (this.#login.isGreeted === (request.type === "hello")) {
      throw outOfOrder(`'${request.type}' came out of order`);
    }
    const { storage } = this.#login;
    // That bytes came is all that it says: see deadlines.ts.
    if (storage && request.type === "waiting") return;
    if (!storage && ++this.#strangersRequests > MAX_REQUESTS_BEFORE_LOGIN) {
      throw outOfOrder("too many requests before a login");
    }
    // Changes overlap with those before them; everything else sees their effect.
    if (storage && request.type === "put") {
      await this.#changes.put(this.#parcels.filesForPut(storage), request);
    } else if (storage && isChange(request)) {
      if (mayDisplaceFolder(request)) await this.#replies.drained();
      await this.#change(storage, request);
    } else {
      await this.#replies.drained();
      await this.#answer(request);
    }
  }

  async #nextFrame(): Promise<Frame | null> {
    this.#waiting = true;
    try {
      return await this.#channel.read(this.#replies.pending === 0);
    } finally {
      this.#waiting = false;
    }
  }

  /** Overlaps with the changes before it, as a put does. */
  async #change(
    storage: UserStorage,
    request: ChangeRequest,
  ): Promise<void> {
    try {
      this.#parcels.checkMayChange();
    } catch (error) {
      return this.#replies.push(Promise.reject(error));
    }
    await this.#changes.change(storage.change(request), () => {
      this.#login.log(
        request.type,
        request.type === "move"
          ? { from: request.from, to: request.to }
          : { path: request.path },
      );
    });
  }

  /** Answers one request; only what ends the connection is thrown. */
  async #answer(request: Request): Promise<void> {
    try {
      const response = await this.#handle(request);
      if (response) await this.#channel.send(response);
    } catch (error) {
      if (endsConnection(error)) throw error;
      await this.#channel.send(toErrorResponse(error, this.#log));
    }
  }

  /** The answer, or nothing when it has been sent in pieces. */
  #handle(request: Request): Promise<Response | void> | Response | void {
    switch (request.type) {
      case "hello":
        return this.#login.hello(request);
      case "ping":
        return { type: "pong" };
      case "register":
      case "login":
      case "authenticate":
        return this.#logIn(request);
      case "prefix":
      case "commit":
      case "cancel":
        throw outOfOrder(`'${request.type}' came outside an upload`);
    }
    const own = this.#login.storage;
    if (!own) throw new NetdiskError("unauthenticated", "not logged in");
    if (isParcelRequest(request)) return this.#askDesk(request, own);
    switch (request.type) {
      case "logout": {
        const response = this.#login.logOut(request);
        this.#over = true;
        return response;
      }
      case "sessions":
        return this.#login.sessions();
      case "passwd":
        return this.#login.changePassword(request);
      case "quota":
        return this.#replies.push(quota(own));
    }
    const storage = this.#parcels.filesToRead(own);
    switch (request.type) {
      case "stat":
        return stat(storage, request.path);
      case "list":
        return list(storage, request.path, this.#channel);
      case "get":
        return this.#get(storage, request);
      case "digest":
        return digest(storage, request.path, this.#channel);
    }
    // Changes are made before they come here: see #serveNext.
  }

  async #logIn(request: LoginRequest): Promise<Response> {
    const response = await this.#login.logIn(request);
    this.#channel.setLimits(FRAME_LIMITS);
    return response;
  }

  /** What follows may be about what it has opened. */
  async #askDesk(request: ParcelRequest, own: UserStorage): Promise<void> {
    const { user, userId } = this.#login.account!;
    const log = this.#login.log.bind(this.#login);
    const customer = { user, userId, storage: own, log };
    await this.#replies.push(this.#parcels.answer(request, customer));
    await this.#replies.drained();
  }

  async #get(storage: UserStorage, request: RequestOf<"get">): Promise<void> {
    this.#isGetting = true;
    try {
      const bytes = await get(storage, request, this.#channel);
      this.#gets.ok++;
      const { logFields } = this.#parcels;
      this.#login.log("get", { path: request.path, bytes, ...logFields });
    } catch (error) {
      this.#gets.failed++;
      throw error;
    } finally {
      this.#isGetting = false;
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#over) return;
    const lost = isConnectionLost(error);
    const reason = error instanceof Error ? error.message : String(error);
    this.#login.log(lost ? "lost" : "closed", { reason });
    if (lost) return;
    await this.#replies.drained().catch(() => {});
    await this.#channel.send(toErrorResponse(error, this.#log)).catch(() => {});
    await this.#channel.flush().catch(() => {});
  }
}

/** After these the connection has no agreed state to go on from. */
function endsConnection(error: unknown): boolean {
  return error instanceof NetdiskError &&
    ["protocol", "version", "connection-lost"].includes(error.code);
}

function outOfOrder(message: string): ProtocolError {
  return new ProtocolError("out-of-order", message);
}
