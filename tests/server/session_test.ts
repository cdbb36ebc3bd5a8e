import { assert, assertEquals } from "@std/assert";
import {
  encodeFrame,
  FrameKind,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
} from "../../protocol/frame.ts";
import type { Request } from "../../protocol/messages.ts";
import { AGENT } from "../../protocol/version.ts";
import { MAX_REQUESTS_BEFORE_LOGIN } from "../../server/session.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, DiskRecorder, replace } from "../helpers/faults.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { HELLO, putRequest } from "../helpers/test_client.ts";
import { type Connected, Fixture, PASSWORD } from "./fixture.ts";

const NO_TOKEN = "A".repeat(43);

const encoder = new TextEncoder();

/** The bytes of a `ping` whose payload is of a size. */
function longPing(size: number): Uint8Array {
  const json = '{"type":"ping"}';
  const text = json.slice(0, -1) + " ".repeat(size - json.length) + "}";
  return frameOf(text);
}

function frameOf(text: string): Uint8Array {
  return encodeFrame(FrameKind.control, encoder.encode(text));
}

function header(length: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(5);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[4] = kind;
  return bytes;
}

/** The connection ends now, with an error of this code. */
async function assertEnds(client: Connected, code: string): Promise<void> {
  const last = (await client.rest()).at(-1);
  assert(last && "type" in last && last.type === "error", `${last}`);
  assertEquals(last.code, code);
}

/** The user's files that the server has open. */
function openFiles(server: Fixture): string[] {
  return descriptorsBelow(server.root).filter((p) => p.startsWith("users/"));
}

async function greeted(server: Fixture): Promise<Connected> {
  const client = server.connect();
  await client.ask(HELLO, "hello");
  return client;
}

Deno.test("the greeting tells who the server is and who may register", async () => {
  await using server = new Fixture();
  for (const registration of ["open", "invite", "closed"] as const) {
    using client = server.connect({ registration });
    assertEquals(await client.ask(HELLO, "hello"), {
      type: "hello",
      version: 1,
      capabilities: ["parcels"],
      agent: AGENT,
      registration,
    });
  }
});

Deno.test("a client of another version is told so", async () => {
  await using server = new Fixture();
  for (const version of [2, 65535]) {
    using client = server.connect();
    await client.send({ ...HELLO, version });
    const { code, message } = await client.answer("error");
    assertEquals(code, "version");
    assert(message.includes("version 1 ") && message.includes(`${version}`));
    assertEquals(await client.rest(), []);
  }
});

Deno.test("the greeting comes first, and once", async () => {
  await using server = new Fixture();
  const early: Request[] = [
    { type: "ping" },
    { type: "login", user: "ann", password: PASSWORD },
    { type: "authenticate", token: NO_TOKEN },
    { type: "list", path: "" },
    putRequest("file", 1),
    { type: "cancel" },
  ];
  for (const request of early) {
    using client = server.connect();
    await client.send(request);
    await assertEnds(client, "protocol");
  }
  using twice = await greeted(server);
  await twice.send(HELLO);
  await assertEnds(twice, "protocol");
  using late = await server.login();
  await late.send(HELLO);
  await assertEnds(late, "protocol");
});

Deno.test("before login nothing is shown, and ping works", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  const refused: Request[] = [
    { type: "stat", path: "" },
    { type: "list", path: "" },
    { type: "get", path: "file", prefix: null },
    { type: "logout", all: false },
    putRequest("file", 1),
    putRequest("file", 1, { ask: true }),
  ];
  for (const request of refused) {
    await client.send(request, { type: "ping" });
    assertEquals(await client.error(), "unauthenticated");
    await client.answer("pong");
  }
  assertEquals(server.uploads(), []);
});

Deno.test("a stranger has so many requests", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  const pings = (count: number) =>
    Array.from({ length: count }, (): Request => ({ type: "ping" }));
  await client.send(...pings(MAX_REQUESTS_BEFORE_LOGIN - 1));
  for (let n = 1; n < MAX_REQUESTS_BEFORE_LOGIN; n++) {
    await client.answer("pong");
  }
  await client.send({ type: "ping" });
  await assertEnds(client, "protocol");
  using known = await server.login();
  await known.send(...pings(MAX_REQUESTS_BEFORE_LOGIN + 1));
  for (let n = 0; n <= MAX_REQUESTS_BEFORE_LOGIN; n++) {
    await known.answer("pong");
  }
});

