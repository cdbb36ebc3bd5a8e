import { assert, assertEquals, assertMatch } from "@std/assert";
import { MAX_PARCEL_FILES } from "../../protocol/parcels.ts";
import { AccountAdmin } from "../../server/admin/account_admin.ts";
import { UserFiles } from "../../server/admin/user_files.ts";
import { BlockedSenders } from "../../server/blocked_senders.ts";
import { openDatabase } from "../../server/database.ts";
import { Durability } from "../../server/durability.ts";
import { MAX_DRAFTS, Parcels } from "../../server/parcels.ts";
import { PostOffice } from "../../server/post_office.ts";
import { UserQuota } from "../../server/quota.ts";
import { dataFolder } from "../../server/storage_path.ts";
import { until } from "../helpers/deadline.ts";
import { DiskRecorder, replace } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { Random } from "../helpers/random.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import {
  commitOf,
  putRequest,
  sha256Of,
  type TestClient,
} from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";
import { Patience } from "./patience.ts";
import { begin, breakOff, complete, lose, prove, put } from "./resuming.ts";

const DRAFT = sha256Of("a draft");
const OTHER_DRAFT = sha256Of("another draft");
const CONTENT = new Random(3).bytes(300_000);

/** Two users; ben is about to send something to ann. */
async function people(
  server: Fixture,
): Promise<{ ann: Connected; ben: Connected }> {
  return { ann: await server.login("ann"), ben: await server.login("ben") };
}

function compose(client: TestClient, draft = DRAFT, to = "ann") {
  return client.ask({ type: "compose", to, draft }, "ok");
}

function deliver(
  client: TestClient,
  files: number,
  { draft = DRAFT, message = "" } = {},
) {
  return client.ask({ type: "deliver", draft, files, message }, "delivered");
}

async function sendFile(
  client: TestClient,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  await client.sendPut(path, content);
  await client.answer("receipt");
}

/** Sends a parcel of one small file, or of a message alone. */
async function send(
  client: TestClient,
  name?: string,
  content = "content",
): Promise<void> {
  const draft = sha256Of(crypto.randomUUID());
  await compose(client, draft);
  if (name !== undefined) await sendFile(client, name, content);
  await deliver(client, name === undefined ? 0 : 1, { draft, message: "hi" });
}

async function inbox(client: TestClient) {
  return (await client.ask({ type: "inbox", before: null }, "parcels")).parcels;
}

async function refusal(client: TestClient): Promise<string> {
  const { code, message } = await client.answer("error");
  return `${code}: ${message}`;
}

/** Files of drafts and parcels on the disk, without the names of their folders. */
function stored(server: Fixture, place: "drafts" | "inbox"): string[] {
  return filesBelow(`${server.root}/.netdisk/${place}`)
    .map((path) => path.replace(/\/[0-9a-f-]{36}/, "/ID"));
}

async function usedOf(client: TestClient): Promise<number> {
  return (await client.ask({ type: "quota" }, "quota")).used;
}

Deno.test("a parcel comes whole, when it is delivered, to its receiver alone", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  const cleo = await server.login("cleo");
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  await put(ben, "b.bin", CONTENT, { mtime: 1_700_000_000_000 });
  assertEquals(await inbox(ann), []);
  assertEquals(filesBelow(`${server.root}/users`), []);

  const message = "line one\n\tline two";
  const { time } = await deliver(ben, 2, { message });
  const [parcel] = await inbox(ann);
  const bytes = 5 + CONTENT.length;
  assertEquals(parcel, {
    number: 1,
    from: "ben",
    time,
    read: false,
    files: 2,
    bytes,
    line: "line one",
  });
  assertEquals(await inbox(ben), []);
  assertEquals(await inbox(cleo), []);

  for (const stranger of [ben, cleo]) {
    await stranger.send({ type: "open", number: 1 });
    assertEquals(await refusal(stranger), "not-found: there is no parcel 1");
  }
  assertEquals(await ann.ask({ type: "open", number: 1 }, "parcel"), {
    type: "parcel",
    number: 1,
    from: "ben",
    time,
    read: false,
    message,
  });
  const { entries } = await ann.ask({ type: "list", path: "" }, "entries");
  assertEquals(entries.map(({ name }) => name).sort(), ["a.txt", "b.bin"]);
  assertEquals(await ann.get("b.bin"), CONTENT);
  await ann.ask({ type: "leave" }, "ok");
  const own = await ann.ask({ type: "list", path: "" }, "entries");
  assertEquals(own.entries, []);

  assertEquals((await ann.ask({ type: "unread" }, "unread")).count, 1);
  await ann.ask({ type: "read", number: 1 }, "ok");
  assertEquals((await ann.ask({ type: "unread" }, "unread")).count, 0);
  assert((await inbox(ann))[0]!.read);
});

