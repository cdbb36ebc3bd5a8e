import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { bytesBelow } from "../../server/disk_usage.ts";
import { plainFolders } from "../../server/folder_reader.ts";
import { costOfAtLeast, LEAST_COST } from "../../server/quota_cost.ts";
import { Storage } from "../../server/storage.ts";
import { until } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { Random } from "../helpers/random.ts";
import {
  type Bytes,
  commitOf,
  type PutOptions,
  putRequest,
  type TestClient,
} from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";
import {
  begin,
  breakOff,
  complete,
  lose,
  nothingLeft,
  partialName,
  plant,
  put,
} from "./resuming.ts";

const LIMIT = 1_000_000;
const CONTENT = new Random(11).bytes(LIMIT + 1);

/** Where only bytes count: so the numbers are easier to read. */
function limited(limit: number | null = LIMIT): Fixture {
  return new Fixture(null, false, limit);
}

function bytes(count: number): Uint8Array {
  return CONTENT.subarray(0, count);
}

async function usedOf(client: TestClient): Promise<number> {
  return (await client.ask({ type: "quota" }, "quota")).used;
}

/** A put that does not ask; `ok` or the refusal. */
async function send(
  client: TestClient,
  path: string,
  content: Bytes,
  options: PutOptions = {},
): Promise<string> {
  await client.sendPut(path, content, options);
  return await outcome(client);
}

async function outcome(client: TestClient): Promise<string> {
  const answer = await client.next();
  assert(answer && "type" in answer);
  if (answer.type !== "error") return "ok";
  return answer.code === "quota"
    ? `quota: ${answer.message}`
    : `${answer.code}`;
}

/** Asks for a put and is refused before any byte. */
async function refusal(
  client: TestClient,
  path: string,
  size: number | null,
): Promise<string> {
  await client.send(putRequest(path, size, { ask: true }));
  const { code, message } = await client.answer("error");
  assertEquals(code, "quota");
  return message;
}

/** What is on the disk of the user's, finished or not. */
async function onDisk(server: Fixture, least = 0): Promise<number> {
  const cost = costOfAtLeast(least);
  const files = await bytesBelow(server.path(""), plainFolders, cost);
  const uploads = `${server.root}/.netdisk/uploads/ann`;
  return files + await bytesBelow(uploads, plainFolders, cost);
}

Deno.test("a put that does not fit is refused before its first byte, with the numbers", async () => {
  await using server = limited();
  using client = await server.login();
  assertEquals(await put(client, "file", bytes(600_000)), 0);
  assertEquals(
    await refusal(client, "other", 400_001),
    "needs 400001 B, 400000 B left of 977 KiB",
  );
  assertEquals(
    await refusal(client, "other", 2_000_000),
    "needs 1.91 MiB, 391 KiB left of 977 KiB",
  );
  await nothingLeft(server);
  // What does not ask is drained.
  assertEquals(
    await send(client, "other", bytes(500_000)),
    "quota: needs 488 KiB, 391 KiB left of 977 KiB",
  );
  await nothingLeft(server);
  assertEquals(await put(client, "other", bytes(400_000)), 0);
  assertEquals(await send(client, "empty", ""), "ok");
  assertEquals(await usedOf(client), LIMIT);
});

Deno.test("two puts at once cannot exceed it, nor can a third when one fails", async () => {
  await using server = limited();
  using first = await server.login();
  using second = await server.login();
  await begin(first, "first", bytes(700_000));
  assertEquals(
    await refusal(second, "second", 300_001),
    "needs 300001 B, 300000 B left of 977 KiB",
  );
  assertEquals(await usedOf(second), 700_000);
  await begin(second, "second", bytes(300_000));
  await complete(first, bytes(700_000));
  await second.sendData(bytes(200_000));
  await second.send({ type: "cancel" });
  await second.answer("cancelled");
  assertEquals(await usedOf(first), 700_000);
  await begin(second, "second", bytes(300_000));
  await second.sendData(bytes(300_000).toReversed());
  await second.send(commitOf(bytes(300_000)));
  assertEquals(await second.error(), "integrity");
  assertEquals(await usedOf(first), 700_000);
  assertEquals(await put(second, "second", bytes(300_000)), 0);
  assertEquals(await usedOf(first), LIMIT);
});

