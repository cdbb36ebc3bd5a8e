import { assert, assertEquals } from "@std/assert";
import { AccountAdmin } from "../../server/admin/account_admin.ts";
import { UserFiles } from "../../server/admin/user_files.ts";
import { openDatabase } from "../../server/database.ts";
import { dataFolder } from "../../server/storage_path.ts";
import { DiskRecorder } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { Fixture } from "./fixture.ts";
import { begin, complete, lose, prove, put } from "./resuming.ts";
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
} from "./sending.ts";

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

/** What a session knows of its user. */
function personOf(server: Fixture, user: string) {
  using database = openDatabase(dataFolder(server.root));
  const { id } = new AccountAdmin(database).requireUser(user);
  return { user, userId: id };
}
