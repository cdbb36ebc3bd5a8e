/** Files of every size, whole and in constant memory on both sides. */

import { assert, assertEquals } from "@std/assert";
import { statfsSync } from "node:fs";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { PROGRAM } from "../helpers/program.ts";
import { Process } from "../helpers/process.ts";
import { Random } from "../helpers/random.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** 5 GiB of zeros with `netdisk` at the very end. */
const HUGE_BYTES = 5 * GiB;
const HUGE_SHA256 =
  "97be05b92ce79e87a7d61505a931ab4eaae1bc07146925e19cd6f65ca5cc5c80";
const TAIL = "netdisk";

/** Only to end a hang: 5 GiB may take minutes on a busy disk. */
const TRANSFER_MS = 900_000;

/** Enough for all buffers to have been used, on both sides. */
const WARM_BYTES = 64 * MiB;

/**
 * What 5 GiB may take more than 64 MiB did: a twentieth of it, because the
 * collector is not punctual, least of all where others want the processors.
 */
const SLACK_KB = 256 * 1024;

const disk = sharedDisk();

const hasRoom = hasFreeBytes(Deno.env.get("TMPDIR") ?? "/tmp");

/** Reading a hole takes memory everywhere but here: 20 s for 5 GiB of it. */
const HOLES = "/dev/shm";

function hasFreeBytes(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize > 1.5 * HUGE_BYTES;
}

/** A new folder for files of nothing but holes. */
function folderForHoles(): TempFolder {
  try {
    return tempFolder(HOLES);
  } catch {
    return tempFolder();
  }
}

/** Makes a file that ends with TAIL and is zero before. */
function makeSparse(path: string, size: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  file.seekSync(size - TAIL.length, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(TAIL));
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
  const argv = [...PROGRAM, ...args, "--verbose"];
  await using process = new Process(
    ["sh", "-c", 'exec "$@" >/dev/null', "sh", ...argv],
    { cwd: client.work, env: client.environment() },
  );
  let peak = 0;
  const watch = setInterval(() => {
    peak = peakMemory(process.pid) ?? peak;
  }, 20);
  const { code, stderr } = await process.outcome(TRANSFER_MS)
    .finally(() => clearInterval(watch));
  const [, size, sha256] = /: (\d+) bytes, sha256 (\w+)\n$/.exec(stderr) ?? [];
  assertEquals(code, 0, stderr);
  assert(peak > 0);
  return { size: Number(size), sha256, peak };
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
  assertOutcome(await ann.run(["put", "-q", ...names, "--to", "sizes/"]));
  for (const [name, sha256] of hashes) {
    const bytes = Deno.readFileSync(disk.server.file("ann", `sizes/${name}`));
    assertEquals([bytes.length, sha256Of(bytes)], [Number(name), sha256], name);
  }
  Deno.mkdirSync(ann.path("back"));
  const back = names.map((name) => `sizes/${name}`);
  assertOutcome(await ann.run(["get", "-q", ...back, "--to", "back"]));
  for (const [name, sha256] of hashes) {
    const bytes = Deno.readFileSync(ann.path(`back/${name}`));
    assertEquals([bytes.length, sha256Of(bytes)], [Number(name), sha256], name);
  }
});

Deno.test(
  `5 GiB in constant memory, both ways${
    hasRoom ? "" : " (too little room here)"
  }`,
  { ignore: !hasRoom },
  async () => {
    const ann = disk.client();
    const serverPid = disk.server.process.pid;
    using holes = folderForHoles();
    const [warm, full] = [`${holes.path}/warm`, `${holes.path}/huge`];
    makeSparse(warm, WARM_BYTES);
    makeSparse(full, HUGE_BYTES);

    const small = await measured(ann, ["put", warm]);
    const smallBack = await measured(ann, ["get", "warm", "--to", "-"]);
    const serverSmall = peakMemory(serverPid)!;

    const huge = await measured(ann, ["put", full]);
    assertEquals([huge.size, huge.sha256], [HUGE_BYTES, HUGE_SHA256]);
    assertEquals(
      Deno.statSync(disk.server.file("ann", "huge")).size,
      HUGE_BYTES,
    );
    const back = await measured(ann, ["get", "huge", "--to", "-"]);
    assertEquals([back.size, back.sha256], [HUGE_BYTES, HUGE_SHA256]);

    const grown = {
      put: huge.peak - small.peak,
      get: back.peak - smallBack.peak,
      server: peakMemory(serverPid)! - serverSmall,
    };
    const most = Math.max(...Object.values(grown));
    assert(most < SLACK_KB, `kB more than before: ${JSON.stringify(grown)}`);
  },
);
