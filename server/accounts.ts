/**
 * Who may use the server: registering, logging in, and the way back in with a
 * token (SPEC.md 4 and 5). Passwords are checked by password_check.ts, which
 * policy applies to a peer is decided by the caller.
 */

import {
  passwordFault,
  userNameFault,
  WRONG_LOGIN,
} from "../protocol/credentials.ts";
import { NetdiskError } from "../protocol/errors.ts";
import type { SessionInfo } from "../protocol/messages.ts";
import {
  type AccountSession,
  AccountSessions,
  sessionEnded,
  type SessionOrigin,
} from "./account_sessions.ts";
import type { Database } from "./database.ts";
import { INVITE_MS, Invites } from "./invites.ts";
import { LoginGuard } from "./login_guard.ts";
import { type Asker, PasswordCheck } from "./password_check.ts";
import type { PasswordHasher } from "./passwords.ts";
import { Users } from "./users.ts";
import type { Registration } from "./worker_messages.ts";

/** How often, and how many at a time, what has expired is removed. */
const SWEEP_MS = 3600_000;
const SWEEP_ROWS = 1000;

export interface RegisterOptions extends Asker {
  /** Throws where the user's folder cannot be a new one. */
  checkFolder?: (user: string) => void;
  /** Makes it, so that there is no account where that fails. */
  makeFolder?: (user: string) => Promise<unknown>;
  invite: string | null;
  /** What applies to this peer. */
  policy: Registration;
}

export interface AccountsOptions {
  /** A clock in milliseconds since 1970. Default Date.now */
  now?: () => number;
  /** Counts failures; it has a clock of its own. */
  guard?: LoginGuard;
}

/** The accounts of one server. */
export class Accounts {
  #database: Database;
  #now: () => number;
  #guard: LoginGuard;
  #passwords: PasswordCheck;
  #users: Users;
  #sessions: AccountSessions;
  #invites: Invites;
  #nextSweep = 0;

  /** Owns neither the database nor the hasher. */
  constructor(
    database: Database,
    hasher: PasswordHasher,
    options: AccountsOptions = {},
  ) {
    this.#database = database;
    this.#now = options.now ?? Date.now;
    this.#guard = options.guard ?? new LoginGuard();
    this.#users = new Users(database);
    this.#sessions = new AccountSessions(database, this.#now);
    this.#invites = new Invites(database, this.#now);
    this.#passwords = new PasswordCheck(hasher, this.#guard, this.#sessions);
    this.#sweepNowAndThen();
  }

  /**
   * Makes an account and its first session; both survive a loss of power.
   *
   * @throws NetdiskError `denied`, `bad-name`, `exists`, `busy` or `throttled`
   */
  async register(
    user: string,
    password: string,
    options: RegisterOptions,
  ): Promise<AccountSession> {
    const { address, policy } = options;
    const attempt = address === undefined
      ? undefined
      : this.#guard.registration(address, policy === "open");
    try {
      const session = await this.#register(user, password, options);
      attempt?.succeeded();
      return session;
    } catch (error) {
      // A taken name is an answer as well: it says whose accounts there are.
      const isAnswer = error instanceof NetdiskError &&
        ["denied", "exists"].includes(error.code);
      if (isAnswer) attempt?.failed();
      else attempt?.dropped();
      throw error;
    }
  }

