/** What must be true of a storage root after a crash, before and after a start. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { until } from "../helpers/deadline.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** Beyond SQLite's own files, what the data folder of a server has. */
const DATA_FILES = ["identity.pem", "link", "lock", "status.sock"];

/** An interrupted put that a later one may go on with, see server/partials.ts. */
const RESUMABLE = /^uploads\/[^/]+\/r-([0-9a-f-]{36}-)?[0-9a-f]{64}$/;

/**
 * What interrupted puts and starts have left behind and nobody can use any
 * more, as names below the data folder. It may not outlive a restart for long.
 */
export function leftovers(root: string): string[] {
  return filesBelow(join(root, ".netdisk")).filter((name) =>
    !DATA_FILES.includes(name) && !/^netdisk\.db(-wal|-shm)?$/.test(name) &&
    !RESUMABLE.test(name)
  );
}

/** The paths of all unfinished puts, of those under way too. */
export function partials(root: string): string[] {
  const folder = join(root, ".netdisk", "uploads");
  return filesBelow(folder).map((name) => join(folder, name));
}

/** Waits until a server that runs has removed them. */
export async function noLeftovers(root: string): Promise<void> {
  await until(
    `no leftovers in ${root}`,
    () => leftovers(root).length === 0,
  );
}

/** Waits until no unfinished put is there at all: one that failed is not resumed. */
export async function noPartials(root: string): Promise<void> {
  await until(`no partial in ${root}`, () => partials(root).length === 0);
}

/**
 * Opens the database of a root without a running server. A copy is looked at,
 * so that the recovery of the log is left to the server.
 */
export function readDatabase<T>(
  root: string,
  look: (database: DatabaseSync) => T,
): T {
  using folder = tempFolder();
  const copy = join(folder.path, "netdisk.db");
  for (const end of ["", "-wal"]) {
    try {
      const source = join(root, ".netdisk", `netdisk.db${end}`);
      Deno.writeFileSync(copy + end, Deno.readFileSync(source));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  const database = new DatabaseSync(copy);
  try {
    return look(database);
  } finally {
    database.close();
  }
}

/** The database, with its log, is whole. */
export function assertDatabase(root: string): void {
  readDatabase(root, (database) => {
    const answer = database.prepare("PRAGMA integrity_check").get();
    assertEquals(answer?.integrity_check, "ok");
    assertEquals(database.prepare("PRAGMA foreign_key_check").all(), []);
  });
}
