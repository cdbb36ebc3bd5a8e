/**
 * The account database, `<root>/.netdisk/netdisk.db`: how it is opened, made,
 * migrated and locked, and what its failures mean. The statements on its
 * tables are in users.ts, account_sessions.ts, invites.ts, parcels.ts and
 * blocked_senders.ts. Files are never kept in it.
 */

import {
  DatabaseSync,
  type SQLInputValue,
  type StatementSync,
} from "node:sqlite";
import { type ErrorCode, NetdiskError } from "../protocol/errors.ts";

/** How long a statement waits for another Worker or process, in milliseconds. */
const LOCK_WAIT_MS = 5000;

/**
 * What leads from each schema version to the next; entry 0 makes version 1. A
 * released entry never changes. Times are milliseconds since 1970.
 *
 * - Ids of users are never used again (AUTOINCREMENT), so that one which a
 *   connection still holds cannot come to mean somebody else.
 * - Secrets are kept as hashes: who reads the file cannot log in with it.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    n INTEGER NOT NULL,
    r INTEGER NOT NULL,
    p INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    agent TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_of_user ON sessions (user_id, last_used);
  CREATE INDEX sessions_expiry ON sessions (expires);

  CREATE TABLE invites (
    token_hash BLOB PRIMARY KEY,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX invites_expiry ON invites (expires);
  `,
  // Bytes, NULL for the server's default, -1 for no limit; and the address
  // that a session last came from.
  `
  ALTER TABLE users ADD COLUMN quota INTEGER;
  ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
  `,
  // Parcels: `id` names the folder with the files; until it is delivered one is
  // a draft, without a number. How many a user was ever sent is counted, so that
  // no number comes to mean another parcel. The sender's name outlives the
  // account.
  `
  ALTER TABLE users ADD COLUMN parcels INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE parcels (
    id TEXT PRIMARY KEY,
    receiver_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sender_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    sender TEXT NOT NULL,
    draft TEXT NOT NULL,
    used INTEGER NOT NULL,
    number INTEGER,
    delivered INTEGER,
    files INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    is_read INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE UNIQUE INDEX parcels_of_receiver ON parcels (receiver_id, number);
  CREATE INDEX parcels_of_sender ON parcels (sender_id, draft);

  CREATE TABLE blocked_senders (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sender TEXT NOT NULL,
    PRIMARY KEY (user_id, sender)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** An open database. Statements are compiled once; failures are NetdiskErrors. */
export class Database implements Disposable {
  #connection: DatabaseSync;
  #statements = new Map<string, StatementSync>();

  /** Use {@link openDatabase}, which also brings the tables up to date. */
  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /** The first row, or undefined; its columns are the caller's to know. */
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values)) as
      | Row
      | undefined;
  }

  /** Every row. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#prepare(sql).all(...values)) as Row[];
  }

  /** Executes a statement and tells how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#guard(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /**
   * All that `work` does or, when it throws, nothing of it; it must not wait
   * for anything. Once this returns, the changes survive a loss of power.
   */
  transaction<T>(work: () => T): T {
    // A plain BEGIN that reads and then writes fails at once, without waiting,
    // when another connection wrote in between.
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.run("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw databaseError(cause);
    }
  }
}

/**
 * Opens the database in `dataDir`, which exists and is private to the server,
 * and makes or migrates its tables. Several Workers may do so at once.
 *
 * @param migrations other tables, for tests
 * @throws NetdiskError `local-io`, naming the file
 */
export function openDatabase(
  dataDir: string,
  migrations: readonly string[] = MIGRATIONS,
): Database {
  const path = `${dataDir}/netdisk.db`;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, {
      timeout: LOCK_WAIT_MS,
      enableForeignKeyConstraints: true,
    });
    makePrivate(path);
    useWriteAheadLog(connection);
    // Without FULL the last accounts and sessions may be lost with the power.
    connection.exec("PRAGMA synchronous = FULL");
    const database = new Database(connection);
    migrate(database, connection, migrations);
    return database;
  } catch (cause) {
    connection?.close();
    const why = cause instanceof NetdiskError ? cause.cause ?? cause : cause;
    const message = why instanceof Error ? why.message : String(why);
    throw new NetdiskError(
      "local-io",
      `cannot open the account database '${path}': ${message}`,
      cause instanceof NetdiskError && cause.hint
        ? { cause, hint: cause.hint }
        : { cause },
    );
  }
}

/**
 * Keeps the hashes from others; SQLite's further files get the same mode. Not
 * by opening the file ourselves: closing any descriptor of it would drop the
 * locks that all Workers hold on it (sqlite.org/howtocorrupt.html, 2.2).
 */
function makePrivate(path: string): void {
  const { mode } = Deno.statSync(path);
  if (mode !== null && (mode & 0o077) !== 0) Deno.chmodSync(path, 0o600);
}

/**
 * Switches to the write-ahead log, in which readers and a writer do not wait
 * for each other. SQLite does not wait for the lock that this takes: of Workers
 * that opened a new database at the same time, 1 in 240 got "locked".
 */
function useWriteAheadLog(connection: DatabaseSync): void {
  const deadline = performance.now() + LOCK_WAIT_MS;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      connection.prepare("PRAGMA journal_mode = WAL").get();
      return;
    } catch (error) {
      const busy = sqliteCode(error) === SQLITE_BUSY;
      if (!busy || performance.now() > deadline) throw error;
      Atomics.wait(pause, 0, 0, 10);
    }
  }
}

function migrate(
  database: Database,
  connection: DatabaseSync,
  migrations: readonly string[],
): void {
  const version = () =>
    database.get<{ user_version: number }>("PRAGMA user_version")!.user_version;
  if (version() === migrations.length) return;
  database.transaction(() => {
    // Read again: another Worker may have been faster.
    const current = version();
    if (current > migrations.length) {
      throw new NetdiskError(
        "local-io",
        `it was written by a newer netdisk (schema ${current}, this one knows ${migrations.length})`,
        { hint: "start the server with the newer netdisk" },
      );
    }
    for (const step of migrations.slice(current)) connection.exec(step);
    connection.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

const SQLITE_BUSY = 5;

/** Result codes (sqlite.org/rescode.html) whose meaning a client can use. */
const CODES: ReadonlyMap<number, [ErrorCode, string]> = new Map([
  [SQLITE_BUSY, ["busy", "the account database is busy, try again"]],
  [6, ["busy", "the account database is busy, try again"]],
  [8, ["io", "the account database cannot be written"]],
  [10, ["io", "the account database cannot be read or written"]],
  [11, ["io", "the account database is damaged"]],
  [13, ["disk-full", "the disk of the account database is full"]],
  [14, ["io", "the account database cannot be opened"]],
  [26, ["io", "the account database is damaged"]],
]);

/** A failure of SQLite as the client may see it; the details are its cause. */
function databaseError(cause: unknown): NetdiskError {
  const [code, message] = CODES.get(sqliteCode(cause)) ??
    ["internal", "the account database failed"];
  return new NetdiskError(code, message, { cause });
}

/** The primary result code, 0 when there is none. */
function sqliteCode(error: unknown): number {
  return error instanceof Error && "errcode" in error &&
      typeof error.errcode === "number"
    ? error.errcode & 0xff
    : 0;
}
