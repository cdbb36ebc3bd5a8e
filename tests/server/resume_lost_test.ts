import { assertEquals } from "@std/assert";
import { within } from "../helpers/deadline.ts";
import { DiskRecorder } from "../helpers/faults.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf, putRequest, sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  allClosed,
  beforeReads,
  begin,
  breakOff,
  lose,
  nothingLeft,
  partialName,
  partialPath,
  prove,
  put,
} from "./resuming.ts";

const SIZE = 700_000;
const CONTENT = new Random(2).bytes(SIZE);
const HALF = 300_000;

/** What was left can still be gone on with, from `bytes` on. */
async function assertResumable(server: Fixture, bytes: number): Promise<void> {
  assertEquals(server.uploads(), [partialName("file")]);
  assertEquals(Deno.statSync(partialPath(server, "file")).size, bytes);
  using client = await server.login();
  assertEquals(await put(client, "file", CONTENT), bytes);
  assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
  await nothingLeft(server);
}

Deno.test("a connection that is lost before the hash is named leaves what was there", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  await begin(client, "file", CONTENT);
  await lose(server, client);
  await assertResumable(server, HALF);
});

Deno.test("a connection that is lost while the server looks leaves what was there", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  for (const isNamed of [false, true]) {
    using client = await server.login();
    const gate = Promise.withResolvers<void>();
    {
      using _ = beforeReads(() => gate.promise);
      await begin(client, "file", CONTENT);
      const sha256 = sha256Of(CONTENT.subarray(0, HALF));
      if (isNamed) await client.send({ type: "prefix", sha256 });
      await settled();
      client.close();
      await settled();
      gate.resolve();
      await within("the end of the session", client.ended);
    }
    await allClosed(server);
    assertEquals(Deno.statSync(partialPath(server, "file")).size, HALF);
  }
  await assertResumable(server, HALF);
});

Deno.test("a connection that is lost behind the hash leaves what was there, and more", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  for (const more of [0, 100_000]) {
    using client = await server.login();
    await begin(client, "file", CONTENT);
    await prove(client, CONTENT, HALF);
    await client.sendData(CONTENT.subarray(HALF, HALF + more));
    await lose(server, client);
  }
  await assertResumable(server, HALF + 100_000);
});

Deno.test("a connection that is lost behind a wrong hash leaves nothing but what came then", async () => {
  await using server = new Fixture();
  const other = CONTENT.toReversed();
  for (const bytes of [0, 1000]) {
    await breakOff(server, "file", other, HALF);
    using client = await server.login();
    await begin(client, "file", CONTENT);
    assertEquals(await prove(client, CONTENT, HALF), 0);
    await client.sendData(CONTENT.subarray(0, bytes));
    await lose(server, client);
    if (bytes === 0) await nothingLeft(server);
  }
  await assertResumable(server, 1000);
});

Deno.test("a connection that is lost while a large piece is written leaves all of it", async () => {
  await using server = new Fixture();
  using disk = new DiskRecorder(server.root);
  disk.maxWrite = 1000;
  await breakOff(server, "file", CONTENT, 650_000);
  disk.maxWrite = Infinity;
  await assertResumable(server, 650_000);
});

Deno.test("a connection that is lost behind the commit leaves the file, or nothing", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  using client = await server.login();
  await begin(client, "file", CONTENT);
  await prove(client, CONTENT, HALF);
  await client.sendData(CONTENT.subarray(HALF));
  await client.send(commitOf(CONTENT));
  await settled();
  client.close();
  gate.resolve();
  await within("the end of the session", client.ended);
  await nothingLeft(server);
  assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
});

Deno.test("a continue that does not leave any more leaves what was there", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  using client = await server.login();
  // The answer to the put is behind that to this one.
  await client.sendPut("other", "content");
  await client.send(putRequest("file", SIZE, { ask: true }));
  await settled();
  client.session.drop("for a test");
  assertEquals(await client.error(), "timeout");
  assertEquals(await client.next(), null);
  gate.resolve();
  await within("the end of the session", client.ended);
  await allClosed(server);
  await assertResumable(server, HALF);
});
