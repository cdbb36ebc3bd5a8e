import { assertEquals } from "@std/assert";
import { StoredFile } from "../../server/stored_file.ts";
import { until } from "../helpers/deadline.ts";
import { DiskRecorder, osError, replace } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { settled } from "../helpers/settled.ts";
import { commitOf, putRequest, sha256Of } from "../helpers/test_client.ts";
import {
  allClosed,
  begin,
  complete,
  lose,
  nothingLeft,
  partialName,
  prove,
  put,
} from "./resuming.ts";
import {
  assertHas,
  CONTENT,
  inodeOf,
  MIB,
  OPTIONS,
  SIZE,
  withFile,
} from "./having_file.ts";

Deno.test("the receipt comes when the file and its name are on the disk, whoever wrote them", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  using disk = new DiskRecorder(server.root);
  const gates = [0, 1].map(() => Promise.withResolvers<void>());
  using __ = replace(StoredFile.prototype, "sync", (original) => {
    return async function (this: StoredFile) {
      await gates[0]!.promise;
      await original.call(this);
      disk.steps.push("sync FILE");
    };
  });
  disk.hold(/^sync users\/ann\/a$/, gates[1]!.promise);
  await begin(client, "a/file", CONTENT, OPTIONS);
  await prove(client, CONTENT, SIZE);
  disk.steps = [];
  await client.send(commitOf(CONTENT));
  let receipts = 0;
  const receipt = client.answer("receipt").then(() => receipts++);
  await settled();
  assertEquals([disk.steps, receipts], [[], 0]);
  gates[0]!.resolve();
  await until("the sync", () => disk.count(/^sync FILE/) === 1);
  await settled();
  assertEquals(receipts, 0);
  gates[1]!.resolve();
  await receipt;
  assertEquals(disk.steps.filter((step) => !step.startsWith("sync users")), [
    "sync FILE",
    "remove TEMP",
  ]);
  assertEquals(disk.count(/^sync users\/ann\/a$/), 1);
  await nothingLeft(server);
});

Deno.test("a sync that fails is no receipt, and the file stays", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  {
    using __ = replace(
      StoredFile.prototype,
      "sync",
      () => () => Promise.reject(osError("EIO")),
    );
    await begin(client, "a/file", CONTENT, OPTIONS);
    await prove(client, CONTENT, SIZE);
    await client.send(commitOf(CONTENT));
    assertEquals(await client.error(), "io");
  }
  assertHas(server, CONTENT);
  await nothingLeft(server);
});

const changes: [what: string, isSeen: boolean, (path: string) => void][] = [
  ["written to", true, (path) => {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new TextEncoder().encode("other"));
  }],
  ["grown", true, (path) => {
    Deno.writeTextFileSync(path, "more", { append: true });
  }],
  ["cut", true, (path) => Deno.truncateSync(path, 3)],
  // As if this put had come before.
  ["replaced", false, (path) => {
    Deno.writeTextFileSync(`${path}.new`, "other");
    Deno.renameSync(`${path}.new`, path);
  }],
];
for (const [what, isSeen, change] of changes) {
  Deno.test(`a file that is ${what} meanwhile ${isSeen ? "has changed" : "was so later"}`, async () => {
    const { server, client } = await withFile();
    await using _ = server;
    await begin(client, "a/file", CONTENT, OPTIONS);
    await prove(client, CONTENT, SIZE);
    change(server.path("a/file"));
    const changed = Deno.readFileSync(server.path("a/file"));
    await client.send(commitOf(CONTENT));
    if (isSeen) assertEquals(await client.error(), "changed");
    else await client.answer("receipt");
    assertHas(server, changed);
    await nothingLeft(server);
  });
}

Deno.test("a file that is cut while it is looked at has changed", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  using __ = replace(StoredFile.prototype, "read", (original) => {
    return async function (this: StoredFile, target) {
      Deno.truncateSync(server.path("a/file"), MIB);
      return await original.call(this, target);
    };
  });
  await begin(client, "a/file", CONTENT, OPTIONS);
  await client.send({ type: "prefix", sha256: sha256Of(CONTENT) });
  assertEquals(await client.error(), "changed");
  await client.send({ type: "cancel" });
  await client.ask({ type: "ping" }, "pong");
  await nothingLeft(server);
});

