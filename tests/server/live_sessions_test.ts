/** Connections end with their session, whoever ends it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import type { Request, ResponseOf } from "../../protocol/messages.ts";
import type { AccountSession } from "../../server/account_sessions.ts";
import { openDatabase } from "../../server/database.ts";
import { LiveSessions } from "../../server/live_sessions.ts";
import { dataFolder } from "../../server/storage_path.ts";
import { settled } from "../helpers/settled.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { HELLO, putRequest } from "../helpers/test_client.ts";
import { type Connected, Fixture, PASSWORD } from "./fixture.ts";

const OTHER = "battery staple";
const ENDED: ResponseOf<"error"> = {
  type: "error",
  code: "unauthenticated",
  message: "the session has ended, log in again",
};
const LIST: Request = { type: "list", path: "" };

/** Another session of a user than that of server.login(). */
async function freshLogin(
  server: Fixture,
  user = "ann",
  password = PASSWORD,
): Promise<Connected> {
  const client = server.connect();
  await client.ask(HELLO, "hello");
  await client.ask({ type: "login", user, password }, "session");
  return client;
}

async function assertEnded(...clients: Connected[]): Promise<void> {
  for (const client of clients) assertEquals(await client.rest(), [ENDED]);
}

async function assertServed(...clients: Connected[]): Promise<void> {
  for (const client of clients) await client.ask(LIST, "entries");
}

/** Does to the database what another process might. */
function elsewhere(server: Fixture, sql: string): void {
  using database = openDatabase(dataFolder(server.root));
  database.run(sql);
}

Deno.test("logout ends all connections of its session, and no other session", async () => {
  await using server = new Fixture();
  const one = await server.login();
  const two = await server.login();
  const fresh = await freshLogin(server);
  const bob = await server.login("bob");
  await one.send({ type: "logout", all: false });
  assertEquals(await one.rest(), [{ type: "ok" }]);
  await assertEnded(two);
  await assertServed(fresh, bob);
  assertEquals(server.live.size, 2);
});

Deno.test("logout of all ends all sessions of the user", async () => {
  await using server = new Fixture();
  const one = await server.login();
  const two = await server.login();
  const fresh = await freshLogin(server);
  const bob = await server.login("bob");
  await fresh.send({ type: "logout", all: true });
  assertEquals(await fresh.rest(), [{ type: "ok" }]);
  await assertEnded(one, two);
  await assertServed(bob);
  const back = await freshLogin(server);
  const { sessions } = await back.ask({ type: "sessions" }, "sessions");
  assertEquals(sessions.length, 1);
});

/** A session of an account that exists. */
function sessionOf(server: Fixture, user: string): Promise<AccountSession> {
  return server.accounts.login(user, PASSWORD);
}

Deno.test("passwd ends all other sessions, and the old password is worth nothing", async () => {
  await using server = new Fixture();
  const one = await server.login();
  const two = await server.login();
  const fresh = await freshLogin(server);
  await one.ask({ type: "passwd", old: PASSWORD, new: OTHER }, "ok");
  await assertEnded(fresh);
  await assertServed(one, two);
  const late = server.connect();
  await late.ask(HELLO, "hello");
  await late.send({ type: "login", user: "ann", password: PASSWORD });
  assertEquals(await late.error(), "denied");
  await assertServed(await freshLogin(server, "ann", OTHER));
});

Deno.test("passwd with a wrong old or a bad new password changes nothing", async () => {
  await using server = new Fixture();
  const client = await server.login();
  const fresh = await freshLogin(server);
  const cases = [
    ["not hers", OTHER, "wrong password"],
    ["short", OTHER, "wrong password"],
    [PASSWORD, "short", "a password has at least 8 bytes"],
    ["not hers", "short", "a password has at least 8 bytes"],
  ] as const;
  for (const [old, next, reason] of cases) {
    await client.send({ type: "passwd", old, new: next });
    const { code, message } = await client.answer("error");
    assertEquals([code, message], ["denied", reason]);
  }
  await assertServed(client, fresh, await freshLogin(server));
  const lines = server.log.lines("passwd-failed");
  assertEquals(lines.length, 4);
  assert(lines.every((line) => line.includes(" user=ann reason=")));
  assertEquals(lines.some((line) => line.includes("not hers")), false);
});