Deno.test("of many small files in one pipeline only as many as fit are stored", async () => {
  await using server = limited();
  using client = await server.login();
  const content = bytes(30_000);
  const sending = (async () => {
    for (let n = 0; n < 50; n++) await client.sendPut(`file${n}`, content);
  })();
  const outcomes: string[] = [];
  for (let n = 0; n < 50; n++) outcomes.push(await outcome(client));
  await sending;
  assertEquals(outcomes.filter((text) => text === "ok").length, 33);
  assert(outcomes.slice(33).every((text) => text.startsWith("quota: needs")));
  assertEquals(await onDisk(server), 33 * 30_000);
  assertEquals(await usedOf(client), 33 * 30_000);
});

Deno.test("a full folder takes a file in the place of another one", async () => {
  await using server = limited();
  using client = await server.login();
  await put(client, "file", bytes(LIMIT));
  assertEquals(await put(client, "file", bytes(LIMIT).toReversed()), 0);
  assertEquals(
    await refusal(client, "file", LIMIT + 1),
    "needs 1 B, 0 B left of 977 KiB",
  );
  assertEquals(await send(client, "file", bytes(1000)), "ok");
  assertEquals(await usedOf(client), 1000);
});

Deno.test("one file replaced again and again in one pipeline is no fault", async () => {
  await using server = limited();
  using client = await server.login();
  await put(client, "file", bytes(LIMIT));
  const count = 12;
  const sending = (async () => {
    for (let n = 0; n < count; n++) {
      await client.sendPut("file", bytes(LIMIT - n));
    }
  })();
  for (let n = 0; n < count; n++) assertEquals(await outcome(client), "ok");
  await sending;
  assertEquals(await usedOf(client), LIMIT - count + 1);
});

Deno.test("a put fails when what it was to replace is gone and its room another one's", async () => {
  await using server = limited();
  using first = await server.login();
  using second = await server.login();
  await put(first, "file", bytes(LIMIT));
  await begin(first, "file", bytes(LIMIT - 1));
  await first.sendData(bytes(LIMIT - 1));
  await second.ask({ type: "remove", path: "file", recursive: false }, "ok");
  assertEquals(await send(second, "other", bytes(500_000)), "ok");
  await first.send(commitOf(bytes(LIMIT - 1)));
  assertEquals(
    await outcome(first),
    "quota: needs 977 KiB, 488 KiB left of 977 KiB",
  );
  await nothingLeft(server);
  assertEquals([...Deno.readDirSync(server.path(""))].length, 1);
  assertEquals(await usedOf(first), 500_000);
});

Deno.test("remove and move --replace give room back, other changes do not", async () => {
  await using server = limited();
  using client = await server.login();
  for (const name of ["a", "b", "c"]) await put(client, name, bytes(300_000));
  assertEquals(await usedOf(client), 900_000);
  const move = { type: "move", replace: true } as const;
  await client.ask({ ...move, from: "a", to: "b" }, "ok");
  assertEquals(await usedOf(client), 600_000);
  await client.ask({ ...move, from: "b", to: "b" }, "ok");
  await client.ask({ ...move, from: "b", to: "d" }, "ok");
  const mkdir = { type: "mkdir", parents: false, mtime: null } as const;
  await client.ask({ ...mkdir, path: "folder" }, "ok");
  await client.ask({ ...move, from: "d", to: "folder/d" }, "ok");
  assertEquals(await usedOf(client), 600_000);
  await client.ask({ type: "remove", path: "c", recursive: false }, "ok");
  assertEquals(await usedOf(client), 300_000);
  await client.ask({ type: "remove", path: "folder", recursive: true }, "ok");
  await until("its room", async () => await usedOf(client) === 0);
});

