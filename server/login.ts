/**
 * A client on its way in: the greeting, then who it is (SPEC.md 4). What it may
 * do from then on is session.ts's business, accounts are in accounts.ts.
 */

import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { RequestOf, Response } from "../protocol/messages.ts";
import { AGENT, CAPABILITIES, PROTOCOL_VERSION } from "../protocol/version.ts";
import type { AccountSession } from "./account_sessions.ts";
import type { Accounts } from "./accounts.ts";
import { logEvent, type LogFields } from "./log.ts";
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
}

/** Who is at the other end. */
export interface Peer {
  /** `HOST:PORT`, for the log. */
  address: string;
  /** What registration means for this peer. */
  registration: Registration;
  /** Hears who it is; false when that user has too many connections. */
  admitUser?(user: string): boolean;
}

/** The login of one connection. */
export class Login {
  #services: Services;
  #peer: Peer;
  #agent: string | undefined;
  #attempts = 0;
  #account: AccountSession | undefined;
  #storage: UserStorage | undefined;

  constructor(services: Services, peer: Peer) {
    this.#services = services;
    this.#peer = peer;
  }

  /** True once versions have been compared. */
  get isGreeted(): boolean {
    return this.#agent !== undefined;
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
    let account: AccountSession;
    try {
      account = await this.#authorize(request);
    } catch (error) {
      this.log(`${request.type}-failed`, {
        user: "user" in request ? request.user : undefined,
        reason: error instanceof Error ? error.message : undefined,
      });
      throw error;
    }
    this.#admit(account.user);
    this.#storage = await this.#services.storage.openUser(account.user);
    this.#account = account;
    if (request.type !== "authenticate") this.log(request.type);
    const { user, token, expires } = account;
    return { type: "session", user, token, expires };
  }

  /** @throws NetdiskError `busy` */
  #admit(user: string): void {
    if (this.#peer.admitUser?.(user) ?? true) return;
    throw new NetdiskError("busy", "too many connections of this user");
  }

  /** `logout`: the token is worth nothing any more. */
  logOut(): Response {
    this.#services.accounts.logout(this.#account!);
    this.log("logout");
    return { type: "ok" };
  }

  /** Logs what happens on the connection, with the peer and the user. */
  log(event: string, fields: LogFields = {}): void {
    logEvent(event, {
      peer: this.#peer.address,
      user: this.#account?.user,
      ...fields,
    });
  }

  #authorize(
    request: LoginRequest,
  ): Promise<AccountSession> | AccountSession {
    const { accounts, storage } = this.#services;
    const agent = this.#agent!;
    switch (request.type) {
      case "register":
        return accounts.register(request.user, request.password, {
          invite: request.invite,
          policy: this.#peer.registration,
          agent,
          checkFolder: (user) => storage.checkNewUser(user),
        });
      case "login":
        return accounts.login(request.user, request.password, { agent });
      case "authenticate":
        return accounts.authenticate(request.token);
    }
  }
}
