/**
 * kill -9 at the database writes of register and login: an account that was
 * acknowledged can log in, one that was not is there whole or not at all.
 */

import { assertEquals } from "@std/assert";
import { dial } from "../helpers/dial.ts";
import { testWith, TRACING } from "../helpers/needs.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import { HELLO } from "../helpers/test_client.ts";
import { CrashDisk } from "./crash_disk.ts";
import { killAtEach, type KillKind } from "./kill_points.ts";
import { untilLost } from "./puts.ts";
import { readDatabase } from "./recovery.ts";

const FSYNC: KillKind = { calls: "fsync,fdatasync", onlyServing: true };
const FOLDER: KillKind = { calls: "?mkdir,mkdirat", onlyServing: true };
const WRITE: KillKind = { calls: "pwrite64", onlyServing: true };

/** A transaction writes about a dozen times; each kill costs two passwords. */
const SOME_WRITES = [7];

testWith([TRACING], "kill at the writes of a registration", async () => {
  await using disk = await CrashDisk.make();
  let user = "";
  let isAcknowledged = false;
  let round = 0;
  const work = {
    begin(): Promise<void> {
      user = `user${++round}`;
      return Promise.resolve();
    },
    async run(): Promise<void> {
      isAcknowledged = await tell(disk, "register", user);
    },
    async check(): Promise<void> {
      if (disk.server.process.isRunning) return;
      const { users, sessions } = accountOf(disk, user);
      assertEquals([sessions, users], [users, isAcknowledged ? 1 : users]);
      await disk.recover();
      assertEquals(await tell(disk, users ? "login" : "register", user), true);
    },
  };
  const writes = await killAtEach(disk, WRITE, work, SOME_WRITES);
  const syncs = await killAtEach(disk, FSYNC, work, [1]);
  const folders = await killAtEach(disk, FOLDER, work, [1]);
  const kills = [writes.length, syncs.length, folders.length];
  assertEquals(kills, [SOME_WRITES.length, 1, 1]);
});

testWith([TRACING], "kill at the writes of a login", async () => {
  await using disk = await CrashDisk.make();
  let before = 0;
  let isAcknowledged = false;
  const work = {
    begin(): Promise<void> {
      before = accountOf(disk, "ann").sessions;
      return Promise.resolve();
    },
    async run(): Promise<void> {
      isAcknowledged = await tell(disk, "login", "ann");
    },
    async check(): Promise<void> {
      if (disk.server.process.isRunning) return;
      const { sessions } = accountOf(disk, "ann");
      assertEquals(sessions > before || !isAcknowledged, true);
      await disk.recover();
      const { code } = await disk.client().run(["ls"]);
      assertEquals(code, 0, "the older session goes on");
    },
  };
  const writes = await killAtEach(disk, WRITE, work, [4]);
  const syncs = await killAtEach(disk, FSYNC, work, [1]);
  assertEquals([writes.length, syncs.length], [1, 1]);
});

/** Registers or logs in; false when the connection is lost before the answer. */
async function tell(
  disk: CrashDisk,
  type: "register" | "login",
  user: string,
): Promise<boolean> {
  using peer = await dial(disk.server);
  await peer.ask(HELLO, "hello");
  const account = { user, password: PASSWORD };
  await peer.send(
    type === "login"
      ? { type, ...account }
      : { type, ...account, invite: null },
  );
  const answer = await untilLost(() => peer.next()) ?? undefined;
  if (answer === undefined) return false;
  assertEquals("type" in answer && answer.type, "session");
  return true;
}

function accountOf(
  disk: CrashDisk,
  user: string,
): { users: number; sessions: number } {
  return readDatabase(disk.root, (database) => {
    const count = (sql: string) =>
      Number(database.prepare(`SELECT count(*) AS n FROM ${sql}`).get(user)!.n);
    return {
      users: count("users WHERE name = ?"),
      sessions: count("sessions JOIN users ON id = user_id WHERE name = ?"),
    };
  });
}