Deno.test("a put that follows rm -r waits for its room", async () => {
  await using server = limited();
  using client = await server.login();
  const names = Array.from({ length: 20 }, (_, n) => `big/${n}/file`);
  for (const name of names) await send(client, name, bytes(50_000));
  assertEquals(await usedOf(client), LIMIT);
  await client.send(
    { type: "remove", path: "big", recursive: true },
    putRequest("new", LIMIT, { ask: true }),
  );
  await client.answer("ok");
  await client.answer("continue");
  await complete(client, bytes(LIMIT));
  // One that does not ask is begun before the removal behind which it comes.
  await client.send({ type: "remove", path: "new", recursive: false });
  await client.sendPut("small", bytes(LIMIT));
  await client.answer("ok");
  assertEquals(await outcome(client), "ok");
  // Of a pipe nobody knows what it will need.
  await client.send({ type: "remove", path: "small", recursive: true });
  await client.send(putRequest("pipe", null));
  await client.sendData(bytes(LIMIT));
  await client.send(commitOf(bytes(LIMIT)));
  await client.answer("ok");
  assertEquals(await outcome(client), "ok");
  assertEquals(await onDisk(server), LIMIT);
});

for (const ask of [false, true]) {
  Deno.test(`a pipe ends where the quota does, one that ${ask ? "asks" : "does not ask"}`, async () => {
    await using server = limited();
    using client = await server.login();
    await put(client, "file", bytes(100_000));
    await client.send(putRequest("pipe", null, { ask }));
    if (ask) await client.answer("continue");
    await client.sendData(bytes(LIMIT));
    assertEquals(
      await outcome(client),
      "quota: needs 896 KiB, 879 KiB left of 977 KiB",
    );
    await client.send(commitOf(bytes(LIMIT)));
    await nothingLeft(server);
    assertEquals(await usedOf(client), 100_000);
    await client.send(putRequest("pipe", null, { ask }));
    if (ask) await client.answer("continue");
    await client.sendData(bytes(900_000));
    using other = await server.login();
    await until("the data", async () => await usedOf(other) === LIMIT);
    await client.send(commitOf(bytes(900_000)));
    assertEquals(await outcome(client), "ok");
    // In the place of what is there.
    await client.send(putRequest("pipe", null, { ask }));
    if (ask) await client.answer("continue");
    await client.sendData(bytes(899_999));
    await client.send(commitOf(bytes(899_999)));
    assertEquals(await outcome(client), "ok");
    assertEquals(await usedOf(client), LIMIT - 1);
  });
}

Deno.test("what stays of a broken upload counts, once, until it is completed", async () => {
  await using server = limited();
  using client = await server.login();
  await breakOff(server, "file", bytes(900_000), 600_000);
  assertEquals(await usedOf(client), 600_000);
  assertEquals(
    await refusal(client, "other", 400_001),
    "needs 400001 B, 400000 B left of 977 KiB",
  );
  await put(client, "small", bytes(200_000));
  // Without room for the rest it stays as it is.
  assertEquals(
    await refusal(client, "file", 900_000),
    "needs 293 KiB, 195 KiB left of 977 KiB",
  );
  assertEquals(server.uploads(), [partialName("file")]);
  assertEquals(await usedOf(client), 800_000);
  await client.ask({ type: "remove", path: "small", recursive: false }, "ok");
  assertEquals(await put(client, "file", bytes(900_000)), 600_000);
  assertEquals(await usedOf(client), 900_000);
  await nothingLeft(server);
});

Deno.test("of a replacement no more stays than there is room for", async () => {
  await using server = limited();
  using client = await server.login();
  await put(client, "file", bytes(800_000));
  await breakOff(server, "file", bytes(750_000).toReversed(), 500_000);
  assertEquals(await usedOf(client), LIMIT);
  assertEquals(await onDisk(server), LIMIT);
  const content = bytes(750_000).toReversed();
  assertEquals(await put(client, "file", content), 200_000);
  assertEquals(await usedOf(client), 750_000);
  await nothingLeft(server);
});

