import { assertEquals } from "@std/assert";
import stringWidth from "string-width";
import { loadTextWidth } from "../../client/text_width.ts";
import { cutText, fitText } from "../../client/fit_text.ts";

await loadTextWidth();

Deno.test("fitText() pads and shortens in the middle", () => {
  const cases: [string, number, string][] = [
    ["", 3, "   "],
    ["abc", 3, "abc"],
    ["abc", 5, "abc  "],
    ["abcdefghij", 5, "ab…ij"],
    ["abcdefghij", 6, "abc…ij"],
    ["abc", 2, "a…"],
    ["abc", 1, "…"],
    ["abc", 0, ""],
    ["报告.pdf", 10, "报告.pdf  "],
    ["报告报告.pdf", 8, "报告…pdf"],
    ["报告报告.pdf", 7, "报….pdf"],
    ["👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 5, "👨‍👩‍👧…👨‍👩‍👧"],
  ];
  for (const [text, columns, fitted] of cases) {
    assertEquals(fitText(text, columns), fitted);
  }
});

Deno.test("fitText() is exact for every width, whatever the characters", () => {
  const texts = [
    "report-2024-final.tar.gz",
    "报告报告报告报告.pdf",
    "e\u0301te\u0301-e\u0301te\u0301-e\u0301te\u0301.txt",
    "🇩🇪❤️1️⃣👨‍👩‍👧a🇩🇪❤️1️⃣👨‍👩‍👧",
    "ﾊﾝｶｸ-한국어-ไทย-हिन्दी",
  ];
  for (const text of texts) {
    for (let columns = 0; columns < 40; columns++) {
      assertEquals(stringWidth(fitText(text, columns)), columns, text);
    }
  }
});

Deno.test("cutText() keeps the beginning of what is too long", () => {
  const cases: [string, number, string][] = [
    ["abc", 3, "abc"],
    ["abcd", 3, "ab…"],
    ["abc", 1, "…"],
    ["abc", 0, ""],
    ["abc", Infinity, "abc"],
    ["报告报告", 4, "报…"],
  ];
  for (const [text, columns, cut] of cases) {
    assertEquals(cutText(text, columns), cut);
  }
});
