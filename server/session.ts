/**
 * One client on the server: which message may come when, from the greeting to
 * the end of the connection. What a request does is in handlers.ts and
 * uploads.ts, accounts are in accounts.ts.
 */

import type { FrameChannel } from "../protocol/channel.ts";
import {
  isConnectionLost,
  NetdiskError,
  ProtocolError,
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
import { AGENT, CAPABILITIES, PROTOCOL_VERSION } from "../protocol/version.ts";
import type { AccountSession } from "./account_sessions.ts";
import type { Accounts } from "./accounts.ts";
import {
  type ChangeRequest,
  type ChangeType,
  isChange,
  mayDisplaceFolder,
} from "./changes.ts";
import { digest, get, list, stat } from "./handlers.ts";
import { logEvent, type LogFields } from "./log.ts";
import { ReplyQueue, toErrorResponse } from "./reply_queue.ts";
import type { Storage, UserStorage } from "./storage.ts";
import { UploadReceiver } from "./uploads.ts";
import type { Registration } from "./worker_messages.ts";

/** Attempts to log in on one connection (SPEC.md 9). */
const MAX_LOGIN_ATTEMPTS = 3;

/** Data before login is out of order; a stranger fills no buffer with it. */
const LIMITS_BEFORE_LOGIN: FrameLimits = {
  control: MAX_CONTROL_BYTES_BEFORE_LOGIN,
  data: 0,
};

const STOPPING = "the server is stopping";

/** What all sessions share. */
export interface Services {
  accounts: Accounts;
  storage: Storage;
}

/** Who is at the other end. */
export interface Peer {
  /** `HOST:PORT`, for the log. */
  address: string;
  /** What registration means for this peer. */
  registration: Registration;
}

/** A session and the files that it opens. */
interface Login {
  account: AccountSession;
  storage: UserStorage;
}

/** One connection, until it ends. */
export class Session {
  #channel: FrameChannel;
  #services: Services;
  #peer: Peer;
  #replies: ReplyQueue;
  #changes: UploadReceiver;
  #greeted = false;
  #agent = "";
  #attempts = 0;
  #login: Login | undefined;
  #waiting = false;
  #over = false;
  #ending = false;
  #stopping = false;

  constructor(channel: FrameChannel, services: Services, peer: Peer) {
    this.#channel = channel;
    this.#services = services;
    this.#peer = peer;
    this.#replies = new ReplyQueue(channel);
    this.#changes = new UploadReceiver(
      channel,
      this.#replies,
      ({ path }, { size }) => this.#log("put", { path, bytes: size }),
      (reason) => this.drop(reason),
    );
  }

  /** True once an account is at work here. */
  get loggedIn(): boolean {
    return this.#login !== undefined;
  }

  /** True while the session waits for a request and owes nothing. */
  get idle(): boolean {
    return this.#waiting && this.#replies.pending === 0;
  }

  /** True while the disk owes answers to puts that are wholly here. */
  get committing(): boolean {
    return this.#waiting && this.#replies.waitsForWork;
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
      this.#channel.close();
    }
  }

  /** Ends the session after the request under way, at once if there is none. */
  stop(): void {
    this.#stopping = true;
    // Otherwise the loop sees it after the request under way.
    if (this.#waiting) void this.#stopIfIdle();
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

  async #end(code: "stopping" | "timeout", message: string): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#over = true;
    this.#log("dropped", { reason: message });
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
      throw new ProtocolError(
        "out-of-order",
        "a data frame came outside an upload",
      );
    }
    const request = decodeRequest(frame.payload);
    if (this.#greeted === (request.type === "hello")) {
      throw new ProtocolError(
        "out-of-order",
        `'${request.type}' came out of order`,
      );
    }
    // Changes overlap with those before them; everything else sees their effect.
    if (this.#login && request.type === "put") {
      await this.#changes.receive(this.#login.storage, request);
    } else if (this.#login && isChange(request)) {
      if (mayDisplaceFolder(request)) await this.#replies.drained();
      await this.#change(this.#login.storage, request);
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

  /** Answers one request; only what ends the connection is thrown. */
  async #answer(request: Request): Promise<void> {
    try {
      const response = await this.#handle(request);
      if (response) await this.#channel.send(response);
    } catch (error) {
      if (endsConnection(error)) throw error;
      await this.#channel.send(toErrorResponse(error));
    }
  }

  /** The answer, or nothing when it has been sent in pieces. */
  #handle(request: Request): Promise<Response | void> | Response | void {
    switch (request.type) {
      case "hello":
        return this.#hello(request);
      case "ping":
        return { type: "pong" };
      case "register":
      case "login":
      case "authenticate":
        return this.#logIn(request);
      case "prefix":
      case "waiting":
      case "commit":
      case "cancel":
        throw new ProtocolError(
          "out-of-order",
          `'${request.type}' came outside an upload`,
        );
      default:
        return this.#handleFiles(request);
    }
  }

  #handleFiles(
    request: RequestOf<
      "logout" | "stat" | "list" | "digest" | "get" | "put" | ChangeType
    >,
  ): Promise<Response | void> | Response | void {
    if (!this.#login) {
      throw new NetdiskError("unauthenticated", "not logged in");
    }
    const { storage, account } = this.#login;
    switch (request.type) {
      case "logout":
        this.#services.accounts.logout(account);
        this.#over = true;
        this.#log("logout");
        return { type: "ok" };
      case "stat":
        return stat(storage, request.path);
      case "list":
        return list(storage, request.path, this.#channel);
      case "get":
        return this.#get(storage, request);
      case "digest":
        return digest(storage, request.path, this.#channel);
      default:
        // Changes are made before they come here: see #serveNext.
        return undefined;
    }
  }

  /** Overlaps with the changes before it, as a put does. */
  #change(storage: UserStorage, request: ChangeRequest): Promise<void> {
    return this.#changes.change(storage.change(request), () => {
      this.#log(
        request.type,
        request.type === "move"
          ? { from: request.from, to: request.to }
          : { path: request.path },
      );
    });
  }

  async #get(
    storage: UserStorage,
    request: RequestOf<"get">,
  ): Promise<void> {
    const bytes = await get(storage, request, this.#channel);
    this.#log("get", { path: request.path, bytes });
  }

  #hello({ version, agent }: RequestOf<"hello">): Response {
    if (version !== PROTOCOL_VERSION) {
      throw new NetdiskError(
        "version",
        `this server speaks version ${PROTOCOL_VERSION} of the protocol, not ${version}`,
      );
    }
    this.#greeted = true;
    this.#agent = agent;
    return {
      type: "hello",
      version: PROTOCOL_VERSION,
      capabilities: [...CAPABILITIES],
      agent: AGENT,
      registration: this.#peer.registration,
    };
  }

  async #logIn(
    request: RequestOf<"register" | "login" | "authenticate">,
  ): Promise<Response> {
    if (this.#login) {
      throw new ProtocolError(
        "out-of-order",
        "the connection has logged in already",
      );
    }
    if (++this.#attempts > MAX_LOGIN_ATTEMPTS) {
      throw new ProtocolError("out-of-order", "too many attempts to log in");
    }
    let account: AccountSession;
    try {
      account = await this.#authorize(request);
    } catch (error) {
      const user = "user" in request ? request.user : undefined;
      this.#log(`${request.type}-failed`, {
        user,
        reason: error instanceof Error ? error.message : undefined,
      });
      throw error;
    }
    const storage = await this.#services.storage.openUser(account.user);
    this.#login = { account, storage };
    this.#channel.setLimits(FRAME_LIMITS);
    if (request.type !== "authenticate") this.#log(request.type);
    const { user, token, expires } = account;
    return { type: "session", user, token, expires };
  }

  #authorize(
    request: RequestOf<"register" | "login" | "authenticate">,
  ): Promise<AccountSession> | AccountSession {
    const { accounts } = this.#services;
    switch (request.type) {
      case "register":
        return accounts.register(request.user, request.password, {
          invite: request.invite,
          policy: this.#peer.registration,
          agent: this.#agent,
          checkFolder: (user) => this.#services.storage.checkNewUser(user),
        });
      case "login":
        return accounts.login(request.user, request.password, {
          agent: this.#agent,
        });
      case "authenticate":
        return accounts.authenticate(request.token);
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#over) return;
    const lost = isConnectionLost(error);
    const reason = error instanceof Error ? error.message : String(error);
    this.#log(lost ? "lost" : "closed", { reason });
    if (lost) return;
    await this.#replies.drained().catch(() => {});
    await this.#channel.send(toErrorResponse(error)).catch(() => {});
    await this.#channel.flush().catch(() => {});
  }

  #log(event: string, fields: LogFields = {}): void {
    logEvent(event, {
      peer: this.#peer.address,
      user: this.#login?.account.user,
      ...fields,
    });
  }
}

/** After these the connection has no agreed state to go on from. */
function endsConnection(error: unknown): boolean {
  return error instanceof NetdiskError &&
    ["protocol", "version", "connection-lost"].includes(error.code);
}