Deno.test("a file that shrank since its upload broke off takes what it needs", async () => {
  await using server = limited();
  using client = await server.login();
  await breakOff(server, "file", bytes(900_000), 800_000);
  assertEquals(await put(client, "file", bytes(500_000)), 500_000);
  assertEquals(await usedOf(client), 500_000);
  await breakOff(server, "file2", bytes(400_000), 300_000);
  assertEquals(await begin(client, "file2", bytes(400_000)), 300_000);
  await client.ask({ type: "prefix", sha256: null }, "continue");
  await complete(client, bytes(400_000).toReversed());
  assertEquals(await usedOf(client), 900_000);
});

Deno.test("partials count after a crash, and no more when they are swept away", async () => {
  using clock = new LeapClock();
  await using server = limited();
  using client = await server.login();
  plant(server, "file", bytes(700_000));
  Deno.writeFileSync(
    `${server.root}/.netdisk/uploads/ann/t-lost`,
    bytes(200_000),
  );
  assertEquals(
    await refusal(client, "other", 100_001),
    "needs 100001 B, 100000 B left of 977 KiB",
  );
  await server.storage.sweep();
  assertEquals(await usedOf(client), 700_000);
  using _ = replace(Date, "now", (original) => () => original() + 8 * 86400e3);
  await server.storage.sweep();
  assertEquals(server.uploads(), []);
  assertEquals(await usedOf(client), 0);
  assert(clock);
});

Deno.test("an admin's change counts while the server runs", async () => {
  using clock = new LeapClock();
  await using server = limited();
  using client = await server.login();
  using database = new DatabaseSync(`${server.root}/.netdisk/netdisk.db`);
  const set = (quota: number | null) => {
    database.prepare("UPDATE users SET quota = ? WHERE name = 'ann'")
      .run(quota);
    clock.leap(1001);
  };
  await put(client, "file", bytes(500_000));
  set(500_000);
  assertEquals(
    await refusal(client, "other", 1),
    "needs 1 B, 0 B left of 488 KiB",
  );
  // Below what is used: less may be stored, more not.
  set(100_000);
  assertEquals(
    await refusal(client, "other", 1),
    "needs 1 B, 0 B left of 97.7 KiB",
  );
  assertEquals(await send(client, "file", bytes(400_000)), "ok");
  assertEquals(
    await client.ask({ type: "quota" }, "quota"),
    { type: "quota", used: 400_000, limit: 100_000 },
  );
  set(-1);
  await put(client, "other", bytes(LIMIT));
  assertEquals(
    await client.ask({ type: "quota" }, "quota"),
    { type: "quota", used: 400_000 + LIMIT, limit: null },
  );
  set(null);
  assertEquals(
    await refusal(client, "third", 1),
    "needs 1 B, 0 B left of 977 KiB",
  );
});

Deno.test("a put that was begun before there was a limit has to fit at its end", async () => {
  using clock = new LeapClock();
  await using server = limited(null);
  using client = await server.login();
  using other = await server.login();
  using database = new DatabaseSync(`${server.root}/.netdisk/netdisk.db`);
  await begin(client, "file", bytes(700_000));
  await begin(other, "other", bytes(400_000));
  database.exec(`UPDATE users SET quota = ${LIMIT}`);
  clock.leap(1001);
  using third = await server.login();
  assertEquals(await send(third, "small", bytes(1)), "ok");
  await complete(client, bytes(700_000));
  await other.sendData(bytes(400_000));
  await other.send(commitOf(bytes(400_000)));
  assertEquals(
    await outcome(other),
    "quota: needs 391 KiB, 293 KiB left of 977 KiB",
  );
  assertEquals(await usedOf(third), 700_001);
});

