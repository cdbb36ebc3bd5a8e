import { assertEquals } from "@std/assert";
import {
  type ConnectionState,
  Deadline,
  IDLE_MS,
  LOGIN_MS,
  STALLED_MS,
} from "../../server/deadlines.ts";

const pure = { permissions: "none" } as const;

const START = 5_000_000;

const STRANGER: ConnectionState = {
  loggedIn: false,
  idle: false,
  waitsForPeer: true,
  moved: 0,
};
const IDLE: ConnectionState = { ...STRANGER, loggedIn: true, idle: true };
const BUSY: ConnectionState = { ...IDLE, idle: false };

Deno.test("the limits are those of SPEC.md 9", pure, () => {
  assertEquals([LOGIN_MS, IDLE_MS, STALLED_MS], [20_000, 90_000, 60_000]);
});

Deno.test(
  "a stranger has 20 s, whatever it sends and whoever waits",
  pure,
  () => {
    const deadline = new Deadline(START);
    for (let ms = 0; ms <= LOGIN_MS; ms += 1000) {
      const state = { ...STRANGER, moved: ms, waitsForPeer: ms % 2000 === 0 };
      assertEquals(deadline.check(state, START + ms), undefined);
    }
    const late = { ...STRANGER, moved: 99_999, waitsForPeer: false };
    assertEquals(
      deadline.check(late, START + LOGIN_MS + 1),
      "no login within 20 s",
    );
  },
);

Deno.test("an idle client may be silent for 90 s", pure, () => {
  const deadline = new Deadline(START);
  assertEquals(deadline.check(IDLE, START + IDLE_MS), undefined);
  assertEquals(deadline.check(IDLE, START + IDLE_MS + 1), "idle for 90 s");
});

Deno.test("a transfer may stand still for 60 s", pure, () => {
  const deadline = new Deadline(START);
  assertEquals(deadline.check(BUSY, START + STALLED_MS), undefined);
  assertEquals(
    deadline.check(BUSY, START + STALLED_MS + 1),
    "no byte moved for 60 s",
  );
});

Deno.test("each byte begins the time anew", pure, () => {
  const deadline = new Deadline(START);
  let now = START;
  for (let moved = 1; moved <= 10; moved++) {
    now += STALLED_MS;
    assertEquals(deadline.check({ ...BUSY, moved }, now), undefined);
    assertEquals(
      deadline.check({ ...BUSY, moved }, now + STALLED_MS),
      undefined,
    );
  }
  const last = { ...BUSY, moved: 10 };
  assertEquals(
    deadline.check(last, now + STALLED_MS + 1),
    "no byte moved for 60 s",
  );
});

Deno.test("a client does not pay for a slow disk", pure, () => {
  const deadline = new Deadline(START);
  const disk = { ...BUSY, waitsForPeer: false };
  let now = START;
  for (let i = 0; i < 10; i++) {
    now += STALLED_MS;
    assertEquals(deadline.check(disk, now), undefined);
  }
  assertEquals(deadline.check(BUSY, now + STALLED_MS), undefined);
  assertEquals(
    deadline.check(BUSY, now + STALLED_MS + 1),
    "no byte moved for 60 s",
  );
});
