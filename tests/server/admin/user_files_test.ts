import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../../protocol/errors.ts";
import { UserFiles } from "../../../server/admin/user_files.ts";
import { Storage } from "../../../server/storage.ts";
import { filesBelow } from "../../helpers/files_below.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

/** A root with files of two users, and something outside of it. */
function makeRoot() {
  const folder = tempFolder();
  const root = `${Deno.realPathSync(folder.path)}/disk`;
  Deno.mkdirSync(root);
  new Storage(root).prepare();
  const write = (path: string) => {
    Deno.mkdirSync(path.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(path, "content");
  };
  for (const user of ["ann", "anna"]) {
    write(`${root}/users/${user}/a/b/c/file`);
    write(`${root}/users/${user}/other`);
    write(`${root}/.netdisk/uploads/${user}/partial`);
  }
  write(`${folder.path}/outside/file`);
  return {
    root,
    outside: `${folder.path}/outside`,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

Deno.test("remove() removes files and unfinished uploads of that user, and no others", async () => {
  using made = makeRoot();
  const files = new UserFiles(made.root, "ann");
  assertEquals(files.exist(), true);
  files.checkMounts();
  await files.remove();
  assertEquals(files.exist(), false);
  assertEquals(filesBelow(made.root).sort(), [
    ".netdisk/uploads/anna/partial",
    "users/anna/a/b/c/file",
    "users/anna/other",
  ]);
  assertEquals([...Deno.readDirSync(`${made.root}/.netdisk/removed`)], []);
  await files.remove();
});

Deno.test("remove() removes links, and not what they lead to", async () => {
  using made = makeRoot();
  const { root, outside } = made;
  Deno.symlinkSync(outside, `${root}/users/ann/a/link`);
  Deno.removeSync(`${root}/.netdisk/uploads/ann`, { recursive: true });
  Deno.symlinkSync(outside, `${root}/.netdisk/uploads/ann`);
  await new UserFiles(root, "ann").remove();
  Deno.symlinkSync(outside, `${root}/users/ann`);
  assertEquals(new UserFiles(root, "ann").exist(), true);
  await new UserFiles(root, "ann").remove();
  assertEquals(filesBelow(outside), ["file"]);
  assertEquals(new UserFiles(root, "ann").exist(), false);
});

Deno.test("remove() tells what it could not take away", async () => {
  using made = makeRoot();
  Deno.removeSync(`${made.root}/.netdisk/removed`);
  const files = new UserFiles(made.root, "ann");
  const error = await assertRejects(() => files.remove(), NetdiskError);
  assertEquals(error.code, "local-io");
  assertEquals(
    error.message.startsWith(`${made.root}/users/ann: not removed: `),
    true,
  );
  assertEquals(files.exist(), true);
});

Deno.test("a name that is none has no files", () => {
  for (const user of ["..", "a/b", ""]) {
    const error = assertThrows(() => new UserFiles("/", user), NetdiskError);
    assertEquals(error.code, "bad-name");
  }
});