Deno.test("a parcel that is delivered twice is one, and its draft is over", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  const first = await deliver(ben, 1);
  assertEquals(await deliver(ben, 1), first);
  // Behind it, files are the sender's own again.
  await sendFile(ben, "own.txt", "own");
  assertEquals(Deno.readTextFileSync(server.path("own.txt", "ben")), "own");
  assertEquals((await inbox(ann)).length, 1);
  // The same once more is another parcel.
  await compose(ben);
  await deliver(ben, 0);
  assertEquals((await inbox(ann)).map(({ number }) => number), [2, 1]);
  assertEquals(stored(server, "inbox"), ["ann/ID/a.txt"]);
});

Deno.test("an interrupted parcel goes on, also with what had its receipt", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  const mtime = 1_700_000_000_000;
  await compose(ben);
  await put(ben, "whole.bin", CONTENT, { mtime });
  await begin(ben, "half.bin", CONTENT);
  await ben.sendData(CONTENT.subarray(0, 200_000));
  await lose(server, ben);

  const again = await server.login("ben");
  // Not what ben has begun for himself, nor what ann has.
  assertEquals(await begin(again, "half.bin", CONTENT), 0);
  await again.ask({ type: "cancel" }, "cancelled");
  assertEquals(await begin(ann, "half.bin", CONTENT), 0);
  await ann.ask({ type: "cancel" }, "cancelled");
  await compose(again);
  const whole = CONTENT.length;
  assertEquals(await put(again, "whole.bin", CONTENT, { mtime }), whole);
  assertEquals(await begin(again, "half.bin", CONTENT), 200_000);
  assertEquals(await prove(again, CONTENT, 200_000), 200_000);
  await complete(again, CONTENT, 200_000);
  await deliver(again, 2);
  assertEquals((await inbox(ann))[0]!.bytes, 2 * CONTENT.length);
  assertEquals(server.uploads(), []);
});

Deno.test("a parcel with other files than its sender says is not delivered", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  const request = { type: "deliver", draft: DRAFT, message: "" } as const;
  for (const files of [0, 2]) {
    await ben.send({ ...request, files });
    assertEquals(
      await refusal(ben),
      `changed: it has 1 files, not ${files}`,
    );
  }
  assertEquals(await inbox(ann), []);
  await compose(ben);
  await sendFile(ben, "b.txt", "second");
  await deliver(ben, 2);
  assertEquals((await inbox(ann))[0]!.files, 2);
});

Deno.test("a draft is in one connection's hands, and another one waits for it", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  const { ann, ben } = await people(server);
  const other = await server.login("ben");
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  await other.send({ type: "compose", to: "ann", draft: DRAFT });
  await patience.waiting();
  await deliver(ben, 1, { message: "one" });
  // The same command once more is another parcel.
  await other.answer("ok");
  await sendFile(other, "a.txt", "first");
  await deliver(other, 1, { message: "two" });
  const lines = (await inbox(ann)).map(({ line }) => line);
  assertEquals(lines, ["two", "one"]);
  assertEquals(server.log.lines("dropped"), []);
});

Deno.test("the same from several connections at once is a parcel from each", async () => {
  await using server = new Fixture();
  const { ann } = await people(server);
  const names = [..."abcde"];
  await Promise.all(names.map(async (name) => {
    using client = await server.login("ben");
    await compose(client);
    await sendFile(client, name, name);
    await deliver(client, 1, { message: name });
  }));
  const lines = (await inbox(ann)).map(({ line, files }) => [line, files]);
  assertEquals(lines.sort(), names.map((name) => [name, 1]));
});

Deno.test("who is heard of keeps a draft, whatever others want with it", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  const { ann, ben } = await people(server);
  const other = await server.login("ben");
  await compose(ben);
  for (
    const request of [
      { type: "compose", to: "ann", draft: DRAFT },
      { type: "deliver", draft: DRAFT, files: 1, message: "" },
      { type: "abandon", draft: DRAFT },
    ] as const
  ) {
    await other.send(request);
    await patience.waiting();
    patience.leap(1000);
    await ben.ask({ type: "ping" }, "pong");
    patience.leap(2000);
    assertEquals(
      await refusal(other),
      "busy: the same is on its way over another connection",
    );
  }
  await sendFile(ben, "a.txt", "first");
  await deliver(ben, 1);
  assertEquals((await inbox(ann)).length, 1);
});

