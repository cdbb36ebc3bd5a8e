import { assert, assertEquals, assertRejects } from "@std/assert";
import { GroupSync } from "../../server/group_sync.ts";
import { until, within } from "../helpers/deadline.ts";
import { settled } from "../helpers/settled.ts";

/** What was synced, one by one and all at once; a gate holds each back. */
class Disk {
  /** Syncs of single files that were begun. */
  singles = 0;
  /** Syncs of everything that were begun. */
  alls: { resolve: () => void; reject: (reason: unknown) => void }[] = [];
  now = 0;

  single = (): Promise<void> => {
    this.singles++;
    return Promise.resolve();
  };

  all = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.alls.push({ resolve, reject });
    return promise;
  };

  group(): GroupSync {
    return new GroupSync(this.all, () => this.now);
  }
}

function addMany(group: GroupSync, disk: Disk, count: number): Promise<void>[] {
  return Array.from({ length: count }, () => group.add(disk.single, true));
}

Deno.test("64 files that come together are synced at once, and not one by one", async () => {
  const disk = new Disk();
  const group = disk.group();
  const waiting = Promise.all(addMany(group, disk, 64));
  assertEquals(disk.alls.length, 1);
  disk.alls[0]!.resolve();
  await within("the files", waiting);
  assertEquals([disk.alls.length, disk.singles], [1, 0]);
});

Deno.test("nobody waits long for others who do not come", async () => {
  const disk = new Disk();
  const group = disk.group();
  const many = addMany(group, disk, 20);
  await until("a sync of everything", () => disk.alls.length === 1);
  disk.alls[0]!.resolve();
  await within("the files", Promise.all(many));
  await within("few files", Promise.all(addMany(group, disk, 3)));
  assertEquals([disk.alls.length, disk.singles], [1, 3]);
});

Deno.test("a file behind which nothing comes is synced without waiting", async () => {
  const disk = new Disk();
  const group = disk.group();
  await within("the file", group.add(disk.single));
  assertEquals(disk.singles, 1);
  // It takes those along that waited for more.
  const many = [...addMany(group, disk, 10), group.add(disk.single)];
  assertEquals(disk.alls.length, 1);
  disk.alls[0]!.resolve();
  await within("the files", Promise.all(many));
  assertEquals(disk.singles, 1);
});

Deno.test("what comes during a sync of everything is not covered by it", async () => {
  const disk = new Disk();
  const group = disk.group();
  const first = Promise.all(addMany(group, disk, 64));
  let isDone = false;
  const second = Promise.all(addMany(group, disk, 64)).then(() => {
    isDone = true;
  });
  assertEquals(disk.alls.length, 1);
  disk.alls[0]!.resolve();
  await within("the first", first);
  await settled();
  assert(!isDone);
  assertEquals(disk.alls.length, 2);
  disk.alls[1]!.resolve();
  await within("the second", second);
  assertEquals(disk.singles, 0);
});

Deno.test("when everything could not be synced none of those who waited is told otherwise", async () => {
  const disk = new Disk();
  const group = disk.group();
  const many = addMany(group, disk, 64);
  disk.alls[0]!.reject(new Error("EIO"));
  for (const one of many) await assertRejects(() => one, Error, "EIO");
  assertEquals(disk.singles, 0);
  // Those who come later have a sync of their own.
  const later = Promise.all(addMany(group, disk, 64));
  disk.alls[1]!.resolve();
  await within("the later ones", later);
});

Deno.test("a failure of one file is only its own", async () => {
  const disk = new Disk();
  const group = disk.group();
  const bad = group.add(() => Promise.reject(new Error("EIO")));
  const good = group.add(disk.single);
  await assertRejects(() => bad, Error, "EIO");
  await within("the other", good);
});

Deno.test("after a slow sync of everything each is synced alone for a minute", async () => {
  const disk = new Disk();
  const group = disk.group();
  const slow = Promise.all(addMany(group, disk, 64));
  disk.now = 1001;
  disk.alls[0]!.resolve();
  await within("the slow one", slow);
  await within("64 alone", Promise.all(addMany(group, disk, 64)));
  assertEquals([disk.alls.length, disk.singles], [1, 64]);
  disk.now += 60_000;
  const again = Promise.all(addMany(group, disk, 64));
  assertEquals(disk.alls.length, 2);
  disk.alls[1]!.resolve();
  await within("all at once again", again);
});

Deno.test("where everything cannot be synced at once, no more than 16 are at a time", async () => {
  const group = new GroupSync();
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const syncs = Array.from({ length: 50 }, () =>
    group.add(async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
    }, true));
  await settled();
  assertEquals(running, 16);
  gate.resolve();
  await within("all", Promise.all(syncs));
  assertEquals(most, 16);
});
