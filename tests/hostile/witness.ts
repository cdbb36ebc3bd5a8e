/**
 * What nobody's bytes may change: another user's files and unfinished uploads,
 * what lies beside the storage root, and which things there are at its top.
 */

import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { userNameFault } from "../../protocol/credentials.ts";

/** The user whose files are watched. */
export const OTHER = "other";

/** Files of SQLite that come and go. */
const COMING_AND_GOING = /-(journal|wal|shm)$/;

/** Plants what is to be watched; the server has made its root already. */
export function plant(home: string): void {
  const outside = join(home, "outside");
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(join(outside, "secret"), "outside");
  const files = join(home, "disk", "users", OTHER);
  Deno.mkdirSync(join(files, "folder"), { recursive: true, mode: 0o700 });
  Deno.writeTextFileSync(join(files, "secret"), "of another user");
  Deno.writeTextFileSync(join(files, "folder", "secret"), "deeper");
  const uploads = join(home, "disk", ".netdisk", "uploads", OTHER);
  Deno.mkdirSync(uploads, { mode: 0o700 });
  // Of the path that the fuzzer's own users upload to in part.
  const hash = createHash("sha256").update("w/part").digest("hex");
  Deno.writeTextFileSync(join(uploads, `r-${hash}`), "not finished");
}

/** What is watched, as lines that can be compared. */
export function watch(home: string): string[] {
  const disk = join(home, "disk");
  const data = join(disk, ".netdisk");
  const tops = [home, disk, data].map((folder) =>
    `${folder}: ${namesIn(folder).join(" ")}`
  );
  return [
    ...tops,
    ...treeLines(join(home, "outside")),
    ...treeLines(join(disk, "users", OTHER)),
    ...treeLines(join(data, "uploads", OTHER)),
  ];
}

/** Folders of users that nobody could have registered. */
export function strangeUsers(home: string): string[] {
  return namesIn(join(home, "disk", "users"))
    .filter((name) => userNameFault(name) !== undefined);
}

/** What SQLite says of the account database; `ok` is all well. */
export function databaseState(home: string): string {
  const data = join(home, "disk", ".netdisk");
  const name = namesIn(data).find((it) => /\.(db|sqlite3?)$/.test(it));
  if (name === undefined) return "there is no database";
  const database = new DatabaseSync(join(data, name));
  try {
    const rows = database.prepare("PRAGMA integrity_check").all();
    return rows.map((row) => Object.values(row).join()).join("; ");
  } finally {
    database.close();
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => !COMING_AND_GOING.test(name)).sort();
}

function treeLines(path: string): string[] {
  const { isDirectory, mode, size, mtime, ino } = Deno.lstatSync(path);
  const line = `${path} ${mode} ${mtime?.getTime()} ${ino}`;
  if (isDirectory) {
    const below = namesIn(path).map((name) => join(path, name));
    return [line, ...below.flatMap(treeLines)];
  }
  const hash = createHash("sha256").update(Deno.readFileSync(path));
  return [`${line} ${size} ${hash.digest("hex")}`];
}
