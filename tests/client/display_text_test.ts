import { assertEquals } from "@std/assert";
import { displayJson, displayText } from "../../client/display_text.ts";

const NO_IO = { permissions: "none" } as const;

Deno.test("displayText() leaves what people write as it is", NO_IO, () => {
  const texts = [
    "",
    "report.pdf",
    "a b~!@#$%^&*()",
    "报告.pdf",
    "été",
    "e\u0301te\u0301",
    "ﾊﾝｶｸ",
    "👨‍👩‍👧‍👦.png",
    "❤️ 1️⃣ 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "می‌خواهم.txt",
    "क्‍ष",
    "葛\u{E0100}",
    "C:\\temp\\x1b",
  ];
  for (const text of texts) assertEquals(displayText(text), text);
});

Deno.test(
  "displayText() makes every control and hidden character visible",
  NO_IO,
  () => {
    const cases: [string, string][] = [
      ["\x1b[2Jx", "\\x1b[2Jx"],
      ["a\nb\r\tc\0", "a\\nb\\r\\tc\\x00"],
      ["\x7f\x80\x9b31m", "\\x7f\\x80\\x9b31m"],
      ["a\u2028b\u2029", "a\\u2028b\\u2029"],
      ["fdp\u202egpj.exe", "fdp\\u202egpj.exe"],
      ["\u2066\u2069\u061c\u200e", "\\u2066\\u2069\\u061c\\u200e"],
      ["a\u200bb\u2060\ufeff\u00ad", "a\\u200bb\\u2060\\ufeff\\xad"],
      ["a\u200db", "a\\u200db"],
      ["a\u200cb\u200c", "a\\u200cb\\u200c"],
      ["\u3164", "\\u3164"],
      ["x\u{E0041}\u{1D173}", "x\\u{e0041}\\u{1d173}"],
      ["a\ud800b", "a\\ud800b"],
      ["👍\u200d", "👍\\u200d"],
    ];
    for (const [text, shown] of cases) assertEquals(displayText(text), shown);
  },
);

Deno.test(
  "displayText() of every code point is one line without control characters, and stable",
  NO_IO,
  () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const shown = displayText(`a${String.fromCodePoint(code)}b`);
      // deno-lint-ignore no-control-regex -- control characters are what it looks for
      const bad = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/;
      if (bad.test(shown)) {
        throw new Error(`${code.toString(16)} is not escaped`);
      }
      if (displayText(shown) !== shown) throw new Error(code.toString(16));
    }
  },
);

Deno.test(
  "displayJson() hides nothing and parses to the same value",
  NO_IO,
  () => {
    const value = {
      "k\x9b": "\x1b[2J\x7f\u202e\u{E0041}\ud800\u2028报告👨‍👩‍👧",
    };
    const json = displayJson(JSON.stringify(value));
    assertEquals(JSON.parse(json), value);
    assertEquals(
      json,
      '{"k\\u009b":"\\u001b[2J\\u007f\\u202e\\udb40\\udc41\\ud800\\u2028报告👨‍👩‍👧"}',
    );
  },
);
