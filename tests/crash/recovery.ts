/** What must be true of a storage root after a crash, before and after a start. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { until } from "../helpers/deadline.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { filesBelow } from "./ledger.ts";

/** Beyond SQLite's own files, what the data folder of a server has. */
const DATA_FILES = ["identity.pem", "lock"];

/**
 * What interrupted puts and starts have left behind, as names below the data
 * folder. Nothing unfinished may outlive a restart for long.
 */
export function leftovers(root: string): string[] {
  return filesBelow(join(root, ".netdisk")).filter((name) =>
    !DATA_FILES.includes(name) && !/^netdisk\.db(-wal|-shm)?$/.test(name)
  );
}

/** Waits until a server that runs has removed them. */
export async function noLeftovers(root: string): Promise<void> {
  await until(
    `no leftovers, ${leftovers(root)}`,
    () => leftovers(root).length === 0,
  );
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
