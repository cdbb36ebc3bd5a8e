import { assertEquals, assertRejects } from "@std/assert";
import { until, within } from "./deadline.ts";

const pure = { permissions: "none" } as const;

Deno.test("within() passes on what comes in time", pure, async () => {
  assertEquals(await within("a number", Promise.resolve(7)), 7);
  const failure = Promise.reject(new TypeError("no"));
  await assertRejects(() => within("a number", failure), TypeError, "no");
});

Deno.test("within() names what did not come", pure, async () => {
  await assertRejects(
    () => within("the moon", new Promise(() => {}), 5),
    Error,
    "the moon: not within 0.005 s",
  );
});

Deno.test("until() looks until there is something", pure, async () => {
  let looks = 0;
  assertEquals(await until("three", () => ++looks === 3 && looks), 3);
  assertEquals(await until("zero", () => 0), 0, "0 is something");
  assertEquals(await until("empty", () => Promise.resolve("")), "");
});

Deno.test("until() names what did not come", pure, async () => {
  await assertRejects(
    () => until("the moon", () => undefined, 5),
    Error,
    "the moon: not within 0.005 s",
  );
});
