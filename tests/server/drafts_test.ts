import { assert, assertEquals, assertMatch } from "@std/assert";
import { MAX_PARCEL_FILES } from "../../protocol/parcels.ts";
import { AccountAdmin } from "../../server/admin/account_admin.ts";
import { openDatabase } from "../../server/database.ts";
import { MAX_DRAFTS } from "../../server/parcels.ts";
import { PostOffice } from "../../server/post_office.ts";
import { UserQuota } from "../../server/quota.ts";
import { dataFolder } from "../../server/storage_path.ts";
import { until } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { commitOf, putRequest, sha256Of } from "../helpers/test_client.ts";
import { type Connected, Fixture } from "./fixture.ts";
import { begin, breakOff, lose } from "./resuming.ts";
import {
  compose,
  CONTENT,
  deliver,
  DRAFT,
  inbox,
  OTHER_DRAFT,
  people,
  refusal,
  send,
  sendFile,
  stored,
  usedOf,
} from "./sending.ts";

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

/** What a session knows of its user. */
function personOf(server: Fixture, user: string) {
  using database = openDatabase(dataFolder(server.root));
  const { id } = new AccountAdmin(database).requireUser(user);
  return { user, userId: id };
}
