import { assertEquals } from "@std/assert";
import {
  compareFolders,
  type CompareRules,
  hasSameFacts,
} from "../../client/compare_folders.ts";
import { touchOf } from "../../client/push_round.ts";
import type { Entry } from "../../protocol/messages.ts";

const pure = { permissions: "none" } as const;

function entry(name: string, change: Partial<Entry> = {}): Entry {
  return {
    name,
    kind: "file",
    size: 5,
    mtime: 1234,
    executable: false,
    ...change,
  };
}

const NONE: CompareRules = { delete: false, checksum: false };

/** `kind name` of each difference. */
function compare(
  sources: Entry[],
  targets: Entry[],
  rules: Partial<CompareRules> = {},
): [differences: string[], same: number] {
  const { differences, same } = compareFolders(sources, targets, {
    ...NONE,
    ...rules,
  });
  const shown = differences.map((difference) => {
    const { name } = difference.kind === "delete"
      ? difference.target
      : difference.source;
    return `${difference.kind} ${name}`;
  });
  return [shown, same];
}

Deno.test(
  "files are the same by kind, size, time and executable bit",
  pure,
  () => {
    const a = entry("a");
    assertEquals(compare([a], [entry("a")]), [[], 1]);
    assertEquals(compare([a], []), [["copy a"], 0]);
    assertEquals(compare([a], [entry("a", { size: 6 })]), [["copy a"], 0]);
    assertEquals(compare([a], [entry("a", { mtime: 1235 })]), [["copy a"], 0]);
    assertEquals(compare([a], [entry("a", { mtime: null })]), [["copy a"], 0]);
    const executable = entry("a", { executable: true });
    assertEquals(compare([a], [executable]), [["mend a"], 0]);
    assertEquals(compare([a], [entry("A")]), [["copy a"], 0]);
    assertEquals(compare([a], [entry("a", { mtime: 1000 })]), [["copy a"], 0]);
  },
);

Deno.test("with --checksum files of one size are verified", pure, () => {
  const rules = { checksum: true };
  const a = entry("a");
  assertEquals(compare([a], [a], rules), [["verify a"], 0]);
  assertEquals(compare([a], [entry("a", { mtime: 5 })], rules), [
    ["verify a"],
    0,
  ]);
  assertEquals(compare([a], [entry("a", { size: 6 })], rules), [["copy a"], 0]);
});

Deno.test("folders are made, or compared in their turn", pure, () => {
  const folder = entry("f", { kind: "folder", size: 0 });
  assertEquals(compare([folder], []), [["make f"], 0]);
  assertEquals(compare([folder], [{ ...folder, mtime: 7 }]), [["both f"], 0]);
});

Deno.test("only with --delete something is deleted or replaced", pure, () => {
  const file = entry("x");
  const folder = entry("x", { kind: "folder", size: 0 });
  const rules = { delete: true };
  assertEquals(compare([], [file, entry("y")]), [[], 0]);
  assertEquals(compare([], [folder], rules), [["delete x"], 0]);
  assertEquals(compare([entry("z")], [file], rules), [
    ["copy z", "delete x"],
    0,
  ]);
  for (const [source, target] of [[file, folder], [folder, file]] as const) {
    assertEquals(compare([source], [target]), [["clash x"], 0]);
    assertEquals(compare([source], [target], rules), [["replace x"], 0]);
  }
});

Deno.test("what is neither file nor folder is left alone", pure, () => {
  const other = entry("x", { kind: "other", size: 0 });
  for (const rules of [{ delete: false }, { delete: true }]) {
    assertEquals(compare([other], [], rules), [["skip x"], 0]);
    assertEquals(compare([other], [entry("x")], rules), [["skip x"], 0]);
    assertEquals(compare([], [other], rules), [[], 0]);
    assertEquals(compare([entry("x")], [other], rules), [["skip x"], 0]);
  }
});

Deno.test("a name that a hostile server tells twice is one name", pure, () => {
  const twice = [entry("a", { size: 1 }), entry("a")];
  assertEquals(compare([entry("a")], twice), [[], 1]);
});

Deno.test("the executable bit is nothing to Windows, and is left as it is there", () => {
  const plain = entry("a");
  const other = { ...plain, executable: true };
  assertEquals(hasSameFacts(plain, other, "linux"), false);
  assertEquals(hasSameFacts(plain, other, "windows"), true);
  assertEquals(hasSameFacts(plain, { ...other, mtime: 3 }, "windows"), false);
  const bit = (os: typeof Deno.build.os) => {
    const { change } = touchOf("a", plain, os);
    return change.type === "touch" ? change.executable : undefined;
  };
  assertEquals(bit("linux"), false);
  assertEquals(bit("windows"), null);
});
