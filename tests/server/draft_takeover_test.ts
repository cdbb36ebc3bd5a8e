import { assertEquals } from "@std/assert";
import { Durability } from "../../server/durability.ts";
import { until } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { Fixture } from "./fixture.ts";
import { Patience } from "./patience.ts";
import {
  compose,
  deliver,
  DRAFT,
  inbox,
  people,
  refusal,
  sendFile,
} from "./sending.ts";

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
