import { assert, assertEquals } from "@std/assert";
import type { Request } from "../../protocol/messages.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, DiskRecorder } from "../helpers/faults.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf, putRequest, sha256Of } from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";

const OLD = "the old content";
const NEW = "the new content, which is longer";

/** Nothing of an upload is left on the disk or open. */
function assertNothingLeft(server: Fixture): void {
  assertEquals(server.uploads(), []);
  const open = descriptorsBelow(server.root)
    .filter((path) => !path.startsWith(".netdisk/netdisk.db"));
  assertEquals(open, []);
}

/** One unfinished upload of `bytes` was left; now it is not any more. */
function removePartial(server: Fixture, bytes: number): void {
  const [name, ...others] = server.uploads();
  assertEquals(others, []);
  const path = `${server.root}/.netdisk/uploads/${name}`;
  assertEquals(Deno.statSync(path).size, bytes);
  Deno.removeSync(path);
}

/** The connection still answers, and nothing but that. */
async function assertAlive(client: Connected): Promise<void> {
  await client.ask({ type: "ping" }, "pong");
}

Deno.test("a put that does not ask gets a receipt", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await client.sendPut("a/file", NEW, { size: null, mtime: 1000 });
  const { time, ...receipt } = await client.answer("receipt");
  assert(time > 1_700_000_000_000);
  assertEquals(receipt, {
    type: "receipt",
    size: NEW.length,
    sha256: sha256Of(NEW),
    mtime: 1000,
  });
  assertEquals(server.read("a/file"), NEW);
  assertEquals(server.log.lines("put"), [
    `put peer=192.0.2.1:5000 user=ann path=a/file bytes=${NEW.length}`,
  ]);
  await assertAlive(client);
  assertNothingLeft(server);
});

Deno.test("a put that asks is told to continue", async () => {
  await using server = new Fixture();
  using client = await server.login();
  const put = putRequest("file", NEW.length, { ask: true });
  await client.ask(put, "continue");
  await client.sendData(NEW, 10);
  await client.ask(commitOf(NEW), "receipt");
  assertEquals(server.read("file"), NEW);
});

Deno.test("a put that asks and is refused sends nothing more", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await client.send(putRequest("", 5, { ask: true }), { type: "ping" });
  assertEquals(await client.error(), "is-folder");
  await client.answer("pong");
  assertNothingLeft(server);
});

Deno.test("what follows a refused put is ignored, and answered once", async () => {
  await using server = new Fixture();
  using client = await server.login();
  const ends: Request[] = [commitOf(NEW), { type: "cancel" }];
  for (const end of ends) {
    await client.send(putRequest("x", 2 ** 50));
    await client.sendData(NEW, 7);
    await client.send(end, { type: "ping" });
    assertEquals(await client.error(), "disk-full");
    await client.answer("pong");
  }
  assertNothingLeft(server);
});

Deno.test("a client may say that it waits, anywhere in an upload", async () => {
  await using server = new Fixture();
  using client = await server.login();
  const waiting: Request = { type: "waiting" };
  await client.ask(putRequest("file", null, { ask: true }), "continue");
  await client.send(waiting, waiting);
  await client.sendData(NEW, 7);
  await client.send(waiting, commitOf(NEW));
  await client.answer("receipt");
  assertEquals(server.read("file"), NEW);
  // Also while a refused upload is drained.
  await client.send(putRequest("x", 2 ** 50), waiting, commitOf(NEW));
  assertEquals(await client.error(), "disk-full");
  await assertAlive(client);
});

Deno.test("the error of a put may come while its data does, and only once", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  for (const size of [10_000, 500_000]) {
    server.write("file", OLD);
    disk.fail(/^write TEMP/, "ENOSPC");
    await client.ask(putRequest("file", size, { ask: true }), "continue");
    await client.sendData("x".repeat(size), 5000);
    assertEquals(await client.error(), "disk-full");
    assertNothingLeft(server);
    await client.sendData("x".repeat(1000));
    await client.send(commitOf("x".repeat(size)));
    await assertAlive(client);
    assertEquals(server.read("file"), OLD);
    // As soon as there is room it works again.
    await client.sendPut("file", "x".repeat(size));
    await client.answer("receipt");
    assertEquals(server.read("file").length, size);
  }
});

