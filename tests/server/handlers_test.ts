import { assert, assertEquals, assertLess } from "@std/assert";
import { MAX_CONTROL_BYTES } from "../../protocol/frame.ts";
import { encodeMessage, type Entry } from "../../protocol/messages.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, replace } from "../helpers/faults.ts";
import { settled } from "../helpers/settled.ts";
import { putRequest, sha256Of } from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";

const MTIME = 1_700_000_000_123;

/** The user's files that the server has open. */
function openFiles(server: Fixture): string[] {
  return descriptorsBelow(server.root).filter((p) => p.startsWith("users/"));
}

/** A folder `many` with so many files, which are one and the same. */
function fillMany(server: Fixture, count: number): void {
  Deno.mkdirSync(server.path("many"));
  server.write("many/file 0", "");
  for (let i = 1; i < count; i++) {
    Deno.linkSync(server.path("many/file 0"), server.path(`many/file ${i}`));
  }
}

/** All pages of a listing; each fits into a frame. */
async function listAll(
  client: Connected,
  path: string,
  beforeFirst = () => Promise.resolve(),
): Promise<Entry[]> {
  await client.send({ type: "list", path });
  await beforeFirst();
  const all: Entry[] = [];
  for (;;) {
    const page = await client.answer("entries");
    assert(encodeMessage(page).length <= MAX_CONTROL_BYTES);
    all.push(...page.entries);
    if (!page.more) return all;
  }
}

/** The data frames up to the answer that ends them. */
async function restOfGet(client: Connected) {
  let bytes = 0;
  for (;;) {
    const answer = await client.next();
    if (!(answer instanceof Uint8Array)) return { bytes, answer };
    bytes += answer.length;
  }
}

Deno.test("stat tells of a file, a folder and nothing", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", "content");
  Deno.utimeSync(server.path("file"), new Date(), new Date(MTIME));
  const { entry } = await client.ask({ type: "stat", path: "file" }, "entry");
  assertEquals(entry, {
    name: "file",
    kind: "file",
    size: 7,
    mtime: MTIME,
    executable: false,
  });
  const home = await client.ask({ type: "stat", path: "" }, "entry");
  assertEquals([home.entry.name, home.entry.kind], ["", "folder"]);
  await client.send({ type: "stat", path: "nothing" });
  assertEquals(await client.error(), "not-found");
});

for (
  const size of [0, 1, 65_535, 65_536, 65_537, 262_144, 262_145, 2_000_003]
) {
  Deno.test(`get sends a file of ${size} bytes`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    const bytes = Uint8Array.from({ length: size }, (_, i) => i + (i >> 8));
    Deno.writeFileSync(server.path("file"), bytes, { mode: 0o755 });
    Deno.utimeSync(server.path("file"), new Date(), new Date(MTIME));
    await client.send({ type: "get", path: "file", prefix: null });
    assertEquals(await client.answer("file"), {
      type: "file",
      size,
      mtime: MTIME,
      executable: true,
      offset: 0,
    });
    const { bytes: count, answer } = await restOfGet(client);
    assertEquals(count, size);
    assertEquals(answer, { type: "done", sha256: sha256Of(bytes) });
    assertEquals(await client.get("file"), bytes);
    assertEquals(openFiles(server), []);
    const line = `get peer=192.0.2.1:5000 user=ann path=file bytes=${size}`;
    assertEquals(server.log.lines("get"), [line, line]);
  });
}

