import { assertEquals } from "@std/assert";
import { Hold, outlive } from "../../server/takeover.ts";
import { until, within } from "../helpers/deadline.ts";
import { DiskRecorder, replace } from "../helpers/faults.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf, sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { Patience } from "./patience.ts";
import {
  allClosed,
  begin,
  complete,
  nothingLeft,
  partialName,
  partialPath,
  prove,
  put,
} from "./resuming.ts";
import {
  ASK,
  assertTakenOver,
  assertWhole,
  CONTENT,
  goOn,
  HALF,
  halfway,
  MTIME,
} from "./taking_over.ts";

Deno.test("a client that has been silent for long loses its upload at once", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using silent = await halfway(server);
  patience.leap(3000);
  using client = await server.login();
  await client.send(ASK);
  await goOn(server, client);
  await assertTakenOver(server, silent);
});

Deno.test("a client that is silent while another one waits loses its upload", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using silent = await halfway(server);
  patience.leap(1000);
  using client = await server.login();
  await client.send(ASK);
  await patience.waiting();
  patience.leap(1900);
  await settled();
  assertEquals(server.log.lines("dropped"), []);
  patience.leap(100);
  await goOn(server, client);
  await assertTakenOver(server, silent);
});

Deno.test("a client that says nothing while another one waits is silent, however the clock is read", async () => {
  // Each look at the clock takes a millisecond, and a timer may come a little early.
  for (const earlyMs of [0, 0.5, 1, 1.5, 2, 2.5, 3]) {
    let now = 0;
    using _clock = replace(performance, "now", () => () => ++now);
    using _timers = replace(globalThis, "setTimeout", () => {
      const come = (work: () => void, ms = 0) => {
        now += Math.max(ms - earlyMs, 0.1);
        queueMicrotask(work);
        return 0;
      };
      return come as unknown as typeof setTimeout;
    });
    let received = 0;
    const hold: Hold = new Hold({
      received: () => received,
      drop: () => hold.release(),
    });
    // Before anybody asks.
    received = 1;
    assertEquals(await outlive(hold), true, `${earlyMs}`);
  }
});

Deno.test("what the silent one had sent is taken in first", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using disk = new DiskRecorder(server.root);
  disk.maxWrite = 100;
  using silent = await server.login();
  await begin(silent, "file", CONTENT, { mtime: MTIME });
  await silent.sendData(CONTENT.subarray(0, HALF), 100_000);
  await until("some data", () => disk.count(/^write/) > 10);
  patience.leap(3000);
  using client = await server.login();
  await client.send(ASK);
  const { offset } = await client.answer("continue");
  assertEquals(offset % 100_000, 0);
  disk.maxWrite = Infinity;
  assertEquals(await prove(client, CONTENT, offset), offset);
  await complete(client, CONTENT, offset);
  assertWhole(server);
});

Deno.test("two clients that are alive both succeed, each with bytes of its own", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using first = await halfway(server);
  using second = await server.login();
  await second.send(ASK);
  await patience.waiting();
  patience.leap(2000);
  await first.sendData(CONTENT.subarray(HALF, HALF + 1000));
  await until(
    "the data",
    () => Deno.statSync(partialPath(server, "file")).size === HALF + 1000,
  );
  patience.leap(1000);
  assertEquals((await second.answer("continue")).offset, 0);
  assertEquals(server.uploads().length, 2);
  await complete(second, CONTENT);
  assertWhole(server);
  await complete(first, CONTENT, HALF + 1000);
  assertWhole(server);
  assertEquals(server.log.lines("dropped"), []);
  await nothingLeft(server);
});

