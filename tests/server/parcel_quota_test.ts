import { assertEquals } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { Random } from "../helpers/random.ts";
import { putRequest } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import {
  compose,
  CONTENT,
  deliver,
  DRAFT,
  OTHER_DRAFT,
  people,
  refusal,
  send,
  sendFile,
  stored,
  usedOf,
} from "./sending.ts";

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
