import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { descriptorsBelow, DiskRecorder, osError, replace } from "./faults.ts";
import { settled } from "./settled.ts";
import { type TempFolder, tempFolder } from "./temp_folder.ts";

const ID = "00000000-0000-4000-8000-000000000000";

function open(): { folder: TempFolder; root: string; disk: DiskRecorder } {
  const folder = tempFolder();
  const root = Deno.realPathSync(folder.path);
  return { folder, root, disk: new DiskRecorder(root) };
}

Deno.test("replace() lasts until it is disposed", () => {
  const target = { greet: (name: string) => `hello ${name}` };
  {
    using _ = replace(target, "greet", (original) => (name) => {
      return original(name).toUpperCase();
    });
    assertEquals(target.greet("ann"), "HELLO ANN");
  }
  assertEquals(target.greet("ann"), "hello ann");
});

Deno.test("osError() looks like Deno's", () => {
  assertEquals((osError("EIO") as Error & { code: string }).code, "EIO");
});

Deno.test("descriptorsBelow() finds what is open there, and nothing else", () => {
  using folder = tempFolder();
  const root = Deno.realPathSync(folder.path);
  assertEquals(descriptorsBelow(root), []);
  const file = Deno.createSync(`${root}/file`);
  assertEquals(descriptorsBelow(root), ["file"]);
  assertEquals(descriptorsBelow(`${root}/other`), []);
  file.close();
  assertEquals(descriptorsBelow(root), []);
});

Deno.test("DiskRecorder tells what was done, and to what", async () => {
  const { folder, root, disk } = open();
  using _folder = folder;
  {
    using _disk = disk;
    Deno.mkdirSync(`${root}/a`);
    using file = Deno.openSync(`${root}/${ID}`, { write: true, create: true });
    file.writeSync(new Uint8Array(1));
    await file.write(new Uint8Array(1));
    file.utimeSync(0, 0);
    await file.sync();
    Deno.renameSync(`${root}/${ID}`, `${root}/a/b`);
    using opened = await Deno.open(`${root}/a`);
    await opened.sync();
    Deno.removeSync(`${root}/a/b`);
  }
  Deno.mkdirSync(`${root}/unseen`);
  assertEquals(disk.steps, [
    "mkdir a",
    "open TEMP",
    "write TEMP",
    "write TEMP",
    "utime TEMP",
    "sync TEMP",
    "rename TEMP a/b",
    "sync a",
    "remove a/b",
  ]);
  assertEquals(disk.count(/^write/), 2);
});

Deno.test("DiskRecorder lets chosen steps fail, as often as it is told", async () => {
  const { folder, root, disk } = open();
  using _folder = folder;
  using _disk = disk;
  disk.fail(/^mkdir a$/, "ENOSPC", 2);
  for (let i = 0; i < 2; i++) {
    assertThrows(() => Deno.mkdirSync(`${root}/a`), Error, "ENOSPC");
  }
  Deno.mkdirSync(`${root}/a`);
  disk.fail(/^sync/, "EIO");
  using opened = await Deno.open(root);
  await assertRejects(() => opened.sync(), Error, "EIO");
  assertEquals(disk.steps, ["mkdir a"]);
});

Deno.test("DiskRecorder takes less than it is given, and holds syncs back", async () => {
  const { folder, root, disk } = open();
  using _folder = folder;
  using _disk = disk;
  disk.maxWrite = 3;
  using file = Deno.openSync(`${root}/file`, { write: true, create: true });
  assertEquals(file.writeSync(new Uint8Array(10)), 3);
  assertEquals(await file.write(new Uint8Array(10)), 3);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync file/, gate.promise, 1);
  const held = file.sync();
  await file.sync();
  await settled();
  assertEquals(disk.count(/^sync/), 1);
  gate.resolve();
  await held;
  assert(disk.count(/^sync/) === 2);
});