Deno.test("a connection that is silent loses its draft to another one", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  const { ann, ben } = await people(server);
  const other = await server.login("ben");
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  await other.send({ type: "compose", to: "ann", draft: DRAFT });
  await patience.waiting();
  patience.leap(3000);
  assertEquals(await ben.error(), "timeout");
  await other.answer("ok");
  await deliver(other, 1);
  assertEquals((await inbox(ann)).length, 1);
});

Deno.test("who leaves while it waits for a draft does not get it", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  const { ann, ben } = await people(server);
  const [gone, other] = [await server.login("ben"), await server.login("ben")];
  await compose(ben);
  await gone.send({ type: "compose", to: "ann", draft: DRAFT });
  await patience.waiting();
  gone.close();
  patience.leap(3000);
  assertEquals(await ben.error(), "timeout");
  await gone.ended;
  await compose(other);
  await deliver(other, 0);
  assertEquals((await inbox(ann)).length, 1);
});

Deno.test("who waits for our disk is not silent", async () => {
  await using server = new Fixture();
  using patience = new Patience();
  const { ann, ben } = await people(server);
  const other = await server.login("ben");
  await compose(ben);
  const disk = Promise.withResolvers<void>();
  let syncs = 0;
  {
    using _slow = replace(Durability.prototype, "syncFile", (original) => {
      return async function (this: Durability, ...args) {
        syncs++;
        await disk.promise;
        await original.apply(this, args);
      };
    });
    await ben.sendPut("a.txt", "first");
    await until("the disk", () => syncs === 1);
    await other.send({ type: "compose", to: "ann", draft: DRAFT });
    await patience.waiting();
    patience.leap(3000);
    assertEquals(await other.error(), "busy");
    disk.resolve();
    await ben.answer("receipt");
  }
  await deliver(ben, 1);
  assertEquals((await inbox(ann)).length, 1);
});

Deno.test("a draft that is gone is not taken for one delivered before", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await deliver(ben, 0, { message: "hi" });
  await compose(ben);
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  await ben.send({ type: "deliver", draft: DRAFT, files: 0, message: "hi" });
  assertEquals(
    await refusal(ben),
    "denied: ann takes nothing from you",
  );
});

Deno.test("of a draft that is over no unfinished upload is left", async () => {
  await using server = new Fixture(null, false, 2_000_000, 4096);
  const { ann } = await people(server);
  const breakOffIn = async (draft: string) => {
    using client = await server.login("ben");
    await compose(client, draft);
    await begin(client, "late.bin", CONTENT);
    await client.sendData(CONTENT.subarray(0, 200_000));
    await lose(server, client);
  };
  await breakOff(server, "own.bin", CONTENT, 200_000);
  const own = server.uploads();
  await breakOffIn(OTHER_DRAFT);
  const ends: ((ben: Connected) => Promise<unknown>)[] = [
    (ben) => ben.ask({ type: "abandon", draft: DRAFT }, "ok"),
    (ben) => deliver(ben, 0),
  ];
  for (const end of ends) {
    await breakOffIn(DRAFT);
    assertEquals(server.uploads().length, 3);
    using ben = await server.login("ben");
    await end(ben);
    assertEquals(server.uploads().length, 2);
  }
  await breakOffIn(DRAFT);
  const late = await server.login("ben");
  await compose(late);
  await begin(late, "live.bin", CONTENT);
  await late.sendData(CONTENT.subarray(0, 200_000));
  await until("all uploads", () => server.uploads().length === 4);
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  late.close();
  await late.ended;
  await until("no upload of ben", () => server.uploads().length === 1);
  assertEquals(server.uploads(), own);
  await until(
    "room",
    async () => await usedOf(ann) === 200_000 + 4096,
  );
});

Deno.test("a delivered parcel is on the disk", async () => {
  await using server = new Fixture();
  const { ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  using disk = new DiskRecorder(server.root);
  await deliver(ben, 1);
  // Its folder has an id for a name, and was moved just now.
  assert(disk.steps.includes("sync TEMP"), disk.steps.join("\n"));
});

Deno.test("a draft that ends while its folder waits for room is not made anew", async () => {
  await using server = new Fixture(null, false, 1_000_000, 4096);
  const { ann, ben } = await people(server);
  const end = Promise.withResolvers<void>();
  let waiting = 0;
  {
    using _slow = replace(UserQuota.prototype, "reserve", (original) => {
      return async function (this: UserQuota, wish, settled) {
        const room = await original.call(this, wish, settled);
        waiting++;
        await end.promise;
        return room;
      };
    });
    await ben.send({ type: "compose", to: "ann", draft: DRAFT });
    await until("a slow compose", () => waiting === 1);
    await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
    end.resolve();
    assertEquals(await refusal(ben), "denied: ann takes nothing from you");
  }
  assertEquals(stored(server, "drafts"), []);
  assertEquals(await usedOf(ann), 0);
});

Deno.test("a receiver is told who has drafts", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  const coming = async () =>
    (await ann.ask({ type: "coming" }, "coming")).users;
  await send(ben);
  assertEquals(await coming(), []);
  await compose(ben);
  await compose(ben, OTHER_DRAFT);
  assertEquals(await coming(), ["ben"]);
  await compose(ann, DRAFT, "ben");
  assertEquals(await coming(), ["ben"]);
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  assertEquals(await coming(), []);
});