Deno.test("links and folders in its place are refused as ever", async () => {
  const plants: [code: string, (path: string) => void][] = [
    ["is-folder", (path) => Deno.mkdirSync(path)],
    ["denied", (path) => Deno.symlinkSync("other", path)],
  ];
  for (const [code, plant] of plants) {
    for (const isLate of [false, true]) {
      const { server, client } = await withFile();
      await using _ = server;
      const path = server.path("a/file");
      Deno.copyFileSync(path, server.path("a/other"));
      if (isLate) {
        await begin(client, "a/file", CONTENT, OPTIONS);
        await prove(client, CONTENT, SIZE);
      }
      Deno.removeSync(path);
      plant(path);
      const last = isLate
        ? commitOf(CONTENT)
        : putRequest("a/file", SIZE, { ...OPTIONS, ask: true });
      await client.send(last);
      assertEquals(await client.error(), code);
      await client.ask({ type: "ping" }, "pong");
      await nothingLeft(server);
    }
  }
});

Deno.test("a file that cannot be read is sent whole", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  using __ = replace(
    StoredFile.prototype,
    "read",
    () => () => Promise.reject(osError("EIO")),
  );
  await begin(client, "a/file", CONTENT, OPTIONS);
  const none = { type: "prefix", sha256: null } as const;
  assertEquals((await client.ask(none, "continue")).offset, 0);
  await complete(client, CONTENT);
  assertHas(server, CONTENT);
  await nothingLeft(server);
});

Deno.test("its client hears how far it is, and may leave or cancel at any time", async () => {
  for (const end of ["commit", "cancel", "leave"]) {
    const { server, client } = await withFile();
    await using _ = server;
    using clock = new LeapClock();
    using __ = replace(StoredFile.prototype, "read", (original) => {
      return function (this: StoredFile, target) {
        clock.leap(2000);
        return original.call(this, target);
      };
    });
    const before = inodeOf(server);
    await begin(client, "a/file", CONTENT, OPTIONS);
    assertEquals((await client.answer("verifying")).done, MIB);
    if (end === "commit") {
      await client.send({ type: "prefix", sha256: sha256Of(CONTENT) });
      assertEquals((await client.answer("verifying")).done, 2 * MIB);
      assertEquals((await client.answer("verifying")).done, 3 * MIB);
      assertEquals((await client.answer("continue")).offset, SIZE);
      await client.ask(commitOf(CONTENT), "receipt");
    } else if (end === "cancel") {
      await client.send({ type: "cancel" });
      await allClosed(server);
    } else await lose(server, client);
    assertHas(server, CONTENT);
    assertEquals(inodeOf(server), before);
    await nothingLeft(server);
  }
});

Deno.test("the bytes that come after a wrong hash may be kept as any others", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  const other = CONTENT.toReversed();
  await begin(client, "a/file", other, OPTIONS);
  await prove(client, other, SIZE);
  await client.sendData(other.subarray(0, 1000));
  await lose(server, client);
  assertEquals(server.uploads(), [partialName("a/file")]);
  using again = await server.login();
  assertEquals(await put(again, "a/file", other, OPTIONS), 1000);
  assertHas(server, other);
  await nothingLeft(server);
});

Deno.test("who leaves when all is there leaves nothing but that", async () => {
  for (const isCancelled of [false, true]) {
    const { server, client } = await withFile();
    await using _ = server;
    await begin(client, "a/file", CONTENT, OPTIONS);
    await prove(client, CONTENT, SIZE);
    if (isCancelled) await client.ask({ type: "cancel" }, "cancelled");
    else await lose(server, client);
    assertHas(server, CONTENT);
    await nothingLeft(server);
  }
});

Deno.test("a put sees the effect of those before it, also of one that the disk still has", async () => {
  const { server, client } = await withFile();
  await using _ = server;
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise, 1);
  const other = CONTENT.subarray(0, 1000);
  await client.sendPut("a/file", other);
  const request = putRequest("a/file", SIZE, { ...OPTIONS, ask: true });
  await client.send(request);
  await settled();
  gate.resolve();
  await client.answer("receipt");
  const { offset } = await client.answer("continue");
  const proved = offset > 0 ? await prove(client, CONTENT, offset) : 0;
  await complete(client, CONTENT, proved);
  assertHas(server, CONTENT);
  await nothingLeft(server);
});
