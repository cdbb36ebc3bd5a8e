/**
 * Who a client is: the greeting, the way in, and what there is to do with the
 * account and its sessions (SPEC.md 4). What else it may do is session.ts's
 * business, accounts are in accounts.ts.
 */

import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { RequestOf, Response } from "../protocol/messages.ts";
import { AGENT, CAPABILITIES, PROTOCOL_VERSION } from "../protocol/version.ts";
import type { AccountSession } from "./account_sessions.ts";
import type { Accounts } from "./accounts.ts";
import { hostOf } from "./address.ts";
import type { Counters } from "./counters.ts";
import type { LiveSessions } from "./live_sessions.ts";
import { logEvent, type LogFields } from "./log.ts";
import type { PostOffice } from "./post_office.ts";
import type { RequestTurns } from "./request_turns.ts";
import type { Storage } from "./storage.ts";
import type { UserStorage } from "./user_storage.ts";
import type { Registration } from "./worker_messages.ts";

/** Attempts to log in on one connection (SPEC.md 9). */
const MAX_LOGIN_ATTEMPTS = 3;

export type LoginRequest = RequestOf<"register" | "login" | "authenticate">;

/** What all sessions share. */
export interface Services {
  accounts: Accounts;
  storage: Storage;
  office: PostOffice;
  live: LiveSessions;
  turns: RequestTurns;
  counters: Counters;
}

/** Who is at the other end. */
export interface Peer {
  /** `HOST:PORT` */
  address: string;
  /** What registration means for this peer. */
  registration: Registration;
  /** Hears who it is; false when that user has too many connections. */
  admitUser?(user: string): boolean;
  /** Logs what it does, as itself or as a user. Default: all of it */
  log?(user: string | undefined, event: string, fields: LogFields): void;
}

/** The login of one connection. */
export class Login {
  #services: Services;
  #peer: Peer;
  #host: string;
  #onEnded: () => void;
  #agent: string | undefined;
  #attempts = 0;
  #account: AccountSession | undefined;
  #storage: UserStorage | undefined;

  /** @param onEnded the session has ended elsewhere; called once at most */
  constructor(services: Services, peer: Peer, onEnded: () => void) {
    this.#services = services;
    this.#peer = peer;
    this.#host = hostOf(peer.address);
    this.#onEnded = onEnded;
  }

  /** True once versions have been compared. */
  get isGreeted(): boolean {
    return this.#agent !== undefined;
  }

  /** Who shares turns: the user, before a login all with that address. */
  get owner(): string {
    return this.#account?.user ?? `at ${this.#host}`;
  }

  /** The session of the account, once it is known who that is. */
  get account(): AccountSession | undefined {
    return this.#account;
  }

  /** The name of the user, once it is known. */
  get user(): string | undefined {
    return this.#account?.user;
  }

  /** The files of the user, once it is known who that is. */
  get storage(): UserStorage | undefined {
    return this.#storage;
  }

  /** `hello` @throws NetdiskError `version` */
  hello({ version, agent }: RequestOf<"hello">): Response {
    if (version !== PROTOCOL_VERSION) {
      throw new NetdiskError(
        "version",
        `this server speaks version ${PROTOCOL_VERSION} of the protocol, not ${version}`,
      );
    }
    this.#agent = agent;
    return {
      type: "hello",
      version: PROTOCOL_VERSION,
      capabilities: [...CAPABILITIES],
      agent: AGENT,
      registration: this.#peer.registration,
    };
  }

  /**
   * `register`, `login` or `authenticate`
   *
   * @throws NetdiskError when the client does not get in
   */
  async logIn(request: LoginRequest): Promise<Response> {
    if (this.#account) {
      throw new ProtocolError(
        "out-of-order",
        "the connection has logged in already",
      );
    }
    if (++this.#attempts > MAX_LOGIN_ATTEMPTS) {
      throw new ProtocolError("out-of-order", "too many attempts to log in");
    }
    const outcomes = this.#services.counters.logins[request.type];
    try {
      const response = await this.#enter(request);
      outcomes.ok++;
      return response;
    } catch (error) {
      outcomes.failed++;
      throw error;
    }
  }

