import { assertEquals } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { Fixture } from "./fixture.ts";
import { Patience } from "./patience.ts";
import { begin } from "./resuming.ts";
import {
  compose,
  DRAFT,
  inbox,
  OTHER_DRAFT,
  people,
  refusal,
  send,
  sendFile,
  stored,
} from "./sending.ts";

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
