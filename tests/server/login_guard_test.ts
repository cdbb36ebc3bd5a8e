import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { FailureTable, WINDOW_MS } from "../../server/failure_table.ts";
import {
  type Attempt,
  LoginGuard,
  MAX_FAILURES_PER_ACCOUNT,
  MAX_FAILURES_PER_ADDRESS,
  MAX_FAILURES_PER_PEER,
  MAX_REGISTRATIONS_PER_ADDRESS,
} from "../../server/login_guard.ts";

const NO_IO = { permissions: "none" } as const;

const HERE = "192.0.2.1";

/** A guard at a time that a test can move. */
class Guarded {
  time = 0;
  readonly guard: LoginGuard = new LoginGuard(() => this.time);

  guess(user: string, host: string, isKnown = false): Attempt {
    return this.guard.guess(user, host, { isKnown: () => isKnown });
  }

  fail(user: string, host: string, isKnown = false): void {
    this.guess(user, host, isKnown).failed();
  }

  /** What the next guess is told; undefined when it may begin. */
  refusal(user: string, host: string, isKnown = false): string | undefined {
    try {
      this.guess(user, host, isKnown).dropped();
      return undefined;
    } catch (error) {
      assert(error instanceof NetdiskError && error.code === "throttled");
      return error.message;
    }
  }

  /** Fails as often as it may within a time, asking each second. */
  failFor(ms: number, user: string, host: string, isKnown = false): number {
    let count = 0;
    for (const end = this.time + ms; this.time < end; this.time += 1000) {
      if (this.refusal(user, host, isKnown)) continue;
      this.fail(user, host, isKnown);
      count++;
    }
    return count;
  }
}

/** An address of the documentation's, other than {@link HERE}. */
function host(n: number): string {
  return `198.51.${n >> 8}.${n & 255}`;
}

Deno.test(
  "each failure after the third makes the next attempt wait longer",
  NO_IO,
  () => {
    const g = new Guarded();
    const waits: number[] = [];
    for (let n = 1; n < MAX_FAILURES_PER_PEER; n++) {
      assertEquals(g.refusal("ann", HERE), undefined);
      g.fail("ann", HERE);
      const refused = g.refusal("ann", HERE);
      const seconds = Number(/again in (\d+) s$/.exec(refused ?? "")?.[1] ?? 0);
      waits.push(seconds);
      if (seconds === 0) continue;
      g.time += seconds * 1000 - 1;
      assertEquals(
        g.refusal("ann", HERE),
        "too many failed attempts, try again in 1 s",
      );
      g.time += 1;
    }
    const slow = new Array(9).fill(60);
    assertEquals(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, ...slow, 60]);
  },
);

Deno.test(
  "20 failures an hour for an account from one address, then a block",
  NO_IO,
  () => {
    const g = new Guarded();
    assertEquals(g.failFor(WINDOW_MS, "ann", HERE), MAX_FAILURES_PER_PEER);
    // A sliding hour: at no time are there more than 20 within one.
    const times: number[] = [];
    for (; g.time < 5 * WINDOW_MS; g.time += 1000) {
      if (g.refusal("ann", HERE)) continue;
      g.fail("ann", HERE);
      times.push(g.time);
    }
    assert(times.length >= 3 * MAX_FAILURES_PER_PEER, `${times.length}`);
    times.forEach((time, n) => {
      const next = times[n + MAX_FAILURES_PER_PEER];
      if (next !== undefined) assert(next - time >= WINDOW_MS);
    });
  },
);

Deno.test(
  "a block says in how many minutes it ends, and lets go then",
  NO_IO,
  () => {
    const g = new Guarded();
    g.failFor(WINDOW_MS / 2, "ann", HERE);
    const first = 0;
    const left = Math.ceil((first + WINDOW_MS - g.time) / 60_000);
    assertEquals(
      g.refusal("ann", HERE),
      `too many failed attempts, try again in ${left} min`,
    );
    g.time = first + WINDOW_MS;
    assertEquals(g.refusal("ann", HERE), undefined);
  },
);

