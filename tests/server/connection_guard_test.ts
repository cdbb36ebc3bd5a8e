import { assert, assertEquals } from "@std/assert";
import {
  type Admission,
  ConnectionGuard,
  type GuardLimits,
  guardLimits,
} from "../../server/connection_guard.ts";
import { Random } from "../helpers/random.ts";

const pure = { permissions: "none" } as const;

const WIDE: GuardLimits = {
  total: 1000,
  perAddress: 1000,
  perUser: 1000,
  strangers: 1000,
  strangersPerAddress: 1000,
};

/** Never drops early, or always. */
const LUCKY = () => 1;
const UNLUCKY = () => 0;

/** A guard with these limits, and nobody refused by chance. */
function guardOf(limits: Partial<GuardLimits>, random = LUCKY) {
  return new ConnectionGuard({ ...WIDE, ...limits }, random);
}

/** Lets so many in from an address; all have to be admitted. */
function admitAll(
  guard: ConnectionGuard,
  count: number,
  address = "192.0.2.1",
): Admission[] {
  return Array.from({ length: count }, () => {
    const admission = guard.admit(address);
    if (typeof admission === "string") throw new Error(admission);
    return admission;
  });
}

Deno.test(
  "there is a limit for all connections, logged in or not",
  pure,
  () => {
    const guard = guardOf({ total: 3 });
    const [first] = admitAll(guard, 3);
    first!.admitUser("ann");
    assertEquals(guard.admit("198.51.100.1"), "too many connections");
    first!.release();
    first!.release();
    admitAll(guard, 1);
    assertEquals(guard.admit("198.51.100.1"), "too many connections");
  },
);

Deno.test("there is a limit for an address, and others have room", pure, () => {
  const guard = guardOf({ perAddress: 2 });
  for (const admission of admitAll(guard, 2)) admission.admitUser("ann");
  const refusal = "too many connections from this address";
  assertEquals(guard.admit("192.0.2.1"), refusal);
  assertEquals(guard.admit("::ffff:192.0.2.1"), refusal);
  admitAll(guard, 1, "192.0.2.2");
});

Deno.test("of IPv6 the first 64 bits are the address", pure, () => {
  const guard = guardOf({ perAddress: 2 });
  admitAll(guard, 1, "2001:db8:0:1::1");
  admitAll(guard, 1, "2001:db8:0:1:ffff::2");
  assertEquals(
    guard.admit("2001:db8:0:1::3"),
    "too many connections from this address",
  );
  admitAll(guard, 1, "2001:db8:0:2::1");
});

Deno.test("strangers of an address have a limit of their own", pure, () => {
  const guard = guardOf({ strangersPerAddress: 4 });
  const strangers = admitAll(guard, 4);
  const refusal = "too many connections without a login from this address";
  assertEquals(guard.admit("192.0.2.1"), refusal);
  admitAll(guard, 4, "192.0.2.2");
  assert(strangers[0]!.admitUser("ann"));
  assert(strangers[0]!.admitUser("ann"));
  admitAll(guard, 1);
  assertEquals(guard.admit("192.0.2.1"), refusal);
  strangers[1]!.release();
  admitAll(guard, 1);
  assertEquals(guard.strangers, 8);
});

Deno.test("strangers of all addresses have a limit together", pure, () => {
  const guard = guardOf({ strangers: 10 });
  for (let i = 0; i < 10; i++) admitAll(guard, 1, `192.0.2.${i}`);
  assertEquals(
    guard.admit("198.51.100.1"),
    "too many connections without a login",
  );
});

Deno.test("early drop begins at half of the limit and grows", pure, () => {
  const refused = [0.1, 0.3, 0.5, 0.7, 0.9].map((chance) => {
    const guard = guardOf({ strangersPerAddress: 10 }, () => chance);
    let count = 0;
    while (typeof guard.admit("192.0.2.1") !== "string") count++;
    return count;
  });
  assertEquals(refused, [6, 7, 8, 9, 10]);
  const guard = guardOf({ strangers: 10 }, UNLUCKY);
  admitAll(guard, 6);
  assertEquals(
    guard.admit("198.51.100.1"),
    "too many connections without a login",
  );
});

Deno.test("a user has a limit, from however many addresses", pure, () => {
  const guard = guardOf({ perUser: 2 });
  const all = [1, 2, 3].map((i) => admitAll(guard, 1, `192.0.2.${i}`)[0]!);
  assertEquals(all.map((it) => it.admitUser("ann")), [true, true, false]);
  assert(all[2]!.admitUser("bob"));
  all[0]!.release();
  const [another, more] = admitAll(guard, 2);
  assert(another!.admitUser("ann"));
  assertEquals(more!.admitUser("ann"), false);
});

Deno.test("the tables hold what lives, and nothing afterwards", pure, () => {
  const seeded = new Random(7);
  const random = () => seeded.below(1000) / 1000;
  const guard = guardOf({ perAddress: 20, perUser: 5 }, random);
  const live: Admission[] = [];
  for (let i = 0; i < 20_000; i++) {
    const address = `10.0.${Math.floor(random() * 200)}.1`;
    const admission = guard.admit(address);
    if (typeof admission !== "string") live.push(admission);
    const one = live[Math.floor(random() * live.length)];
    if (random() < 0.4) one?.admitUser(`user${Math.floor(random() * 300)}`);
    else if (random() < 0.8 && one) {
      one.release();
      live.splice(live.indexOf(one), 1);
    }
    assert(guard.tableSize <= 3 * guard.total);
    assertEquals(guard.total, live.length);
  }
  for (const admission of live) admission.release();
  assertEquals([guard.total, guard.strangers, guard.tableSize], [0, 0, 0]);
});

Deno.test("an address that floods leaves room for others", pure, () => {
  const seeded = new Random(1);
  const guard = new ConnectionGuard(
    guardLimits(10_000),
    () => seeded.below(1000) / 1000,
  );
  let taken = 0;
  for (let i = 0; i < 4000; i++) {
    if (typeof guard.admit("192.0.2.1") !== "string") taken++;
  }
  assert(taken > 500 && taken <= 1000, `${taken}`);
  // 500 clients of another office at once, none refused by chance.
  admitAll(guard, 500, "198.51.100.1");
});

Deno.test("a small total is nobody's to divide", pure, () => {
  assertEquals(guardLimits(10), {
    total: 10,
    perAddress: 10,
    perUser: 10,
    strangers: 10,
    strangersPerAddress: 10,
  });
  assertEquals(guardLimits(10_000), {
    total: 10_000,
    perAddress: 2500,
    perUser: 2500,
    strangers: 4000,
    strangersPerAddress: 1000,
  });
});