Deno.test("an idle client is asked whether it is there, and says so at any time", async () => {
  await using server = new Fixture();
  using stranger = await greeted(server);
  stranger.session.ping();
  await stranger.send({ type: "waiting" }, { type: "ping" });
  assertEquals(await stranger.error(), "unauthenticated");
  await stranger.answer("pong");
  using client = await server.login();
  await settled();
  client.session.ping();
  await client.answer("ping");
  const waiting: Request = { type: "waiting" };
  await client.send(waiting, { type: "ping" }, waiting, { type: "ping" });
  await client.answer("pong");
  await client.answer("pong");
  // One that waits for an answer hears of the server anyway.
  await client.send(putRequest("file", 4));
  await settled();
  client.session.ping();
  await client.send({ type: "cancel" });
  await client.answer("cancelled");
});

Deno.test("data, commit and cancel before login end the connection", async () => {
  await using server = new Fixture();
  const openings: Request[][] = [[], [putRequest("file", 4)]];
  for (const opening of openings) {
    for (const what of ["data", "commit", "cancel"] as const) {
      using client = await greeted(server);
      await client.send(...opening);
      if (what === "data") await client.sendData("data");
      else if (what === "cancel") await client.send({ type: "cancel" });
      else {
        await client.send({ type: "commit", size: 0, sha256: "0".repeat(64) });
      }
      await assertEnds(client, "protocol");
    }
  }
});

Deno.test("before login a frame is refused by its header", async () => {
  await using server = new Fixture();
  for (
    const bytes of [
      header(MAX_CONTROL_BYTES_BEFORE_LOGIN + 1, FrameKind.control),
      header(65536, FrameKind.control),
      header(0xffff_ffff, FrameKind.control),
      header(1, FrameKind.data),
      header(1_048_576, FrameKind.data),
      header(0, FrameKind.control),
      header(10, 3),
    ]
  ) {
    using client = await greeted(server);
    await client.sendRaw(bytes);
    await assertEnds(client, "protocol");
  }
  using client = await greeted(server);
  await client.sendRaw(longPing(MAX_CONTROL_BYTES_BEFORE_LOGIN));
  await client.answer("pong");
});

Deno.test("behind an accepted login the larger limits hold at once", async () => {
  await using server = new Fixture();
  using first = await greeted(server);
  const { token } = await first.ask({
    type: "register",
    user: "ann",
    password: PASSWORD,
    invite: null,
  }, "session");
  using client = server.connect();
  await client.channel.send(HELLO);
  await client.send({ type: "authenticate", token: token! });
  await client.sendRaw(longPing(65_536));
  await client.answer("hello");
  await client.answer("session");
  await client.answer("pong");
  await client.sendRaw(header(65_537, FrameKind.control));
  await assertEnds(client, "protocol");
  using other = await server.login("bob");
  await other.send(putRequest("file", null));
  await other.sendRaw(header(1_048_577, FrameKind.data));
  await assertEnds(other, "protocol");
});

Deno.test("the longest legal registration fits", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  await client.send({
    type: "register",
    user: "報".repeat(64),
    password: "報".repeat(1024),
    invite: "A".repeat(22),
  });
  assertEquals(await client.error(), "bad-name");
});

Deno.test("a user registers, comes back with the token, and logs out for good", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  const { token, user } = await client.ask({
    type: "register",
    user: "ann",
    password: PASSWORD,
    invite: null,
  }, "session");
  assertEquals(user, "ann");
  using again = await greeted(server);
  const session = await again.ask(
    { type: "authenticate", token: token! },
    "session",
  );
  assertEquals([session.user, session.token], ["ann", null]);
  await again.ask({ type: "list", path: "" }, "entries");
  await again.send({ type: "logout", all: false }, { type: "ping" });
  assertEquals(await again.rest(), [{ type: "ok" }]);
  using late = await greeted(server);
  await late.send({ type: "authenticate", token: token! });
  assertEquals(await late.error(), "unauthenticated");
  await late.ask(
    { type: "login", user: "ann", password: PASSWORD },
    "session",
  );
  await late.ask({ type: "list", path: "" }, "entries");
});

