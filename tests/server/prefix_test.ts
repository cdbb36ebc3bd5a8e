import { assertEquals, assertRejects } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  hashPrefix,
  isHashOf,
  type PrefixReading,
} from "../../server/prefix.ts";
import { Random } from "../helpers/random.ts";
import { sha256Of, toBytes } from "../helpers/test_client.ts";

const MIB = 1024 * 1024;

/** A source of bytes that gives at most `most` at a time. */
function reading(
  bytes: Uint8Array,
  options: Partial<PrefixReading> = {},
  most = Infinity,
): PrefixReading {
  let at = 0;
  return {
    read(target) {
      const piece = bytes.subarray(at, at + Math.min(target.length, most));
      target.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    notice: () => Promise.resolve(),
    ...options,
  };
}

for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5]) {
  Deno.test(`the hash of the first ${size} bytes is theirs`, async () => {
    const bytes = new Random(size).bytes(size + 10);
    const expected = sha256Of(bytes.subarray(0, size));
    for (const most of [Infinity, 70_001]) {
      const hash = await hashPrefix(size, reading(bytes, {}, most));
      assertEquals(isHashOf(hash, expected), true);
      assertEquals(isHashOf(hash, sha256Of("other")), false);
      // It can go on, although it was looked at.
      hash.update(bytes.subarray(size));
      assertEquals(hash.digest("hex"), sha256Of(bytes));
    }
  });
}

Deno.test("no more is read than is asked for, and only 1 MiB at a time", async () => {
  const bytes = new Uint8Array(3 * MIB);
  const lengths: number[] = [];
  const source = reading(bytes);
  await hashPrefix(2 * MIB + 7, {
    ...source,
    read(target) {
      lengths.push(target.length);
      return source.read(target);
    },
  });
  assertEquals(lengths, [MIB, MIB, 7]);
});

Deno.test("a file that is shorter has changed", async () => {
  for (const size of [1, 1000]) {
    const error = await assertRejects(
      () => hashPrefix(size, reading(new Uint8Array(size - 1))),
      NetdiskError,
    );
    assertEquals(error.code, "changed");
  }
});

Deno.test("a failing read is told as it is", async () => {
  const read = () => Promise.reject(new TypeError("for a test"));
  await assertRejects(
    () => hashPrefix(10, reading(toBytes("x"), { read })),
    TypeError,
    "for a test",
  );
});

Deno.test("a notice comes every two seconds, in order, and never for all of it", async () => {
  const bytes = new Uint8Array(10 * MIB);
  for (
    const [msPerPiece, expected] of [
      [100, []],
      [199, []],
      [500, [4, 8]],
      [999, [3, 6, 9]],
      [1000, [2, 4, 6, 8]],
      [2000, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
      [60_000, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ] as [number, number[]][]
  ) {
    const notices: number[] = [];
    let now = 5000;
    const source = reading(bytes);
    await hashPrefix(bytes.length, {
      read(target) {
        now += msPerPiece;
        return source.read(target);
      },
      notice(done) {
        notices.push(done / MIB);
        return Promise.resolve();
      },
      now: () => now,
    });
    assertEquals(notices, expected, `${msPerPiece}`);
  }
});

Deno.test("a notice is waited for, and its failure ends the work", async () => {
  let reads = 0;
  let now = 0;
  const source = reading(new Uint8Array(4 * MIB));
  const work = hashPrefix(4 * MIB, {
    read(target) {
      reads++;
      now += 10_000;
      return source.read(target);
    },
    notice: () => Promise.reject(new NetdiskError("connection-lost", "gone")),
    now: () => now,
  });
  const error = await assertRejects(() => work, NetdiskError);
  assertEquals([error.message, reads], ["gone", 1]);
});

Deno.test("the time that a notice takes to leave is not counted", async () => {
  let now = 0;
  const notices: number[] = [];
  const source = reading(new Uint8Array(6 * MIB));
  await hashPrefix(6 * MIB, {
    read(target) {
      now += 1000;
      return source.read(target);
    },
    notice(done) {
      notices.push(done / MIB);
      return Promise.resolve();
    },
    now: () => now,
  });
  assertEquals(notices, [2, 4]);
});

Deno.test("who does not wait any more is not told, and no more is read", async () => {
  for (const stopAt of [0, 1, 2]) {
    let reads = 0;
    let notices = 0;
    let now = 0;
    const source = reading(new Uint8Array(4 * MIB));
    const work = hashPrefix(4 * MIB, {
      read(target) {
        reads++;
        now += 10_000;
        return source.read(target);
      },
      notice() {
        notices++;
        return Promise.resolve();
      },
      // It stops while the last of these reads is under way.
      stopped: () => reads >= stopAt,
      now: () => now,
    });
    const error = await assertRejects(() => work, NetdiskError);
    assertEquals(error.code, "connection-lost");
    assertEquals([reads, notices], [stopAt, Math.max(0, stopAt - 1)]);
  }
});
