import { assertEquals } from "@std/assert";
import { tableLines } from "../../../server/admin/table.ts";

Deno.test("tableLines() makes columns as wide as they need be", () => {
  const rows = [["a", "1", "x"], ["a long one", "12345", ""]];
  assertEquals(tableLines(["NAME", " SIZE", "LAST"], rows), [
    "NAME         SIZE  LAST",
    "a               1  x",
    "a long one  12345",
  ]);
  assertEquals(tableLines(["NAME", " SIZE"], []), ["NAME  SIZE"]);
});