Deno.test("who is blocked holds no room any more, however slow", async () => {
  await using server = new Fixture(null, false, 1_000_000, 4096);
  const { ann, ben } = await people(server);
  await compose(ben);
  await begin(ben, "large.bin", new Uint8Array(900_000));
  await ben.sendData(new Uint8Array(1000));
  await until("the first piece", () => server.uploads().length === 1);
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  await ben.sendData(new Uint8Array(1000));
  assertEquals(
    await refusal(ben),
    "denied: ann takes nothing from you",
  );
  await sendFile(ann, "own.bin", new Uint8Array(900_000));
});

Deno.test("who is blocked and says nothing more is ended, and holds no room either", async () => {
  await using server = new Fixture(null, false, 1_000_000, 4096);
  using patience = new Patience();
  const { ann, ben } = await people(server);
  await compose(ben);
  await begin(ben, "large.bin", new Uint8Array(900_000));
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  await patience.waiting();
  patience.leap(3000);
  assertEquals(await ben.error(), "timeout");
  await ben.ended;
  await sendFile(ann, "own.bin", new Uint8Array(900_000));
});

Deno.test("what is under way when its draft ends comes too late", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await ben.send(putRequest("late.txt", 1));
  await ben.sendData("x");
  await until("the upload", () => server.uploads().length === 1);
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  await ben.send(commitOf("x"));
  const blocked = "denied: ann takes nothing from you";
  assertEquals(await refusal(ben), blocked);
  await ben.sendPut("a.txt", "another");
  assertEquals(await refusal(ben), blocked);
  await ben.send({ type: "deliver", draft: DRAFT, files: 1, message: "" });
  assertEquals(await refusal(ben), blocked);
  assertEquals([...stored(server, "drafts"), ...server.uploads()], []);
});

Deno.test("a draft belongs to its sender alone", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  // The same name of a draft is another one.
  for (const type of ["deliver", "abandon"] as const) {
    const more = type === "deliver" ? { files: 0, message: "" } : {};
    await ann.send({ type, draft: DRAFT, ...more } as never);
    assertEquals(
      await refusal(ann),
      "not-found: there is no such draft any more",
    );
  }
  await compose(ann);
  await deliver(ann, 0);
  assertEquals((await inbox(ann))[0]!.files, 0);
  await ben.send({ type: "compose", to: "ben", draft: DRAFT });
  assertEquals(await refusal(ben), "exists: the draft is for somebody else");
  await deliver(ben, 1);
});

Deno.test("a draft takes files with plain names, and nothing else", async () => {
  await using server = new Fixture();
  const { ben } = await people(server);
  await compose(ben);
  for (const path of ["a/b", "", "a/b/c"]) {
    await ben.sendPut(path, "x");
    assertMatch(await refusal(ben), /^bad-name: a file of a parcel/);
  }
  const denied = "denied: that cannot be done in a parcel";
  for (
    const request of [
      { type: "mkdir", path: "a", parents: true, mtime: null },
      { type: "move", from: "a", to: "b", replace: true },
      { type: "remove", path: "a", recursive: true },
      { type: "touch", path: "a", mtime: 0, executable: null },
      { type: "list", path: "" },
      { type: "stat", path: "" },
      { type: "get", path: "a", prefix: null },
      { type: "digest", path: "a" },
    ] as const
  ) {
    await ben.send(request);
    assertEquals(await refusal(ben), denied, request.type);
  }
  for (let i = 0; i < MAX_PARCEL_FILES; i++) await sendFile(ben, `${i}`, "");
  await ben.sendPut("one-more", "");
  assertEquals(
    await refusal(ben),
    "too-large: a parcel has at most 100 files",
  );
  // Neither does the next connection.
  await compose(ben);
  await ben.sendPut("one-more", "");
  assertEquals(await ben.error(), "too-large");
  await sendFile(ben, "7", "another");
  await deliver(ben, MAX_PARCEL_FILES);
});

