import { assertEquals, assertThrows } from "@std/assert";
import {
  fieldsIn,
  nameIn,
  numbersIn,
  sentence,
  SPEC,
  tableOf,
} from "./spec.ts";

const pure = { permissions: "none" } as const;
const onlySpec = { permissions: { read: [SPEC] } };

Deno.test("fieldsIn() reads names, words, null and remarks", pure, () => {
  assertEquals(fieldsIn(""), []);
  assertEquals(
    fieldsIn(
      "`a` text(3), `size`, `b` list(2) of text(4) or null, `c` or null",
    ),
    [
      { name: "a", word: "text(3)", nullable: false },
      { name: "size", word: "size", nullable: false },
      { name: "b", word: "list(2) of text(4)", nullable: true },
      { name: "c", word: "c", nullable: true },
    ],
  );
  assertEquals(fieldsIn("`path` of a file"), [
    { name: "path", word: "path", nullable: false },
  ]);
});

Deno.test("nameIn() and numbersIn() read a cell", pure, () => {
  assertEquals(nameIn("`is-folder` x"), "is-folder");
  assertThrows(() => nameIn("is-folder"));
  assertEquals(numbersIn("8 to 1024 bytes"), [8, 1024]);
});

Deno.test(
  "tableOf() and sentence() fail for what is not there",
  onlySpec,
  () => {
    assertEquals(tableOf("code").heading, "Errors");
    assertThrows(() => tableOf("zebra"));
    assertThrows(() => tableOf("request"), Error, "tables of request");
    assertEquals(
      sentence("A control payload is one").startsWith("A control"),
      true,
    );
    assertThrows(() => sentence("There is a zebra"));
  },
);
