/**
 * Power cuts: what was acknowledged is on the disk, not only in the kernel's
 * memory. The last tests leave an fsync out and must find files missing, which
 * shows that the others would notice.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Request } from "../../protocol/messages.ts";
import { until } from "../helpers/deadline.ts";
import { LOOP_MOUNTING, testWith, TRACING } from "../helpers/needs.ts";
import { Random } from "../helpers/random.ts";
import { Server } from "../helpers/server.ts";
import { Trace } from "../helpers/strace.ts";
import { CrashDisk } from "./crash_disk.ts";
import { type Findings, Ledger } from "./ledger.ts";
import { LoopDisk } from "./loop_disk.ts";
import { receipt } from "./puts.ts";
import { assertDatabase, noLeftovers, readDatabase } from "./recovery.ts";
import { contentOf } from "./versions.ts";
import { runWriter } from "./writers.ts";

const CUTS = 4;
const WRITERS = 4;
/** A cut comes at most this long after the one before it. */
const MAX_PAUSE_MS = 150;
const FILE_BYTES = 20_000;

/** Files that are put together. */
const GROUP = 200;
const SMALL_BYTES = 2000;

for (const options of [[], ["noauto_da_alloc"]]) {
  const how = options[0] ?? "default options";
  testWith([LOOP_MOUNTING], `power cuts of ext4, ${how}`, async (t) => {
    await using loop = await LoopDisk.make(...options);
    await using disk = await serve(loop);
    const ledger = new Ledger();

    await t.step(`${CUTS} cuts while ${WRITERS} put`, async () => {
      await cutWriters(loop, disk, ledger);
    });

    await t.step("a cut behind the last receipt", async () => {
      await putOneByOne(disk, ledger, "last");
      assertGood(await cutPower(loop, disk, ledger), "the last receipt");
    });

    await t.step("a cut behind many small files at once", async () => {
      await putTogether(disk, ledger, "together");
      assertGood(await cutPower(loop, disk, ledger), "the last receipts");
    });

    await t.step("a cut behind a new account", async () => {
      await disk.stranger().register("late", disk.server.link);
      await using cut = await loop.cut(disk.server.process, () => {});
      const names = readDatabase(
        cut.seen("root"),
        (database) =>
          database.prepare("SELECT name FROM users ORDER BY id").all()
            .map(({ name }) => name),
      );
      assertEquals(names, ["ann", "late"]);
    });

    await t.step("a cut behind each of some changes", async () => {
      await cutBehindChanges(loop, disk);
    });

    const untraced = TRACING();
    const ignore = untraced !== undefined;
    const reason = ignore ? ` (skipped: ${untraced})` : "";
    await t.step({
      name: `a folder that is not synced is noticed${reason}`,
      ignore,
      async fn() {
        const put = () => putOneByOne(disk, ledger, "unsynced-folder");
        const folder = join(loop.mount, "root", "users", "ann");
        await withoutSync(disk, put, { path: folder });
        const { torn, lost } = await cutPower(loop, disk, ledger);
        assertEquals([torn.length, lost.length > 0], [0, true]);
        await loop.sync();
      },
    });

    await t.step({
      name: `a group that is not synced is noticed${reason}`,
      ignore,
      async fn() {
        const put = () => putTogether(disk, ledger, "unsynced-group");
        await withoutSync(disk, put, { calls: "syncfs" });
        const { torn } = await cutPower(loop, disk, ledger);
        assert(torn.length > 0);
        await loop.sync();
      },
    });

    await t.step({
      name: `a file that is not synced is noticed${reason}`,
      ignore,
      async fn() {
        await withoutSync(disk, async () => {
          await putOneByOne(disk, ledger, "unsynced-file");
          // Only the file's sync is to be missing.
          using folder = Deno.openSync(disk.file("ann"));
          folder.syncSync();
        });
        const { torn } = await cutPower(loop, disk, ledger);
        assert(torn.length > 0);
      },
    });
  });
}

/** A server whose root is on the disk. */
async function serve(loop: LoopDisk): Promise<CrashDisk> {
  return await CrashDisk.make({
    root: join(loop.mount, "root"),
    seenRoot: loop.seen("root"),
    via: loop.space.enter,
  });
}

