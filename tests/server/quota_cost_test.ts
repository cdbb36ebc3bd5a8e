/** Whatever is smaller than 4 KiB counts as 4 KiB of a quota. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { costOfAtLeast, LEAST_COST } from "../../server/quota_cost.ts";
import { Storage } from "../../server/storage.ts";
import { until } from "../helpers/deadline.ts";
import { osError, replace } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import {
  commitOf,
  putRequest,
  type TestClient,
} from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  begin,
  breakOff,
  complete,
  nothingLeft,
  partialPath,
  plant,
  put,
} from "./resuming.ts";

/** A user who may have so many small things. */
function room(things: number): Fixture {
  return new Fixture(null, false, things * LEAST_COST, LEAST_COST);
}

function zeros(size: number): Uint8Array {
  return new Uint8Array(size);
}

/** What counts, in things of 4 KiB. */
async function used(client: TestClient): Promise<number> {
  return (await client.ask({ type: "quota" }, "quota")).used / LEAST_COST;
}

/** Makes sure that somebody new finds the same on the disk. */
async function assertUsed(
  server: Fixture,
  client: TestClient,
  things: number,
): Promise<void> {
  await until("what counts", async () => await used(client) === things);
  await server.storage.sweep();
  const anew = await new Storage(server.root, { limitOf: () => 1 })
    .openUser("ann");
  assertEquals((await anew.usage()).used / LEAST_COST, things);
  assertEquals(await used(client), things);
}

/** `ok`, or the refusal of what was sent. */
async function outcome(client: TestClient): Promise<string> {
  const answer = (await client.next())!;
  if (!("type" in answer)) throw new Error("data came");
  if (answer.type !== "error") return "ok";
  return answer.code === "quota" ? answer.message : answer.code;
}

async function mkdir(
  client: TestClient,
  path: string,
  parents = false,
): Promise<string> {
  await client.send({ type: "mkdir", path, parents, mtime: null });
  return await outcome(client);
}

async function send(
  client: TestClient,
  path: string,
  size: number,
): Promise<string> {
  await client.sendPut(path, zeros(size));
  return await outcome(client);
}

async function remove(client: TestClient, path: string): Promise<void> {
  await client.ask({ type: "remove", path, recursive: true }, "ok");
}

Deno.test("a file counts its bytes, and no less than 4 KiB", () => {
  const cost = costOfAtLeast(LEAST_COST);
  const sizes = [0, 1, 4095, 4096, 4097, 1e12];
  assertEquals(sizes.map(cost), [4096, 4096, 4096, 4096, 4097, 1e12]);
});

Deno.test("of 4000 folders at once no more are made than there is room for", async () => {
  await using server = room(256);
  using client = await server.login();
  const sending = (async () => {
    for (let n = 0; n < 4000; n++) {
      await client.send({
        type: "mkdir",
        path: `folder${n}`,
        parents: false,
        mtime: null,
      });
    }
  })();
  const outcomes: string[] = [];
  for (let n = 0; n < 4000; n++) outcomes.push(await outcome(client));
  await sending;
  assertEquals(outcomes.findLastIndex((text) => text === "ok"), 255);
  assertEquals(
    new Set(outcomes),
    new Set([
      "ok",
      "needs 4 KiB, 0 B left of 1 MiB",
    ]),
  );
  assertEquals([...Deno.readDirSync(server.path(""))].length, 256);
  await assertUsed(server, client, 256);
});

Deno.test("of empty files no more are stored than there is room for", async () => {
  await using server = room(20);
  using client = await server.login();
  for (let n = 0; n < 20; n++) {
    assertEquals(await send(client, `file${n}`, n % 2), "ok");
  }
  assertEquals(
    await send(client, "more", 0),
    "needs 4 KiB, 0 B left of 80 KiB",
  );
  await client.send(putRequest("more", 0, { ask: true }));
  assertEquals(await outcome(client), "needs 4 KiB, 0 B left of 80 KiB");
  await client.send(putRequest("pipe", null, { ask: true }));
  assertEquals(await outcome(client), "needs 4 KiB, 0 B left of 80 KiB");
  // In the place of what is there.
  assertEquals(await send(client, "file0", 4096), "ok");
  assertEquals(await send(client, "file0", 0), "ok");
  assertEquals(
    await send(client, "file0", 4097),
    "needs 1 B, 0 B left of 80 KiB",
  );
  await nothingLeft(server);
  await assertUsed(server, client, 20);
});