  /** @throws NetdiskError `busy` */
  #admit(user: string): void {
    if (this.#peer.admitUser?.(user) ?? true) return;
    throw new NetdiskError("busy", "too many connections of this user");
  }

  /** `logout`: the token is worth nothing any more, with `all` none of the user's is. */
  logOut({ all }: RequestOf<"logout">): Response {
    const { accounts, live } = this.#services;
    const account = this.#account!;
    if (all) accounts.logoutAll(account);
    else accounts.logout(account);
    this.log(all ? "logout-all" : "logout");
    // This connection is answered; the others are told.
    this.close();
    live.recheck(account.userId);
    return { type: "ok" };
  }

  /** `sessions` */
  sessions(): Response {
    const sessions = this.#services.accounts.sessions(this.#account!);
    return { type: "sessions", sessions };
  }

  /** `passwd` @throws NetdiskError when the password stays as it is */
  async changePassword(request: RequestOf<"passwd">): Promise<Response> {
    const { accounts, live } = this.#services;
    const account = this.#account!;
    const passwords = { old: request.old, next: request.new };
    try {
      await accounts.changePassword(account, passwords, this.#asker);
    } catch (error) {
      this.#logFailure("passwd", error);
      throw error;
    }
    this.log("passwd");
    live.recheck(account.userId);
    return { type: "ok" };
  }

  /** The connection has ended: nobody is to be told of anything. */
  close(): void {
    if (this.#account) {
      this.#services.live.remove(this.#account, this.#onEnded);
    }
  }

  /** Logs what happens on the connection, with the peer and the user. */
  log(event: string, fields: LogFields = {}): void {
    const { address: peer } = this.#peer;
    const user = this.#account?.user;
    const line = { peer, user, ...fields };
    if (this.#peer.log) this.#peer.log(user, event, line);
    else logEvent(event, line);
  }

  async #enter(request: LoginRequest): Promise<Response> {
    const { storage, live } = this.#services;
    let account: AccountSession;
    try {
      account = await this.#authorize(request);
      // Who had this name, and was removed a moment ago, still has the folder.
      if (request.type === "register") await live.lookAgain();
      live.add(account, this.#onEnded);
    } catch (error) {
      const user = "user" in request ? request.user : undefined;
      this.#logFailure(request.type, error, user);
      throw error;
    }
    try {
      this.#admit(account.user);
      this.#storage = await storage.openUser(account.user);
    } catch (error) {
      live.remove(account, this.#onEnded);
      this.#discard(account);
      throw error;
    }
    this.#account = account;
    if (request.type !== "authenticate") this.log(request.type);
    // One session more may have been one too many.
    if (request.type === "login") live.recheck(account.userId);
    const { user, token, expires } = account;
    return { type: "session", user, token, expires };
  }

  /** Ends a session whose token nobody has got: it would push out another one. */
  #discard(account: AccountSession): void {
    if (account.token === null) return;
    try {
      this.#services.accounts.logout(account);
    } catch {
      // It ends by itself when nobody uses it.
    }
  }

  #authorize(
    request: LoginRequest,
  ): Promise<AccountSession> | AccountSession {
    const { accounts, storage } = this.#services;
    switch (request.type) {
      case "register":
        return accounts.register(request.user, request.password, {
          ...this.#asker,
          invite: request.invite,
          policy: this.#peer.registration,
          checkFolder: (user) => storage.checkNewUser(user),
          makeFolder: (user) => storage.openUser(user),
        });
      case "login":
        return accounts.login(request.user, request.password, this.#asker);
      case "authenticate":
        return accounts.authenticate(request.token, this.#host);
    }
  }

  get #asker(): { agent: string; address: string } {
    return { agent: this.#agent!, address: this.#host };
  }

  #logFailure(event: string, error: unknown, user?: string): void {
    this.log(`${event}-failed`, {
      ...(user === undefined ? {} : { user }),
      reason: error instanceof Error ? error.message : undefined,
    });
  }
}
