import { assert, assertEquals } from "@std/assert";
import { plainFolders } from "../../server/folder_reader.ts";
import { RemovedTrees } from "../../server/removed_trees.ts";
import { Storage } from "../../server/storage.ts";
import { removedFolder } from "../../server/storage_path.ts";
import { until } from "../helpers/deadline.ts";
import { DiskRecorder, osError, replace } from "../helpers/faults.ts";
import { settled } from "../helpers/settled.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { LogRecorder } from "./fixture.ts";

/** A storage root whose user `ann` has files. */
class Files implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly home: string = `${this.root}/users/ann`;
  readonly removed: string = removedFolder(this.root);
  readonly storage: Storage = new Storage(this.root);
  readonly log: LogRecorder = new LogRecorder();

  constructor() {
    this.storage.prepare();
    Deno.mkdirSync(this.home);
  }

  /** Makes files, and folders of paths with `/`. */
  fill(...paths: string[]): void {
    for (const path of paths) {
      const folder = path.slice(0, path.lastIndexOf("/") + 1);
      Deno.mkdirSync(`${this.home}/${folder}`, { recursive: true });
      if (!path.endsWith("/")) {
        Deno.writeTextFileSync(`${this.home}/${path}`, path);
      }
    }
  }

  /** Makes the change, and returns what waits for the disk. */
  async begin(path: string): Promise<() => Promise<void>> {
    const user = await this.storage.openUser("ann");
    const change = user.change({ type: "remove", path, recursive: true });
    change.apply();
    return () => change.settle();
  }

  async remove(path: string): Promise<void> {
    await (await this.begin(path))();
  }

  /** What is still to be deleted. */
  left(): string[] {
    return [...Deno.readDirSync(this.removed)].map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.storage.sweep();
    this.log[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

Deno.test("a removed folder is gone at once, and its files soon", async () => {
  await using f = new Files();
  f.fill("a/b/c/d/e/file", "a/b/empty/", "a/b/c/file", "a/file", "b/stays");
  const settle = await f.begin("a");
  assertEquals([...Deno.readDirSync(f.home)].map((e) => e.name), ["b"]);
  await settle();
  await until("an empty folder", () => f.left().length === 0);
  assertEquals(Deno.readTextFileSync(`${f.home}/b/stays`), "b/stays");
  assertEquals(f.log.lines(), []);
});

Deno.test("what links in a removed folder lead to stays", async () => {
  await using f = new Files();
  f.fill("a/b/", "c/file", "c/d/file");
  for (const folder of ["a", "a/b"]) {
    Deno.symlinkSync(`${f.home}/c`, `${f.home}/${folder}/folder-link`);
    Deno.symlinkSync(`${f.home}/c/file`, `${f.home}/${folder}/link`);
    Deno.symlinkSync("nowhere", `${f.home}/${folder}/dangling`);
  }
  await f.remove("a");
  await f.storage.sweep();
  assertEquals(f.left(), []);
  assertEquals(Deno.readTextFileSync(`${f.home}/c/file`), "c/file");
  assertEquals(Deno.readTextFileSync(`${f.home}/c/d/file`), "c/d/file");
});

Deno.test("a tree that is deeper than any path is deleted, and a wide one", async () => {
  await using f = new Files();
  const user = await f.storage.openUser("ann");
  const deep = Array.from({ length: 20 }, () => "d".repeat(100)).join("/");
  f.fill("wide/");
  for (let i = 0; i < 3000; i++) f.fill(`wide/${i}`);
  for (let i = 0; i < 5; i++) {
    f.fill(`tree-${i}/${deep}/file`);
    // Each one below the one before: 100 levels, and 10 000 bytes of path.
    if (i === 0) continue;
    const [from, to] = [`tree-${i - 1}`, `tree-${i}/${deep}/tree`];
    user.change({ type: "move", from, to, replace: false }).apply();
  }
  await f.remove("tree-4");
  await f.remove("wide");
  await f.storage.sweep();
  assertEquals(f.left(), []);
  assertEquals(f.log.lines(), []);
});

Deno.test("names that are no text are deleted as well", async () => {
  await using f = new Files();
  f.fill("a/b/c/");
  for (const folder of ["a", "a/b", "a/b/c"]) {
    const args = ["-c", "mkdir \"$(printf 'bad\\377name')\""];
    new Deno.Command("sh", { args, cwd: `${f.home}/${folder}` }).outputSync();
  }
  await f.remove("a");
  await f.storage.sweep();
  assertEquals(f.left(), []);
});

Deno.test("nothing is deleted before the removal is on the disk", async () => {
  await using f = new Files();
  f.fill("a/file");
  using disk = new DiskRecorder(f.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync/, gate.promise);
  const settled = (await f.begin("a"))();
  // Neither by itself nor when all the rest is tidied up.
  await f.storage.sweep();
  const [name] = f.left();
  assertEquals(Deno.readTextFileSync(`${f.removed}/${name}/file`), "a/file");
  gate.resolve();
  await settled;
  await f.storage.sweep();
  assertEquals(f.left(), []);
});

Deno.test("what was not removed for sure stays until the next start", async () => {
  await using f = new Files();
  f.fill("a/file");
  {
    using disk = new DiskRecorder(f.root);
    disk.fail(/^sync/, "EIO", Infinity);
    await f.remove("a").catch(() => {});
  }
  await settled();
  await f.storage.sweep();
  assertEquals(f.left().length, 1);
  await new Storage(f.root).sweep();
  assertEquals(f.left(), []);
});

Deno.test("what cannot be deleted is logged, and the rest is deleted", async () => {
  await using f = new Files();
  f.fill("a/b/stuck", "a/b/file", "a/c/d/file", "other/file");
  {
    using _ = replace(Deno, "remove", (original) => (path, options) => {
      const isStuck = `${path}`.endsWith("stuck") ||
        (options?.recursive && !plainNames(`${path}`).next().done);
      return isStuck ? Promise.reject(osError("EACCES")) : original(path);
    });
    await f.remove("a");
    await f.remove("other");
    await f.storage.sweep();
    const [name, ...others] = f.left();
    assertEquals(others, []);
    const left = [...plainNames(`${f.removed}/${name}`)];
    assertEquals(left.length, 1);
    assertEquals([...plainNames(`${f.removed}/${name}/${left[0]}`)], ["stuck"]);
    const lines = f.log.lines("delete-failed");
    assertEquals(lines.length, 1);
    assert(lines[0]!.includes("EACCES"));
  }
  // Not again and again.
  await f.storage.sweep();
  assertEquals(f.left().length, 1);
  await new Storage(f.root).sweep();
  assertEquals(f.left(), []);
});

Deno.test("one folder is deleted after the other, a few files at a time", async () => {
  await using f = new Files();
  for (let i = 0; i < 100; i++) f.fill(`a/${i}`, `b/c/${i}`);
  const removed = new RemovedTrees(f.root, plainFolders);
  const names = ["a", "b"].map((name) => removed.take(`${f.home}/${name}`));
  let running = 0;
  let most = 0;
  const trees: string[] = [];
  using _ = replace(Deno, "remove", (original) => async (path, options) => {
    most = Math.max(most, ++running);
    const [tree] = `${path}`.slice(f.removed.length + 1).split("/");
    if (trees.at(-1) !== tree) trees.push(tree!);
    await original(path, options).finally(() => running--);
  });
  for (const name of names) removed.delete(name);
  await removed.sweep();
  assertEquals(f.left(), []);
  assertEquals(trees.length, 2);
  assert(most <= 8, `${most} at a time`);
});

function* plainNames(folder: string): Generator<string> {
  for (const { name } of Deno.readDirSync(folder)) yield name;
}