Deno.test("there are three attempts to log in on one connection", async () => {
  await using server = new Fixture();
  await server.login();
  const wrong: Request[] = [
    { type: "login", user: "ann", password: "wrong password" },
    { type: "authenticate", token: NO_TOKEN },
    { type: "register", user: "ann", password: PASSWORD, invite: null },
  ];
  const right: Request = { type: "login", user: "ann", password: PASSWORD };
  using lucky = await greeted(server);
  await lucky.send(...wrong.slice(0, 2), right);
  assertEquals(await lucky.error(), "denied");
  assertEquals(await lucky.error(), "unauthenticated");
  await lucky.answer("session");
  using client = await greeted(server);
  await client.send(...wrong);
  assertEquals(await client.error(), "denied");
  assertEquals(await client.error(), "unauthenticated");
  assertEquals(await client.error(), "exists");
  await client.ask({ type: "ping" }, "pong");
  await client.send(right);
  await assertEnds(client, "protocol");
});

Deno.test("one account a connection", async () => {
  await using server = new Fixture();
  const more: Request[] = [
    { type: "login", user: "ann", password: PASSWORD },
    { type: "authenticate", token: NO_TOKEN },
    { type: "register", user: "bob", password: PASSWORD, invite: null },
  ];
  for (const request of more) {
    using client = await server.login();
    await client.send(request);
    await assertEnds(client, "protocol");
  }
});

Deno.test("who may register is the peer's policy", async () => {
  await using server = new Fixture();
  const register = (invite: string | null): Request => {
    return { type: "register", user: "ann", password: PASSWORD, invite };
  };
  using closed = server.connect({ registration: "closed" });
  await closed.ask(HELLO, "hello");
  await closed.send(register(null));
  assertEquals(await closed.error(), "denied");
  using invited = server.connect({ registration: "invite" });
  await invited.ask(HELLO, "hello");
  await invited.send(register(null), register("A".repeat(22)));
  assertEquals(await invited.error(), "denied");
  assertEquals(await invited.error(), "denied");
  await invited.ask(register(server.accounts.createInvite()), "session");
});

Deno.test("two users never see each other's files", async () => {
  await using server = new Fixture();
  using ann = await server.login("ann");
  using bob = await server.login("bob");
  await ann.sendPut("file", "of ann");
  await ann.answer("receipt");
  await bob.send({ type: "get", path: "file", prefix: null });
  assertEquals(await bob.error(), "not-found");
  const { entries } = await bob.ask({ type: "list", path: "" }, "entries");
  assertEquals(entries, []);
  for (const path of ["../ann/file", "/ann/file", "..", "../../.netdisk"]) {
    using client = await server.login("bob");
    await client.send({ type: "get", path, prefix: null });
    await assertEnds(client, "protocol");
  }
});

Deno.test("a user whose folder cannot be opened is not logged in", async () => {
  await using server = new Fixture();
  await server.login();
  Deno.removeSync(server.path(""));
  using client = await greeted(server);
  using disk = new DiskRecorder(server.root);
  disk.fail(/^mkdir users\/ann/, "ENOSPC");
  await client.send(
    { type: "login", user: "ann", password: PASSWORD },
    { type: "list", path: "" },
    { type: "login", user: "ann", password: PASSWORD },
    { type: "list", path: "" },
  );
  assertEquals(await client.error(), "disk-full");
  assertEquals(await client.error(), "unauthenticated");
  await client.answer("session");
  await client.answer("entries");
});

Deno.test("nonsense ends the connection with an error that names it", async () => {
  await using server = new Fixture();
  const nonsense: [bytes: Uint8Array, message: RegExp][] = [
    [encoder.encode("GET / HTTP/1.1\r\n\r\n"), /./],
    [new Uint8Array([0x16, 3, 1, 2, 0, 1]), /speaks TLS/],
    [frameOf("{"), /not JSON/],
    [frameOf('{"type":"dance"}'), /type is unknown/],
    [frameOf("[]"), /not an object/],
    [frameOf('{"type":"ping","more":1}'), /unknown field "more"/],
    [frameOf('{"type":"stat"}'), /path is missing/],
    [frameOf('{"type":"stat","path":"../x"}'), /'\.\.' is not allowed/],
    [encodeFrame(FrameKind.control, new Uint8Array([0xff])), /not UTF-8/],
  ];
  for (const login of [false, true]) {
    for (const [bytes, message] of nonsense) {
      using client = login ? await server.login() : await greeted(server);
      await client.sendRaw(bytes);
      const last = (await client.rest()).at(-1);
      assert(last && "type" in last && last.type === "error");
      assertEquals(last.code, "protocol");
      assert(message.test(last.message), last.message);
    }
  }
  const lines = server.log.lines("closed");
  assertEquals(lines.length, 2 * nonsense.length);
  for (const line of lines) assert(line.includes("peer=192.0.2.1:5000 "));
});

