import { assert, assertEquals } from "@std/assert";
import type { Request } from "../../protocol/messages.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { until } from "../helpers/deadline.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf, putRequest, sha256Of } from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";
import {
  beforeReads,
  begin,
  breakOff,
  complete,
  lose,
  nothingLeft,
  partialName,
  partialPath,
  put,
} from "./resuming.ts";

const MIB = 1024 * 1024;
const SIZE = 4 * MIB + 77;
const CONTENT = new Random(3).bytes(SIZE);
const HALF = 3 * MIB + 5;

const PREFIX: Request = {
  type: "prefix",
  sha256: sha256Of(CONTENT.subarray(0, HALF)),
};
const WAITING: Request = { type: "waiting" };

async function assertBreaksRules(client: Connected, what: string) {
  const last = (await client.rest()).at(-1);
  assert(last && "type" in last && last.type === "error", what);
  assertEquals(last.code, "protocol", what);
}

Deno.test("what is out of order before the hash ends the connection and changes nothing", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  const steps: Record<string, (client: Connected) => Promise<void>> = {
    data: (client) => client.sendData("data"),
    commit: (client) => client.send(commitOf(CONTENT)),
    "a commit of what is there": (client) =>
      client.send(commitOf(CONTENT.subarray(0, HALF))),
    ping: (client) => client.send({ type: "ping" }),
    put: (client) => client.send(putRequest("other", 1)),
    get: (client) => client.send({ type: "get", path: "x", prefix: null }),
  };
  for (const [what, step] of Object.entries(steps)) {
    using client = await server.login();
    assertEquals(await begin(client, "file", CONTENT), HALF);
    await step(client);
    await assertBreaksRules(client, what);
    await lose(server, client);
    assertEquals(server.uploads(), [partialName("file")], what);
    const kept = Deno.readFileSync(partialPath(server, "file"));
    assertEquals(sha256Of(kept), sha256Of(CONTENT.subarray(0, HALF)), what);
  }
  using client = await server.login();
  assertEquals(await put(client, "file", CONTENT), HALF);
  await nothingLeft(server);
});

Deno.test("a second hash ends the connection and changes nothing", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  const none: Request = { type: "prefix", sha256: null };
  for (const second of [PREFIX, none]) {
    for (const bytes of [0, 10]) {
      using client = await server.login();
      const known = await begin(client, "file", CONTENT);
      await client.ask({
        type: "prefix",
        sha256: sha256Of(CONTENT.subarray(0, known)),
      }, "continue");
      await client.sendData(CONTENT.subarray(known, known + bytes));
      await client.send(second);
      await assertBreaksRules(client, `${bytes}`);
      await lose(server, client);
    }
  }
  using client = await server.login();
  assertEquals(await put(client, "file", CONTENT), HALF + 20);
});

Deno.test("a hash that nobody asked for ends the connection", async () => {
  await using server = new Fixture();
  const sequences: [what: string, Request[]][] = [
    ["outside", [PREFIX]],
    ["nothing was there", [putRequest("new", 10, { ask: true }), PREFIX]],
    ["it did not ask", [putRequest("file", SIZE), PREFIX]],
    ["no size", [putRequest("file", null, { ask: true }), PREFIX]],
    ["empty", [putRequest("file", 0, { ask: true }), PREFIX]],
    ["refused", [putRequest("", SIZE, { ask: true }), PREFIX]],
    ["refused, drained", [putRequest("", SIZE), PREFIX]],
  ];
  for (const [what, requests] of sequences) {
    await breakOff(server, "file", CONTENT, 1);
    using client = await server.login();
    await client.send(...requests);
    await assertBreaksRules(client, what);
    await lose(server, client);
    assertEquals(server.uploads(), [partialName("file")], what);
  }
});

Deno.test("a client may say that it waits, anywhere between the words", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  await begin(client, "file", CONTENT);
  await client.send(WAITING, WAITING, PREFIX, WAITING);
  assertEquals((await client.answer("continue")).offset, HALF);
  await client.send(WAITING);
  await client.sendData(CONTENT.subarray(HALF));
  await client.send(WAITING, commitOf(CONTENT));
  await client.answer("receipt");
  assertEquals(
    sha256Of(Deno.readFileSync(server.path("file"))),
    sha256Of(CONTENT),
  );
  await nothingLeft(server);
});

Deno.test("the server looks while the client does, not only when it is told the hash", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  let reads = 0;
  using _ = beforeReads(() => void reads++);
  await begin(client, "file", CONTENT);
  await until("the reads", () => reads === 4);
  await client.ask(PREFIX, "continue");
  assertEquals(reads, 4);
  await complete(client, CONTENT, HALF);
});

Deno.test("a client of a slow disk hears how far it is, before the hash and behind it", async () => {
  for (const isNamed of [false, true]) {
    await using server = new Fixture();
    await breakOff(server, "file", CONTENT, HALF);
    using client = await server.login();
    using clock = new LeapClock();
    const gate = Promise.withResolvers<void>();
    using _ = beforeReads(async () => {
      await gate.promise;
      clock.leap(2000);
    });
    await begin(client, "file", CONTENT);
    if (isNamed) await client.send(PREFIX);
    gate.resolve();
    for (const done of [MIB, 2 * MIB, 3 * MIB]) {
      assertEquals((await client.answer("verifying")).done, done);
    }
    if (!isNamed) await client.send(PREFIX);
    assertEquals((await client.answer("continue")).offset, HALF);
    await complete(client, CONTENT, HALF);
    await client.ask({ type: "ping" }, "pong");
  }
});

Deno.test("of a put that was cancelled nothing more is told", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  using clock = new LeapClock();
  const gate = Promise.withResolvers<void>();
  using _ = beforeReads(async () => {
    await gate.promise;
    clock.leap(10_000);
  });
  await begin(client, "file", CONTENT);
  await client.ask({ type: "cancel" }, "cancelled");
  gate.resolve();
  await nothingLeft(server);
  await client.ask({ type: "ping" }, "pong");
});

Deno.test("a client that takes no notices holds up nobody but itself", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login("ann", { capacity: 40 });
  using clock = new LeapClock();
  let reads = 0;
  using _ = beforeReads(() => {
    reads++;
    clock.leap(10_000);
  });
  await begin(client, "file", CONTENT);
  await settled();
  // Of four: nobody knows whether it is still there.
  assert(reads < 4, `${reads}`);
  using other = await server.login();
  assertEquals(await put(other, "other", "content"), 0);
  await lose(server, client);
  assertEquals(server.uploads(), [partialName("file")]);
});
