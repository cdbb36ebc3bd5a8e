import { assertEquals } from "@std/assert";
import { until, within } from "../helpers/deadline.ts";
import { DiskRecorder } from "../helpers/faults.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { Patience } from "./patience.ts";
import {
  beforeReads,
  begin,
  breakOff,
  complete,
  lose,
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
  SIZE,
} from "./taking_over.ts";

Deno.test("who waits for one that cancels starts anew", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using first = await halfway(server);
  using client = await server.login();
  await client.send(ASK);
  await patience.waiting();
  await first.ask({ type: "cancel" }, "cancelled");
  assertEquals((await client.answer("continue")).offset, 0);
  await complete(client, CONTENT);
  assertWhole(server);
  await nothingLeft(server);
});

for (const silentMs of [0, 2000, 60_000]) {
  Deno.test(`who comes while the disk has it, ${silentMs / 1000} s long, waits and finds the file`, async () => {
    await using server = new Fixture();
    using patience = new Patience();
    using disk = new DiskRecorder(server.root);
    using first = await halfway(server);
    const gate = Promise.withResolvers<void>();
    disk.hold(/^sync TEMP/, gate.promise);
    await first.sendData(CONTENT.subarray(HALF));
    await first.send(commitOf(CONTENT));
    await until("the sync", () => disk.held === 1);
    patience.leap(silentMs);
    using client = await server.login();
    await client.send(ASK);
    await settled();
    patience.leap(60_000);
    await settled();
    assertEquals(server.uploads(), [partialName("file")]);
    gate.resolve();
    // It has its name already: nothing is to be sent.
    assertEquals((await client.answer("continue")).offset, SIZE);
    assertEquals(await prove(client, CONTENT, SIZE), SIZE);
    await client.ask(commitOf(CONTENT), "receipt");
    await first.answer("receipt");
    assertWhole(server);
    assertEquals(server.log.lines("dropped"), []);
    await nothingLeft(server);
  });
}

Deno.test("who waits for one that commits meanwhile does not disturb it", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using disk = new DiskRecorder(server.root);
  using first = await halfway(server);
  using client = await server.login();
  await client.send(ASK);
  await patience.waiting();
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  patience.leap(2000);
  await first.sendData(CONTENT.subarray(HALF));
  await first.send(commitOf(CONTENT));
  await until("the sync", () => disk.held === 1);
  // It was heard of just now, but that makes no difference.
  patience.leap(1000);
  await settled();
  assertEquals(server.uploads(), [partialName("file")]);
  patience.leap(30_000);
  await settled();
  gate.resolve();
  await first.answer("receipt");
  assertEquals((await client.answer("continue")).offset, SIZE);
  await client.ask({ type: "cancel" }, "cancelled");
  assertWhole(server);
  await nothingLeft(server);
});

Deno.test("who waits for one whose disk fails starts anew", async () => {
  await using server = new Fixture();
  using disk = new DiskRecorder(server.root);
  using first = await halfway(server);
  disk.fail(/^rename TEMP/, "EIO");
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise, 1);
  await first.sendData(CONTENT.subarray(HALF));
  await first.send(commitOf(CONTENT));
  await until("the sync", () => disk.held === 1);
  using client = await server.login();
  await client.send(ASK);
  await settled();
  gate.resolve();
  assertEquals(await first.error(), "io");
  assertEquals((await client.answer("continue")).offset, 0);
  await complete(client, CONTENT);
  assertWhole(server);
  await nothingLeft(server);
});

Deno.test("of two that come at once, one goes on and the other one starts anew", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using silent = await halfway(server);
  using one = await server.login();
  using two = await server.login();
  await one.send(ASK);
  await two.send(ASK);
  await patience.waiting(2);
  patience.leap(3000);
  const offsets = [
    (await one.answer("continue")).offset,
    (await two.answer("continue")).offset,
  ];
  assertEquals(offsets.toSorted((a, b) => a - b), [0, HALF]);
  for (const [i, client] of [one, two].entries()) {
    const offset = offsets[i]!;
    if (offset > 0) assertEquals(await prove(client, CONTENT, offset), offset);
    await complete(client, CONTENT, offset);
    assertWhole(server);
  }
  await assertTakenOver(server, silent);
  await nothingLeft(server);
});

Deno.test("a client waits for its own cancelled upload, and is not dropped for it", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using patience = new Patience();
  using client = await server.login();
  const gate = Promise.withResolvers<void>();
  {
    using _ = beforeReads(() => gate.promise);
    await begin(client, "file", CONTENT);
    // The disk takes long to give the first bytes.
    patience.leap(10_000);
    await client.send({ type: "cancel" }, ASK);
    await client.answer("cancelled");
    await settled();
    gate.resolve();
    assertEquals((await client.answer("continue")).offset, 0);
  }
  await complete(client, CONTENT);
  assertWhole(server);
  assertEquals(server.log.lines("dropped"), []);
  await nothingLeft(server);
});

Deno.test("who comes while the server still looks for one that has gone waits for that", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using patience = new Patience();
  using gone = await server.login();
  const gate = Promise.withResolvers<void>();
  using _ = beforeReads(() => gate.promise);
  await begin(gone, "file", CONTENT);
  gone.close();
  await within("the end of the session", gone.ended);
  using client = await server.login();
  await client.send(ASK);
  await settled();
  patience.leap(10_000);
  await settled();
  gate.resolve();
  await goOn(server, client);
  assertEquals(server.log.lines("dropped"), []);
});

Deno.test("a connection that is lost does not lose its upload twice", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  using silent = await halfway(server);
  patience.leap(3000);
  using client = await server.login();
  await client.send(ASK);
  assertEquals((await client.answer("continue")).offset, HALF);
  await assertTakenOver(server, silent);
  await lose(server, client);
  assertEquals(Deno.statSync(partialPath(server, "file")).size, HALF);
  using next = await server.login();
  assertEquals(await put(next, "file", CONTENT), HALF);
});