Deno.test("without a limit nothing is walked through but for who asks", async () => {
  await using server = limited(null);
  let walks = 0;
  using _ = replace(Deno, "readDirSync", (original) => (path) => {
    if (`${path}`.startsWith(`${server.root}/users/`)) walks++;
    return original(path);
  });
  using client = await server.login();
  await put(client, "file", bytes(LIMIT));
  await put(client, "folder/file", bytes(1));
  await client.ask({ type: "remove", path: "folder", recursive: true }, "ok");
  assertEquals(walks, 0);
  await begin(client, "other", bytes(10));
  await client.sendData(bytes(5));
  using second = await server.login();
  await until("the data", async () => await usedOf(second) === LIMIT + 5);
  assert(walks > 0);
});

Deno.test("users have quotas of their own, and a new user that of nobody else", async () => {
  await using server = limited();
  using ann = await server.login();
  using bob = await server.login("bob");
  await put(ann, "file", bytes(LIMIT));
  await put(bob, "file", bytes(LIMIT));
  assertEquals(
    await refusal(bob, "more", 1),
    "needs 1 B, 0 B left of 977 KiB",
  );
  // As an admin removes one.
  Deno.removeSync(server.path("", "bob"), { recursive: true });
  server.storage.checkNewUser("bob");
  using again = await server.login("bob");
  assertEquals(await put(again, "file", bytes(LIMIT)), 0);
});

Deno.test("links have no bytes, and hard links count for each name", async () => {
  await using server = limited();
  using client = await server.login();
  await put(client, "file", bytes(300_000));
  Deno.linkSync(server.path("file"), server.path("hard"));
  Deno.symlinkSync("file", server.path("link"));
  using clock = new LeapClock();
  clock.leap(3_600_001);
  assertEquals(await usedOf(client), 600_000);
  await client.ask({ type: "remove", path: "link", recursive: false }, "ok");
  assertEquals(await usedOf(client), 600_000);
});

Deno.test("what an admin copies in is found within the hour", async () => {
  using clock = new LeapClock();
  await using server = limited();
  using client = await server.login();
  await put(client, "file", bytes(300_000));
  server.write("copied", "x".repeat(600_000));
  assertEquals(await send(client, "small", bytes(1)), "ok");
  assertEquals(await usedOf(client), 300_001);
  clock.leap(3_600_001);
  assertEquals(await send(client, "small", bytes(1)), "ok");
  await until("the walk", async () => await usedOf(client) === 900_001);
  // Removed again, it gives back no more than there was.
  server.write("unseen", "x".repeat(LIMIT));
  await client.ask({ type: "remove", path: "unseen", recursive: false }, "ok");
  assertEquals(await usedOf(client), 900_001);
});

Deno.test("the first put waits for the walk, and hears that it goes on", async () => {
  using _clock = new LeapClock();
  await using server = limited();
  using client = await server.login();
  Deno.mkdirSync(server.path("folder"));
  server.write("folder/file", "x".repeat(900_000));
  const gate = Promise.withResolvers<void>();
  using _ = replace(plainFolders, "read", (original) => {
    return async function* (folder: string) {
      if (folder.endsWith("/folder")) await gate.promise;
      yield* original.call(plainFolders, folder);
    };
  });
  const sending = client.sendPut("file", bytes(200_000));
  const answer = outcome(client);
  await until("a word", () => client.working > 1);
  // A change of another connection does not make the walk begin anew for ever.
  using other = await server.login();
  await other.send({ type: "move", from: "folder", to: "f", replace: false });
  await until("a word", () => client.working > 9);
  assert(Deno.lstatSync(server.path("folder")).isDirectory);
  gate.resolve();
  assertEquals(await answer, "quota: needs 195 KiB, 97.7 KiB left of 977 KiB");
  await sending;
  await other.answer("ok");
  assertEquals(await usedOf(client), 900_000);
});