Deno.test("links, folders and what is no file are refused on every verb", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await server.login("bob");
  Deno.writeTextFileSync(server.path("secret", "bob"), "secret");
  server.write("file", "content");
  Deno.mkdirSync(server.path("folder"));
  Deno.symlinkSync("../bob/secret", server.path("link"));
  Deno.symlinkSync("../bob", server.path("bob"));
  Deno.symlinkSync("/etc", server.path("etc"));
  Deno.symlinkSync("folder", server.path("folder-link"));
  const gets = {
    folder: "is-folder",
    "": "is-folder",
    link: "denied",
    bob: "denied",
    "bob/secret": "denied",
    "etc/passwd": "denied",
    "folder-link": "denied",
    "file/x": "not-folder",
    nothing: "not-found",
    "nothing/x": "not-found",
  };
  for (const [path, code] of Object.entries(gets)) {
    await client.send({ type: "get", path, prefix: null });
    assertEquals(await client.error(), code, `get ${path}`);
  }
  for (const path of ["link", "bob", "folder-link"]) {
    const { entry } = await client.ask({ type: "stat", path }, "entry");
    assertEquals([entry.kind, entry.size], ["other", 0]);
    await client.send({ type: "list", path });
    assertEquals(await client.error(), "not-folder", `list ${path}`);
    await client.send(putRequest(path, null, { ask: true }));
    assertEquals(await client.error(), "denied", `put ${path}`);
  }
  for (const path of ["bob/secret", "bob/new", "etc/new", "folder-link/x"]) {
    for (const type of ["stat", "list"] as const) {
      await client.send({ type, path });
      assertEquals(await client.error(), "denied", `${type} ${path}`);
    }
    await client.send(putRequest(path, null, { ask: true }));
    assertEquals(await client.error(), "denied", `put ${path}`);
  }
  assertEquals(Deno.readTextFileSync(server.path("secret", "bob")), "secret");
  assertEquals([...Deno.readDirSync(server.path("", "bob"))].length, 1);
  assertEquals(openFiles(server), []);
});

Deno.test("many gets are answered in their order, a failed one in its place", async () => {
  await using server = new Fixture();
  using client = await server.login();
  const names = Array.from({ length: 50 }, (_, i) => `file${i}`);
  for (const name of names) server.write(name, name);
  Deno.removeSync(server.path("file7"));
  for (const path of names) {
    await client.send({ type: "get", path, prefix: null });
  }
  for (const name of names) {
    if (name === "file7") {
      assertEquals(await client.error(), "not-found");
      continue;
    }
    assertEquals((await client.answer("file")).size, name.length);
    assertEquals(await client.next(), new TextEncoder().encode(name));
    assertEquals((await client.answer("done")).sha256, sha256Of(name));
  }
});

// What happens to a file of 1 MB of which one block has been taken.
const changes: [what: string, isSent: boolean, (path: string) => void][] = [
  ["shrinks", false, (path) => Deno.truncateSync(path, 300_000)],
  ["is emptied", false, (path) => Deno.truncateSync(path, 0)],
  ["grows", false, (path) => {
    Deno.writeTextFileSync(path, "more", { append: true });
  }],
  ["is written to", false, (path) => {
    using file = Deno.openSync(path, { write: true });
    file.seekSync(900_000, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode("other"));
  }],
  ["is replaced", true, (path) => {
    Deno.writeTextFileSync(`${path}.new`, "y".repeat(500));
    Deno.renameSync(`${path}.new`, path);
  }],
  ["is removed", true, (path) => Deno.removeSync(path)],
];
for (const [what, isSent, change] of changes) {
  Deno.test(`get of a file that ${what} meanwhile ${isSent ? "sends the old one" : "is an error"}`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    const content = "x".repeat(1_000_000);
    server.write("file", content);
    Deno.utimeSync(server.path("file"), new Date(), new Date(MTIME));
    await client.send({ type: "get", path: "file", prefix: null });
    await client.answer("file");
    await settled();
    change(server.path("file"));
    // One more block is read ahead, and must not fail unheard.
    await client.next();
    await settled();
    const { bytes, answer } = await restOfGet(client);
    // It was not read far ahead of a client that took its time.
    if (what === "is emptied") assertLess(bytes, 600_000);
    assertEquals(
      answer,
      isSent ? { type: "done", sha256: sha256Of(content) } : {
        type: "error",
        code: "changed",
        message: "the file changed while it was being sent",
      },
    );
    await client.ask({ type: "ping" }, "pong");
    assertEquals(openFiles(server), []);
  });
}