Deno.test("a parcel of the inbox stays as it was sent", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await send(ben, "a.txt");
  await ann.ask({ type: "open", number: 1 }, "parcel");
  await ann.sendPut("b.txt", "more");
  assertEquals(await refusal(ann), "denied: that cannot be done in a parcel");
  await ann.send({ type: "remove", path: "a.txt", recursive: false });
  assertEquals(await refusal(ann), "denied: that cannot be done in a parcel");
  await ann.send({ type: "get", path: "../../../users/ben/x", prefix: null });
  assertEquals((await ann.answer("error")).code, "protocol");
  assertEquals(stored(server, "inbox"), ["ann/ID/a.txt"]);
});

Deno.test("behind a refused compose, open or deliver there are no files", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await sendFile(ben, "own.txt", "own");
  await send(ben, "a.txt");
  const refused =
    "denied: there are no files here, as what was to be opened was refused";
  const deny = async (client: TestClient) => {
    for (const ask of [false, true]) {
      await client.send(putRequest("own.txt", 1, { ask }));
      if (!ask) {
        await client.sendData("x");
        await client.send(commitOf("x"));
      }
      assertEquals(await refusal(client), refused);
    }
    for (
      const request of [
        { type: "mkdir", path: "a", parents: true, mtime: null },
        { type: "move", from: "own.txt", to: "b", replace: true },
        { type: "remove", path: "own.txt", recursive: false },
        { type: "touch", path: "own.txt", mtime: 0, executable: null },
        { type: "list", path: "" },
        { type: "stat", path: "own.txt" },
        { type: "get", path: "own.txt", prefix: null },
        { type: "digest", path: "own.txt" },
      ] as const
    ) {
      await client.send(request);
      assertEquals(await refusal(client), refused, request.type);
    }
  };
  const nobody = { type: "compose", to: "nobody", draft: DRAFT } as const;
  // As one that does not wait for the answer.
  await ben.send(nobody);
  await ben.sendPut("own.txt", "x");
  assertEquals(await refusal(ben), "not-found: there is no user 'nobody'");
  assertEquals(await refusal(ben), refused);
  await deny(ben);
  // Nor for the files of another draft that was open before.
  await compose(ben);
  await sendFile(ben, "b.txt", "second");
  await ben.send(nobody);
  assertEquals(await ben.error(), "not-found");
  await deny(ben);
  await ben.send({ type: "deliver", draft: DRAFT, files: 2, message: "" });
  assertEquals(await ben.error(), "changed");
  await deny(ben);

  await ann.ask({ type: "open", number: 1 }, "parcel");
  await ann.send({ type: "open", number: 2 });
  assertEquals(await ann.error(), "not-found");
  await deny(ann);
  assertEquals(filesBelow(`${server.root}/users`), ["ben/own.txt"]);
  assertEquals(Deno.readTextFileSync(server.path("own.txt", "ben")), "own");
  assertEquals(server.uploads(), []);
});

Deno.test("what ends the state behind a refusal", async () => {
  await using server = new Fixture();
  const { ben } = await people(server);
  await compose(ben);
  const ends: (() => Promise<unknown>)[] = [
    () => ben.ask({ type: "leave" }, "ok"),
    async () => {
      await ben.send({ type: "abandon", draft: OTHER_DRAFT });
      assertEquals(await ben.error(), "not-found");
    },
    () => deliver(ben, 0),
  ];
  for (const [index, end] of ends.entries()) {
    await ben.send({ type: "open", number: 99 });
    assertEquals(await ben.error(), "not-found");
    await ben.sendPut("own.txt", "x");
    assertEquals(await ben.error(), "denied");
    await end();
    await sendFile(ben, `own${index}.txt`, "own");
  }
  await ben.send({ type: "open", number: 99 });
  assertEquals(await ben.error(), "not-found");
  await compose(ben, OTHER_DRAFT);
  await sendFile(ben, "to-ann.txt", "x");
  assertEquals(filesBelow(`${server.root}/users`), [
    "ben/own0.txt",
    "ben/own1.txt",
    "ben/own2.txt",
  ]);
  assertEquals(stored(server, "drafts"), ["ann/ID/to-ann.txt"]);
});

