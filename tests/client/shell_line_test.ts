import { assertEquals } from "@std/assert";
import { readTyped, writeTyped } from "../../client/shell_line.ts";

Deno.test("readTyped() takes a line apart as bash does", {
  permissions: "none",
}, () => {
  const cases: [line: string, words: string[], quote?: "'" | '"'][] = [
    ["", [""]],
    ["netdisk", ["netdisk"]],
    ["netdisk ls ", ["netdisk", "ls", ""]],
    ["netdisk\t ls  a", ["netdisk", "ls", "a"]],
    [String.raw`a two\ words`, ["a", "two words"]],
    [String.raw`'it'\''s' "a \"b\" \x $c"`, ["it's", 'a "b" \\x $c']],
    ["a 'two wo", ["a", "two wo"], "'"],
    ['a "two wo', ["a", "two wo"], '"'],
    ["a \"it's", ["a", "it's"], '"'],
    ["a ''", ["a", ""]],
    ["a '' ", ["a", "", ""]],
    ["a\\", ["a"]],
    ["a \"b\"c'd'", ["a", "bcd"]],
  ];
  for (const [line, words, quote = ""] of cases) {
    assertEquals(readTyped(line), { words, quote }, line);
  }
});

Deno.test("writeTyped() is read as the same text, whatever is in it", {
  permissions: "none",
}, () => {
  const ascii = Array.from(
    { length: 95 },
    (_, i) => String.fromCharCode(32 + i),
  );
  for (const text of [...ascii, ascii.join(""), "报告 ü 🎉", "$(x) `y` ~ !z"]) {
    for (const quote of ["", "'", '"'] as const) {
      const line = `ls ${quote}${writeTyped(text, quote)}${quote}`;
      assertEquals(readTyped(line), { words: ["ls", text], quote: "" }, line);
    }
  }
});
