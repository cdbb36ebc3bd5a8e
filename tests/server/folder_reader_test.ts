import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type FolderReader,
  namesIn,
  plainFolders,
} from "../../server/folder_reader.ts";
import { errnoOf } from "../../server/os_errors.ts";
import { descriptorsBelow } from "../helpers/faults.ts";
import { pagedFolders } from "../helpers/paged_folders.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** More than some pages of names. */
const MANY = 6000;

type Work = (root: string, folders: FolderReader) => Promise<void>;

/** The same test with each way to read. */
function testReaders(name: string, work: Work): void {
  for (const isPaged of [false, true]) {
    const how = isPaged ? "paged" : "plain";
    const ignore = isPaged && Deno.build.os !== "linux";
    Deno.test({
      name: `${how} folders: ${name}`,
      ignore,
      async fn() {
        using folder = tempFolder();
        const root = Deno.realPathSync(folder.path);
        using line = isPaged ? pagedFolders(root) : undefined;
        await work(root, line?.folders ?? plainFolders);
        assertEquals(descriptorsBelow(root), []);
      },
    });
  }
}

async function namesOf(folders: FolderReader, path: string): Promise<string[]> {
  const pages: string[][] = [];
  for await (const page of folders.read(path)) pages.push(page);
  return pages.flat().sort();
}

/** Makes files of these names; they are one and the same. */
function fill(folder: string, names: string[]): void {
  Deno.mkdirSync(folder);
  const [first, ...others] = names;
  if (first === undefined) return;
  Deno.writeTextFileSync(`${folder}/${first}`, "");
  for (const name of others) {
    Deno.linkSync(`${folder}/${first}`, `${folder}/${name}`);
  }
}

testReaders("every name is read once", async (root, folders) => {
  const letters = Array.from({ length: 500 }, (_, i) => String(i));
  const cases = {
    none: [],
    one: ["."].map((dot) => `${dot}hidden`),
    many: Array.from({ length: MANY }, (_, i) => `a file with number ${i}`),
    long: letters.map((i) => i.padStart(255, "x")),
    other: letters.map((i) => `報🎉\u202e\n"${i}`),
  };
  for (const [name, names] of Object.entries(cases)) {
    fill(`${root}/${name}`, names);
    const read = await namesOf(folders, `${root}/${name}`);
    assertEquals(read, names.toSorted(), name);
  }
});

testReaders("whoever has enough leaves nothing open", async (root, folders) => {
  fill(
    `${root}/many`,
    Array.from({ length: MANY }, (_, i) => `file number ${i}`),
  );
  for await (const page of folders.read(`${root}/many`)) {
    assert(page.length < MANY);
    break;
  }
  assertEquals(descriptorsBelow(root), []);
  const broken = (async () => {
    for await (const _ of folders.read(`${root}/many`)) {
      throw new Error("for a test");
    }
  })();
  await assertRejects(() => broken, Error, "for a test");
});

testReaders("what is no folder is an error", async (root, folders) => {
  Deno.writeTextFileSync(`${root}/file`, "x");
  Deno.writeTextFileSync(`${root}/large`, "x".repeat(10_000));
  const cases = {
    nothing: "ENOENT",
    file: "ENOTDIR",
    large: "ENOTDIR",
    "file/x": "ENOTDIR",
  };
  for (const [name, errno] of Object.entries(cases)) {
    const error = await assertRejects(() =>
      namesOf(folders, `${root}/${name}`)
    );
    assertEquals(errnoOf(error), errno, name);
  }
});

Deno.test("names that are no UTF-8 are left out, and nothing is put in their place", () => {
  const names = [[0x2e], [0x61], [0xff, 0x61], [0x2e, 0x2e], [0xc3, 0xa9]];
  const records = names.map((name) => {
    const record = new Uint8Array(24);
    new DataView(record.buffer).setUint16(16, 24, true);
    record.set(name, 19);
    return [...record];
  });
  // As a view into something larger.
  const bytes = new Uint8Array([9, ...records.flat()]).subarray(1);
  assertEquals(namesIn(bytes), ["a", "é"]);
});
