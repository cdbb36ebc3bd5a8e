import { assertEquals } from "@std/assert";
import { DiskRecorder, osError } from "../helpers/faults.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf, sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  beforeReads,
  begin,
  breakOff,
  complete,
  nothingLeft,
  prove,
  put,
} from "./resuming.ts";

const SIZE = 700_000;
const CONTENT = new Random(2).bytes(SIZE);
const HALF = 300_000;
/** Looked at in several pieces. */
const LARGE = new Random(8).bytes(3_000_000);
const OLD = "the old content";

Deno.test("cancel removes what was there, wherever it comes", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", OLD);
  // Before the hash is named, after it, and behind some data.
  for (const steps of [0, 1, 2]) {
    await breakOff(server, "file", CONTENT, HALF);
    assertEquals(await begin(client, "file", CONTENT), HALF);
    if (steps > 0) await prove(client, CONTENT, HALF);
    if (steps > 1) await client.sendData(CONTENT.subarray(HALF, SIZE - 1));
    await client.ask({ type: "cancel" }, "cancelled");
    await nothingLeft(server);
    assertEquals(server.read("file"), OLD);
  }
});

Deno.test("a client that cancels while the server still looks hears of nothing else", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", LARGE, LARGE.length);
  using client = await server.login();
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  using _ = beforeReads(() => {
    reads++;
    return gate.promise;
  });
  await begin(client, "file", LARGE);
  await client.send({ type: "cancel" }, { type: "ping" });
  await client.answer("cancelled");
  await client.answer("pong");
  gate.resolve();
  await nothingLeft(server);
  assertEquals(reads, 1);
  await client.ask({ type: "ping" }, "pong");
});

Deno.test("bytes that are not those that were sent are not kept", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", OLD);
  const wrong = [
    { ...commitOf(CONTENT), sha256: sha256Of("other") },
    { ...commitOf(CONTENT), size: SIZE - 1 },
    // The hash of what was sent now alone.
    commitOf(CONTENT.subarray(HALF)),
  ];
  for (const commit of wrong) {
    await breakOff(server, "file", CONTENT, HALF);
    assertEquals(await begin(client, "file", CONTENT), HALF);
    await prove(client, CONTENT, HALF);
    await client.sendData(CONTENT.subarray(HALF));
    await client.send(commit);
    assertEquals(await client.error(), "integrity");
    await nothingLeft(server);
    assertEquals(server.read("file"), OLD);
  }
});

Deno.test("more bytes than announced are not kept, nor fewer", async () => {
  await using server = new Fixture();
  using client = await server.login();
  for (const bytes of [SIZE - HALF - 1, SIZE - HALF + 1]) {
    await breakOff(server, "file", CONTENT, HALF);
    await begin(client, "file", CONTENT);
    await prove(client, CONTENT, HALF);
    await client.sendData(new Uint8Array(bytes));
    await client.send(commitOf(new Uint8Array(HALF + bytes)));
    assertEquals(await client.error(), "integrity");
    await nothingLeft(server);
  }
});

const failures: [step: RegExp, errno: string, code: string][] = [
  [/^write TEMP/, "ENOSPC", "disk-full"],
  [/^write TEMP/, "EIO", "io"],
  [/^utime TEMP/, "EPERM", "denied"],
  [/^sync TEMP/, "EIO", "io"],
  [/^sync TEMP/, "ENOSPC", "disk-full"],
  [/^rename TEMP/, "EACCES", "denied"],
];
for (const [step, errno, code] of failures) {
  Deno.test(`${errno} at '${step.source}' of a resumed put leaves nothing of it`, async () => {
    await using server = new Fixture();
    await breakOff(server, "file", CONTENT, HALF);
    server.write("file", OLD);
    using client = await server.login();
    using disk = new DiskRecorder(server.root);
    await begin(client, "file", CONTENT, { mtime: 0 });
    await prove(client, CONTENT, HALF);
    disk.fail(step, errno);
    await client.sendData(CONTENT.subarray(HALF));
    await client.send(commitOf(CONTENT));
    assertEquals(await client.error(), code);
    await nothingLeft(server);
    assertEquals(server.read("file"), OLD);
    assertEquals(await put(client, "file", CONTENT), 0);
    assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
    await nothingLeft(server);
  });
}

Deno.test("what cannot be read is given up, and the next put works", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  {
    using _ = beforeReads(() => {
      throw osError("EIO");
    });
    const offset = await begin(client, "file", CONTENT);
    const sha256 = sha256Of(CONTENT.subarray(0, offset));
    await client.send({ type: "prefix", sha256 });
    assertEquals(await client.error(), "io");
    await client.send({ type: "waiting" });
    await client.send({ type: "cancel" }, { type: "ping" });
    // The error was the answer.
    await client.answer("pong");
  }
  await nothingLeft(server);
  assertEquals(await put(client, "file", CONTENT), 0);
  await nothingLeft(server);
});

Deno.test("who starts anew does not care that the old bytes cannot be read", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, HALF);
  using client = await server.login();
  using _ = beforeReads(() => {
    throw osError("EIO");
  });
  await begin(client, "file", CONTENT);
  await client.ask({ type: "prefix", sha256: null }, "continue");
  await complete(client, CONTENT);
  assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
  await nothingLeft(server);
});

Deno.test("who starts anew does not wait for what is being read", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", LARGE, LARGE.length);
  using client = await server.login();
  let reads = 0;
  const gate = Promise.withResolvers<void>();
  using _ = beforeReads(async () => {
    if (++reads === 1) await gate.promise;
  });
  await begin(client, "file", LARGE);
  await client.send({ type: "prefix", sha256: null });
  await settled();
  gate.resolve();
  assertEquals((await client.answer("continue")).offset, 0);
  assertEquals(reads, 1);
  await complete(client, LARGE);
  assertEquals(
    sha256Of(Deno.readFileSync(server.path("file"))),
    sha256Of(LARGE),
  );
});
