import { assertEquals } from "@std/assert";
import { commitOf, type PutOptions, sha256Of } from "../helpers/test_client.ts";
import { begin, breakOff, complete, nothingLeft, prove } from "./resuming.ts";
import {
  assertHas,
  CONTENT,
  inodeOf,
  MTIME,
  OPTIONS,
  SIZE,
  withFile,
} from "./having_file.ts";

Deno.test("a file that is there already need not be sent again", async () => {
  for (const size of [1, 1000, 65_537, SIZE]) {
    for (const executable of [false, true]) {
      const content = CONTENT.slice(0, size);
      const { server, client } = await withFile(content, executable);
      await using _ = server;
      const before = inodeOf(server);
      const sent = client.channel.traffic.sent;
      const options = { ...OPTIONS, executable };
      assertEquals(await begin(client, "a/file", content, options), size);
      assertEquals(await prove(client, content, size), size);
      const receipt = await client.ask(commitOf(content), "receipt");
      const { time: __, ...rest } = receipt;
      assertEquals(rest, {
        type: "receipt",
        size,
        sha256: sha256Of(content),
        mtime: MTIME,
      });
      assertEquals(client.channel.traffic.sent - sent < 1000, true);
      assertEquals(inodeOf(server), before);
      assertHas(server, content);
      await nothingLeft(server);
    }
  }
});

Deno.test("a file that looks different is sent whole", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  const others: [Uint8Array, PutOptions][] = [
    [CONTENT.subarray(1), OPTIONS],
    [CONTENT, { mtime: MTIME + 1 }],
    [CONTENT, { mtime: null }],
    [CONTENT, { ...OPTIONS, executable: true }],
  ];
  for (const [content, options] of others) {
    assertEquals(await begin(client, "a/file", content, options), 0);
    await client.ask({ type: "cancel" }, "cancelled");
    await nothingLeft(server);
  }
  // Nor is an empty one looked at, or one that does not ask.
  assertEquals(await begin(client, "a/file", "", OPTIONS), 0);
  await client.ask({ type: "cancel" }, "cancelled");
  const before = inodeOf(server);
  await client.sendPut("a/file", CONTENT, OPTIONS);
  await client.answer("receipt");
  assertEquals(inodeOf(server) === before, false);
  await nothingLeft(server);
});

Deno.test("a file that looks the same and is not is replaced whole", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  const other = CONTENT.toReversed();
  const before = inodeOf(server);
  assertEquals(await begin(client, "a/file", other, OPTIONS), SIZE);
  assertEquals(await prove(client, other, SIZE), 0);
  assertHas(server, CONTENT);
  await complete(client, other);
  assertHas(server, other);
  assertEquals(inodeOf(server) === before, false);
  assertEquals(
    Deno.lstatSync(server.path("a/file")).mtime,
    new Date(MTIME),
  );
  await nothingLeft(server);
});

Deno.test("one that is to be sent anew all the same is", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  const before = inodeOf(server);
  await begin(client, "a/file", CONTENT, OPTIONS);
  const none = { type: "prefix", sha256: null } as const;
  assertEquals((await client.ask(none, "continue")).offset, 0);
  await complete(client, CONTENT);
  assertHas(server, CONTENT);
  assertEquals(inodeOf(server) === before, false);
  await nothingLeft(server);
});

Deno.test("more than all of it is too much", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  await begin(client, "a/file", CONTENT, OPTIONS);
  await prove(client, CONTENT, SIZE);
  await client.sendData("x");
  await client.send(commitOf(CONTENT));
  assertEquals(await client.error(), "integrity");
  assertHas(server, CONTENT);
  await nothingLeft(server);
});

Deno.test("what an earlier upload left goes before the file that is there", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  await breakOff(server, "a/file", CONTENT, 1000, { mtime: MTIME + 1 });
  assertEquals(await begin(client, "a/file", CONTENT, OPTIONS), 1000);
  await client.ask({ type: "cancel" }, "cancelled");
  assertHas(server, CONTENT);
  await nothingLeft(server);
});