Deno.test("drafts and parcels count for the receiver, who has no room to tell of", async () => {
  await using server = new Fixture(null, false, 1_000_000, 4096);
  const { ann, ben } = await people(server);
  await sendFile(ann, "own.bin", CONTENT);
  const own = await usedOf(ann);
  await compose(ben);
  await sendFile(ben, "a.bin", CONTENT);
  const folder = 4096;
  assertEquals(await usedOf(ann), own + CONTENT.length + folder);
  assertEquals(await usedOf(ben), 0);
  const noRoom = "quota: ann has no room for it";
  await ben.send(putRequest("b.bin", 500_000, { ask: true }));
  assertEquals(await refusal(ben), noRoom);
  await ben.sendPut("b.bin", new Random(5).bytes(500_000));
  assertEquals(await refusal(ben), noRoom);
  await ben.send(putRequest("pipe.bin", null, { ask: true }));
  await ben.answer("continue");
  await ben.sendData(new Random(5).bytes(500_000));
  await ben.send({ type: "cancel" });
  assertEquals(await refusal(ben), noRoom);
  await deliver(ben, 1);
  assertEquals(await usedOf(ann), own + CONTENT.length + folder);

  await ann.ask({ type: "save", number: 1, to: "" }, "ok");
  assertEquals(await usedOf(ann), own + CONTENT.length + folder);
  await ann.ask({ type: "discard", number: 1 }, "ok");
  await until("room", async () => await usedOf(ann) === own + CONTENT.length);
  await compose(ben, OTHER_DRAFT);
  await sendFile(ben, "a.bin", CONTENT);
  await ben.ask({ type: "abandon", draft: OTHER_DRAFT }, "ok");
  await until("room", async () => await usedOf(ann) === own + CONTENT.length);
  assertEquals(stored(server, "drafts"), []);
});

Deno.test("a walk counts what lies in drafts and inbox", async () => {
  await using server = new Fixture(null, false, null, 4096);
  const { ann, ben } = await people(server);
  await send(ben, "a.txt");
  await compose(ben);
  await sendFile(ben, "b.bin", CONTENT);
  // Without a limit nothing is kept: each question walks.
  assertEquals(await usedOf(ann), 4096 + 4096 + 4096 + CONTENT.length);
});

Deno.test("a full user does not even get a message", async () => {
  await using server = new Fixture(null, false, 4096, 4096);
  const { ann, ben } = await people(server);
  await sendFile(ann, "own", "x");
  await ben.send({ type: "compose", to: "ann", draft: DRAFT });
  assertEquals(await refusal(ben), "quota: ann has no room for it");
  assertEquals((await ann.ask({ type: "coming" }, "coming")).users, []);
  await ann.ask({ type: "remove", path: "own", recursive: false }, "ok");
  await compose(ben);
  await deliver(ben, 0);
});

Deno.test("who is blocked sends nothing, nor what was begun before", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await send(ben, "before.txt");
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
  const { users } = await ann.ask({ type: "blocked" }, "blocked");
  assertEquals(users, ["ben"]);
  assertEquals(stored(server, "drafts"), []);
  await ben.sendPut("b.txt", "second");
  assertEquals(await ben.error(), "denied");
  await ben.send({ type: "deliver", draft: DRAFT, files: 1, message: "" });
  assertEquals(await ben.error(), "denied");
  await ben.send({ type: "compose", to: "ann", draft: DRAFT });
  assertEquals(await refusal(ben), "denied: ann takes nothing from you");
  // It is about ann alone, and what is there stays.
  await compose(ben, OTHER_DRAFT, "ben");
  assertEquals((await inbox(ann)).length, 1);
  await ann.ask({ type: "block", user: "ben", blocked: false }, "ok");
  await compose(ben);
  await ann.send({ type: "block", user: "nobody", blocked: true });
  assertEquals(await refusal(ann), "not-found: there is no user 'nobody'");
});

Deno.test("a block that comes between check and delivery holds", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  const { folders } = server.office;
  {
    using _late = replace(folders, "seal", (original) => {
      return async function (this: typeof folders, draft, count) {
        const contents = await original.call(this, draft, count);
        await ann.ask({ type: "block", user: "ben", blocked: true }, "ok");
        return contents;
      };
    });
    await ben.send({ type: "deliver", draft: DRAFT, files: 1, message: "" });
    assertEquals(await refusal(ben), "denied: ann takes nothing from you");
  }
  assertEquals(await inbox(ann), []);
  assertEquals([...stored(server, "inbox"), ...stored(server, "drafts")], []);
});

Deno.test("saved files are the user's own; nothing is replaced", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "from ben");
  await sendFile(ben, "b.txt", "as well");
  await deliver(ben, 2, { message: "keep" });
  await sendFile(ann, "b.txt", "own");
  await ann.send({ type: "save", number: 1, to: "" });
  assertEquals(
    await refusal(ann),
    "exists: b.txt: there is something of that name already",
  );
  await ann.send({ type: "save", number: 1, to: "b.txt" });
  assertEquals(await ann.error(), "not-folder");
  await ann.send({ type: "save", number: 2, to: "" });
  assertEquals(await ann.error(), "not-found");
  assertEquals(filesBelow(`${server.root}/users/ann`), ["b.txt"]);
  assertEquals(stored(server, "inbox").length, 2);

  await ann.ask({ type: "save", number: 1, to: "from/ben" }, "ok");
  assertEquals(server.read("from/ben/a.txt"), "from ben");
  assertEquals(server.read("b.txt"), "own");
  const [parcel] = await inbox(ann);
  assertEquals([parcel!.files, parcel!.bytes, parcel!.line], [0, 0, "keep"]);
  // As after a lost answer.
  await ann.ask({ type: "save", number: 1, to: "from/ben" }, "ok");
});

