import { assertEquals } from "@std/assert";
import { ClientLog } from "../../server/client_log.ts";
import { Fixture } from "./fixture.ts";

Deno.test("one user's flood is lines and counts, and takes no lines from others", async () => {
  await using fixture = new Fixture();
  let now = 0;
  const log = new ClientLog(() => now);
  for (let i = 0; i < 20_000; i++) log.note("ann", "get", { path: `p${i}` });
  log.note("bob", "get", { path: "bob" });
  log.note("ann", "put", { path: "another kind" });
  const count = () => fixture.log.lines("get").length;
  assertEquals(count(), 10_000 + 1);
  now += 1000;
  log.settle();
  assertEquals(fixture.log.lines("get").at(-1), "get path=p19999 count=10000");
  assertEquals(fixture.log.lines("put"), ['put path="another kind"']);
  // Twenty a second from then on, less the one above.
  for (let i = 0; i < 100; i++) log.note("ann", "get", { path: "later" });
  assertEquals(count(), 10_000 + 2 + 19);
  log.flush();
  assertEquals(fixture.log.lines("get").at(-1), "get path=later count=81");
});

Deno.test("a user who was quiet for long has all lines again", async () => {
  await using fixture = new Fixture();
  let now = 0;
  const log = new ClientLog(() => now);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 10_001; i++) log.note("ann", "get", {});
    log.flush();
    assertEquals(fixture.log.lines("get").length, (round + 1) * 10_001);
    now += 10_000 * 50;
    log.settle();
  }
});
