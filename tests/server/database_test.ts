import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { type Database, openDatabase } from "../../server/database.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";

/** Two schema versions to migrate through. */
const ONE = "CREATE TABLE things (name TEXT NOT NULL UNIQUE) STRICT";
const TWO = "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 7";

function pragma(database: Database, name: string): unknown {
  return Object.values(database.get<object>(`PRAGMA ${name}`)!)[0];
}

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

function failureOf(work: () => unknown): NetdiskError {
  return assertThrows(work, NetdiskError);
}

/** Does `work` while a Worker holds the write lock and then commits. */
async function whileLocked(
  folder: TempFolder,
  work: () => void,
): Promise<void> {
  const worker = new Worker(
    new URL("../helpers/database_holder.ts", import.meta.url),
    { type: "module" },
  );
  const said = () =>
    new Promise<void>((resolve) => worker.onmessage = () => resolve());
  try {
    const locked = said();
    worker.postMessage(`${folder.path}/netdisk.db`);
    await locked;
    const released = said();
    work();
    await released;
  } finally {
    worker.terminate();
  }
}

Deno.test("openDatabase() makes tables for its owner's eyes only", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  for (const table of ["users", "sessions", "invites"]) {
    assertEquals(database.all(`SELECT * FROM ${table}`), []);
  }
  for (const suffix of ["", "-wal", "-shm"]) {
    assertEquals(modeOf(`${folder.path}/netdisk.db${suffix}`), "600", suffix);
  }
});

Deno.test("openDatabase() takes other people's access to an old file away", () => {
  using folder = tempFolder();
  const path = `${folder.path}/netdisk.db`;
  openDatabase(folder.path).close();
  Deno.chmodSync(path, 0o644);
  using _database = openDatabase(folder.path);
  assertEquals(modeOf(path), "600");
});

Deno.test("openDatabase() waits for locks, logs ahead, syncs each commit, checks keys", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  assertEquals(pragma(database, "busy_timeout"), 5000);
  assertEquals(pragma(database, "journal_mode"), "wal");
  assertEquals(pragma(database, "synchronous"), 2);
  assertEquals(pragma(database, "foreign_keys"), 1);
});

Deno.test("openDatabase() migrates forward, step by step, and keeps the rows", () => {
  using folder = tempFolder();
  const old = openDatabase(folder.path, [ONE]);
  old.run("INSERT INTO things VALUES ('a')");
  old.close();
  for (let i = 0; i < 2; i++) {
    using database = openDatabase(folder.path, [ONE, TWO]);
    const row = database.get<object>("SELECT * FROM things");
    assertEquals({ ...row }, { name: "a", size: 7 });
    assertEquals(pragma(database, "user_version"), 2);
  }
});

Deno.test("a migration that fails changes nothing", () => {
  using folder = tempFolder();
  openDatabase(folder.path, [ONE]).close();
  const error = failureOf(() =>
    openDatabase(folder.path, [ONE, TWO, "CREATE TABLE things (x)"])
  );
  assertEquals(error.code, "local-io");
  using database = openDatabase(folder.path, [ONE]);
  assertEquals(pragma(database, "user_version"), 1);
  assertEquals(database.all("SELECT * FROM things"), []);
  failureOf(() => database.all("SELECT size FROM things"));
});

Deno.test("openDatabase() refuses the database of a newer netdisk", () => {
  using folder = tempFolder();
  openDatabase(folder.path, [ONE, TWO]).close();
  const error = failureOf(() => openDatabase(folder.path, [ONE]));
  assertEquals(error.code, "local-io");
  assertEquals(
    error.message,
    `cannot open the account database '${folder.path}/netdisk.db': ` +
      "it was written by a newer netdisk (schema 2, this one knows 1)",
  );
  assertEquals(error.hint, "start the server with the newer netdisk");
  openDatabase(folder.path, [ONE, TWO]).close();
});

