import { assertEquals } from "@std/assert";
import { Exclude } from "../../client/exclude.ts";

Deno.test("Exclude knows the rules of .gitignore", () => {
  const exclude = new Exclude([
    ...["*.tmp", "!keep.tmp", "/build", "node/", "a/**/z", "\\!odd", "B?g"],
    "# a comment",
  ]);
  const cases: [path: string, isFolder: boolean, expected: boolean][] = [
    ["x.tmp", false, true],
    ["d/x.tmp", false, true],
    ["keep.tmp", false, false],
    ["build", false, true],
    ["d/build", true, false],
    ["node", true, true],
    ["node", false, false],
    ["d/node", true, true],
    ["a/z", false, true],
    ["a/b/c/z", false, true],
    ["z", false, false],
    ["!odd", false, true],
    ["Bug", false, true],
    ["bug", false, false],
    ["# a comment", false, false],
    [" ../x", false, false],
    ["./x.tmp", false, true],
  ];
  for (const [path, isFolder, expected] of cases) {
    assertEquals(exclude.has(path, isFolder), expected, path);
  }
});

Deno.test("Exclude without patterns leaves out nothing", () => {
  assertEquals(new Exclude([]).has("a", false), false);
});

Deno.test("Exclude answers the same after any number of questions", () => {
  const exclude = new Exclude(["*.tmp"]);
  for (let i = 0; i < 25_000; i++) {
    if (!exclude.has(`${i}.tmp`, false) || exclude.has(`${i}`, false)) {
      throw new Error(`wrong at ${i}`);
    }
  }
});