Deno.test("a save that breaks off in the middle puts everything back", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  for (const name of ["a", "b", "c"]) await sendFile(ben, name, name);
  await deliver(ben, 3);
  let renames = 0;
  {
    using _failing = replace(Deno, "renameSync", (original) => (from, to) => {
      if (++renames === 3) {
        throw Object.assign(new Error("no"), { code: "EIO" });
      }
      original(from, to);
    });
    await ann.send({ type: "save", number: 1, to: "new" });
    assertEquals(await ann.error(), "io");
  }
  assertEquals(filesBelow(`${server.root}/users/ann`), []);
  assertEquals(stored(server, "inbox").length, 3);
  await ann.ask({ type: "save", number: 1, to: "new" }, "ok");
  assertEquals(filesBelow(`${server.root}/users/ann`).length, 3);
});

Deno.test("a parcel that is discarded is gone, also while somebody reads it", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  const other = await server.login("ann");
  await send(ben, "a.txt");
  await other.ask({ type: "open", number: 1 }, "parcel");
  await ann.ask({ type: "discard", number: 1 }, "ok");
  await other.send({ type: "get", path: "a.txt", prefix: null });
  assertEquals(await other.error(), "not-found");
  await ann.send({ type: "discard", number: 1 });
  assertEquals(await refusal(ann), "not-found: there is no parcel 1");
  assertEquals(stored(server, "inbox"), []);
  // Its number never comes to mean another one.
  await send(ben);
  assertEquals((await inbox(ann))[0]!.number, 2);
});

Deno.test("an inbox comes in pages, the newest parcels first", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  for (let i = 0; i < 90; i++) await send(ben);
  const first = await ann.ask({ type: "inbox", before: null }, "parcels");
  const numbers = first.parcels.map(({ number }) => number);
  assertEquals(numbers, Array.from({ length: 80 }, (_, i) => 90 - i));
  assert(first.more);
  const last = await ann.ask({ type: "inbox", before: 11 }, "parcels");
  assertEquals(last.parcels.length, 10);
  assertEquals(last.more, false);
  for (let i = 90; i < 100; i++) await send(ben);
  await ben.send({ type: "compose", to: "ann", draft: DRAFT });
  assertMatch(await refusal(ben), /^quota: ann has 100 parcels from you/);
});

Deno.test("crashes between the disk and the database leave nothing half", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  const { office } = server;
  const draft = office.parcels.find(personOf(server, "ben"), DRAFT)!;
  // As a server that was killed before the database said so.
  await office.folders.seal(draft, 1);
  assertEquals(await inbox(ann), []);
  await deliver(ben, 1);
  assertEquals((await inbox(ann)).length, 1);

  await compose(ben, OTHER_DRAFT);
  await sendFile(ben, "a.txt", "first");
  const other = office.parcels.find(
    personOf(server, "ben"),
    OTHER_DRAFT,
  )!;
  await office.folders.seal(other, 1);
  // Or by whoever goes on with the draft.
  await compose(ben, OTHER_DRAFT);
  await sendFile(ben, "b.txt", "second");
  await deliver(ben, 2, { draft: OTHER_DRAFT });
  assertEquals((await inbox(ann))[0]!.files, 2);

  // A parcel that was deleted from the database only.
  const { key } = office.parcels.open(personOf(server, "ann"), 1);
  office.parcels.remove(key.id);
  assertEquals(stored(server, "inbox").length, 3);
  await office.sweep();
  assertEquals(stored(server, "inbox").length, 2);
});

Deno.test("drafts that nobody goes on with are swept, others are not", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  using database = openDatabase(dataFolder(server.root));
  let now = Date.now();
  const sweeper = new PostOffice(database, server.storage.parcels, {
    keepMs: 1000,
    now: () => now,
  });
  await send(ben, "delivered.txt");
  await compose(ben);
  await sendFile(ben, "a.txt", "first");
  await server.office.sweep();
  assertEquals(stored(server, "drafts"), ["ann/ID/a.txt"]);
  await sweeper.sweep();
  assertEquals(stored(server, "drafts"), ["ann/ID/a.txt"]);
  now += 100_000;
  await sweeper.sweep();
  assertEquals(stored(server, "drafts"), []);
  assertEquals(stored(server, "inbox"), ["ann/ID/delivered.txt"]);
  await ben.send({ type: "deliver", draft: DRAFT, files: 1, message: "" });
  assertEquals(await ben.error(), "not-found");
  assertEquals((await inbox(ann)).length, 1);
});