Deno.test(
  "100 failures an hour for an account from everywhere, whoever has it or nobody",
  NO_IO,
  () => {
    for (const user of ["ann", "nobody"]) {
      const g = new Guarded();
      for (let n = 0; n < MAX_FAILURES_PER_ACCOUNT; n++) g.fail(user, host(n));
      assertEquals(
        g.refusal(user, HERE),
        "too many failed attempts, try again in 60 min",
      );
      assertEquals(g.refusal("bob", HERE), undefined);
    }
  },
);

Deno.test(
  "an address that is known is not locked out by others, only by itself",
  NO_IO,
  () => {
    const g = new Guarded();
    for (let n = 0; n < MAX_FAILURES_PER_ACCOUNT; n++) g.fail("ann", host(n));
    for (let n = 0; n < MAX_FAILURES_PER_ADDRESS; n++) g.fail(`u${n}`, HERE);
    assert(g.refusal("ann", HERE));
    assertEquals(g.refusal("ann", HERE, true), undefined);
    const own = g.failFor(WINDOW_MS / 2, "ann", HERE, true);
    assertEquals(own, MAX_FAILURES_PER_PEER);
    assert(g.refusal("ann", HERE, true));
  },
);

Deno.test(
  "100 failures an hour from one address, over all accounts",
  NO_IO,
  () => {
    const g = new Guarded();
    for (let n = 0; n < MAX_FAILURES_PER_ADDRESS; n++) g.fail(`u${n}`, HERE);
    assert(g.refusal("ann", HERE));
    assertEquals(g.refusal("ann", host(1)), undefined);
    // An account of one's own does not clear that.
    g.guess("eve", HERE, true).succeeded();
    assert(g.refusal("ann", HERE));
  },
);

Deno.test(
  "the addresses of a /64 are one, and IPv4 in IPv6 is IPv4",
  NO_IO,
  () => {
    const g = new Guarded();
    for (let n = 1; n <= 4; n++) g.fail("ann", `2001:db8:0:7::${n}`);
    assert(g.refusal("ann", "2001:db8:0:7:ffff::1"));
    assertEquals(g.refusal("ann", "2001:db8:0:8::1"), undefined);
    for (let n = 1; n <= 4; n++) g.fail("ann", HERE);
    assert(g.refusal("ann", `::ffff:${HERE}`));
  },
);

Deno.test(
  "attempts under way count, so that many at once are no way around",
  NO_IO,
  () => {
    const g = new Guarded();
    const many: Attempt[] = [];
    while (!g.refusal("ann", HERE)) many.push(g.guess("ann", HERE));
    assertEquals(many.length, MAX_FAILURES_PER_PEER);
    for (const attempt of many.slice(4)) attempt.dropped();
    for (const attempt of many.slice(0, 4)) attempt.failed();
    g.time += 1000;
    // From here on only one at a time.
    const one = g.guess("ann", HERE);
    assert(g.refusal("ann", HERE));
    one.dropped();
    assertEquals(g.refusal("ann", HERE), undefined);

    const others: Attempt[] = [];
    for (let n = 0; !g.refusal("bob", host(n)); n++) {
      others.push(g.guess("bob", host(n)));
    }
    assertEquals(others.length, MAX_FAILURES_PER_ACCOUNT);
  },
);

Deno.test(
  "a success forgives what failed there before, and nothing elsewhere",
  NO_IO,
  () => {
    const g = new Guarded();
    for (let n = 0; n < 4; n++) g.fail("ann", HERE);
    for (let n = 0; n < 4; n++) g.fail("ann", host(1));
    g.time += 1000;
    g.guess("ann", HERE).succeeded();
    g.fail("ann", HERE);
    assertEquals(g.refusal("ann", HERE), undefined);
    g.fail("ann", host(1));
    assert(g.refusal("ann", host(1)));
    for (let n = 9; n < MAX_FAILURES_PER_ACCOUNT - 1; n++) {
      g.fail("ann", host(n));
    }
    assert(
      g.refusal("ann", host(500)),
      "the account's failures are still there",
    );
  },
);

