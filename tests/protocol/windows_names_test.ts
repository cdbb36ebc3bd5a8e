import { assertEquals } from "@std/assert";
import { windowsNameFault } from "../../protocol/windows_names.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "windowsNameFault() refuses what Windows stores otherwise",
  pure,
  () => {
    const bad = [
      ...["a:b", "a\\b", "what?", "a*", "<a>", 'say "a"', "a|b", "a\u0001"],
      ...[
        "a.",
        "a ",
        "a. .",
        "con",
        "NUL.txt",
        "nul .txt",
        "com1",
        "COM\u00b9",
      ],
      ...["Lpt9.tar.gz", "aux", "CONIN$", "conout$.x"],
    ];
    for (const name of bad) {
      assertEquals(typeof windowsNameFault(name), "string", name);
    }
  },
);

Deno.test("windowsNameFault() takes what only looks like it", pure, () => {
  const good = [
    ".a",
    "a b",
    "a.b",
    "console",
    "com10",
    "nul1",
    "com",
    "\u00fc",
  ];
  for (const name of good) {
    assertEquals(windowsNameFault(name), undefined, name);
  }
});