Deno.test("answers that are due come before the error that ends the connection", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  await client.sendPut("file", "content");
  await client.sendRaw(frameOf("nonsense"));
  await settled();
  gate.resolve();
  await client.answer("receipt");
  await assertEnds(client, "protocol");
});

Deno.test("a stream that ends inside a frame is an error, between two it is the end", async () => {
  await using server = new Fixture();
  using cut = await server.login();
  await cut.sendRaw(header(10, FrameKind.control));
  cut.close();
  await within("the end of the session", cut.ended);
  assertEquals(server.log.lines("closed").length, 1);
  using client = await server.login();
  client.close();
  await within("the end of the session", client.ended);
  assertEquals(server.log.lines("closed").length, 1);
});

Deno.test("random bytes are answered, and never with a crash", async () => {
  await using server = new Fixture();
  const random = new Random(7);
  const good = [longPing(30), frameOf('{"type":"list","path":""}')];
  for (let round = 0; round < 100; round++) {
    using client = await server.login();
    const bytes = random.pick(good).slice();
    for (let i = random.between(1, 3); i > 0; i--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    await client.sendRaw(bytes);
    // Whatever it waits for then, it ends with its client.
    client.close();
    await within("the end of the session", client.ended);
  }
  using client = await server.login();
  await client.ask({ type: "ping" }, "pong");
});

Deno.test("a failure of the server is answered as such and does not end it", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  using _ = replace(server.accounts, "authenticate", () => () => {
    throw new TypeError("a bug in /srv");
  });
  await client.send({ type: "authenticate", token: NO_TOKEN });
  const { code, message } = await client.answer("error");
  assertEquals([code, message], ["internal", "the server failed"]);
  const [line, ...more] = server.log.lines("internal-error");
  assertEquals(more, []);
  assert(line!.startsWith("internal-error peer="), line);
  await client.ask({ type: "ping" }, "pong");
});

Deno.test("the log names peers and users, and no secret", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  const { token } = await client.ask({
    type: "register",
    user: "ann",
    password: PASSWORD,
    invite: null,
  }, "session");
  using stranger = await greeted(server);
  await stranger.send(
    { type: "login", user: "ann", password: "a wrong secret" },
    { type: "login", user: "x\nput user=ann", password: PASSWORD },
    { type: "authenticate", token: NO_TOKEN },
  );
  for (let i = 0; i < 3; i++) await stranger.answer("error");
  assertEquals(server.log.lines(), [
    "register peer=192.0.2.1:5000 user=ann",
    'login-failed peer=192.0.2.1:5000 user=ann reason="wrong user name or password"',
    'login-failed peer=192.0.2.1:5000 user="x\\nput user=ann" reason="wrong user name or password"',
    'authenticate-failed peer=192.0.2.1:5000 reason="the session has ended, log in again"',
  ]);
  assert(!server.log.lines().some((line) => line.includes(token!)));
});

Deno.test("idle and committing tell what a session waits for", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const { session } = client;
  await settled();
  assertEquals([session.loggedIn, session.idle], [true, true]);
  await client.send(putRequest("file", null));
  await settled();
  assertEquals([session.idle, session.committing], [false, false]);
  await client.send({ type: "cancel" });
  await client.answer("cancelled");
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  await client.sendPut("file", "content");
  await settled();
  assertEquals([session.idle, session.committing], [false, true]);
  gate.resolve();
  await client.answer("receipt");
  await settled();
  assertEquals([session.idle, session.committing], [true, false]);
});

Deno.test("a peer that does not take its receipts is not taken for a slow disk", async () => {
  await using server = new Fixture();
  using client = await server.login("ann", { capacity: 700 });
  // 64 000 bytes of answers on the way back, and receipts beyond the 64 KiB
  // that the server keeps.
  for (let i = 0; i < 3200; i++) await client.channel.send({ type: "ping" });
  for (let i = 0; i < 20; i++) await client.sendPut("file", "content");
  await until("the puts", () => server.log.lines("put").length === 20);
  await settled();
  assertEquals(client.session.idle, false);
  assertEquals(client.session.committing, false);
});

Deno.test("stop() ends a session that is idle, logged in or not", async () => {
  await using server = new Fixture();
  for (const client of [await greeted(server), await server.login()]) {
    await settled();
    client.session.stop();
    assertEquals(await client.rest(), [{
      type: "error",
      code: "stopping",
      message: "the server is stopping",
    }]);
    client.session.stop();
  }
  using silent = server.connect();
  silent.session.stop();
  await assertEnds(silent, "stopping");
});

