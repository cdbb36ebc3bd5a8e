import { assert, assertEquals, assertMatch } from "@std/assert";
import { BlockedSenders } from "../../server/blocked_senders.ts";
import { openDatabase } from "../../server/database.ts";
import { Parcels } from "../../server/parcels.ts";
import { replace } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  compose,
  deliver,
  DRAFT,
  inbox,
  people,
  refusal,
  send,
  sendFile,
  stored,
} from "./sending.ts";

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