Deno.test("a session counts its guesses wherever they are made", NO_IO, () => {
  const g = new Guarded();
  const options = { isKnown: () => true, session: "of ann" };
  let count = 0;
  for (let n = 0; g.time < WINDOW_MS; n++, g.time += 61_000) {
    try {
      g.guard.guess("ann", host(n), options).failed();
      count++;
    } catch (error) {
      assert(error instanceof NetdiskError && error.code === "throttled");
    }
  }
  assertEquals(count, MAX_FAILURES_PER_PEER);
});

Deno.test(
  "20 registrations an hour from an address, wrong invites included",
  NO_IO,
  () => {
    const g = new Guarded();
    const { guard } = g;
    for (let n = 0; n < MAX_REGISTRATIONS_PER_ADDRESS; n++) {
      const attempt = guard.registration(HERE, true);
      if (n % 2 === 0) attempt.succeeded();
      else attempt.failed();
      guard.registration(host(1), true).dropped();
    }
    const { code, message } = assertThrows(
      () => guard.registration(HERE, true),
      NetdiskError,
    );
    assertEquals(code, "throttled");
    assertEquals(
      message,
      "too many registrations from there, try again in 60 min",
    );
    guard.registration(host(1), true).failed();
    g.time += WINDOW_MS;
    guard.registration(HERE, true).succeeded();
  },
);

Deno.test(
  "who is on the server's machine registers as many as they like, where that is open",
  NO_IO,
  () => {
    const { guard } = new Guarded();
    for (let n = 0; n <= MAX_REGISTRATIONS_PER_ADDRESS; n++) {
      guard.registration("127.0.0.1", true).succeeded();
      guard.registration("::1", true).succeeded();
    }
    for (let n = 0; n < MAX_REGISTRATIONS_PER_ADDRESS; n++) {
      guard.registration("127.0.0.1", false).failed();
    }
    assertThrows(() => guard.registration("127.0.0.1", false), NetdiskError);
  },
);

Deno.test(
  "a full table lets go of what expired, then of who failed least",
  NO_IO,
  () => {
    const table = new FailureTable(20, { maxEntries: 10 });
    const fail = (key: string, now: number, times = 1) => {
      for (let n = 0; n < times; n++) {
        table.begin(key, now);
        table.failed(key, now);
      }
    };
    fail("old", 0);
    fail("blocked", 1000, 20);
    for (let n = 0; n < 10_000; n++) fail(`filler${n}`, 2000 + n);
    assertEquals(table.size, 10);
    assert(table.waitMs("blocked", 20_000) > 0);
    assertEquals(table.waitMs("old", 20_000), 0);
    fail("new", WINDOW_MS + 20_000);
    assertEquals(table.size, 1);
  },
);

Deno.test(
  "an attempt that is dropped or succeeds leaves nothing behind",
  NO_IO,
  () => {
    const table = new FailureTable(20);
    for (let n = 0; n < 100; n++) {
      table.begin(`a${n}`, 0);
      table.begin(`b${n}`, 0);
      table.dropped(`a${n}`);
      table.succeeded(`b${n}`);
    }
    assertEquals(table.size, 0);
  },
);

Deno.test("an attempt under way is never forgotten", NO_IO, () => {
  const table = new FailureTable(1, { maxEntries: 2 });
  table.begin("under way", 0);
  for (let n = 0; n < 100; n++) {
    table.begin(`k${n}`, 0);
    table.failed(`k${n}`, 0);
  }
  assertEquals(table.waitMs("under way", 0), 1000);
  assertEquals(table.size, 2);
});