Deno.test("mkdir -p makes all folders or none", async () => {
  await using server = room(5);
  using client = await server.login();
  assertEquals(await mkdir(client, "a/b", true), "ok");
  assertEquals(
    await mkdir(client, "a/b/c/d/e/f", true),
    "needs 16 KiB, 12 KiB left of 20 KiB",
  );
  assertEquals([...Deno.readDirSync(server.path("a/b"))], []);
  assertEquals(await mkdir(client, "a/b/c/d/e", true), "ok");
  assertEquals(await mkdir(client, "f"), "needs 4 KiB, 0 B left of 20 KiB");
  // These are told as ever, and what is there needs nothing.
  assertEquals(await mkdir(client, "a"), "exists");
  assertEquals(await mkdir(client, "none/a"), "not-found");
  assertEquals(await mkdir(client, "a/b/c", true), "ok");
  await assertUsed(server, client, 5);
});

Deno.test("folders that could not all be made count nothing", async () => {
  await using server = room(9);
  using client = await server.login();
  assertEquals(await mkdir(client, "there"), "ok");
  {
    using _ = replace(Deno, "mkdirSync", (original) => (path, options) => {
      if (`${path}`.endsWith("/c")) throw osError("EIO");
      return original(path, options);
    });
    assertEquals(await mkdir(client, "a/b/c/d", true), "io");
    assertEquals(await send(client, "a/b/c/file", 1), "io");
  }
  {
    using _ = replace(Deno, "renameSync", () => () => {
      throw osError("EIO");
    });
    assertEquals(await send(client, "a/b/file", 1), "io");
  }
  assertEquals([...Deno.readDirSync(server.path(""))].length, 1);
  await assertUsed(server, client, 1);
});

for (const ask of [false, true]) {
  Deno.test(`a put needs room for the folders that it makes, one that ${ask ? "asks" : "does not ask"}`, async () => {
    await using server = room(4);
    using client = await server.login();
    const message = "needs 20 KiB, 16 KiB left of 16 KiB";
    await client.send(putRequest("a/b/c/d/file", 1, { ask }));
    if (!ask) {
      await client.sendData(zeros(1));
      await client.send(commitOf(zeros(1)));
    }
    assertEquals(await outcome(client), message);
    await nothingLeft(server);
    assertEquals([...Deno.readDirSync(server.path(""))], []);
    // A pipe keeps the room for them while it comes.
    await client.send(putRequest("a/b/file", null, { ask }));
    if (ask) await client.answer("continue");
    await client.sendData(zeros(8193));
    assertEquals(
      await outcome(client),
      "needs 16385 B, 16384 B left of 16 KiB",
    );
    await client.send(commitOf(zeros(8193)));
    await client.send(putRequest("a/b/file", null, { ask }));
    if (ask) await client.answer("continue");
    await client.sendData(zeros(8192));
    await client.send(commitOf(zeros(8192)));
    assertEquals(await outcome(client), "ok");
    await assertUsed(server, client, 4);
  });
}

Deno.test("many puts into one missing folder need it once", async () => {
  await using server = room(21);
  using client = await server.login();
  const sending = (async () => {
    for (let n = 0; n < 20; n++) await client.sendPut(`a/${n}`, zeros(1));
  })();
  for (let n = 0; n < 20; n++) assertEquals(await outcome(client), "ok");
  await sending;
  await assertUsed(server, client, 21);
});

Deno.test("what is left of an upload counts 4 KiB, until it goes on or is swept away", async () => {
  await using server = room(4);
  using client = await server.login();
  assertEquals(await used(client), 0);
  for (const name of ["a", "b", "c"]) {
    await breakOff(server, name, zeros(4096), 1);
  }
  await assertUsed(server, client, 3);
  await breakOff(server, "none", zeros(4096), 0);
  await assertUsed(server, client, 3);
  assertEquals(await put(client, "a", zeros(5000).subarray(0, 4096)), 1);
  await assertUsed(server, client, 3);
  // Broken off again, and cancelled.
  await breakOff(server, "b", zeros(8192), 0);
  await assertUsed(server, client, 3);
  assertEquals(await begin(client, "b", zeros(8192)), 1);
  await client.ask({ type: "prefix", sha256: null }, "continue");
  await client.send({ type: "cancel" });
  await client.answer("cancelled");
  await assertUsed(server, client, 2);
  using _ = replace(Date, "now", (original) => () => original() + 8 * 86400e3);
  await server.storage.sweep();
  await assertUsed(server, client, 1);
});

