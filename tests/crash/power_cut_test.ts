/**
 * Power cuts: what was acknowledged is on the disk, not only in the kernel's
 * memory. The last tests leave an fsync out and must find files missing, which
 * shows that the others would notice.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LOOP_MOUNTING, testWith, TRACING } from "../helpers/needs.ts";
import { Random } from "../helpers/random.ts";
import { Server } from "../helpers/server.ts";
import { Trace } from "../helpers/strace.ts";
import { CrashDisk } from "./crash_disk.ts";
import { type Findings, Ledger } from "./ledger.ts";
import { LoopDisk } from "./loop_disk.ts";
import { receipt } from "./puts.ts";
import { assertDatabase, noLeftovers } from "./recovery.ts";
import { contentOf } from "./versions.ts";
import { runWriter } from "./writers.ts";

const CUTS = 4;
const WRITERS = 4;
/** A cut comes at most this long after the one before it. */
const MAX_PAUSE_MS = 150;
const FILE_BYTES = 20_000;

for (const options of [[], ["noauto_da_alloc"]]) {
  const how = options[0] ?? "default options";
  const title = `${CUTS} power cuts lose and tear nothing, ${how}`;
  testWith([LOOP_MOUNTING], title, async () => {
    await using loop = await LoopDisk.make(...options);
    await using disk = await serve(loop);
    const random = new Random(Deno.pid);
    const ledger = new Ledger();
    let isOver = false;
    const writing = Array.from({ length: WRITERS }, async (_, at) => {
      const writer = {
        ...{ name: `writer-${at}`, ledger, random: new Random(random.next()) },
        resumed: 0,
      };
      while (!isOver) await runWriter(disk, writer, 5);
    });
    for (let cut = 1; cut <= CUTS; cut++) {
      await pass(random.below(MAX_PAUSE_MS));
      const findings = await cutPower(loop, disk, ledger);
      assertGood(findings, `cut ${cut}, seed ${Deno.pid}`);
    }
    isOver = true;
    await Promise.all(writing);
    await putOneByOne(disk, ledger);
    const { checked, ...found } = await cutPower(loop, disk, ledger);
    assertGood({ checked, ...found }, "after the last receipt");
    assert(checked > WRITERS, `only ${checked} files`);
  });

  testWith(
    [LOOP_MOUNTING, TRACING],
    `a power cut shows that a file was not synced, ${how}`,
    async () => {
      await using loop = await LoopDisk.make(...options);
      await using disk = await serve(loop);
      const findings = await cutWithoutSync(loop, disk, async (put) => {
        await put();
        // Only the file's sync is to be missing.
        using folder = Deno.openSync(disk.file("ann"));
        folder.syncSync();
      });
      assert(findings.torn.length + findings.lost.length > 0);
    },
  );

  testWith(
    [LOOP_MOUNTING, TRACING],
    `a power cut shows that a folder was not synced, ${how}`,
    async () => {
      await using loop = await LoopDisk.make(...options);
      await using disk = await serve(loop);
      const path = join(loop.mount, "root", "users", "ann");
      const findings = await cutWithoutSync(loop, disk, (put) => put(), path);
      assertEquals(findings.torn, []);
      assert(findings.lost.length > 0);
    },
  );
}

/** A server whose root is on the disk. */
async function serve(loop: LoopDisk): Promise<CrashDisk> {
  return await CrashDisk.make({
    root: join(loop.mount, "root"),
    seenRoot: loop.seen("root"),
    via: loop.space.enter,
  });
}

/** Puts new files and later versions of them, each when the one before is there. */
async function putOneByOne(disk: CrashDisk, ledger: Ledger): Promise<void> {
  using peer = await disk.dial();
  // ext4 by default saves the bytes of a file that replaces one: "new" does not.
  for (const name of ["old", "old", "new"]) {
    const version = ledger.send(name, FILE_BYTES);
    await peer.sendPut(name, contentOf(version));
    if (await receipt(peer)) ledger.acknowledge(version);
  }
}

/** Like {@link cutPower}, with fsyncs that only say that they were done. */
async function cutWithoutSync(
  loop: LoopDisk,
  disk: CrashDisk,
  run: (put: () => Promise<void>) => Promise<void>,
  path?: string,
): Promise<Findings> {
  const ledger = new Ledger();
  {
    await using trace = await Trace.attach(disk.server.process.pid, {
      calls: "fsync,fdatasync",
      inject: "retval=0",
      path,
    });
    await run(() => putOneByOne(disk, ledger));
    assert(trace.calls().length > 0, "nothing was left out");
  }
  await using cut = await loop.cut(disk.server.process, () => {});
  return ledger.check(cut.seen("root/users/ann"));
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
