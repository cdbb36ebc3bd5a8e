import { assert, assertEquals } from "@std/assert";
import { osError } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { Random } from "../helpers/random.ts";
import { sha256Of } from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";
import { openBelow } from "./resuming.ts";
import { assertEndsWithItsClient, beforeReads } from "./stored_reads.ts";

const KIB = 1024;
const MIB = 1024 * 1024;
const SIZE = 4 * MIB + 12_345;
const CONTENT = new Random(6).bytes(SIZE);
const MTIME = 1_700_000_000_123;

function getRequest(size: number, sha256: string) {
  const prefix = { size, sha256 };
  return { type: "get", path: "file", prefix } as const;
}

/** Asks for what is behind the first `size` bytes of `known`. */
async function ask(client: Connected, known: Uint8Array, size: number) {
  await client.send(getRequest(size, sha256Of(known.subarray(0, size))));
}

/** The answer: offset, bytes, and the hash of the whole. */
async function answerOf(client: Connected) {
  const { offset, ...file } = await client.answer("file");
  const pieces: Uint8Array[] = [];
  for (;;) {
    const answer = await client.next();
    if (answer instanceof Uint8Array) {
      pieces.push(answer);
      continue;
    }
    assert(answer?.type === "done", JSON.stringify(answer));
    const bytes = new Uint8Array(await new Blob(pieces as BlobPart[]).bytes());
    return { offset, file, bytes, sha256: answer.sha256 };
  }
}

function store(server: Fixture, content = CONTENT): void {
  Deno.writeFileSync(server.path("file"), content);
  Deno.utimeSync(server.path("file"), new Date(), new Date(MTIME));
}

for (
  const size of [0, 1, KIB, MIB - 1, MIB, 3 * MIB + 5, SIZE - 1, SIZE]
) {
  Deno.test(`get sends what is behind the first ${size} of ${SIZE} bytes`, async () => {
    await using server = new Fixture();
    using client = await server.login();
    store(server);
    await ask(client, CONTENT, size);
    const { offset, file, bytes, sha256 } = await answerOf(client);
    assertEquals(offset, size);
    assertEquals(file, {
      type: "file",
      size: SIZE,
      mtime: MTIME,
      executable: false,
    });
    assertEquals(sha256Of(bytes), sha256Of(CONTENT.subarray(size)));
    assertEquals(sha256, sha256Of(CONTENT));
    assertEquals(server.log.lines("get"), [
      `get peer=192.0.2.1:5000 user=ann path=file bytes=${SIZE - size}`,
    ]);
    assertEquals(openBelow(server), []);
  });
}

Deno.test("get sends the whole of a file that does not begin with that", async () => {
  await using server = new Fixture();
  using client = await server.login();
  store(server);
  const other = CONTENT.slice();
  other[MIB] = other[MIB]! ^ 1;
  const longer = Uint8Array.of(...CONTENT.subarray(0, 10), 1);
  const requests: ReturnType<typeof getRequest>[] = [
    getRequest(0, "0".repeat(64)),
    getRequest(1, "0".repeat(64)),
    // The hash of the whole file, not of so many bytes.
    getRequest(SIZE - 1, sha256Of(CONTENT)),
    getRequest(MIB + 1, sha256Of(other.subarray(0, MIB + 1))),
    getRequest(SIZE, sha256Of(other)),
    getRequest(SIZE + 1, sha256Of(CONTENT)),
    getRequest(2 ** 53 - 1, sha256Of(CONTENT)),
    getRequest(longer.length, sha256Of(longer)),
  ];
  for (const request of requests) {
    await client.send(request);
    const { offset, bytes, sha256 } = await answerOf(client);
    assertEquals(offset, 0, JSON.stringify(request));
    assertEquals(sha256Of(bytes), sha256Of(CONTENT));
    assertEquals(sha256, sha256Of(CONTENT));
  }
  assertEquals(openBelow(server), []);
});

Deno.test("an empty file begins with nothing, and ends there", async () => {
  await using server = new Fixture();
  using client = await server.login();
  server.write("file", "");
  for (const size of [0, 1]) {
    await client.send(getRequest(size, sha256Of("")));
    const { offset, bytes, sha256 } = await answerOf(client);
    assertEquals([offset, bytes.length, sha256], [0, 0, sha256Of("")]);
  }
});