Deno.test("a download that the client gives up leaves nothing open", async () => {
  await using server = new Fixture();
  for (const frames of [0, 1, 2]) {
    using client = await server.login();
    server.write("file", "x".repeat(2_000_000));
    await client.send({ type: "get", path: "file", prefix: null });
    await client.answer("file");
    for (let i = 0; i < frames; i++) await client.next();
    assert(openFiles(server).length > 0);
    client.close();
    await within("the end of the session", client.ended);
    assertEquals(openFiles(server), []);
  }
});

Deno.test("an empty folder is one empty page", async () => {
  await using server = new Fixture();
  using client = await server.login();
  assertEquals(await client.ask({ type: "list", path: "" }, "entries"), {
    type: "entries",
    entries: [],
    more: false,
  });
});

for (const isPaged of [false, true]) {
  const how = isPaged ? "paged" : "plain";
  Deno.test(`a folder of 10 000 files is listed page by page, as far as the client reads, ${how}`, async () => {
    await using server = new Fixture(null, isPaged);
    using client = await server.login();
    fillMany(server, 10_000);
    let looked = 0;
    using _ = replace(Deno, "lstatSync", (original) => (path) => {
      looked++;
      return original(path);
    });
    const listing = listAll(client, "many", async () => {
      // It reads until it has to wait for the client.
      for (let before = -1; before !== looked;) {
        before = looked;
        await settled();
      }
      assertLess(looked, 3000);
    });
    const names = (await listing).map(({ name }) => name);
    assertEquals(names.length, 10_000);
    assertEquals(new Set(names).size, 10_000);
    assert(names.includes("file 9999"));
    assertEquals(openFiles(server), []);
  });

  Deno.test(`a client that leaves in the middle of a listing is forgotten, ${how}`, async () => {
    await using server = new Fixture(null, isPaged);
    for (const pages of [0, 1, 5]) {
      using client = await server.login("ann", { capacity: 1000 });
      if (pages === 0) fillMany(server, 6000);
      await client.send({ type: "list", path: "many" });
      for (let i = 0; i < pages; i++) await client.answer("entries");
      await settled();
      client.close();
      await within("the end of the session", client.ended);
      await until("closed folders", () => openFiles(server).length === 0);
    }
    assertEquals(server.log.lines("lost").length, 3);
  });
}

Deno.test("the first entries of a large folder leave before it has been read", async () => {
  await using server = new Fixture();
  using client = await server.login("ann", { capacity: 50_000 });
  fillMany(server, 3000);
  let looked = 0;
  using _ = replace(Deno, "lstatSync", (original) => (path) => {
    looked++;
    return original(path);
  });
  await client.send({ type: "list", path: "many" });
  const page = await client.answer("entries");
  assertEquals(page.more, true);
  assertLess(looked, 600);
});

Deno.test("pages fit into a frame whatever the names are", async () => {
  await using server = new Fixture();
  using client = await server.login();
  const names = new Set<string>();
  for (let i = 0; i < 200; i++) {
    names.add("\u0001".repeat(250) + i);
    names.add('"'.repeat(250) + i);
    names.add("報".repeat(83) + i);
    names.add("🎉".repeat(62) + i);
  }
  names.add("a\nb\u001b[2J\u202e");
  for (const name of names) server.write(name, "");
  const listed = (await listAll(client, "")).map(({ name }) => name);
  assertEquals(new Set(listed), names);
});

Deno.test("a listing that fails on its way ends with an error", async () => {
  await using server = new Fixture();
  using client = await server.login();
  Deno.mkdirSync(server.path("many"));
  for (let i = 0; i < 1000; i++) server.write(`many/file ${i}`, "");
  let looked = 0;
  using _ = replace(Deno, "lstatSync", (original) => (path) => {
    if (++looked === 900) throw new Deno.errors.PermissionDenied("for a test");
    return original(path);
  });
  await client.send({ type: "list", path: "many" }, { type: "ping" });
  let pages = 0;
  for (;;) {
    const answer = await client.next();
    assert(answer && "type" in answer);
    if (answer.type === "error") {
      assertEquals(answer.code, "denied");
      break;
    }
    pages++;
  }
  assert(pages > 0);
  await client.answer("pong");
});
