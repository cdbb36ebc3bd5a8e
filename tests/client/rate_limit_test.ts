import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Invocation } from "../../client/command.ts";
import {
  LimitedConnection,
  type RateClock,
  RateLimit,
  rateLimit,
} from "../../client/rate_limit.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { memoryPair } from "../helpers/memory_conn.ts";

const KIB = 1024;
const RATE = 1024 * KIB;
/** What may pass at once: a tenth of a second. */
const BURST = Math.ceil(RATE / 10);

/** Time passes only where it is waited for, or let pass. */
class FakeClock implements RateClock {
  ms = 0;
  waits: number[] = [];

  now(): number {
    return this.ms;
  }

  wait(ms: number): Promise<void> {
    this.waits.push(ms);
    this.ms += ms;
    return Promise.resolve();
  }
}

/** What passes within so many seconds when there is always more. */
async function passed(limit: RateLimit, clock: FakeClock, seconds: number) {
  const end = clock.ms + seconds * 1000;
  let bytes = 0;
  for (;;) {
    const most = await limit.allowance();
    if (clock.ms >= end) return bytes;
    limit.spend(most);
    bytes += most;
  }
}

for (const rate of [64 * KIB, RATE, 10 * RATE, 100 * RATE, 1024 * RATE]) {
  Deno.test(`RateLimit: ${rate} bytes a second over any time, in small bursts`, async () => {
    const clock = new FakeClock();
    const limit = new RateLimit(rate, clock);
    for (const seconds of [1, 10, 3600]) {
      const bytes = await passed(limit, clock, seconds);
      const most = seconds * rate + rate / 10;
      assert(bytes <= most + 1 && bytes > 0.9 * seconds * rate, `${bytes}`);
    }
    // Often enough for a line that moves, seldom enough for the processor.
    for (const ms of clock.waits) assert(ms >= 10 && ms <= 100, `${ms} ms`);
  });
}

Deno.test("RateLimit: a slow upload is sent in small blocks, a fast one in whole ones", () => {
  const blocks = [64 * KIB, RATE, 1024 * RATE].map((rate) =>
    new RateLimit(rate).blockBytes
  );
  assertEquals(blocks, [16 * KIB, BURST, 1024 * KIB]);
});

Deno.test("RateLimit: what little time allows is not worth a write of its own", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(RATE, clock);
  for (let i = 0; i < 1000; i++) {
    const most = await limit.allowance();
    assert(most >= BURST / 5, `${most} bytes`);
    limit.spend(most);
    // A write takes some time itself.
    clock.ms += 0.03;
  }
});

Deno.test("RateLimit: what was not used is not saved up", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(RATE, clock);
  clock.ms += 3_600_000;
  assertEquals(await limit.allowance(), BURST);
  assertEquals(clock.waits, []);
});

Deno.test("RateLimit: what was too much is waited for", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(RATE, clock);
  limit.spend(BURST + 2 * RATE);
  await limit.allowance();
  assert(clock.ms >= 2000 && clock.ms < 2100, `${clock.ms} ms`);
});

Deno.test("LimitedConnection: both ways count, in pieces, and nothing is lost", async () => {
  const clock = new FakeClock();
  const [here, there] = memoryPair({ capacity: 4 * RATE });
  const limited = new LimitedConnection(here, new RateLimit(RATE, clock));
  const bytes = new Uint8Array(RATE).map((_, at) => at % 251);
  for (let at = 0; at < bytes.length;) {
    const count = await limited.write(bytes.subarray(at));
    assert(count > 0 && count <= BURST, `${count} bytes at once`);
    at += count;
  }
  assert(clock.ms >= 890 && clock.ms <= 1000, `${clock.ms} ms`);
  const echo = new Uint8Array(RATE);
  for (let at = 0; at < echo.length;) {
    at += (await there.read(echo.subarray(at)))!;
  }
  assertEquals(echo, bytes);
  await there.write(echo);
  for (let at = 0; at < RATE;) {
    const count = await limited.read(new Uint8Array(RATE));
    assert(count !== null && count <= BURST, `${count} bytes at once`);
    at += count;
  }
  assert(clock.ms >= 1890 && clock.ms <= 2050, `${clock.ms} ms`);
  there.close();
  assertEquals(await limited.read(new Uint8Array(1)), null);
  limited.close();
});

Deno.test("LimitedConnection: several connections share one limit", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(RATE, clock);
  const PIECE = 200 * KIB;
  for (let i = 0; i < 10; i++) {
    const [here] = memoryPair({ capacity: RATE });
    const limited = new LimitedConnection(here, limit);
    for (let at = 0; at < PIECE;) {
      at += await limited.write(new Uint8Array(PIECE - at));
    }
    limited.close();
  }
  assert(clock.ms >= 1800 && clock.ms <= 2000, `${clock.ms} ms`);
});

/** What `--limit-rate TEXT` means. */
function limitOf(text: string | undefined) {
  return rateLimit({ options: { limitRate: text } } as unknown as Invocation);
}

Deno.test("rateLimit(): sizes as people write them; what is too slow is refused", () => {
  assertEquals(limitOf(undefined), undefined);
  for (const text of ["64K", "64k", "65536", "10M", "1.5G"]) {
    assert(limitOf(text), text);
  }
  for (const text of ["", "0", "fast", "-1M", "10MB", "63K", "1"]) {
    const error = assertThrows(() => limitOf(text), NetdiskError);
    assertEquals(error.code, "usage", text);
  }
});