Deno.test("openDatabase() names the file that is none, or cannot be made", () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(`${folder.path}/netdisk.db`, "hello ".repeat(1000));
  const error = failureOf(() => openDatabase(folder.path));
  assertEquals(error.code, "local-io");
  assertEquals(
    error.message,
    `cannot open the account database '${folder.path}/netdisk.db': file is not a database`,
  );
  const missing = failureOf(() => openDatabase(`${folder.path}/no`));
  assertEquals(missing.code, "local-io");
});

Deno.test("openDatabase() waits while another Worker makes the database", async () => {
  using folder = tempFolder();
  await whileLocked(folder, () => openDatabase(folder.path).close());
});

Deno.test("a transaction that reads and then writes waits for another one", async () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path, [ONE]);
  await whileLocked(folder, () =>
    database.transaction(() => {
      assertEquals(database.all("SELECT * FROM things"), []);
      database.run("INSERT INTO things VALUES ('a')");
    }));
  assertEquals(database.all("SELECT * FROM things").length, 1);
});

Deno.test("opening the database again does not drop the locks of the first", async () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path, [ONE]);
  database.run("INSERT INTO things VALUES ('a')");
  openDatabase(folder.path, [ONE]).close();
  // Another process that is the last to close removes the log: are we there?
  const path = `${folder.path}/netdisk.db`;
  const open = `const { DatabaseSync } = await import("node:sqlite");
    const other = new DatabaseSync(${JSON.stringify(path)});
    other.exec("INSERT INTO things VALUES ('b')");
    other.close();`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", open],
  }).output();
  assert(success);
  assert(Deno.statSync(`${path}-wal`).isFile);
  assertEquals(database.all("SELECT * FROM things").length, 2);
});

Deno.test("a transaction that throws leaves nothing behind", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path, [ONE]);
  const insert = (name: string) =>
    database.run("INSERT INTO things VALUES (?)", name);
  const thrown = new Error("enough");
  const error = assertThrows(() =>
    database.transaction(() => {
      insert("a");
      throw thrown;
    })
  );
  assertEquals(error, thrown);
  failureOf(() =>
    database.transaction(() => {
      insert("a");
      insert("a");
    })
  );
  assertEquals(database.all("SELECT * FROM things"), []);
  assertEquals(database.transaction(() => insert("a")), 1);
});

Deno.test("two connections see each other's commits", () => {
  using folder = tempFolder();
  using one = openDatabase(folder.path, [ONE]);
  using two = openDatabase(folder.path, [ONE]);
  one.run("INSERT INTO things VALUES ('a')");
  const row = two.get<object>("SELECT * FROM things");
  assertEquals({ ...row }, { name: "a" });
});

Deno.test("failures have a code, a sentence without details, and a cause", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path, [ONE]);
  pragma(database, "max_page_count = 1");
  const full = failureOf(() =>
    database.transaction(() => {
      for (let i = 0; i < 10; i++) {
        database.run("INSERT INTO things VALUES (?)", `${i}`.repeat(4000));
      }
    })
  );
  assertEquals(full.code, "disk-full");
  assertEquals(full.message, "the disk of the account database is full");
  assertInstanceOf(full.cause, Error);
  assertEquals(database.all("SELECT * FROM things"), []);

  const wrong = failureOf(() => database.run("INSERT INTO nothing VALUES (1)"));
  assertEquals(wrong.code, "internal");
  assertEquals(wrong.message, "the account database failed");
});

Deno.test("removing a user removes the sessions", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  const blob = new Uint8Array(32);
  database.run(
    "INSERT INTO users VALUES (5, 'ann', 0, ?, ?, 1, 1, 1, NULL, 0)",
    ...[blob, blob],
  );
  const session = "INSERT INTO sessions VALUES (?, ?, 0, 0, 0, '', '')";
  database.run(session, blob, 5);
  failureOf(() => database.run(session, new Uint8Array(31), 6));
  database.run("DELETE FROM users");
  assertEquals(database.all("SELECT * FROM sessions"), []);
  // The id of a removed user never comes to mean another one.
  const next = database.get<{ id: number }>(
    "INSERT INTO users VALUES (NULL, 'bob', 0, ?, ?, 1, 1, 1, NULL, 0) RETURNING id",
    ...[blob, blob],
  );
  assertEquals(next?.id, 6);
});