Deno.test("what came on a second connection beside a live one is not kept", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using first = await halfway(server);
  using second = await server.login();
  await second.send(ASK);
  await patience.waiting();
  patience.leap(2000);
  await first.sendData(CONTENT.subarray(HALF, HALF + 1000));
  await until(
    "the data",
    () => Deno.statSync(partialPath(server, "file")).size === HALF + 1000,
  );
  patience.leap(1000);
  await second.answer("continue");
  await second.sendData(CONTENT.subarray(0, 1000));
  second.close();
  await within("the end of the session", second.ended);
  await until("the end", () => server.uploads().length === 1);
  assertEquals(server.uploads(), [partialName("file")]);
  await complete(first, CONTENT, HALF + 1000);
  assertWhole(server);
  await nothingLeft(server);
});

Deno.test("who waits goes on as soon as the other one is known to be gone", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using silent = await halfway(server);
  using client = await server.login();
  await client.send(ASK);
  await patience.waiting();
  silent.close();
  await goOn(server, client);
});

Deno.test("a client that leaves while it waits takes nothing away", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using first = await halfway(server);
  using client = await server.login();
  await client.send(ASK);
  await patience.waiting();
  client.close();
  patience.leap(3000);
  await within("the end of the session", client.ended);
  await first.rest();
  await allClosed(server);
  assertEquals(Deno.statSync(partialPath(server, "file")).size, HALF);
  using next = await server.login();
  await next.send(ASK);
  await goOn(server, next);
});

Deno.test("other paths and users do not wait", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using silent = await halfway(server);
  patience.leap(10_000);
  using same = await server.login();
  assertEquals(await put(same, "other", CONTENT), 0);
  using bob = await server.login("bob");
  assertEquals(await put(bob, "file", CONTENT), 0);
  await complete(silent, CONTENT, HALF);
  assertWhole(server);
});

Deno.test("a client that says that it waits is alive", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using first = await halfway(server);
  using second = await server.login();
  await second.send(ASK);
  await patience.waiting();
  patience.leap(2000);
  await first.send({ type: "waiting" });
  await settled();
  patience.leap(1000);
  assertEquals((await second.answer("continue")).offset, 0);
  await second.ask({ type: "cancel" }, "cancelled");
  await complete(first, CONTENT, HALF);
  assertWhole(server);
});

Deno.test("a client that waits for a slow comparison is listened to, and alive", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using before = await halfway(server);
  before.close();
  await within("the end of the session", before.ended);
  const gate = Promise.withResolvers<void>();
  using _ = replace(Deno.FsFile.prototype, "read", (original) => {
    return async function (this: Deno.FsFile, target) {
      await gate.promise;
      return await original.call(this, target);
    };
  });
  using first = await server.login();
  assertEquals((await first.ask(ASK, "continue")).offset, HALF);
  const sha256 = sha256Of(CONTENT.subarray(0, HALF));
  await first.send({ type: "prefix", sha256 });
  using second = await server.login();
  await second.send(ASK);
  await patience.waiting();
  patience.leap(2000);
  await first.send({ type: "waiting" });
  await settled();
  patience.leap(1000);
  assertEquals((await second.answer("continue")).offset, 0);
  gate.resolve();
  assertEquals((await first.answer("continue")).offset, HALF);
  await complete(first, CONTENT, HALF);
  await complete(second, CONTENT, 0);
  assertEquals(server.log.lines("dropped"), []);
  assertWhole(server);
  await nothingLeft(server);
});

Deno.test("a client whose frame comes slowly is alive", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using first = await halfway(server);
  using second = await server.login();
  await second.send(ASK);
  await patience.waiting();
  // One frame that takes longer than a silent client is waited for.
  const rest = CONTENT.subarray(HALF);
  const frame = new Uint8Array(5 + rest.length);
  new DataView(frame.buffer).setUint32(0, rest.length);
  frame[4] = 2;
  frame.set(rest, 5);
  for (const [from, to] of [[0, 1000], [1000, 2000]]) {
    await first.sendRaw(frame.subarray(from, to));
    await settled();
    patience.leap(1500);
    await settled();
  }
  assertEquals((await second.answer("continue")).offset, 0);
  await second.ask({ type: "cancel" }, "cancelled");
  await first.sendRaw(frame.subarray(2000));
  await first.ask(commitOf(CONTENT), "receipt");
  assertWhole(server);
});