/** Cuts at random moments, none of them waited for by the writers. */
async function cutWriters(
  loop: LoopDisk,
  disk: CrashDisk,
  ledger: Ledger,
): Promise<void> {
  const seed = Deno.pid;
  const random = new Random(seed);
  let isOver = false;
  const writing = Array.from({ length: WRITERS }, async (_, at) => {
    const writer = {
      ...{ name: `writer-${at}`, ledger, random: new Random(random.next()) },
      resumed: 0,
    };
    while (!isOver) await runWriter(disk, writer, 5);
  });
  try {
    for (let cut = 1; cut <= CUTS; cut++) {
      await until("a receipt", () => ledger.acknowledged >= cut);
      await pass(random.below(MAX_PAUSE_MS));
      const findings = await cutPower(loop, disk, ledger);
      assertGood(findings, `cut ${cut}, seed ${seed}`);
    }
  } finally {
    isOver = true;
    await Promise.all(writing);
  }
}

/** Puts a file, a later version of it, and a new file, each behind the other's receipt. */
async function putOneByOne(
  disk: CrashDisk,
  ledger: Ledger,
  name: string,
): Promise<void> {
  using peer = await disk.dial();
  // ext4 by default saves the bytes of a file that replaces one, not of a new one.
  for (const path of [name, name, `${name}-new`]) {
    const version = ledger.send(path, FILE_BYTES);
    await peer.sendPut(path, contentOf(version));
    if (await receipt(peer)) ledger.acknowledge(version);
  }
}

const TIME = 1_600_000_000_000;

/** What is asked for, and what must be true of the user's folder from then on. */
const CHANGES: readonly [
  Request,
  (path: (name: string) => string) => boolean,
][] = [
  [
    { type: "mkdir", path: "tree/in/deep", parents: true, mtime: TIME },
    (at) => timeOf(at("tree/in/deep")) === TIME,
  ],
  [
    {
      type: "touch",
      path: "tree/in/deep",
      mtime: TIME + 1000,
      executable: null,
    },
    (at) => timeOf(at("tree/in/deep")) === TIME + 1000,
  ],
  [
    { type: "move", from: "tree/in/deep", to: "new", replace: false },
    (at) => isThere(at("new")) && !isThere(at("tree/in/deep")),
  ],
  [
    { type: "remove", path: "tree", recursive: true },
    (at) => !isThere(at("tree")),
  ],
  [
    { type: "remove", path: "gone", recursive: false },
    (at) => !isThere(at("gone")),
  ],
];

/** Each by itself: a later fsync would take an earlier change with it. */
async function cutBehindChanges(
  loop: LoopDisk,
  disk: CrashDisk,
): Promise<void> {
  using peer = await disk.dial();
  await peer.sendPut("gone", "content");
  await receipt(peer);
  for (const [change, isTrue] of CHANGES) {
    await peer.ask(change, "ok");
    await using cut = await loop.cut(disk.server.process, () => {});
    const home = cut.seen("root/users/ann");
    assert(isTrue((name) => join(home, name)), JSON.stringify(change));
  }
}

function isThere(path: string): boolean {
  return timeOf(path) !== undefined;
}

function timeOf(path: string): number | undefined {
  try {
    return Deno.lstatSync(path).mtime!.getTime();
  } catch {
    return undefined;
  }
}

/** Puts files so quickly that one sync is to save many of them. */
async function putTogether(
  disk: CrashDisk,
  ledger: Ledger,
  name: string,
): Promise<void> {
  using peer = await disk.dial();
  const versions = Array.from(
    { length: GROUP },
    (_, at) => ledger.send(`${name}-${at}`, SMALL_BYTES),
  );
  for (const version of versions) {
    await peer.sendPut(version.name, contentOf(version));
  }
  for (const version of versions) {
    if (await receipt(peer)) ledger.acknowledge(version);
  }
}

/** Does some work with syncs that only say that they were done, all or those of a path. */
async function withoutSync(
  disk: CrashDisk,
  work: () => Promise<void>,
  { calls = "fsync,fdatasync", path }: { calls?: string; path?: string } = {},
): Promise<void> {
  await using trace = await Trace.attach(disk.server.process.pid, {
    ...{ calls, inject: "retval=0", path },
  });
  await work();
  assert(trace.calls().length > 0, "nothing was left out");
}

/** Cuts the power, and looks at what is left, before and after a server has started. */
async function cutPower(
  loop: LoopDisk,
  disk: CrashDisk,
  ledger: Ledger,
): Promise<Findings> {
  let promised = ledger;
  await using cut = await loop.cut(disk.server.process, () => {
    promised = ledger.copy();
  });
  const findings = promised.check(cut.seen("root/users/ann"));
  assertDatabase(cut.seen("root"));
  {
    const root = join(cut.mount, "root");
    const via = loop.space.enter;
    await using _ = await Server.start(disk.folder, [], { root, via });
    await noLeftovers(cut.seen("root"));
  }
  await cut.examine();
  return findings;
}

function assertGood({ lost, torn }: Findings, when: string): void {
  assertEquals({ lost, torn }, { lost: [], torn: [] }, when);
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
