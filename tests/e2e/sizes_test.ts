/** Files of every size, whole and in constant memory on both sides. */

import { assert, assertEquals } from "@std/assert";
import { statfsSync } from "node:fs";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { Random } from "../helpers/random.ts";
import { Server } from "../helpers/server.ts";
import { sha256Of } from "../helpers/test_client.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** 5 GiB of zeros with `netdisk` at the very end. */
const HUGE_BYTES = 5 * GiB;
const HUGE_SHA256 =
  "97be05b92ce79e87a7d61505a931ab4eaae1bc07146925e19cd6f65ca5cc5c80";
const TAIL = "netdisk";

const TRANSFER_MS = 180_000;

/** Enough for all buffers to have been used, on both sides. */
const WARM_BYTES = 64 * MiB;

/** What 5 GiB may take more than 64 MiB did: the collector is not punctual. */
const SLACK_KB = 48 * 1024;

/** A file system that takes 5 GiB, in memory where there is plenty. */
const room = ["/dev/shm", Deno.env.get("TMPDIR") ?? "/tmp"].find((folder) =>
  freeBytes(folder) > HUGE_BYTES + 3 * GiB
);
const disk = sharedDisk();

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const isMemory = folder === "/dev/shm";
    return Math.min(
      bavail * bsize,
      isMemory ? availableMemory() / 2 : Infinity,
    );
  } catch {
    return 0;
  }
}

function availableMemory(): number {
  const text = Deno.readTextFileSync("/proc/meminfo");
  return Number(/^MemAvailable: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * KiB;
}

/** The most memory that a running process had so far, in kB. */
function peakMemory(pid: number): number | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) || undefined;
  } catch {
    return undefined;
  }
}

/** Runs a transfer; what it says of the file, and the most memory that it had. */
async function measured(client: Client, args: readonly string[]) {
  await using process = client.start([...args, "--json"]);
  let peak = 0;
  const watch = setInterval(() => {
    peak = peakMemory(process.pid) ?? peak;
  }, 20);
  const { code, stdout, stderr } = await process.outcome(TRANSFER_MS)
    .finally(() => clearInterval(watch));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const { size, sha256 } = JSON.parse(stdout.split("\n")[0]!);
  assert(peak > 0);
  return { size, sha256, peak };
}

Deno.test("files of 0 and 1 bytes and around every edge arrive whole, both ways", async () => {
  const ann = disk.client();
  const random = new Random(1);
  const edges = [16 * KiB, 64 * KiB, 256 * KiB, MiB, 2 * MiB];
  const sizes = [
    0,
    1,
    2,
    ...edges.flatMap((edge) => [edge - 1, edge, edge + 1]),
  ];
  const hashes = new Map<string, string>();
  const block = random.bytes(2 * MiB + 1);
  for (const size of sizes) {
    const bytes = block.subarray(block.length - size);
    ann.write(`${size}`, bytes);
    hashes.set(`${size}`, sha256Of(bytes));
  }
  const names = [...hashes.keys()];
  assertOutcome(await ann.run(["put", ...names, "--to", "sizes/"]));
  for (const [name, sha256] of hashes) {
    const bytes = Deno.readFileSync(disk.server.file("ann", `sizes/${name}`));
    assertEquals([bytes.length, sha256Of(bytes)], [Number(name), sha256], name);
  }
  Deno.mkdirSync(ann.path("back"));
  const back = names.map((name) => `sizes/${name}`);
  assertOutcome(await ann.run(["get", ...back, "--to", "back"]));
  for (const [name, sha256] of hashes) {
    const bytes = Deno.readFileSync(ann.path(`back/${name}`));
    assertEquals([bytes.length, sha256Of(bytes)], [Number(name), sha256], name);
  }
});

Deno.test(
  `5 GiB in constant memory, both ways${room ? "" : " (no room for it here)"}`,
  { ignore: !room },
  async () => {
    const root = Deno.makeTempDirSync({ dir: room!, prefix: "netdisk-e2e-" });
    try {
      const home = disk.folder("server");
      await using server = await Server.start(home, [], { root });
      const ann = disk.stranger();
      await ann.register("ann", server.address);
      for (
        const [name, size] of [["warm", WARM_BYTES], [
          "huge",
          HUGE_BYTES,
        ]] as const
      ) {
        ann.write(name, "");
        using file = Deno.openSync(ann.path(name), { write: true });
        file.seekSync(size - TAIL.length, Deno.SeekMode.Start);
        file.writeSync(new TextEncoder().encode(TAIL));
      }
      const serverPeak = () => peakMemory(server.process.pid)!;
      const small = await measured(ann, ["put", "warm"]);
      const smallBack = await measured(ann, [
        "get",
        "warm",
        "--to",
        "/dev/null",
      ]);
      const serverSmall = serverPeak();

      const huge = await measured(ann, ["put", "huge"]);
      const facts = { size: HUGE_BYTES, sha256: HUGE_SHA256 };
      assertEquals({ ...huge, peak: 0 }, { ...facts, peak: 0 });
      assertEquals(Deno.statSync(server.file("ann", "huge")).size, HUGE_BYTES);
      const back = await measured(ann, ["get", "huge", "--to", "/dev/null"]);
      assertEquals({ ...back, peak: 0 }, { ...facts, peak: 0 });

      const grown = {
        put: huge.peak - small.peak,
        get: back.peak - smallBack.peak,
        server: serverPeak() - serverSmall,
      };
      const most = Math.max(...Object.values(grown));
      assert(most < SLACK_KB, `kB more: ${JSON.stringify(grown)}`);
      console.log(grown, small.peak, smallBack.peak, serverSmall);
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  },
);
