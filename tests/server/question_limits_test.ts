import { assert, assertEquals } from "@std/assert";
import { Allowance, QuestionLimits } from "../../server/question_limits.ts";

const pure = { permissions: "none" } as const;

/** How often something is allowed in a row at one time, up to a limit. */
function countAllowed(isAllowed: () => boolean, most = 10_000): number {
  let count = 0;
  while (count < most && isAllowed()) count++;
  return count;
}

Deno.test("an allowance gives a burst, and then so many a second", pure, () => {
  const allowance = new Allowance({ perSecond: 4, burst: 20 }, 1000);
  assertEquals(countAllowed(() => allowance.take(1000)), 20);
  assertEquals(allowance.waitMs(1000), 250);
  assertEquals(countAllowed(() => allowance.take(1249)), 0);
  assertEquals(countAllowed(() => allowance.take(1250)), 1);
  assertEquals(countAllowed(() => allowance.take(3250)), 8);
  assertEquals(countAllowed(() => allowance.take(1e9)), 20);
});

Deno.test("one address gets few replies, and the others theirs", pure, () => {
  const limits = new QuestionLimits(0);
  assertEquals(countAllowed(() => limits.admits("192.0.2.1", 0)), 20);
  assertEquals(countAllowed(() => limits.admits("192.0.2.2", 0)), 20);
  assertEquals(countAllowed(() => limits.admits("192.0.2.1", 1000)), 4);
});

Deno.test(
  "datagrams are looked at so many times a second, whoever sent them",
  pure,
  () => {
    const limits = new QuestionLimits(0);
    assertEquals(countAllowed(() => limits.look(0) === 0), 200);
    const waitMs = limits.look(0);
    assert(waitMs > 0);
    assertEquals(limits.look(waitMs), 0);
    // Waiting as long as it says, for ten seconds, never gives more.
    let count = 0;
    for (let now = waitMs; now < 10_000;) {
      const wait = limits.look(now);
      if (wait === 0) count++;
      now += wait;
    }
    assert(count <= 2000, `${count} in ten seconds`);
  },
);

Deno.test(
  "addresses without end take no memory, and forget the oldest",
  pure,
  () => {
    const limits = new QuestionLimits(0);
    const used = "192.0.2.1";
    assertEquals(countAllowed(() => limits.admits(used, 0)), 20);
    for (let n = 0; n < 1023; n++) {
      limits.admits(
        `10.0.${n >> 8}.${n & 255}`,
        0,
      );
    }
    assertEquals(limits.admits(used, 0), false);
    // Asked once more than all the others, it is the last that is forgotten.
    for (let n = 0; n < 1023; n++) {
      limits.admits(
        `10.1.${n >> 8}.${n & 255}`,
        0,
      );
    }
    assertEquals(limits.admits(used, 0), false);
    for (let n = 0; n < 1024; n++) {
      limits.admits(
        `10.2.${n >> 8}.${n & 255}`,
        0,
      );
    }
    assertEquals(limits.admits(used, 0), true);
  },
);