  /**
   * Makes a session for whoever knows the password. That there is no such user
   * shows neither in the answer nor in the time that it takes.
   *
   * @throws NetdiskError `denied`, `busy` or `throttled`
   */
  async login(
    user: string,
    password: string,
    asker: Asker = {},
  ): Promise<AccountSession> {
    if (userNameFault(user) || passwordFault(password)) throw wrong();
    const known = this.#users.find(user);
    const guess = { name: user, user: known, password };
    const isRight = await this.#passwords.isRight(guess, asker);
    if (!known || !isRight) throw wrong();
    return this.#database.transaction(() => {
      // While the hash was computed, the user may have been removed or given
      // another password, which ends whatever the old one has begun.
      if (!this.#users.isUnchanged(known)) throw wrong();
      return this.#sessions.start(user, known.id, originOf(asker));
    });
  }

  /**
   * The session that `token` stands for, which lasts longer by being used.
   *
   * @param address where from, if that is known
   * @throws NetdiskError `unauthenticated`
   */
  authenticate(token: string, address?: string): AccountSession {
    this.#sweepNowAndThen();
    return this.#sessions.find(token, address);
  }

  /**
   * Changes the password of a session's user and ends all their other sessions,
   * both or neither.
   *
   * @throws NetdiskError `denied` for a wrong old or a bad new one, `busy`,
   * `throttled`, `unauthenticated` when the session has ended meanwhile
   */
  async changePassword(
    { userId, tokenHash }: AccountSession,
    { old, next }: { old: string; next: string },
    asker: Asker = {},
  ): Promise<void> {
    const fault = passwordFault(next);
    if (fault) throw new NetdiskError("denied", fault);
    if (passwordFault(old)) throw wrongPassword();
    const user = this.#users.get(userId);
    if (!user) throw sessionEnded();
    const guess = { name: user.name, user, password: old, tokenHash };
    const isRight = await this.#passwords.isRight(guess, asker);
    if (!isRight) throw wrongPassword();
    const stored = await this.#passwords.hash(next, asker);
    this.#database.transaction(() => {
      if (this.#sessions.endOf(tokenHash) === undefined) throw sessionEnded();
      // Somebody else was faster; only one of both can have been right.
      if (!this.#users.isUnchanged(user)) throw wrongPassword();
      this.#users.setPassword(userId, stored);
      this.#sessions.endAll(userId, tokenHash);
    });
  }

  /** The sessions of the user, that one with `current`. */
  sessions({ userId, tokenHash }: AccountSession): SessionInfo[] {
    return this.#sessions.list(userId, tokenHash);
  }

  /** When a session ends unless it is used again; undefined when it has ended. */
  endOf({ tokenHash }: Pick<AccountSession, "tokenHash">): number | undefined {
    return this.#sessions.endOf(tokenHash);
  }

  /** Ends a session: its token is void. It may have ended already. */
  logout(session: Pick<AccountSession, "tokenHash">): void {
    this.#sessions.end(session.tokenHash);
  }

  /** Ends all sessions of a user. */
  logoutAll({ userId }: Pick<AccountSession, "userId">): void {
    this.#sessions.endAll(userId);
  }

  /** A new invite, with which anybody may register until it expires. */
  createInvite(lifetimeMs: number = INVITE_MS): string {
    return this.#invites.create(lifetimeMs);
  }

  async #register(
    user: string,
    password: string,
    options: RegisterOptions,
  ): Promise<AccountSession> {
    // The invite comes first: without one, nobody learns which names are taken.
    this.#admit(options.policy, options.invite);
    const nameFault = userNameFault(user);
    if (nameFault) throw new NetdiskError("bad-name", nameFault);
    const fault = passwordFault(password);
    if (fault) throw new NetdiskError("denied", fault);
    if (this.#users.find(user)) throw taken(user);
    options.checkFolder?.(user);

    const stored = await this.#passwords.hash(password, options);
    await options.makeFolder?.(user);
    return this.#database.transaction(() => {
      const id = this.#users.add(user, stored, this.#now());
      // Somebody may have taken the name while the hash was computed.
      if (id === undefined) throw taken(user);
      return this.#sessions.start(user, id, originOf(options));
    });
  }

  #admit(policy: Registration, invite: string | null): void {
    if (policy === "closed") {
      throw new NetdiskError(
        "denied",
        "this server does not take registrations",
      );
    }
    if (policy === "open") return;
    if (invite === null) {
      throw new NetdiskError("denied", "this server registers by invite only");
    }
    if (!this.#invites.accept(invite)) {
      throw new NetdiskError(
        "denied",
        "the invite is not valid or has expired, ask for a new link",
      );
    }
  }

  #sweepNowAndThen(): void {
    const now = this.#now();
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + SWEEP_MS;
    try {
      this.#sessions.sweep(SWEEP_ROWS);
      this.#invites.sweep(SWEEP_ROWS);
    } catch {
      // Nobody is kept out because there is no room to tidy up.
    }
  }
}

function originOf({ agent = "", address = "" }: Asker): SessionOrigin {
  return { agent, address };
}

function taken(user: string): NetdiskError {
  return new NetdiskError("exists", `the user name '${user}' is taken`);
}

function wrong(): NetdiskError {
  return new NetdiskError("denied", WRONG_LOGIN);
}

function wrongPassword(): NetdiskError {
  return new NetdiskError("denied", "wrong password");
}
