import { assertEquals } from "@std/assert";
import { EventDigest } from "../../server/event_digest.ts";
import { Fixture } from "./fixture.ts";

const RATE = { burst: 100, periodMs: 1000 };

Deno.test("a flood of events is some lines, then one a second, and none is lost", async () => {
  await using fixture = new Fixture();
  const digest = new EventDigest("refused", RATE);
  let now = 5000;
  for (let i = 0; i < 3600; i++) {
    digest.note({ peer: `p${i}` }, now);
    if (i % 10 === 9) digest.settle(now);
    now++;
  }
  digest.flush();
  digest.flush();
  const lines = fixture.log.lines("refused");
  const first = Array.from({ length: 100 }, (_, i) => `refused peer=p${i}`);
  assertEquals(lines.slice(0, 100), first);
  assertEquals(lines.slice(100), [
    "refused peer=p1000 count=901",
    "refused peer=p2000 count=1000",
    "refused peer=p3000 count=1000",
    "refused peer=p3599 count=599",
  ]);
});

Deno.test("after a quiet time events have lines of their own again", async () => {
  await using fixture = new Fixture();
  const digest = new EventDigest("handshake-failed", RATE);
  for (let i = 0; i < 200; i++) digest.note({ peer: "p" }, 0);
  digest.settle(10_000);
  const before = fixture.log.lines("handshake").length;
  assertEquals(before, 101);
  for (let i = 0; i < 20; i++) digest.note({ peer: "p" }, 10_000);
  assertEquals(fixture.log.lines("handshake").length, before + 9);
  digest.settle(11_000);
  assertEquals(
    fixture.log.lines("handshake").at(-1),
    "handshake-failed peer=p count=11",
  );
});
