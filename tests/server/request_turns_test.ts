import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { RequestTurns } from "../../server/request_turns.ts";

/** Always over its time. */
const NO_TIME = 0;

const nextRound = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("whoever comes first need not wait, nor who comes within the slice", () => {
  const turns = new RequestTurns(Infinity);
  assertEquals(turns.next("ann"), undefined);
  assertEquals(turns.next("ann"), undefined);
  assertEquals(turns.next("bob"), undefined);
});

Deno.test("owners take turns, however many connections each of them has", async () => {
  const turns = new RequestTurns(NO_TIME);
  turns.next("ann");
  const order: string[] = [];
  const waiting = ["ann", "ann", "ann", "bob", "carl"].map(async (owner) => {
    await turns.next(owner);
    order.push(owner);
  });
  await Promise.all(waiting);
  assertEquals(order, ["ann", "bob", "carl", "ann", "ann"]);
});

Deno.test("others are listened to while one always has more", async () => {
  const turns = new RequestTurns(NO_TIME);
  let isOver = false;
  let served = 0;
  const busy = (async () => {
    while (!isOver) {
      await turns.next("ann");
      served++;
    }
  })();
  await nextRound();
  await nextRound();
  isOver = true;
  await busy;
  assert(served > 0);
});

Deno.test("after a quiet time nobody has to wait", async () => {
  const turns = new RequestTurns(NO_TIME);
  turns.next("ann");
  await turns.next("ann");
  await nextRound();
  await nextRound();
  assertEquals(turns.next("ann"), undefined);
});