Deno.test("more or fewer bytes than announced, or others, are an integrity error", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", OLD);
  const cases: [size: number | null, commit: Request][] = [
    [NEW.length - 1, commitOf(NEW)],
    [NEW.length + 1, commitOf(NEW)],
    [0, commitOf(NEW)],
    [null, commitOf(NEW + "x")],
    [null, { ...commitOf(NEW), size: 1 }],
    [NEW.length, { ...commitOf(NEW), sha256: sha256Of(OLD) }],
  ];
  for (const [size, commit] of cases) {
    await client.send(putRequest("file", size));
    await client.sendData(NEW);
    await client.send(commit);
    assertEquals(await client.error(), "integrity", `${size}`);
    await assertAlive(client);
    assertEquals(server.read("file"), OLD);
  }
  assertNothingLeft(server);
});

Deno.test("a put may be cancelled at any time", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", OLD);
  for (const bytes of [0, 100, 300_000]) {
    await client.send(putRequest("file", null));
    await client.sendData("x".repeat(bytes));
    await client.ask({ type: "cancel" }, "cancelled");
    await client.ask(putRequest("file", 7, { ask: true }), "continue");
    await client.ask({ type: "cancel" }, "cancelled");
  }
  assertEquals(server.read("file"), OLD);
  assertNothingLeft(server);
});

Deno.test("an upload that is out of order ends the connection and leaves nothing", async () => {
  await using server = new Fixture();
  const put = putRequest("file", null);
  const sequences: (Request | string)[][] = [
    [put, "data", { type: "ping" }],
    [put, "data", put],
    [put, { type: "get", path: "file", prefix: null }],
    [put, { type: "logout", all: false }],
    ["data"],
    [commitOf("")],
    [{ type: "cancel" }],
    [put, "data", commitOf("data"), "data"],
    [put, "data", commitOf("data"), commitOf("data")],
    [put, "data", { type: "cancel" }, { type: "cancel" }],
    // A refused put that asked is over.
    [putRequest("", null, { ask: true }), "data"],
    [putRequest("", null, { ask: true }), commitOf("")],
  ];
  for (const sequence of sequences) {
    using client = await server.login();
    for (const step of sequence) {
      if (typeof step === "string") await client.sendData(step);
      else await client.send(step);
    }
    const answers = await client.rest();
    const last = answers.at(-1)!;
    assert("type" in last && last.type === "error", JSON.stringify(sequence));
    assertEquals(last.code, "protocol");
    assertNothingLeft(server);
  }
});

for (const longest of [1, 4096, 65_536, 262_144, 1_048_576]) {
  Deno.test(`content arrives as it was sent, in frames of up to ${longest} bytes`, async () => {
    await using server = new Fixture();
    const random = new Random(longest);
    using client = await server.login("ann", {
      capacity: 300_000,
      readSize: () => random.between(1, 100_000),
    });
    const size = longest === 1 ? 500 : longest < 100_000 ? 400_000 : 3_000_000;
    const bytes = random.bytes(size);
    await client.send(putRequest("file", size));
    for (const piece of random.split(bytes, longest)) {
      await client.sendData(piece, longest);
    }
    await client.ask(commitOf(bytes), "receipt");
    assertEquals(sha256Of(await client.get("file")), sha256Of(bytes));
  });
}

Deno.test("receipts come in order although the disk is done in another", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gates = [0, 1].map(() => Promise.withResolvers<void>());
  disk.hold(/^sync TEMP/, gates[0]!.promise, 1);
  disk.hold(/^sync TEMP/, gates[1]!.promise, 1);
  for (const content of ["1", "22", "333"]) {
    await client.sendPut(content, content);
  }
  await until("the third sync", () => disk.count(/^sync TEMP/) === 1);
  gates[1]!.resolve();
  await until("the second sync", () => disk.count(/^sync TEMP/) === 2);
  gates[0]!.resolve();
  for (const size of [1, 2, 3]) {
    assertEquals((await client.answer("receipt")).size, size);
  }
});

