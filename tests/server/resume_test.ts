import { assert, assertEquals } from "@std/assert";
import { within } from "../helpers/deadline.ts";
import { Random } from "../helpers/random.ts";
import { commitOf, putRequest } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  begin,
  breakOff,
  complete,
  modeOf,
  nothingLeft,
  partialName,
  partialPath,
  plant,
  prove,
  put,
} from "./resuming.ts";

const KIB = 1024;
const MIB = 1024 * 1024;
const MTIME = 1_700_000_000_123;

/** Larger than a data frame, and of no round size. */
const SIZE = 2 * MIB + 12_345;
const CONTENT = new Random(1).bytes(SIZE);

for (const bytes of [0, 1, KIB, MIB, SIZE - 1, SIZE]) {
  Deno.test(`a put that broke off at ${bytes} of ${SIZE} bytes goes on there`, async () => {
    await using server = new Fixture();
    await breakOff(server, "a/file", CONTENT, bytes);
    // Nothing of it is to be seen, and what is empty is not kept.
    assertEquals([...Deno.readDirSync(server.path(""))], []);
    assertEquals(server.uploads(), bytes === 0 ? [] : [partialName("a/file")]);
    using client = await server.login();
    const before = client.channel.traffic.sent;
    assertEquals(
      await put(client, "a/file", CONTENT, { mtime: MTIME }),
      bytes,
    );
    const sent = client.channel.traffic.sent - before;
    assert(sent < SIZE - bytes + 1000, `${sent} bytes were sent`);
    assertEquals(Deno.readFileSync(server.path("a/file")), CONTENT);
    assertEquals(
      Deno.lstatSync(server.path("a/file")).mtime,
      new Date(MTIME),
    );
    await nothingLeft(server);
  });
}

Deno.test("a put may break off again and again", async () => {
  await using server = new Fixture();
  const content = CONTENT.subarray(0, 400_000);
  for (let at = 0; at < content.length; at += 100_000) {
    using client = await server.login();
    const known = await begin(client, "file", content);
    assertEquals(known, at);
    if (at > 0) assertEquals(await prove(client, content, at), at);
    await client.sendData(content.subarray(at, at + 100_000), 7777);
    client.close();
    await within("the end of the session", client.ended);
  }
  using client = await server.login();
  assertEquals(await put(client, "file", content), content.length);
  assertEquals(Deno.readFileSync(server.path("file")), content);
  await nothingLeft(server);
});

Deno.test("another file under the same name starts anew", async () => {
  const other = CONTENT.toReversed();
  for (const size of [SIZE, SIZE + 1, 1000]) {
    await using server = new Fixture();
    await breakOff(server, "file", CONTENT, 1_500_000);
    using client = await server.login();
    const content = other.slice(0, size);
    const known = await begin(client, "file", content);
    assertEquals(known, Math.min(content.length, 1_500_000));
    assertEquals(await prove(client, content, known), 0);
    assertEquals(Deno.statSync(partialPath(server, "file")).size, 0);
    await complete(client, content);
    assertEquals(Deno.readFileSync(server.path("file")), content);
    await nothingLeft(server);
  }
});

Deno.test("a client may want to start anew", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, 1_500_000);
  using client = await server.login();
  assertEquals(await begin(client, "file", CONTENT), 1_500_000);
  const { offset } = await client.ask(
    { type: "prefix", sha256: null },
    "continue",
  );
  assertEquals(offset, 0);
  assertEquals(Deno.statSync(partialPath(server, "file")).size, 0);
  await complete(client, CONTENT);
  assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
  await nothingLeft(server);
});

Deno.test("of a partial file that is longer than the new one, the rest is cut off", async () => {
  for (const size of [1, 1000, 1_499_999]) {
    await using server = new Fixture();
    await breakOff(server, "file", CONTENT, 1_500_000);
    using client = await server.login();
    const content = CONTENT.slice(0, size);
    assertEquals(await put(client, "file", content), size);
    assertEquals(Deno.readFileSync(server.path("file")), content);
    await nothingLeft(server);
  }
});

Deno.test("an empty file is empty, whatever was left of another one", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, 1000);
  using client = await server.login();
  assertEquals(await begin(client, "file", ""), 0);
  await complete(client, "");
  assertEquals(Deno.statSync(server.path("file")).size, 0);
});

Deno.test("a partial file that the disk damaged is not gone on with", async () => {
  await using server = new Fixture();
  for (const at of [0, 700_000, 1_499_999]) {
    await breakOff(server, "file", CONTENT, 1_500_000);
    const partial = partialPath(server, "file");
    const bytes = Deno.readFileSync(partial);
    bytes[at]! ^= 1;
    Deno.writeFileSync(partial, bytes);
    using client = await server.login();
    assertEquals(await put(client, "file", CONTENT), 0);
    assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
    await nothingLeft(server);
  }
});

