import { assertEquals } from "@std/assert";
import {
  FolderNames,
  isOneName,
  localNameFault,
} from "../../client/local_names.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const pure = { permissions: "none" } as const;

Deno.test("localNameFault() knows what Windows cannot store", pure, () => {
  const bad = [
    ...["a:b", "a\\b", "what?", "a*", "<a>", 'say "a"', "a|b"],
    ...["a.", "a ", "con", "NUL.txt", "com1", "Lpt9.tar.gz", "aux"],
  ];
  for (const name of bad) {
    assertEquals(typeof localNameFault(name, "windows"), "string", name);
    assertEquals(localNameFault(name, "linux"), undefined, name);
    assertEquals(localNameFault(name, "darwin"), undefined, name);
  }
  for (const name of ["a", ".a", "a b", "console", "com10", "nul1", "ü"]) {
    assertEquals(localNameFault(name, "windows"), undefined, name);
  }
});

Deno.test(
  "FolderNames asks the disk only about names that may meet",
  pure,
  () => {
    const asked: string[][] = [];
    const names = new FolderNames("d", (folder, a, b) => {
      asked.push([folder, a, b]);
      return a !== "readme";
    });
    const clashes = ["a", "b", "A", "a", "é", "e\u0301", "readme", "README"]
      .map((name) => names.clash(name));
    const none = undefined;
    assertEquals(clashes, [none, none, "a", none, none, "é", none, none]);
    assertEquals(asked, [
      ["d", "a", "A"],
      ["d", "é", "e\u0301"],
      ["d", "readme", "README"],
    ]);
  },
);

Deno.test("isOneName() finds out, and leaves nothing behind", () => {
  using folder = tempFolder();
  const isOne = isOneName(folder.path, "a", "A");
  assertEquals(
    isOne,
    Deno.build.os === "windows" || Deno.build.os === "darwin",
  );
  assertEquals(isOneName(folder.path, "a", "a"), true);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});