Deno.test("a draft in somebody's hands is not swept", async () => {
  await using server = new Fixture();
  const { ben } = await people(server);
  using database = openDatabase(dataFolder(server.root));
  let now = Date.now();
  const office = new PostOffice(database, server.storage.parcels, {
    keepMs: 1000,
    now: () => now,
  });
  const person = personOf(server, "ben");
  const request = { type: "compose", to: "ann", draft: DRAFT } as const;
  const client = { received: () => 0, drop() {} };
  const { draft } = await office.compose(person, request, client);
  now += 100_000;
  await office.sweep();
  assert(office.parcels.isKnown(draft.id));
  office.close(draft, client);
  await office.sweep();
  assert(office.parcels.isKnown(draft.id));
  now += 100_000;
  await office.sweep();
  assertEquals(office.parcels.isKnown(draft.id), false);
  ben.close();
});

Deno.test("one draft too many takes the place of the oldest that rests", async () => {
  await using server = new Fixture();
  const { ben } = await people(server);
  const drafts = Array.from(
    { length: MAX_DRAFTS + 1 },
    (_, i) => sha256Of(`draft ${i}`),
  );
  const other = await server.login("ben");
  await compose(other, drafts[0]!);
  for (const draft of drafts.slice(1)) {
    await compose(ben, draft);
    await sendFile(ben, "a.txt", "x");
  }
  assertEquals(stored(server, "drafts").length, MAX_DRAFTS - 1);
  await ben.send({
    type: "deliver",
    draft: drafts[1]!,
    files: 1,
    message: "",
  });
  assertEquals(await ben.error(), "not-found");
  await deliver(other, 0, { draft: drafts[0]! });
  await deliver(ben, 1, { draft: drafts[2]! });
});

Deno.test("an account that is removed takes its inbox along, a sender's parcels stay", async () => {
  await using server = new Fixture();
  const { ann, ben } = await people(server);
  await send(ben, "a.txt");
  await compose(ben);
  await sendFile(ben, "b.txt", "second");
  await compose(ann, DRAFT, "ben");
  await sendFile(ann, "to-ben.txt", "x");
  await deliver(ann, 1);
  using database = openDatabase(dataFolder(server.root));
  new AccountAdmin(database).removeUser("ann");
  await new UserFiles(server.root, "ann").removeParcels();
  assertEquals(stored(server, "drafts"), []);
  assertEquals(stored(server, "inbox"), ["ben/ID/to-ben.txt"]);
  await ben.sendPut("c.txt", "third");
  assertEquals(await refusal(ben), "not-found: there is no user 'ann'");
  await ben.ask({ type: "leave" }, "ok");
  await ben.send({ type: "deliver", draft: DRAFT, files: 1, message: "" });
  assertEquals(await ben.error(), "not-found");
  await ben.send({ type: "compose", to: "ann", draft: DRAFT });
  assertEquals(await ben.error(), "not-found");
  const [parcel] = await inbox(ben);
  assertEquals(parcel!.from, "ann");
  await ben.ask({ type: "open", number: parcel!.number }, "parcel");
  assertEquals(await ben.get("to-ben.txt"), new TextEncoder().encode("x"));
});

Deno.test("an inbox is full at some time, whoever sends", () => {
  using folder = tempFolder();
  using database = openDatabase(folder.path);
  database.run("PRAGMA synchronous = OFF");
  const blob = new Uint8Array(32);
  const people = Array.from({ length: 12 }, (_, userId) => {
    const user = `user${userId}`;
    database.run(
      "INSERT INTO users VALUES (?, ?, 0, ?, ?, 1, 1, 1, NULL, 0)",
      ...[userId, user, blob, blob],
    );
    return { userId, user };
  });
  const parcels = new Parcels(database, new BlockedSenders(database));
  const send = (sender: number, index: number) => {
    const draft = sha256Of(`${index}`);
    const request = { to: "user0", draft };
    const person = people[sender]!;
    const made = parcels.compose(person, request, () => false).draft;
    const contents = { files: 0, bytes: 0, message: "" };
    parcels.deliver(person, made, contents);
  };
  let refused = "";
  let sent = 0;
  try {
    for (; sent < 1100; sent++) send(1 + Math.floor(sent / 100), sent);
  } catch (error) {
    refused = (error as Error).message;
  }
  assertEquals([sent, refused], [1000, "the inbox of user0 is full"]);
});

/** What a session knows of its user. */
function personOf(server: Fixture, user: string) {
  using database = openDatabase(dataFolder(server.root));
  const { id } = new AccountAdmin(database).requireUser(user);
  return { user, userId: id };
}
