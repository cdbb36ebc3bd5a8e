import { assertEquals } from "@std/assert";
import {
  type FileFacts,
  isCoarse,
  localDigest,
  localFacts,
  looksSame,
} from "../../client/compare.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";

const pure = { permissions: "none" } as const;

/** Two files, and whether they look the same. */
const CASES: [FileFacts, FileFacts, boolean][] = [
  [{ size: 1, mtime: 5000 }, { size: 1, mtime: 5000 }, true],
  [{ size: 1, mtime: 5000 }, { size: 2, mtime: 5000 }, false],
  [{ size: 1, mtime: 5001 }, { size: 1, mtime: 5002 }, false],
  [{ size: 1, mtime: 5001 }, { size: 1, mtime: 5000 }, false],
  // As a disk with whole seconds cuts it off, or FAT.
  [{ size: 1, mtime: 5001 }, { size: 1, mtime: 5000, isCoarse: true }, true],
  [{ size: 1, mtime: 5999 }, { size: 1, mtime: 5000, isCoarse: true }, true],
  [{ size: 1, mtime: 6000 }, { size: 1, mtime: 5000, isCoarse: true }, false],
  [{ size: 1, mtime: 4999 }, { size: 1, mtime: 5000, isCoarse: true }, false],
  [{ size: 1, mtime: 7999 }, { size: 1, mtime: 6000, isCoarse: true }, true],
  [{ size: 1, mtime: 8000 }, { size: 1, mtime: 6000, isCoarse: true }, false],
  [{ size: 2, mtime: 5000 }, { size: 1, mtime: 5000, isCoarse: true }, false],
  [{ size: 1, mtime: -1 }, { size: 1, mtime: -1000 }, true],
  [{ size: 1, mtime: -1 }, { size: 1, mtime: 0, isCoarse: true }, false],
  [{ size: 1, mtime: null }, { size: 1, mtime: 0, isCoarse: true }, false],
  [{ size: 1, mtime: null }, { size: 1, mtime: null }, false],
  [{ size: 1, mtime: null }, { size: 1, mtime: 0 }, false],
];

Deno.test(
  "looksSame() compares size and time, and fractions where the disk has them",
  pure,
  () => {
    for (const [a, b, expected] of CASES) {
      const what = JSON.stringify([a, b]);
      assertEquals(looksSame(a, b), expected, what);
      assertEquals(looksSame(b, a), expected, what);
    }
  },
);

Deno.test("isCoarse() where no time has a fraction", pure, () => {
  const day = 86_400_000;
  const cases: [number, number, number | null, boolean][] = [
    [6000, day, null, true],
    [6000, day, 5990, true],
    [6000, day, 5999, false],
    [6000, day + 1, null, false],
    [6001, day, null, false],
  ];
  const infoOf = (mtime: number, atime: number, birth: number | null) =>
    ({
      mtime: new Date(mtime),
      atime: new Date(atime),
      birthtime: birth === null ? null : new Date(birth),
    }) as Deno.FileInfo;
  for (const [mtime, atime, birth, expected] of cases) {
    const info = infoOf(mtime, atime, birth);
    assertEquals(isCoarse([info]), expected, JSON.stringify(info));
    // One that lies beside it proves as much.
    const other = infoOf(4000, 2 * day, null);
    assertEquals(isCoarse([other, info, other]), expected);
  }
});

Deno.test("localFacts() of a file with whole seconds, by those of its folder", () => {
  using folder = tempFolder();
  const path = `${folder.path}/file`;
  Deno.writeTextFileSync(path, "1");
  Deno.utimeSync(path, 5, 7);
  Deno.utimeSync(folder.path, new Date(5001), 7);
  assertEquals(localFacts(path)?.isCoarse ?? false, false);
  assertEquals(localFacts(`${path}s`), undefined);
});

Deno.test("localDigest() of files that are read at once, and others", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/file`;
  for (const size of [0, 1, 262_144, 262_145, 3_000_000]) {
    const bytes = new Uint8Array(size).fill(size % 251);
    Deno.writeFileSync(path, bytes);
    assertEquals(await localDigest(path), sha256Of(bytes), `${size}`);
  }
});
