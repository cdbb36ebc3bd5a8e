/**
 * Connections by the session that opened them, so that they end with it:
 * whoever logs out, changes the password or is removed is gone at once. What
 * ended sessions in this process says so; what others did (`netdisk admin`),
 * and what time did, is looked for.
 */

import { type AccountSession, sessionEnded } from "./account_sessions.ts";
import type { Accounts } from "./accounts.ts";
import type { Database } from "./database.ts";
import { hexOf } from "./secrets.ts";

/** How often others are looked after, in milliseconds. */
const LOOK_MS = 1000;

/** Sessions that are looked up in one go: 2 ms, in which nobody else is served. */
const BATCH = 200;

/** Says on one connection that its session has ended. */
export type EndConnection = () => void;

/** One session, which any number of connections may have. */
interface Live {
  session: AccountSession;
  connections: Set<EndConnection>;
}

export interface LiveSessionsOptions {
  /** A clock in milliseconds since 1970. Default Date.now */
  now?: () => number;
}

/** The sessions in use in this Worker; as many as it has connections at most. */
export class LiveSessions implements Disposable {
  #accounts: Pick<Accounts, "endOf">;
  #database: Database;
  #now: () => number;
  #live = new Map<string, Live>();
  /** What the database was like when all were looked up. */
  #version: number | undefined;
  /** The first of them to expire. */
  #nextEnd = Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking: Promise<void> | undefined;

  /** Owns no argument. */
  constructor(
    accounts: Pick<Accounts, "endOf">,
    database: Database,
    options: LiveSessionsOptions = {},
  ) {
    this.#accounts = accounts;
    this.#database = database;
    this.#now = options.now ?? Date.now;
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#live.size;
  }

  /** Looks once a second from now on. */
  start(): void {
    this.#timer ??= setInterval(() => void this.look(), LOOK_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * `end` is called once if the session ends before the connection is removed.
   *
   * @throws NetdiskError `unauthenticated` when it has ended already
   */
  add(session: AccountSession, end: EndConnection): void {
    // It may have ended since the client was let in.
    const expires = this.#accounts.endOf(session);
    if (expires === undefined) throw sessionEnded();
    const key = keyOf(session);
    const live = this.#live.get(key);
    if (live) live.connections.add(end);
    else this.#live.set(key, { session, connections: new Set([end]) });
    this.#nextEnd = Math.min(this.#nextEnd, expires);
  }

  /** The connection has ended, or says by itself that its session has. */
  remove(session: AccountSession, end: EndConnection): void {
    const key = keyOf(session);
    const live = this.#live.get(key);
    if (!live?.connections.delete(end)) return;
    if (live.connections.size === 0) this.#live.delete(key);
  }

  /** Sessions of the user may have ended. Never throws: else the next look finds out. */
  recheck(userId: number): void {
    try {
      for (const live of [...this.#live.values()]) {
        if (live.session.userId === userId) this.#check(live);
      }
    } catch {
      this.#version = undefined;
    }
  }

  /** Ends what others have ended, and what has expired. Never throws. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  /** Like {@link look}, with what others have done until now: one under way may have missed it. */
  async lookAgain(): Promise<void> {
    await this.#looking;
    await this.look();
  }

  async #look(): Promise<void> {
    if (this.#live.size === 0) return;
    try {
      // Changed by every commit but our own (sqlite.org/pragma.html).
      const { data_version: version } = this.#database.get<
        { data_version: number }
      >("PRAGMA data_version")!;
      const isDue = this.#now() >= this.#nextEnd;
      if (version === this.#version && !isDue) return;
      await this.#checkAll();
      this.#version = version;
    } catch {
      // The database is busy or cannot be read: the next look is at all of them.
      this.#version = undefined;
    }
  }

  async #checkAll(): Promise<void> {
    this.#nextEnd = Infinity;
    let count = 0;
    for (const live of [...this.#live.values()]) {
      this.#check(live);
      if (++count % BATCH > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  #check(live: Live): void {
    const { session, connections } = live;
    // All have left during a look; the session may be here again, as another one.
    if (connections.size === 0) return;
    const expires = this.#accounts.endOf(session);
    if (expires !== undefined) {
      this.#nextEnd = Math.min(this.#nextEnd, expires);
      return;
    }
    this.#live.delete(keyOf(session));
    for (const end of connections) end();
    connections.clear();
  }
}

function keyOf({ tokenHash }: AccountSession): string {
  return hexOf(tokenHash);
}