Deno.test("of two puts to one name the later one stays, whichever the disk has first", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise, 1);
  await client.sendPut("file", "first");
  await client.sendPut("file", "second");
  await client.sendPut("file", "wrong", { size: 1 });
  await client.sendPut("file", "last");
  await until("the syncs", () => disk.count(/^sync TEMP/) === 2);
  await settled();
  assertEquals(disk.count(/^rename/), 0);
  gate.resolve();
  const answers = [];
  for (let i = 0; i < 4; i++) answers.push(await client.next());
  assertEquals(
    answers.map((answer) => (answer as { type: string }).type),
    ["receipt", "receipt", "error", "receipt"],
  );
  assertEquals(server.read("file"), "last");
  assertNothingLeft(server);
});

Deno.test("a put that fails between two others does not let the later one pass", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise, 1);
  await client.sendPut("file", "first");
  await client.send(putRequest("file", null), commitOf("wrong"));
  await client.sendPut("file", "last");
  await until("the sync", () => disk.count(/^sync TEMP/) === 1);
  await settled();
  gate.resolve();
  await client.answer("receipt");
  assertEquals(await client.error(), "integrity");
  await client.answer("receipt");
  assertEquals(server.read("file"), "last");
});

Deno.test("a put that fails on the disk does not hold up those behind it", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  disk.fail(/^sync TEMP/, "EIO");
  disk.fail(/^rename/, "EACCES");
  for (const name of ["one", "two", "three"]) await client.sendPut(name, name);
  assertEquals(await client.error(), "io");
  assertEquals(await client.error(), "denied");
  await client.answer("receipt");
  assertEquals(server.read("three"), "three");
  assertNothingLeft(server);
});

for (const isMadeAnew of [false, true]) {
  const what = isMadeAnew ? "and made anew" : "away";
  Deno.test(`no receipt for a file whose folder was moved ${what} before its name was safe`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    using other = await server.login();
    using disk = new DiskRecorder(server.root);
    const gate = Promise.withResolvers<void>();
    disk.hold(/^sync users\/ann\/a$/, gate.promise, 1);
    // The sync that the second one waits for begins when that of the first ends.
    for (const name of ["a/one", "a/two"]) await client.sendPut(name, NEW);
    await until("the names", () => disk.count(/^rename/) === 2);
    await other.ask({ type: "move", from: "a", to: "b", replace: true }, "ok");
    if (isMadeAnew) Deno.mkdirSync(server.path("a"));
    gate.resolve();
    for (const _ of ["one", "two"]) {
      const { code, message } = await client.answer("error");
      assertEquals([code, message], [
        "io",
        "it was moved or removed meanwhile",
      ]);
    }
    assertEquals([server.read("b/one"), server.read("b/two")], [NEW, NEW]);
    assertEquals(server.log.lines("put"), []);
    // A file of the same name is not harmed, and safe again.
    await client.sendPut("a/two", OLD);
    await client.answer("receipt");
    assertEquals(server.read("a/two"), OLD);
    assertNothingLeft(server);
  });
}

Deno.test("a change is not called safe when its folder was moved meanwhile", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using other = await server.login();
  Deno.mkdirSync(server.path("a"));
  server.write("a/file", OLD);
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync users\/ann\/a$/, gate.promise, 1);
  await client.send(
    { type: "mkdir", path: "a/new", parents: false, mtime: null },
    { type: "remove", path: "a/file", recursive: false },
  );
  await until("both", () => disk.count(/^(mkdir|remove) users/) === 2);
  await other.ask({ type: "move", from: "a", to: "b", replace: true }, "ok");
  Deno.mkdirSync(server.path("a"));
  gate.resolve();
  assertEquals(await client.error(), "io");
  assertEquals(await client.error(), "io");
});

Deno.test("a request behind puts sees their effect", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  await client.sendPut("file", NEW);
  await client.send({ type: "stat", path: "file" });
  await client.sendPut("file", "short");
  await client.send({ type: "list", path: "" });
  await settled();
  gate.resolve();
  await client.answer("receipt");
  assertEquals((await client.answer("entry")).entry.size, NEW.length);
  await client.answer("receipt");
  const { entries } = await client.answer("entries");
  assertEquals(entries.map(({ size }) => size), ["short".length]);
});