Deno.test("stop() lets the request under way finish, and no further one begin", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await client.send(putRequest("one", null));
  await client.sendData("on");
  await settled();
  client.session.stop();
  await client.sendData("e");
  const sha256 =
    "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
  await client.send({ type: "commit", size: 3, sha256 });
  await client.sendPut("two", "two").catch(() => {});
  await client.answer("receipt");
  await assertEnds(client, "stopping");
  assertEquals(server.read("one"), "one");
  assertEquals([...Deno.readDirSync(server.path(""))].length, 1);
  assertEquals(server.uploads(), []);
});

Deno.test("stop() lets a download finish", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", "x".repeat(1_000_000));
  await client.send({ type: "get", path: "file", prefix: null });
  await settled();
  client.session.stop();
  await client.answer("file");
  let bytes = 0;
  for (let answer = await client.next(); answer instanceof Uint8Array;) {
    bytes += answer.length;
    answer = await client.next();
  }
  assertEquals(bytes, 1_000_000);
  await assertEnds(client, "stopping");
});

Deno.test("stop() while the disk is at work ends with the receipts, not before", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  await client.sendPut("one", "one");
  await client.sendPut("two", "two");
  await settled();
  client.session.stop();
  await settled();
  gate.resolve();
  await client.answer("receipt");
  await client.answer("receipt");
  await assertEnds(client, "stopping");
});

Deno.test("drop() tells the peer why and closes", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await settled();
  client.session.drop("idle for 90 s");
  client.session.drop("idle for 91 s");
  assertEquals(await client.rest(), [
    { type: "error", code: "timeout", message: "idle for 90 s" },
  ]);
  assertEquals(server.log.lines("dropped"), [
    'dropped peer=192.0.2.1:5000 user=ann reason="idle for 90 s"',
  ]);
});

for (const closeLeavesPending of [false, true]) {
  const runtime = closeLeavesPending ? "hangs" : "ends what is under way";
  Deno.test(`drop() ends a peer that does not read, where close() ${runtime}`, async () => {
    await using server = new Fixture();
    using client = await server.login("ann", { closeLeavesPending });
    server.write("file", "x".repeat(1_000_000));
    await client.send({ type: "get", path: "file", prefix: null });
    await settled();
    assert(openFiles(server).length > 0);
    client.session.drop("no byte moved for 60 s");
    await within("the end of the session", client.ended);
    assertEquals(openFiles(server), []);
  });
}

Deno.test("drop() in an upload leaves the old file and nothing else", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", "old");
  await client.send(putRequest("file", null));
  await client.sendData("x".repeat(100_000));
  await settled();
  client.session.drop("no byte moved for 60 s");
  await assertEnds(client, "timeout");
  assertEquals(server.read("file"), "old");
  assertEquals(server.uploads(), []);
});

Deno.test("what a peer sends after it was dropped is not done", async () => {
  await using server = new Fixture();
  using client = await server.login("ann", { capacity: 700 });
  // Nobody takes the answers, so the last words wait for their patience to end.
  for (let i = 0; i < 40; i++) await client.send({ type: "ping" });
  await settled();
  client.session.drop("for a test");
  await client.sendPut("file", "content").catch(() => {});
  await within("the end of the session", client.ended);
  assertEquals([...Deno.readDirSync(server.path(""))], []);
});

Deno.test("a slow peer holds up no other", async () => {
  await using server = new Fixture();
  using slow = await server.login("slow", { capacity: 100 });
  Deno.writeFileSync(server.path("file", "slow"), new Uint8Array(1_000_000));
  await slow.send({ type: "get", path: "file", prefix: null });
  using stuck = await server.login("stuck");
  await stuck.send(putRequest("file", null));
  await stuck.sendRaw(header(1_000_000, FrameKind.data));
  using client = await server.login();
  for (let i = 0; i < 20; i++) {
    await client.sendPut("file", `${i}`);
    await client.answer("receipt");
    assertEquals((await client.get("file")).length, `${i}`.length);
  }
  assertEquals([slow.session.idle, stuck.session.idle], [false, false]);
});

Deno.test("an account whose folder cannot be made is not made", async () => {
  await using server = new Fixture();
  using client = await greeted(server);
  using disk = new DiskRecorder(server.root);
  disk.fail(/^mkdir users\/ann/, "ENOSPC");
  const request: Request = {
    type: "register",
    user: "ann",
    password: PASSWORD,
    invite: null,
  };
  await client.send(request);
  assertEquals(await client.error(), "disk-full");
  await client.ask(request, "session");
});