Deno.test("a walk that fails refuses the put, and the next one tries again", async () => {
  await using server = limited();
  using client = await server.login();
  {
    using _ = replace(plainFolders, "read", () => () => {
      throw Object.assign(new Error("disk"), { code: "EIO" });
    });
    assertEquals(await send(client, "file", bytes(1)), "io");
    await client.send({ type: "quota" });
    assertEquals(await client.error(), "io");
  }
  assertEquals(await send(client, "file", bytes(1)), "ok");
});

function randomPath(random: Random): string {
  const file = `f${random.between(0, 5)}`;
  const folder = `d${random.between(0, 2)}`;
  return [file, folder, `${folder}/${file}`, `${folder}/e/${file}`][
    random.between(0, 3)
  ]!;
}

/** A put or change at random; false when the connection was given up. */
async function randomStep(
  client: Connected,
  random: Random,
  server: Fixture,
): Promise<boolean> {
  const path = randomPath(random);
  const size = random.between(0, 3) === 0
    ? random.between(0, 2) * 5000
    : random.between(0, 300_000);
  switch (random.between(0, 12)) {
    case 10:
    case 11: {
      const parents = random.between(0, 1) === 0;
      await client.send({ type: "mkdir", path, parents, mtime: null });
      await client.next();
      return true;
    }
    case 12:
      // Puts and folders that come at once.
      await client.sendPut(path, bytes(size));
      await client.send(
        { type: "mkdir", path: "e/e/e", parents: true, mtime: null },
        { type: "remove", path: "e", recursive: true },
      );
      await client.sendPut("e/f", bytes(1));
      for (let n = 0; n < 4; n++) await client.next();
      return true;
    case 0:
      await client.send({ type: "remove", path, recursive: true });
      await client.next();
      return true;
    case 1: {
      const to = randomPath(random);
      await client.send({ type: "move", from: path, to, replace: true });
      await client.next();
      return true;
    }
    case 2: {
      await client.send(putRequest(path, size, { ask: true }));
      const answer = await client.next();
      assert(answer && "type" in answer);
      if (answer.type !== "continue") return true;
      if (answer.offset === 0) await client.sendData(bytes(size >> 1));
      await lose(server, client).catch(() => {});
      return false;
    }
    case 3:
      await client.send(putRequest(path, null));
      await client.sendData(bytes(size));
      await client.send(commitOf(bytes(size)));
      await outcome(client);
      return true;
    case 4: {
      await client.send(putRequest(path, size, { ask: true }));
      const answer = await client.next();
      assert(answer && "type" in answer);
      if (answer.type !== "continue") return true;
      if (answer.offset > 0) {
        await client.ask({ type: "prefix", sha256: null }, "continue");
      }
      await client.sendData(bytes(size >> 1));
      await client.send({ type: "cancel" });
      await client.next();
      return true;
    }
    default:
      await send(client, path, bytes(size));
      return true;
  }
}

Deno.test("whatever several clients do, the disk has no more than the limit and what is replaced", async () => {
  await using server = new Fixture(null, false, LIMIT, LEAST_COST);
  const WORKERS = 5;
  let most = 0;
  const run = async (seed: number) => {
    const random = new Random(seed);
    let client = await server.login();
    for (let n = 0; n < 60; n++) {
      if (!await randomStep(client, random, server)) {
        client = await server.login();
      }
      most = Math.max(most, await onDisk(server, LEAST_COST));
    }
    client.close();
    await client.ended;
  };
  (await server.login()).close();
  await Promise.all(Array.from({ length: WORKERS }, (_, n) => run(n + 1)));
  // What is replaced is never more than what is there.
  assert(most <= 2 * LIMIT, `${most}`);
  assert(most > LIMIT / 2, `${most}`);
  await server.storage.sweep();
  using client = await server.login();
  const used = await usedOf(client);
  assertEquals(used, await onDisk(server, LEAST_COST));
  assert(used <= LIMIT, `${used}`);
  // The same as somebody new finds.
  const anew = new Storage(server.root, { limitOf: () => LIMIT });
  const user = await anew.openUser("ann");
  assertEquals((await user.usage()).used, used);
});
