import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Random } from "./random.ts";

const pure = { permissions: "none" } as const;

function take(seed: number, count: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => random.next());
}

Deno.test("Random repeats itself for the same seed only", pure, () => {
  assertEquals(take(7, 100), take(7, 100));
  assertNotEquals(take(7, 100), take(8, 100));
  assertEquals(new Set([0, 1, 2, 3, -1].map((s) => take(s, 1)[0])).size, 5);
});

Deno.test("Random.next() reaches all of 32 bits", pure, () => {
  let ones = 0;
  let zeros = 0;
  for (const value of take(1, 1000)) {
    assert(Number.isInteger(value) && value >= 0 && value < 2 ** 32);
    ones |= value;
    zeros |= ~value;
  }
  assertEquals([ones, zeros], [-1, -1]);
});

Deno.test("Random.between() gives both ends and nothing beyond", pure, () => {
  const random = new Random(2);
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++) seen.add(random.between(3, 6));
  assertEquals([...seen].sort(), [3, 4, 5, 6]);
});

Deno.test("Random.once() is true about once in as many times", pure, () => {
  const random = new Random(3);
  let hits = 0;
  for (let i = 0; i < 10_000; i++) if (random.once(10)) hits++;
  assert(hits > 800 && hits < 1200, `${hits}`);
});

Deno.test("Random.pick() reaches every value", pure, () => {
  const random = new Random(4);
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) seen.add(random.pick(["a", "b", "c"]));
  assertEquals(seen.size, 3);
});

Deno.test("Random.split() loses and adds nothing", pure, () => {
  const random = new Random(5);
  const bytes = random.bytes(1000);
  const pieces = random.split(bytes, 7);
  assert(pieces.every((piece) => piece.length >= 1 && piece.length <= 7));
  assert(new Set(pieces.map((piece) => piece.length)).size === 7);
  assertEquals(pieces.flatMap((piece) => [...piece]), [...bytes]);
  assertEquals(random.split(new Uint8Array(0), 7), []);
});
