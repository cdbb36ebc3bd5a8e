import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { Durability } from "../../server/durability.ts";
import { Slots } from "../../server/slots.ts";
import { within } from "../helpers/deadline.ts";
import { DiskRecorder } from "../helpers/faults.ts";
import { settled } from "../helpers/settled.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";

/** A folder `users/ann`, the syncs in which are recorded. */
class Fixture implements Disposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly home: string = `${this.root}/users/ann`;
  readonly durability: Durability = new Durability();
  readonly disk: DiskRecorder;

  constructor() {
    Deno.mkdirSync(this.home, { recursive: true });
    this.disk = new DiskRecorder(this.root);
  }

  [Symbol.dispose](): void {
    this.disk[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Whether a promise has ended by now. */
async function hasEnded(work: Promise<unknown>): Promise<boolean> {
  let ended = false;
  const note = () => void (ended = true);
  work.then(note, note);
  await settled();
  return ended;
}

Deno.test("Slots run no more jobs than there are, in the order in which they came", async () => {
  const slots = new Slots(3);
  const started: number[] = [];
  const gates = Array.from({ length: 10 }, () => Promise.withResolvers<void>());
  let running = 0;
  let most = 0;
  const jobs = gates.map((gate, i) =>
    slots.run(async () => {
      started.push(i);
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
      return i;
    })
  );
  await settled();
  assertEquals(started, [0, 1, 2]);
  // Not in order: the next one starts whoever makes room.
  gates[1]!.resolve();
  await settled();
  assertEquals(started, [0, 1, 2, 3]);
  for (const gate of gates) gate.resolve();
  assertEquals(await Promise.all(jobs), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(started, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(most, 3);
  const later = Array.from({ length: 10 }, () =>
    slots.run(async () => {
      most = Math.max(most, ++running);
      await settled();
      running--;
    }));
  await Promise.all(later);
  assertEquals(most, 3);
});

Deno.test("a job that fails gives its slot back", async () => {
  const slots = new Slots(1);
  const failing = [1, 2].map(() =>
    slots.run(() => Promise.reject(new Error("broken")))
  );
  for (const job of failing) await assertRejects(() => job, Error, "broken");
  assertEquals(await slots.run(() => Promise.resolve("done")), "done");
});

Deno.test("no more than 16 files are synced at a time", async () => {
  using f = new Fixture();
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  const count = {
    sync: () => (begun++, promise),
  } as unknown as Deno.FsFile;
  const syncs = Array.from(
    { length: 40 },
    () => f.durability.syncFile(count),
  );
  await settled();
  assertEquals(begun, 16);
  resolve();
  await Promise.all(syncs);
  assertEquals(begun, 40);
});

Deno.test("folder syncs that are asked for while one runs are done by one after it", async () => {
  using f = new Fixture();
  const gate = Promise.withResolvers<void>();
  f.disk.hold(/^sync users\/ann$/, gate.promise);
  const first = f.durability.syncFolder(f.home);
  await settled();
  const later = Array.from(
    { length: 100 },
    () => f.durability.syncFolder(f.home),
  );
  gate.resolve();
  await within("the syncs", Promise.all([first, ...later]));
  assertEquals(f.disk.steps, ["sync users/ann", "sync users/ann"]);
});

Deno.test("a folder sync that began earlier is not taken for a later one", async () => {
  using f = new Fixture();
  const gates = [0, 1].map(() => Promise.withResolvers<void>());
  f.disk.hold(/^sync users\/ann$/, gates[0]!.promise, 1);
  f.disk.hold(/^sync users\/ann$/, gates[1]!.promise, 1);
  const first = f.durability.syncFolder(f.home);
  await settled();
  const second = f.durability.syncFolder(f.home);
  gates[0]!.resolve();
  await within("the first sync", first);
  assert(!await hasEnded(second));
  // And one that comes now must not be content with the second one.
  const third = f.durability.syncFolder(f.home);
  gates[1]!.resolve();
  await within("the other syncs", Promise.all([second, third]));
  assertEquals(f.disk.count(/^sync users\/ann$/), 3);
});

Deno.test("a folder sync that fails fails for those who waited for it only", async () => {
  using f = new Fixture();
  f.disk.fail(/^sync users\/ann$/, "EIO");
  const gate = Promise.withResolvers<void>();
  f.disk.hold(/^sync/, gate.promise);
  const first = f.durability.syncFolder(f.home);
  const second = f.durability.syncFolder(f.home);
  gate.resolve();
  await assertRejects(() => first, Error, "EIO");
  await within("the second sync", second);
  await within("a third sync", f.durability.syncFolder(f.home));
});

Deno.test("syncs of different folders do not wait for each other", async () => {
  using f = new Fixture();
  const gate = Promise.withResolvers<void>();
  f.disk.hold(/^sync users\/ann$/, gate.promise);
  const held = f.durability.syncFolder(f.home);
  await within("the other sync", f.durability.syncFolder(f.root));
  assert(!await hasEnded(held));
  gate.resolve();
  await held;
});

Deno.test("a name is durable with all new folders above it", async () => {
  using f = new Fixture();
  Deno.mkdirSync(`${f.home}/a/b`, { recursive: true });
  f.disk.steps = [];
  await f.durability.syncName(f.home, `${f.home}/a/b/file`);
  assertEquals(f.disk.steps.toSorted(), [
    "sync users",
    "sync users/ann",
    "sync users/ann/a",
    "sync users/ann/a/b",
  ]);
});

Deno.test("a folder's name is synced once, and again after it was made anew", async () => {
  using f = new Fixture();
  Deno.mkdirSync(`${f.home}/a`);
  await f.durability.syncName(f.home, `${f.home}/a/one`);
  f.disk.steps = [];
  await f.durability.syncName(f.home, `${f.home}/a/two`);
  assertEquals(f.disk.steps, ["sync users/ann/a"]);
  f.disk.steps = [];
  f.durability.forgetFolder(`${f.home}/a`);
  await f.durability.syncName(f.home, `${f.home}/a/three`);
  assertEquals(f.disk.steps.toSorted(), ["sync users/ann", "sync users/ann/a"]);
});

Deno.test("a folder whose name could not be synced is synced with the next file", async () => {
  using f = new Fixture();
  Deno.mkdirSync(`${f.home}/a`);
  f.disk.fail(/^sync users\/ann$/, "EIO");
  await assertRejects(
    () => f.durability.syncName(f.home, `${f.home}/a/one`),
    Error,
    "EIO",
  );
  f.disk.steps = [];
  await f.durability.syncName(f.home, `${f.home}/a/two`);
  assertEquals(f.disk.count(/^sync users\/ann$/), 1);
});

Deno.test("a sync under way makes no folder durable that is made anew meanwhile", async () => {
  using f = new Fixture();
  Deno.mkdirSync(`${f.home}/a`);
  const gate = Promise.withResolvers<void>();
  f.disk.hold(/^sync users\/ann$/, gate.promise, 1);
  const first = f.durability.syncName(f.home, `${f.home}/a/one`);
  await settled();
  f.durability.forgetFolder(`${f.home}/a`);
  gate.resolve();
  await first;
  f.disk.steps = [];
  await f.durability.syncName(f.home, `${f.home}/a/two`);
  assertEquals(f.disk.count(/^sync users\/ann$/), 1);
});

Deno.test("a tree that was moved is synced with all its folders again, no other one", async () => {
  using f = new Fixture();
  for (const folder of ["a/b/c", "ab/c"]) {
    Deno.mkdirSync(`${f.home}/${folder}`, { recursive: true });
    await f.durability.syncName(f.home, `${f.home}/${folder}/file`);
  }
  f.disk.steps = [];
  f.durability.forgetTree(`${f.home}/a`);
  await f.durability.syncName(f.home, `${f.home}/ab/c/file`);
  assertEquals(f.disk.steps, ["sync users/ann/ab/c"]);
  f.disk.steps = [];
  await f.durability.syncName(f.home, `${f.home}/a/b/c/file`);
  assertEquals(f.disk.steps.toSorted(), [
    "sync users/ann",
    "sync users/ann/a",
    "sync users/ann/a/b",
    "sync users/ann/a/b/c",
  ]);
});

Deno.test("who waits for a name in a tree that is moved is told so, and nobody else", async () => {
  using f = new Fixture();
  const folders = ["a", "a/b", "ab", "."];
  for (const folder of folders) {
    Deno.mkdirSync(`${f.home}/${folder}`, { recursive: true });
  }
  const gate = Promise.withResolvers<void>();
  f.disk.hold(/^sync/, gate.promise);
  const names = Promise.allSettled(folders.flatMap((folder) => [
    f.durability.syncName(f.home, join(f.home, folder, "file")),
    f.durability.syncFolder(join(f.home, folder)),
  ]));
  f.durability.forgetTree(`${f.home}/a`);
  gate.resolve();
  const codes = (await names).map((name) =>
    name.status === "fulfilled" ? "ok" : name.reason.code
  );
  assertEquals(codes, ["io", "io", "io", "io", "ok", "ok", "ok", "ok"]);
  assertEquals(f.durability.hasFailed, false);
  // What comes later is synced where it is now.
  await f.durability.syncName(f.home, `${f.home}/a/file`);
});

Deno.test("a folder that is gone is no failure of the disk", async () => {
  using f = new Fixture();
  await assertRejects(() => f.durability.syncFolder(`${f.home}/gone`));
  assertEquals(f.durability.hasFailed, false);
  f.disk.fail(/^sync/, "EIO");
  await assertRejects(() => f.durability.syncFolder(f.home));
  assertEquals(f.durability.hasFailed, true);
});
