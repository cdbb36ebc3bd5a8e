/**
 * A write that takes only a part of the bytes: the server writes the rest. The
 * limit of a file's size makes the system do so, and is lifted at once.
 */

import { assertEquals } from "@std/assert";
import { testWith, TRACING } from "../helpers/needs.ts";
import { Trace } from "../helpers/strace.ts";
import { CrashDisk } from "./crash_disk.ts";
import { beginPut, finishPut } from "./puts.ts";
import { partials } from "./recovery.ts";
import { contentOf } from "./versions.ts";

/** What the first write takes. */
const SHORT_BYTES = 1000;

testWith([TRACING], "the rest of a short write is written", async (t) => {
  await using disk = await CrashDisk.make();
  for (const size of [50_000, 300_000]) {
    await t.step(`in a put of ${size} bytes`, () => writeShort(disk, size));
  }
});

async function writeShort(disk: CrashDisk, size: number): Promise<void> {
  const version = { name: "file", number: 1, size };
  const { pid } = disk.server.process;
  using peer = await disk.dial();
  await beginPut(peer, version);
  await using trace = await Trace.attach(pid, {
    // The write is done, then the whole process stands still.
    ...{ calls: "write", inject: "signal=STOP:when=1" },
    path: partials(disk.root)[0],
  });
  limitFileSize(pid, `${SHORT_BYTES}`);
  const finished = finishPut(peer, version, 0);
  await trace.shows("a write", (calls) => calls.some(({ ended }) => ended));
  limitFileSize(pid, "unlimited");
  // Each thread stands still once, at its first write.
  await trace.continueUntil(finished);
  assertEquals(await finished, true);
  const [first] = trace.calls();
  assertEquals(/= (\d+)$/.exec(first!.text)?.[1], `${SHORT_BYTES}`);
  assertEquals(Deno.readFileSync(disk.file("ann", "file")), contentOf(version));
}

function limitFileSize(pid: number, limit: string): void {
  const { success } = new Deno.Command("prlimit", {
    args: ["--pid", `${pid}`, `--fsize=${limit}:unlimited`],
  }).outputSync();
  assertEquals(success, true);
}