Deno.test("puts of one name at once leave exactly one of the inputs", async () => {
  await using server = new Fixture();
  const contents = Array.from({ length: 8 }, (_, i) => `${i}`.repeat(200_000));
  const clients: Connected[] = [];
  for (const _ of contents) clients.push(await server.login());
  await Promise.all(clients.map(async (client, i) => {
    for (let round = 0; round < 5; round++) {
      await client.sendPut("file", contents[i]!);
      await client.answer("receipt");
      const read = new TextDecoder().decode(await client.get("file"));
      assert(contents.includes(read));
    }
  }));
  assert(contents.includes(server.read("file")));
  assertNothingLeft(server);
});

Deno.test("the server takes in no more than 128 puts that wait for the disk", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  const sending = (async () => {
    for (let i = 0; i < 200; i++) await client.sendPut(`${i}`, `${i}`);
  })();
  await within("the puts on their way", sending);
  await until("128 uploads", () => server.uploads().length >= 128);
  await settled();
  // And the one that waits for its turn.
  assertEquals(server.uploads().length, 129);
  gate.resolve();
  for (let i = 0; i < 200; i++) {
    assertEquals((await client.answer("receipt")).size, `${i}`.length);
  }
  assertEquals([...Deno.readDirSync(server.path(""))].length, 200);
});

Deno.test("many clients at once do not use up the descriptors", async () => {
  await using server = new Fixture();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  const clients: Connected[] = [];
  for (let i = 0; i < 6; i++) clients.push(await server.login(`user${i}`));
  for (const client of clients) {
    for (let i = 0; i < 60; i++) await client.sendPut(`${i}`, `${i}`);
  }
  await until("128 uploads", () => server.uploads().length >= 128);
  await settled();
  // And one for each client that waits for its turn.
  assert(server.uploads().length <= 128 + clients.length);
  gate.resolve();
  for (const client of clients) {
    for (let i = 0; i < 60; i++) await client.answer("receipt");
  }
  assertNothingLeft(server);
});

Deno.test("many small files cost fewer syncs of their folder than there are files", async () => {
  await using server = new Fixture();
  using client = await server.login();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync users\/ann$/, gate.promise, 1);
  for (let i = 0; i < 50; i++) await client.sendPut(`${i}`, `${i}`);
  await until("the files", () => disk.count(/^rename/) === 50);
  gate.resolve();
  for (let i = 0; i < 50; i++) await client.answer("receipt");
  assertEquals(disk.count(/^sync TEMP/), 50);
  assertEquals(disk.count(/^sync users\/ann$/), 2);
});

Deno.test("a connection that is lost in an upload leaves the old file, and what may be resumed", async () => {
  await using server = new Fixture();
  using first = await server.login();
  server.write("file", OLD);
  for (const ask of [false, true]) {
    for (const bytes of [0, 10, 70_000, 300_000]) {
      using client = await server.login();
      await client.send(putRequest("file", 400_000, { ask }));
      if (ask) await client.answer("continue");
      await client.sendData("x".repeat(bytes));
      client.close();
      await within("the end of the session", client.ended);
      assertEquals(server.read("file"), OLD);
      if (ask && bytes > 0) removePartial(server, bytes);
      assertNothingLeft(server);
    }
  }
  await assertAlive(first);
});

Deno.test("a connection that is lost behind the commit leaves one of the files, whole", async () => {
  await using server = new Fixture();
  using disk = new DiskRecorder(server.root);
  using client = await server.login();
  server.write("file", OLD);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  await client.sendPut("file", NEW);
  await until("the upload", () => server.uploads().length === 1);
  client.close();
  gate.resolve();
  await within("the end of the session", client.ended);
  await until("the end of the upload", () => server.uploads().length === 0);
  assert([OLD, NEW].includes(server.read("file")));
  await settled();
  assertNothingLeft(server);
});

Deno.test("a put that asks behind others is not begun when its client is dropped", async () => {
  await using server = new Fixture();
  using disk = new DiskRecorder(server.root);
  using client = await server.login();
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  for (let i = 0; i < 63; i++) await client.sendPut(`${i}`, `${i}`);
  await client.send(putRequest("large", 1000, { ask: true }));
  await until("the others", () => server.uploads().length === 63);
  await settled();
  client.session.drop("for a test");
  // Only when the connection is closed may the disk go on.
  assertEquals(await client.error(), "timeout");
  assertEquals(await client.next(), null);
  gate.resolve();
  await within("the end of the session", client.ended);
  await until("the end of the uploads", () => server.uploads().length === 0);
  await settled();
  assertNothingLeft(server);
});
