import { assertEquals } from "@std/assert";
import { EventDigest } from "../../server/event_digest.ts";
import { Fixture } from "./fixture.ts";

Deno.test("a flood of events is one line a second, and none is lost", async () => {
  await using fixture = new Fixture();
  const digest = new EventDigest("refused");
  let now = 5000;
  for (let i = 0; i < 3500; i++) {
    digest.note({ peer: `p${i}` }, now);
    if (i % 10 === 9) digest.settle(now);
    now++;
  }
  digest.flush();
  digest.flush();
  assertEquals(fixture.log.lines("refused"), [
    "refused peer=p0",
    "refused peer=p1000 count=1000",
    "refused peer=p2000 count=1000",
    "refused peer=p3000 count=1000",
    "refused peer=p3499 count=499",
  ]);
});

Deno.test("one event now and then has a line of its own, at once", async () => {
  await using fixture = new Fixture();
  const digest = new EventDigest("handshake-failed");
  for (const now of [0, 1000, 2500]) digest.note({ peer: `p${now}` }, now);
  digest.note({ peer: "late" }, 2600);
  digest.settle(3400);
  assertEquals(fixture.log.lines("handshake").length, 3);
  digest.settle(3500);
  assertEquals(
    fixture.log.lines("handshake").at(-1),
    "handshake-failed peer=late",
  );
});