Deno.test("a file that was changed since is sent whole, one that grew from there", async () => {
  await using server = new Fixture();
  using client = await server.login();
  const grown = new Uint8Array([...CONTENT.subarray(0, MIB), 1, 2, 3]);
  for (
    const [content, offset] of [
      [grown, MIB],
      [CONTENT.toReversed(), 0],
      [CONTENT.slice(0, MIB - 1), 0],
    ] as const
  ) {
    store(server, content);
    await ask(client, CONTENT, MIB);
    const answer = await answerOf(client);
    assertEquals(answer.offset, offset);
    assertEquals(sha256Of(answer.bytes), sha256Of(content.subarray(offset)));
    assertEquals(answer.sha256, sha256Of(content));
  }
});

Deno.test("a file that is cut while it is looked at has changed", async () => {
  await using server = new Fixture();
  using client = await server.login();
  store(server);
  let reads = 0;
  {
    using _ = beforeReads(() => {
      if (++reads === 2) Deno.truncateSync(server.path("file"), MIB);
    });
    await ask(client, CONTENT, 3 * MIB);
    assertEquals(await client.error(), "changed");
  }
  await client.ask({ type: "ping" }, "pong");
  assertEquals(openBelow(server), []);
});

Deno.test("a file that is written to after it was looked at has changed", async () => {
  await using server = new Fixture();
  using client = await server.login();
  store(server);
  let reads = 0;
  using _ = beforeReads(() => {
    if (++reads !== 2) return;
    using file = Deno.openSync(server.path("file"), { write: true });
    file.writeSync(new Uint8Array(10));
  });
  await ask(client, CONTENT, SIZE);
  assertEquals((await client.answer("file")).offset, SIZE);
  let answer = await client.next();
  while (answer instanceof Uint8Array) answer = await client.next();
  assert(answer?.type === "error");
  assertEquals(answer.code, "changed");
});

Deno.test("a file that cannot be read is an error, and the connection lives", async () => {
  await using server = new Fixture();
  using client = await server.login();
  store(server);
  {
    using _ = beforeReads(() => {
      throw osError("EIO");
    });
    await ask(client, CONTENT, MIB);
    assertEquals((await client.answer("error")).code, "internal");
  }
  await client.ask({ type: "ping" }, "pong");
  assertEquals(openBelow(server), []);
});

Deno.test("who waits for a long beginning hears how far it is, before the file", async () => {
  await using server = new Fixture();
  using client = await server.login();
  store(server);
  using clock = new LeapClock();
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  using _ = beforeReads(async () => {
    // Each notice has left before the next piece is read.
    if (++reads === 3) await gate.promise;
    clock.leap(2000);
  });
  await ask(client, CONTENT, 4 * MIB);
  for (const done of [MIB, 2 * MIB]) {
    assertEquals((await client.answer("verifying")).done, done);
  }
  gate.resolve();
  assertEquals((await client.answer("verifying")).done, 3 * MIB);
  const { offset, sha256 } = await answerOf(client);
  assertEquals([offset, sha256], [4 * MIB, sha256Of(CONTENT)]);
});

Deno.test("without a beginning nothing is looked at", async () => {
  await using server = new Fixture();
  using client = await server.login();
  store(server);
  using clock = new LeapClock();
  using _ = beforeReads(() => clock.leap(10_000));
  await client.send({ type: "get", path: "file", prefix: null });
  const { offset, sha256 } = await answerOf(client);
  assertEquals([offset, sha256], [0, sha256Of(CONTENT)]);
});

Deno.test("a client that leaves while the server looks is not worked for", () => {
  return assertEndsWithItsClient(getRequest(SIZE, sha256Of(CONTENT)), CONTENT);
});

Deno.test("gets with and without a beginning may follow each other unasked", async () => {
  await using server = new Fixture();
  using client = await server.login("ann", { capacity: 10_000 });
  store(server);
  const sizes = [MIB, null, SIZE + 1, SIZE, 0];
  for (const size of sizes) {
    if (size === null) {
      await client.send({ type: "get", path: "file", prefix: null });
    } else await ask(client, CONTENT, size);
  }
  for (const size of sizes) {
    const { offset, sha256 } = await answerOf(client);
    assertEquals(offset, size === SIZE + 1 ? 0 : size ?? 0);
    assertEquals(sha256, sha256Of(CONTENT));
  }
});

Deno.test("a beginning is of no help where there is no file", async () => {
  await using server = new Fixture();
  using client = await server.login();
  for (const [path, code] of [["", "is-folder"], ["nothing", "not-found"]]) {
    const request = getRequest(1, sha256Of("x"));
    await client.send({ ...request, path: path! });
    assertEquals(await client.error(), code);
  }
});