Deno.test("what a crash left counts, empty or not", async () => {
  await using server = room(4);
  using client = await server.login();
  plant(server, "a", "");
  plant(server, "b", "x");
  const lost = partialPath(server, "b").replace(/r-[^/]*$/, "t-lost");
  Deno.writeTextFileSync(lost, "");
  assertEquals(await used(client), 3);
  await server.storage.sweep();
  await assertUsed(server, client, 2);
  assertEquals(await begin(client, "a", zeros(8192)), 0);
  await complete(client, zeros(8192));
  await assertUsed(server, client, 3);
});

Deno.test("of an upload for which there is no room of 4 KiB nothing is kept", async () => {
  await using server = room(2);
  using client = await server.login();
  assertEquals(await send(client, "file", 8192), "ok");
  await breakOff(server, "file", zeros(8191), 1000);
  await nothingLeft(server);
  await assertUsed(server, client, 2);
});

Deno.test("remove gives all back, and move what it replaces", async () => {
  await using server = room(30);
  using client = await server.login();
  const paths = ["a/b/c/d/e/f", "a/b/g", "a/h/i", "j"];
  for (const path of paths) assertEquals(await send(client, path, 1), "ok");
  for (const path of ["k", "l", "m", "m/n"]) await mkdir(client, path);
  await assertUsed(server, client, 14);
  const move = { type: "move", replace: true } as const;
  await client.ask({ ...move, from: "m", to: "k" }, "ok");
  await client.ask({ ...move, from: "a/b/g", to: "j" }, "ok");
  await client.ask({ ...move, from: "j", to: "j" }, "ok");
  await client.ask({ ...move, from: "l", to: "l" }, "ok");
  await assertUsed(server, client, 12);
  await remove(client, "j");
  await remove(client, "l");
  await assertUsed(server, client, 10);
  // As an admin would.
  Deno.symlinkSync("k", server.path("a/link"));
  Deno.linkSync(server.path("a/h/i"), server.path("a/hard"));
  using clock = new LeapClock();
  clock.leap(3_600_001);
  await assertUsed(server, client, 12);
  await remove(client, "a/link");
  await assertUsed(server, client, 11);
  await remove(client, "a");
  await remove(client, "k");
  await assertUsed(server, client, 0);
});

Deno.test("a folder that follows rm -r waits for its room", async () => {
  await using server = room(40);
  using client = await server.login();
  for (let n = 0; n < 39; n++) await send(client, `a/${n}`, 0);
  await client.send(
    { type: "remove", path: "a", recursive: true },
    { type: "mkdir", path: "b/c", parents: true, mtime: null },
  );
  await client.sendPut("d/e", zeros(1));
  for (let n = 0; n < 3; n++) assertEquals(await outcome(client), "ok");
  await assertUsed(server, client, 4);
});

Deno.test("the first folder of a user with a limit waits for the walk", async () => {
  await using server = room(2);
  using client = await server.login();
  server.write("copied", "");
  assertEquals(
    await mkdir(client, "a/b", true),
    "needs 8 KiB, 4 KiB left of 8 KiB",
  );
  assertEquals(await mkdir(client, "a"), "ok");
  await assertUsed(server, client, 2);
});

Deno.test("over a limit that was lowered folders can be removed and moved, not made", async () => {
  using clock = new LeapClock();
  await using server = room(9);
  using client = await server.login();
  assertEquals(await mkdir(client, "a/b/c", true), "ok");
  {
    using database = new DatabaseSync(`${server.root}/.netdisk/netdisk.db`);
    database.exec("UPDATE users SET quota = 5000");
  }
  clock.leap(1001);
  assertEquals(await mkdir(client, "d"), "needs 4 KiB, 0 B left of 4.88 KiB");
  assertEquals(await mkdir(client, "a/b", true), "ok");
  await client.ask(
    { type: "move", from: "a/b/c", to: "c", replace: false },
    "ok",
  );
  await remove(client, "a");
  await assertUsed(server, client, 1);
});
