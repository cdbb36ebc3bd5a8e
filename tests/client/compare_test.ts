import { assertEquals } from "@std/assert";
import {
  type FileFacts,
  localDigest,
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
  [{ size: 1, mtime: 5001 }, { size: 1, mtime: 5000 }, true],
  [{ size: 1, mtime: 5999 }, { size: 1, mtime: 5000 }, true],
  [{ size: 1, mtime: 6000 }, { size: 1, mtime: 5000 }, false],
  [{ size: 1, mtime: 5999 }, { size: 1, mtime: 6000 }, false],
  [{ size: 1, mtime: -1 }, { size: 1, mtime: -1000 }, true],
  [{ size: 1, mtime: -1 }, { size: 1, mtime: 0 }, false],
  [{ size: 1, mtime: null }, { size: 1, mtime: null }, false],
  [{ size: 1, mtime: null }, { size: 1, mtime: 0 }, false],
];

Deno.test(
  "looksSame() compares size and time, and fractions where both have them",
  pure,
  () => {
    for (const [a, b, expected] of CASES) {
      const what = JSON.stringify([a, b]);
      assertEquals(looksSame(a, b), expected, what);
      assertEquals(looksSame(b, a), expected, what);
    }
  },
);

Deno.test("localDigest() of files that are read at once, and others", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/file`;
  for (const size of [0, 1, 262_144, 262_145, 3_000_000]) {
    const bytes = new Uint8Array(size).fill(size % 251);
    Deno.writeFileSync(path, bytes);
    assertEquals(await localDigest(path), sha256Of(bytes), `${size}`);
  }
});
