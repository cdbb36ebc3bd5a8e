import { assertEquals } from "@std/assert";
import {
  type ConnectionState,
  Deadline,
  DEFAULT_MIN_RATE,
  HANDSHAKE_MS,
  IDLE_MS,
  LOGIN_MS,
  RATE_MS,
  STALLED_MS,
} from "../../server/deadlines.ts";

const pure = { permissions: "none" } as const;

const START = 5_000_000;
const SECOND = 1000;

const STRANGER: ConnectionState = {
  phase: "stranger",
  waitsForPeer: true,
  received: 0,
  sent: 0,
};
const HANDSHAKE: ConnectionState = { ...STRANGER, phase: "handshake" };
const IDLE: ConnectionState = { ...STRANGER, phase: "idle" };
const TRANSFER: ConnectionState = { ...STRANGER, phase: "transfer" };

const STALLED = "no byte moved for 60 s";
const SLOW = "slower than 1024 bytes a second";

/** One connection, looked at once a second as the listener does. */
class Watched {
  now = START;
  #deadline: Deadline;

  constructor(minRate?: number) {
    this.#deadline = new Deadline(START, minRate);
  }

  look(state: ConnectionState): string | undefined {
    return this.#deadline.check(state, this.now);
  }

  /**
   * Looks for so many seconds, at what `stateAt` says for each of them.
   *
   * @returns the reason and the second, when it is dropped
   */
  watch(
    seconds: number,
    stateAt: (second: number) => ConnectionState,
  ): [string, number] | undefined {
    for (let second = 1; second <= seconds; second++) {
      this.now += SECOND;
      const reason = this.look(stateAt(second));
      if (reason !== undefined) return [reason, second];
    }
    return undefined;
  }
}

Deno.test("the limits are those of SPEC.md 9", pure, () => {
  assertEquals(
    [HANDSHAKE_MS, LOGIN_MS, IDLE_MS, STALLED_MS, RATE_MS, DEFAULT_MIN_RATE],
    [10_000, 20_000, 90_000, 60_000, 60_000, 1024],
  );
});

Deno.test("a handshake has 10 s, whatever comes", pure, () => {
  const found = new Watched().watch(60, (second) => {
    return { ...HANDSHAKE, received: second, waitsForPeer: second % 2 === 0 };
  });
  assertEquals(found, ["no TLS handshake within 10 s", 11]);
});

Deno.test(
  "a stranger has 20 s from the beginning, a byte a second or not",
  pure,
  () => {
    const client = new Watched();
    assertEquals(client.watch(9, () => HANDSHAKE), undefined);
    const found = client.watch(60, (second) => {
      return { ...STRANGER, received: second, sent: second };
    });
    assertEquals(found, ["no login within 20 s", 12]);
  },
);

Deno.test(
  "a stranger does not pay for the time that its password takes",
  pure,
  () => {
    const client = new Watched();
    assertEquals(client.watch(18, () => STRANGER), undefined);
    const hashing = { ...STRANGER, waitsForPeer: false };
    assertEquals(client.watch(30, () => hashing), undefined);
    assertEquals(client.watch(2, () => STRANGER), undefined);
    assertEquals(client.watch(1, () => STRANGER), ["no login within 20 s", 1]);
  },
);

Deno.test(
  "an idle client may be silent for 90 s, whatever it is sent",
  pure,
  () => {
    const found = new Watched().watch(200, (second) => {
      return { ...IDLE, received: 100, sent: 30 * second };
    });
    // Seen a second after its last byte.
    assertEquals(found, ["idle for 90 s", 92]);
  },
);

Deno.test("an idle client is asked each 30 s", pure, () => {
  const client = new Deadline(START);
  const asked: number[] = [];
  for (let second = 1; second <= 80; second++) {
    const now = START + second * SECOND;
    // Its last byte is seen in the tenth second.
    client.check({ ...IDLE, received: Math.min(second, 10) }, now);
    if (client.isPingDue(now)) asked.push(second);
  }
  assertEquals(asked, [40, 70]);
});

Deno.test("each byte keeps an idle client for 90 s more", pure, () => {
  const client = new Watched();
  const found = client.watch(900, (second) => {
    return { ...IDLE, received: Math.floor(second / 90) };
  });
  assertEquals(found, undefined);
});

