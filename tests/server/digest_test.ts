import { assertEquals } from "@std/assert";
import { StoredFile } from "../../server/stored_file.ts";
import { until } from "../helpers/deadline.ts";
import { osError, replace } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { openBelow } from "./resuming.ts";
import { assertEndsWithItsClient, beforeReads } from "./stored_reads.ts";

const MIB = 1024 * 1024;
const CONTENT = new Random(11).bytes(4 * MIB + 321);
const REQUEST = { type: "digest", path: "file" } as const;

for (const size of [0, 1, 65_536, 65_537, MIB, CONTENT.length]) {
  Deno.test(`digest of a file of ${size} bytes is that of all of them`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    const content = CONTENT.subarray(0, size);
    Deno.writeFileSync(server.path("file"), content);
    const { sha256 } = await client.ask(REQUEST, "done");
    assertEquals(sha256, sha256Of(content));
    assertEquals(openBelow(server), []);
  });
}

Deno.test("digest of what is no file is refused", async () => {
  await using server = new Fixture();
  using client = await server.login();
  Deno.mkdirSync(server.path("folder"));
  server.write("file", "content");
  Deno.symlinkSync("file", server.path("link"));
  const cases = {
    "": "is-folder",
    folder: "is-folder",
    link: "denied",
    nothing: "not-found",
    "file/x": "not-folder",
  };
  for (const [path, code] of Object.entries(cases)) {
    await client.send({ type: "digest", path });
    assertEquals(await client.error(), code, path);
  }
});

// What happens to a file while the second of its pieces is read.
const changes: [
  what: string,
  code: string | undefined,
  (path: string) => void,
][] = [
  ["is cut", "changed", (path) => Deno.truncateSync(path, MIB)],
  ["grows", "changed", (path) => {
    Deno.writeTextFileSync(path, "more", { append: true });
  }],
  ["is written to", "changed", (path) => {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array(10));
  }],
  ["is replaced", undefined, (path) => {
    Deno.writeTextFileSync(`${path}.new`, "other");
    Deno.renameSync(`${path}.new`, path);
  }],
  ["is removed", undefined, (path) => Deno.removeSync(path)],
];
for (const [what, code, change] of changes) {
  const outcome = code === undefined ? "is that of the old one" : "fails";
  Deno.test(`digest of a file that ${what} meanwhile ${outcome}`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    Deno.writeFileSync(server.path("file"), CONTENT);
    Deno.utimeSync(
      server.path("file"),
      new Date(),
      new Date(1_700_000_000_000),
    );
    let reads = 0;
    using _ = beforeReads(() => {
      if (++reads === 2) change(server.path("file"));
    });
    await client.send(REQUEST);
    if (code) assertEquals(await client.error(), code);
    else assertEquals((await client.answer("done")).sha256, sha256Of(CONTENT));
    assertEquals(openBelow(server), []);
  });
}

Deno.test("who waits for a long digest hears how far it is", async () => {
  await using server = new Fixture();
  using client = await server.login();
  Deno.writeFileSync(server.path("file"), CONTENT);
  using clock = new LeapClock();
  using _ = beforeReads(() => clock.leap(2000));
  await client.send(REQUEST, { type: "ping" });
  for (const done of [MIB, 2 * MIB, 3 * MIB, 4 * MIB]) {
    assertEquals((await client.answer("verifying")).done, done);
  }
  assertEquals((await client.answer("done")).sha256, sha256Of(CONTENT));
  await client.answer("pong");
});

Deno.test("a digest that the disk cannot give is an error, and is over", async () => {
  await using server = new Fixture();
  using client = await server.login();
  Deno.writeFileSync(server.path("file"), CONTENT);
  {
    using _ = beforeReads(() => {
      throw osError("EIO");
    });
    await client.send(REQUEST);
    assertEquals(await client.error(), "internal");
  }
  await client.ask(REQUEST, "done");
  assertEquals(openBelow(server), []);
});

Deno.test("a client that leaves is not worked for", () => {
  return assertEndsWithItsClient(REQUEST, CONTENT);
});

Deno.test("however many files are read whole, few are read at a time, each in its turn", async () => {
  await using server = new Fixture();
  Deno.writeFileSync(
    `${server.root}/file`,
    CONTENT.subarray(0, 3 * MIB),
  );
  const clients = [];
  for (let i = 0; i < 12; i++) clients.push(await server.login());
  Deno.renameSync(`${server.root}/file`, server.path("file"));
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  let most = 0;
  const order: StoredFile[] = [];
  using _ = replace(StoredFile.prototype, "read", (original) => {
    return async function (this: StoredFile, target) {
      order.push(this);
      most = Math.max(most, ++waiting);
      await gate.promise;
      waiting--;
      return await original.call(this, target);
    };
  });
  const size = 3 * MIB;
  const sha256 = sha256Of(CONTENT.subarray(0, size));
  for (const [i, client] of clients.entries()) {
    const prefix = { size, sha256 };
    await client.send(
      i % 2 === 0 ? REQUEST : { type: "get", path: "file", prefix },
    );
  }
  await until("readers", () => waiting >= 4);
  await settled();
  assertEquals(waiting, 4);
  gate.resolve();
  for (const [i, client] of clients.entries()) {
    if (i % 2 !== 0) assertEquals((await client.answer("file")).offset, size);
    assertEquals((await client.answer("done")).sha256, sha256);
  }
  assertEquals(most, 4);
  // Nobody had two turns before everybody had one.
  assertEquals(new Set(order.slice(0, 12)).size, 12);
});