Deno.test("an upload under way is kept for the next session", async () => {
  await using server = new Fixture();
  const client = await server.login();
  const fresh = await freshLogin(server);
  await client.send(putRequest("file", 100_000, { ask: true }));
  await client.answer("continue");
  await client.sendData(new Uint8Array(60_000));
  await client.send({ type: "waiting" });
  await settled();
  await fresh.ask({ type: "passwd", old: PASSWORD, new: OTHER }, "ok");
  await assertEnded(client);
  assertEquals(server.uploads().length, 1);
  await fresh.send(putRequest("file", 100_000, { ask: true }));
  assert((await fresh.answer("continue")).offset > 0);
});

Deno.test("a login that is one too many ends the connections of the oldest session", async () => {
  await using server = new Fixture();
  const first = await server.login();
  const bob = await server.login("bob");
  for (let n = 0; n < 99; n++) await sessionOf(server, "ann");
  await assertServed(first);
  const last = await freshLogin(server);
  await assertEnded(first);
  await assertServed(last, bob);
});

Deno.test("what another process ends is seen by looking, and only that", async () => {
  await using server = new Fixture();
  const ann = await server.login("ann");
  const bob = await server.login("bob");
  const carl = await server.login("carl");
  await server.live.look();
  await assertServed(ann, bob, carl);
  elsewhere(server, "DELETE FROM users WHERE name = 'ann'");
  elsewhere(
    server,
    "DELETE FROM sessions WHERE user_id = (SELECT id FROM users WHERE name = 'bob')",
  );
  await server.live.look();
  await assertEnded(ann, bob);
  await assertServed(carl);
  assertEquals(server.live.size, 1);
});

Deno.test("whoever gets the name of a removed user meets no connection of theirs", async () => {
  await using server = new Fixture();
  const before = await server.login("ann");
  elsewhere(server, "DELETE FROM users WHERE name = 'ann'");
  const after = server.connect();
  await after.ask(HELLO, "hello");
  const account = { user: "ann", password: OTHER, invite: null };
  await after.ask({ type: "register", ...account }, "session");
  await assertEnded(before);
  await assertServed(after);
});

Deno.test("more sessions than a batch are all looked at", async () => {
  await using server = new Fixture();
  await server.login("ann");
  const ended = new Set<number>();
  const { database, live } = liveOver(server, () => Date.now());
  using _closing = database;
  const count = 450;
  for (let n = 0; n < count; n++) {
    database.run(
      "INSERT INTO sessions SELECT ?, id, 0, 0, ?, '', '' FROM users",
      ...[Uint8Array.of(n & 255, n >> 8), Date.now() + 1e9],
    );
    live.add(fakeSession(n), () => ended.add(n));
  }
  await live.look();
  assertEquals(ended.size, 0);
  elsewhere(server, "DELETE FROM sessions");
  await live.look();
  assertEquals([ended.size, live.size], [count, 0]);
});

/** A registry over a connection of its own, at a time that a test gives. */
function liveOver(server: Fixture, now: () => number) {
  const database = openDatabase(dataFolder(server.root));
  const endOf = ({ tokenHash }: Pick<AccountSession, "tokenHash">) =>
    database.get<{ expires: number }>(
      "SELECT expires FROM sessions WHERE token_hash = ? AND expires > ?",
      ...[tokenHash, now()],
    )?.expires;
  return { database, live: new LiveSessions({ endOf }, database, { now }) };
}

function fakeSession(n: number): AccountSession {
  const tokenHash = Uint8Array.of(n & 255, n >> 8);
  return { user: "ann", userId: 1, tokenHash, token: null, expires: 0 };
}

