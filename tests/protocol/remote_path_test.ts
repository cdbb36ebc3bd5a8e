import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  joinRemotePath,
  MAX_PATH_BYTES,
  MAX_SEGMENT_BYTES,
  parseRemotePath,
  remoteName,
  remoteParent,
  remotePathFault,
  segmentFault,
} from "../../protocol/remote_path.ts";
import { Random } from "../helpers/random.ts";
import { type LongText, longText } from "../helpers/vectors.ts";
import file from "../vectors/remote_paths.json" with { type: "json" };

const pure = { permissions: "none" } as const;

interface PathVector {
  name: string;
  path?: LongText;
  utf16?: string;
  expect: "ok" | "bad-name";
  segments?: string[];
  parts?: number;
}

const vectors = (file.vectors as unknown as PathVector[]).map((vector) => ({
  ...vector,
  path: vector.utf16 === undefined
    ? longText(vector.path!)
    : vector.utf16.replace(
      /..../g,
      (unit) => String.fromCharCode(parseInt(unit, 16)),
    ),
}));

Deno.test("remotePathFault() agrees with each vector", pure, () => {
  for (const { name, path, expect } of vectors) {
    const fault = remotePathFault(path);
    assertEquals(fault === undefined, expect === "ok", `${name}: ${fault}`);
  }
});

Deno.test(
  "remoteName(), remoteParent() and joinRemotePath() take a path apart and put it together",
  pure,
  () => {
    for (const { name, path, expect, segments, parts } of vectors) {
      if (expect !== "ok") continue;
      const taken: string[] = [];
      let joined = "";
      for (let rest = path; rest !== ""; rest = remoteParent(rest)) {
        taken.unshift(remoteName(rest));
        assertEquals(
          joinRemotePath(remoteParent(rest), remoteName(rest)),
          rest,
        );
      }
      for (const segment of taken) {
        assertEquals(segmentFault(segment), undefined, name);
        joined = joinRemotePath(joined, segment);
      }
      assertEquals(joined, path, name);
      assertEquals(taken.length, parts ?? segments!.length, name);
      if (segments) assertEquals(taken, segments, name);
    }
  },
);

Deno.test("joinRemotePath() leaves the user's own folder out", pure, () => {
  assertEquals(joinRemotePath("", ""), "");
  assertEquals(joinRemotePath("", "a"), "a");
  assertEquals(joinRemotePath("a", ""), "a");
  assertEquals(joinRemotePath("a/b", "c"), "a/b/c");
});

Deno.test(
  "remoteName() and remoteParent() of the user's own folder are empty",
  pure,
  () => {
    assertEquals([remoteName(""), remoteParent("")], ["", ""]);
    assertEquals([remoteName("a"), remoteParent("a")], ["a", ""]);
  },
);

Deno.test("segmentFault() refuses what is no name of its own", pure, () => {
  const bad = ["", ".", "..", "\0", "a\n", "\u009f", "\ud800", "a".repeat(256)];
  for (const name of bad) assert(segmentFault(name), JSON.stringify(name));
  for (const name of ["a", "...", ".a", "a".repeat(255)]) {
    assertEquals(segmentFault(name), undefined);
  }
});

Deno.test(
  "segmentFault() refuses every control character and no other",
  pure,
  () => {
    for (let code = 0; code <= 0xffff; code++) {
      const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
      const surrogate = code >= 0xd800 && code < 0xe000;
      const slash = code === 0x2f;
      if (slash) continue;
      const fault = segmentFault(`a${String.fromCharCode(code)}`);
      assertEquals(fault !== undefined, control || surrogate, `${code}`);
    }
  },
);

Deno.test("remotePathFault() says what is wrong", pure, () => {
  const cases: [path: string, fault: string][] = [
    ["/a", "the path has an empty part"],
    ["a/../b", "'..' is not allowed in a path"],
    ["a\nb", "the name has a control character"],
    ["\ud800", "the name is not valid Unicode"],
    ["a".repeat(MAX_SEGMENT_BYTES + 1), "the name is longer than 255 bytes"],
    ["a/".repeat(MAX_PATH_BYTES), "the path is longer than 4096 bytes"],
  ];
  for (const [path, fault] of cases) assertEquals(remotePathFault(path), fault);
});

Deno.test("parseRemotePath() tidies what a person types", pure, () => {
  const cases: [typed: string, path: string][] = [
    ["", ""],
    ["/", ""],
    [".", ""],
    ["./", ""],
    ["//", ""],
    ["a", "a"],
    ["/a", "a"],
    ["a/", "a"],
    ["./a", "a"],
    ["a/.", "a"],
    ["//a///b//", "a/b"],
    ["/a/./b/./", "a/b"],
    ["a b/ c", "a b/ c"],
    ["...", "..."],
    ["a\\b", "a\\b"],
    [`/${"a".repeat(255)}/`, "a".repeat(255)],
    [`${"/".repeat(9000)}a`, "a"],
  ];
  for (const [typed, path] of cases) {
    assertEquals(parseRemotePath(typed), path, JSON.stringify(typed));
  }
});

Deno.test(
  "parseRemotePath() refuses what cannot be tidied, and names it",
  pure,
  () => {
    const bad = [
      "..",
      "a/..",
      "/../a",
      "a\0",
      "\x1b",
      "\ud800",
      "a".repeat(256),
    ];
    for (const typed of bad) {
      const error = assertThrows(
        () => parseRemotePath(typed),
        NetdiskError,
        `${typed}: `,
      );
      assertEquals(error.code, "bad-name");
    }
  },
);

Deno.test(
  "parseRemotePath() yields a legal path that it leaves alone, or refuses",
  pure,
  () => {
    const random = new Random(1);
    const pieces = [
      "a",
      "b.c",
      "/",
      "//",
      ".",
      "..",
      "./",
      "/..",
      "\\",
      "\0",
      "é",
      "\ud83d",
      "\ude00",
      " ",
      "漢".repeat(80),
    ];
    let legal = 0;
    for (let round = 0; round < 5000; round++) {
      let typed = "";
      for (let i = random.below(6); i > 0; i--) typed += random.pick(pieces);
      let path: string;
      try {
        path = parseRemotePath(typed);
      } catch (error) {
        assert(error instanceof NetdiskError && error.code === "bad-name");
        continue;
      }
      legal++;
      assertEquals(remotePathFault(path), undefined);
      assertEquals(parseRemotePath(path), path);
      assert(!path.split("/").includes(".."));
    }
    assert(legal > 500);
  },
);