Deno.test("mode and time are those of the put that ends, and the umask is kept to", async () => {
  const umask = Deno.umask(0o027);
  try {
    for (const executable of [true, false]) {
      // What a crash left may be empty as well.
      for (const bytes of [0, 1000]) {
        await using server = new Fixture();
        plant(
          server,
          "file",
          CONTENT.slice(0, bytes),
          executable ? 0o640 : 0o750,
        );
        using client = await server.login();
        const options = { executable, mtime: MTIME };
        assertEquals(await put(client, "file", CONTENT, options), bytes);
        assertEquals(modeOf(server, "file"), executable ? 0o750 : 0o640);
        const { mtime } = Deno.lstatSync(server.path("file"));
        assertEquals(mtime, new Date(MTIME));
      }
    }
  } finally {
    Deno.umask(umask);
  }
});

Deno.test("without a time of its own a file has that of now", async () => {
  await using server = new Fixture();
  plant(server, "file", CONTENT);
  Deno.utimeSync(partialPath(server, "file"), new Date(), new Date(MTIME));
  const before = Math.floor(Date.now() / 1000) * 1000;
  using client = await server.login();
  assertEquals(await put(client, "file", CONTENT), SIZE);
  const { mtime } = Deno.lstatSync(server.path("file"));
  assert(mtime!.getTime() >= before, `${mtime}`);
});

Deno.test("the longest path is resumed as any other", async () => {
  await using server = new Fixture();
  const segments = `${"x".repeat(255)}/`.repeat(16);
  // With its NUL a path on the disk has at most 4096 bytes.
  const longest = segments.slice(0, 4095 - server.path("").length);
  await breakOff(server, longest, CONTENT, 1000);
  using client = await server.login();
  assertEquals(await put(client, longest, CONTENT), 1000);
  assertEquals(Deno.readFileSync(server.path(longest)), CONTENT);
  await nothingLeft(server);
  // Legal, but too long for the disk below its root.
  const legal = `${"y".repeat(255)}/`.repeat(15) + `${"y".repeat(254)}/y`;
  assertEquals(legal.length, 4096);
  await breakOff(server, legal, CONTENT, 1000);
  assertEquals(await begin(client, legal, CONTENT), 1000);
  assertEquals(await prove(client, CONTENT, 1000), 1000);
  await client.sendData(CONTENT.subarray(1000));
  await client.send(commitOf(CONTENT));
  assertEquals(await client.error(), "bad-name");
  await nothingLeft(server);
});

Deno.test("two users do not see what the other one left", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, 1_000_000, { user: "ann" });
  using bob = await server.login("bob");
  assertEquals(await put(bob, "file", CONTENT), 0);
  assertEquals(server.uploads(), [partialName("file", "ann")]);
  using ann = await server.login("ann");
  assertEquals(await put(ann, "file", CONTENT), 1_000_000);
  await nothingLeft(server);
});

Deno.test("what was left belongs to one path", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, 1_000_000);
  await breakOff(server, "e\u0301", CONTENT, 1_000_000);
  using client = await server.login();
  for (const path of ["File", "file2", "a/file", "\u00e9"]) {
    assertEquals(await put(client, path, CONTENT), 0, path);
  }
  assertEquals(await put(client, "file", CONTENT), 1_000_000);
  assertEquals(await put(client, "e\u0301", CONTENT), 1_000_000);
  await nothingLeft(server);
});

Deno.test("puts of unknown size and those that do not ask leave nothing", async () => {
  await using server = new Fixture();
  const kinds = [{ ask: true, size: null }, { ask: false }, {
    ask: false,
    size: null,
  }];
  for (const options of kinds) {
    for (const bytes of [0, 10, 70_000, 300_000]) {
      using client = await server.login();
      await client.send(putRequest("file", SIZE, options));
      if (options.ask) {
        assertEquals((await client.answer("continue")).offset, 0);
      }
      await client.sendData(CONTENT.subarray(0, bytes));
      client.close();
      await within("the end of the session", client.ended);
      await nothingLeft(server);
    }
  }
});

Deno.test("a put that does not ask takes no notice of what was left", async () => {
  await using server = new Fixture();
  await breakOff(server, "file", CONTENT, 1_000_000);
  using client = await server.login();
  await client.sendPut("file", "small");
  await client.answer("receipt");
  assertEquals(server.read("file"), "small");
  assertEquals(await put(client, "file", CONTENT), 1_000_000);
  assertEquals(Deno.readFileSync(server.path("file")), CONTENT);
  await nothingLeft(server);
});
