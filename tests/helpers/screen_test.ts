import { assertEquals, assertThrows } from "@std/assert";
import { Screen } from "./screen.ts";

function screen(columns: number, ...texts: string[]): Screen {
  const screen = new Screen(columns);
  for (const text of texts) screen.write(text);
  return screen;
}

Deno.test("Screen shows lines, and writes over what is there", () => {
  const { text, line, drawn } = screen(
    20,
    "one\r\n",
    "two",
    "\rTw",
    "\r\nthree",
  );
  assertEquals(text, "one\nTwo\nthree");
  assertEquals(line, "three");
  assertEquals(drawn, ["one", "two", "Two"]);
});

Deno.test("Screen erases from the cursor on", () => {
  assertEquals(screen(20, "a long line\rshort\x1b[J").text, "short");
  assertEquals(screen(20, "line\r\x1b[J").text, "");
});

Deno.test("Screen ignores colours", () => {
  assertEquals(screen(20, "\x1b[31mred\x1b[0m").text, "red");
});

Deno.test("Screen wraps a line that is too long, or cuts it, and tells", () => {
  const wrapped = screen(4, "abcdef");
  assertEquals([wrapped.text, wrapped.overflows], ["abcd\nef", ["abcdef"]]);
  const cut = screen(4, "\x1b[?7labcdef\x1b[?7h\rx");
  assertEquals([cut.text, cut.overflows], ["xbcd", ["abcdef"]]);
  assertEquals(screen(4, "abcd\r\n").overflows, []);
});

Deno.test("Screen gives wide characters two columns", () => {
  assertEquals(screen(4, "报告").overflows, []);
  assertEquals(screen(3, "报告").overflows, ["报告"]);
  assertEquals(screen(9, "报告\rab").text, "ab告");
});

Deno.test("Screen knows its new width", () => {
  const it = screen(4, "abcd\r");
  it.resize(6);
  it.write("abcdef");
  assertEquals([it.text, it.overflows], ["abcdef", []]);
});

Deno.test("Screen refuses what it does not know", () => {
  assertThrows(() => screen(9, "a\x1b[2J"), Error, "not for this screen");
  assertThrows(() => screen(9, "a\x07"), Error, "not for this screen");
});

Deno.test("Screen takes sequences in pieces", () => {
  const pieces = screen(20, "ab\r", "\x1b", "[", "J", "c\x1b[3", "1md");
  assertEquals(pieces.text, "cd");
});