Deno.test("a session that expires ends its connections, but not before", async () => {
  await using server = new Fixture();
  await server.login("ann");
  let time = 1000;
  const { database, live } = liveOver(server, () => time);
  using _closing = database;
  for (const n of [1, 2]) {
    database.run(
      "INSERT INTO sessions SELECT ?, id, 0, 0, ?, '', '' FROM users",
      ...[Uint8Array.of(n, 0), n === 1 ? 1001 : 1600],
    );
  }
  const ended: number[] = [];
  live.add(fakeSession(2), () => ended.push(2));
  await live.look();
  // Behind a look: nothing but its own end makes the next one look at it.
  live.add(fakeSession(1), () => ended.push(1));
  await live.look();
  assertEquals(ended, []);
  // Used meanwhile, on a connection of another Worker.
  database.run(
    "UPDATE sessions SET expires = 2000 WHERE token_hash = ?",
    Uint8Array.of(2, 0),
  );
  time = 1500;
  await live.look();
  assertEquals(ended, [1]);
  time = 2000;
  await live.look();
  assertEquals([ended, live.size], [[1, 2], 0]);
});

Deno.test("who comes with a session that has just ended is not let in", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  const live = new LiveSessions({ endOf: () => undefined }, database);
  const error = assertThrows(
    () => live.add(fakeSession(1), () => {}),
    NetdiskError,
  );
  assertEquals([error.code, live.size], ["unauthenticated", 0]);
});

Deno.test("a database that cannot be read ends nobody, and is asked again", async () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  let answer: () => number | undefined = () => 1e15;
  const live = new LiveSessions({ endOf: () => answer() }, database);
  let ended = 0;
  live.add(fakeSession(1), () => ended++);
  await live.look();
  answer = () => {
    throw new NetdiskError("busy", "the account database is busy");
  };
  live.recheck(1);
  assertEquals([ended, live.size], [0, 1]);
  answer = () => undefined;
  await live.look();
  assertEquals([ended, live.size], [1, 0]);
});

Deno.test("a login that is answered 'busy' leaves no session behind", async () => {
  await using server = new Fixture();
  const ann = await server.login();
  const more = server.connect({ admitUser: () => false });
  await more.ask(HELLO, "hello");
  const login = { type: "login", user: "ann", password: PASSWORD } as const;
  assertEquals((await more.ask(login, "error")).code, "busy");
  const { sessions } = await ann.ask({ type: "sessions" }, "sessions");
  assertEquals([sessions.length, server.live.size], [1, 1]);
});

Deno.test("a connection that is gone leaves nothing behind", async () => {
  await using server = new Fixture();
  const one = await server.login();
  const two = await server.login();
  assertEquals(server.live.size, 1);
  one.close();
  await one.ended;
  assertEquals(server.live.size, 1);
  two.close();
  await two.ended;
  assertEquals(server.live.size, 0);
});

Deno.test("sessions are listed with where they come from, the own one marked", async () => {
  await using server = new Fixture();
  const one = await server.login("ann", { address: "192.0.2.7:1" });
  const two = await freshLogin(server);
  const bob = await server.login("bob");
  const { sessions } = await two.ask({ type: "sessions" }, "sessions");
  const seen = sessions.map(({ agent, address, current }) =>
    [agent, address, current].join(" ")
  ).sort();
  assertEquals(seen, ["test/1 192.0.2.1 true", "test/1 192.0.2.7 false"]);
  for (const { created, used, expires } of sessions) {
    assert(created <= used && used < expires);
  }
  const other = await one.ask({ type: "sessions" }, "sessions");
  assertEquals(
    other.sessions.find(({ current }) => current)?.address,
    "192.0.2.7",
  );
  assertEquals(
    (await bob.ask({ type: "sessions" }, "sessions")).sessions.length,
    1,
  );
});

Deno.test("before login there are no sessions and no passwd", async () => {
  await using server = new Fixture();
  const client = server.connect();
  await client.ask(HELLO, "hello");
  await client.send(
    { type: "sessions" },
    { type: "passwd", old: PASSWORD, new: OTHER },
  );
  assertEquals(await client.error(), "unauthenticated");
  assertEquals(await client.error(), "unauthenticated");
});
