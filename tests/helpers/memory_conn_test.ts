import { assertEquals, assertRejects } from "@std/assert";
import { memoryPair } from "./memory_conn.ts";

const pure = { permissions: "none" } as const;

/** True when `promise` is still undecided after everything else has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settled = () => pending = false;
  promise.then(settled, settled);
  for (let i = 0; i < 50; i++) await Promise.resolve();
  return pending;
}

Deno.test("memoryPair() carries bytes both ways", pure, async () => {
  const [left, right] = memoryPair();
  const target = new Uint8Array(8);
  assertEquals(await left.write(Uint8Array.of(1, 2, 3)), 3);
  assertEquals(await right.read(target), 3);
  assertEquals(await right.write(Uint8Array.of(9)), 1);
  assertEquals(await left.read(target.subarray(4)), 1);
  assertEquals([...target], [1, 2, 3, 0, 9, 0, 0, 0]);
});

Deno.test("memoryPair() splits as its options say", pure, async () => {
  const [left, right] = memoryPair({ readSize: () => 2, writeSize: () => 3 });
  const target = new Uint8Array(8);
  assertEquals(await left.write(new Uint8Array(8)), 3);
  assertEquals(await right.read(target), 2);
  assertEquals(await right.read(target), 1);
});

Deno.test(
  "MemoryConn.write() waits while the other end does not read",
  pure,
  async () => {
    const [left, right] = memoryPair({ capacity: 4 });
    assertEquals(await left.write(Uint8Array.of(1, 2, 3, 4, 5, 6)), 4);
    const bytes = Uint8Array.of(5, 6);
    const second = left.write(bytes);
    assertEquals(await isPending(second), true);
    bytes[0] = 7;
    const target = new Uint8Array(8);
    assertEquals(await right.read(target), 4);
    assertEquals(await second, 2);
    assertEquals(await right.read(target), 2);
    assertEquals(target[0], 7, "bytes are copied when there is room for them");
  },
);

Deno.test(
  "MemoryConn.close() leaves the peer what is on its way, then the end",
  pure,
  async () => {
    const [left, right] = memoryPair();
    await left.write(Uint8Array.of(1));
    left.close();
    const target = new Uint8Array(8);
    assertEquals(await right.read(target), 1);
    assertEquals(await right.read(target), null);
    await assertRejects(
      () => right.write(target),
      Deno.errors.BrokenPipe,
    );
    await assertRejects(() => left.read(target), Deno.errors.BadResource);
    await assertRejects(() => left.write(target), Deno.errors.BadResource);
  },
);

Deno.test(
  "MemoryConn.close() ends a read under way, or leaves it pending",
  pure,
  async () => {
    const [left] = memoryPair();
    const read = left.read(new Uint8Array(1));
    left.close();
    await assertRejects(() => read, Deno.errors.Interrupted);

    const [stuck] = memoryPair({ closeLeavesPending: true });
    const pending = stuck.read(new Uint8Array(1));
    stuck.close();
    assertEquals(await isPending(pending), true);
  },
);

Deno.test("MemoryConn fails as it is told", pure, async () => {
  const [left, right] = memoryPair();
  left.breakWrites(new Deno.errors.ConnectionReset("gone"), 1);
  assertEquals(await left.write(new Uint8Array(1)), 1);
  await assertRejects(
    () => left.write(new Uint8Array(1)),
    Deno.errors.ConnectionReset,
  );
  const waiting = left.read(new Uint8Array(1));
  left.breakReads(new Deno.errors.TimedOut("late"));
  await assertRejects(() => waiting, Deno.errors.TimedOut);
  await assertRejects(() => left.read(new Uint8Array(1)), Deno.errors.TimedOut);
  assertEquals(await right.read(new Uint8Array(8)), 1);
});