Deno.test("a transfer may stand still for 60 s", pure, () => {
  assertEquals(new Watched().watch(60, () => TRANSFER), [SLOW, 60]);
  const any = new Watched(0);
  assertEquals(any.watch(60, () => TRANSFER), undefined);
  assertEquals(any.watch(1, () => TRANSFER), [STALLED, 1]);
});

Deno.test("a byte a second does not keep a transfer", pure, () => {
  for (const direction of ["received", "sent"]) {
    const found = new Watched().watch(1000, (second) => {
      return { ...TRANSFER, [direction]: second };
    });
    assertEquals(found, [SLOW, 60]);
  }
});

Deno.test(
  "what came quickly before does not help for longer than a minute",
  pure,
  () => {
    const found = new Watched().watch(1000, (second) => {
      return { ...TRANSFER, received: 1e9 + second };
    });
    assertEquals(found, [SLOW, 120]);
  },
);

Deno.test(
  "a transfer at the least rate goes on, and so does any with 0",
  pure,
  () => {
    const client = new Watched();
    const atRate = (second: number) => ({ ...TRANSFER, sent: 1024 * second });
    assertEquals(client.watch(1000, atRate), undefined);
    const any = new Watched(0);
    assertEquals(
      any.watch(1000, (second) => ({ ...TRANSFER, sent: second })),
      undefined,
    );
  },
);

Deno.test(
  "a client does not pay for a slow disk, nor for the turns of others",
  pure,
  () => {
    const client = new Watched();
    const ours = { ...TRANSFER, waitsForPeer: false };
    assertEquals(client.watch(1000, () => ours), undefined);
    // Half of the time is ours: a minute of its own takes two.
    const found = client.watch(1000, (second) => {
      return { ...TRANSFER, received: second, waitsForPeer: second % 2 === 0 };
    });
    assertEquals(found, [SLOW, 120]);
  },
);

Deno.test("the time between two transfers belongs to neither", pure, () => {
  const client = new Watched();
  let received = 0;
  for (let i = 0; i < 20; i++) {
    const busy = client.watch(
      50,
      () => ({ ...TRANSFER, received: ++received }),
    );
    const idle = client.watch(50, () => ({ ...IDLE, received }));
    assertEquals([busy, idle], [undefined, undefined]);
  }
});

Deno.test("a request that comes byte by byte is too slow as well", pure, () => {
  const request = { ...IDLE, phase: "request" as const };
  const found = new Watched().watch(1000, (second) => {
    return { ...request, received: second };
  });
  assertEquals(found, [SLOW, 60]);
  // What it is sent meanwhile, such as a ping, is no sign of it.
  const silent = new Watched(0).watch(1000, (second) => {
    return { ...request, sent: 30 * second };
  });
  assertEquals(silent, [STALLED, 61]);
});

Deno.test(
  "'waiting' does not make an upload of a known size faster",
  pure,
  () => {
    const found = new Watched().watch(1000, (second) => {
      const received = 2000 * second;
      return { ...TRANSFER, received, waitingBytes: received - second };
    });
    assertEquals(found, [SLOW, 60]);
  },
);

Deno.test("a pipe may give nothing for as long as it likes", pure, () => {
  const client = new Watched();
  const dry = { ...TRANSFER, isPipeDry: true };
  // A 'waiting' each 20 s.
  const atSecond = (second: number) => {
    const bytes = 25 * Math.floor(second / 20);
    return { ...dry, received: bytes, waitingBytes: bytes };
  };
  assertEquals(client.watch(10_000, atSecond), undefined);
  // But what is on its way has to arrive.
  const found = client.watch(1000, (second) => {
    return { ...TRANSFER, received: 12_500 + second, waitingBytes: 12_500 };
  });
  assertEquals(found, [SLOW, 60]);
});

Deno.test(
  "to compare takes as long as the file is, and no longer",
  pure,
  () => {
    const MINUTE_OF_READING = 60_000_000;
    const comparing = (second: number) => ({
      ...TRANSFER,
      received: 25 * second,
      waitingBytes: 25 * second,
      comparing: MINUTE_OF_READING,
    });
    assertEquals(
      new Watched().watch(1000, comparing),
      ["it compares for too long", 121],
    );
  },
);
