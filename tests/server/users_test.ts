import { assertEquals } from "@std/assert";
import { AccountSessions } from "../../server/account_sessions.ts";
import { openDatabase } from "../../server/database.ts";
import { Users } from "../../server/users.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const STORED = {
  salt: new Uint8Array(16),
  hash: new Uint8Array(32),
  ...{ n: 2, r: 1, p: 1 },
};

Deno.test("users are listed by name with their sessions, and removed with them", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  const users = new Users(database);
  const sessions = new AccountSessions(database, () => 1000);
  const bob = users.add("bob", STORED, 500)!;
  const ann = users.add("ann", STORED, 600)!;
  assertEquals(users.add("ann", STORED, 700), undefined);
  const origin = { agent: "", address: "" };
  sessions.start("ann", ann, origin);
  sessions.start("ann", ann, origin);
  const summary = { quota: "default", sessions: 0, lastUsed: null } as const;
  const expected = [
    { ...summary, name: "ann", created: 600, sessions: 2, lastUsed: 1000 },
    { ...summary, name: "bob", created: 500 },
  ];
  assertEquals(users.list(1000).map((user) => ({ ...user })), expected);
  users.setQuota("ann", 5);
  users.setQuota("bob", "none");
  const quotas = users.list(1000).map(({ quota }) => quota);
  assertEquals(quotas, [5, "none"]);
  assertEquals([users.quota("ann"), users.quota("eve")], [5, undefined]);
  assertEquals(users.setQuota("eve", 5), false);
  const expired = users.list(1e15).map((user) => user.sessions);
  assertEquals(expired, [0, 0]);
  assertEquals([users.remove(ann), users.remove(ann)], [true, false]);
  assertEquals(users.list(0).map(({ name }) => name), ["bob"]);
  assertEquals(
    database.get<{ n: number }>("SELECT count(*) AS n FROM sessions")!.n,
    0,
  );
  assertEquals([users.get(bob)?.name, users.find("ann")], ["bob", undefined]);
});

Deno.test("all sessions of a user end, or all but one", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  const users = new Users(database);
  const sessions = new AccountSessions(database, () => 1000);
  const ann = users.add("ann", STORED, 0)!;
  const bob = users.add("bob", STORED, 0)!;
  const start = (user: number) =>
    sessions.start("", user, { agent: "", address: "" }).tokenHash;
  const keep = start(ann);
  const others = [start(ann), start(ann)];
  const strangers = start(bob);
  assertEquals(sessions.endAll(ann, keep), 2);
  assertEquals(others.map((hash) => sessions.endOf(hash)), [
    undefined,
    undefined,
  ]);
  assertEquals(sessions.endOf(keep) !== undefined, true);
  assertEquals(sessions.endAll(ann), 1);
  assertEquals(sessions.endOf(strangers) !== undefined, true);
});
