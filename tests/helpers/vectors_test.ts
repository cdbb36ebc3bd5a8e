import { assertEquals, assertThrows } from "@std/assert";
import { bytesOfHex, expandTexts, longText } from "./vectors.ts";

const pure = { permissions: "none" } as const;

Deno.test("longText() repeats each part", pure, () => {
  assertEquals(longText("a"), "a");
  assertEquals(longText({ parts: [["a/", 3], ["b", 1], ["c", 0]] }), "a/a/a/b");
});

Deno.test("expandTexts() finds long texts at any depth", pure, () => {
  assertEquals(
    expandTexts({ a: [{ parts: [["x", 2]] }, null, 1], b: { c: "d" } }),
    { a: ["xx", null, 1], b: { c: "d" } },
  );
});

Deno.test("bytesOfHex() refuses what is not hexadecimal", pure, () => {
  assertEquals([...bytesOfHex("00ff10")], [0, 255, 16]);
  assertEquals([...bytesOfHex({ parts: [["0a", 3]] })], [10, 10, 10]);
  for (const hex of ["0", "0g", "0 1", "FF"]) {
    assertThrows(() => bytesOfHex(hex), TypeError);
  }
});
