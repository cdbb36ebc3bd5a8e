/**
 * kill -9 at every open, write, fsync and rename of one put: its name has the
 * old bytes or the new ones, and the new ones if the client was told so.
 */

import { assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { until } from "../helpers/deadline.ts";
import type { Peer } from "../helpers/dial.ts";
import { testWith, TRACING } from "../helpers/needs.ts";
import type { Call } from "../helpers/strace.ts";
import { CrashDisk, PUT_ONCE } from "./crash_disk.ts";
import { killAtEach, type KillKind } from "./kill_points.ts";
import { Ledger } from "./ledger.ts";
import { partials } from "./recovery.ts";
import { contentOf, type Version } from "./versions.ts";
import { beginPut, finishPut, PIECE_BYTES } from "./puts.ts";

/** Larger than a frame, so the client asks, and written in several pieces. */
const LARGE_BYTES = 1_200_000;
const SMALL_BYTES = 3000;
/** The status of a command whose server went away. */
const CONNECTION_LOST = 5;

const OPEN: KillKind = { calls: "openat", onlyServing: true };
const WRITE: KillKind = { calls: "write", onlyServing: true };
const TIME: KillKind = { calls: "utimensat", onlyServing: true };
const MKDIR: KillKind = { calls: "?mkdir,mkdirat", onlyServing: true };
const RENAME: KillKind = {
  calls: "?rename,?renameat,renameat2",
  onlyServing: true,
};
const FSYNC: KillKind = { calls: "fsync,fdatasync" };

testWith([TRACING], "kill at each call of a put", async (t) => {
  await using disk = await CrashDisk.make();
  const ledger = new Ledger();
  await t.step("a small one", () => killSmallPuts(disk, ledger));
  await t.step("the write of it", () => killWritingPuts(disk, ledger));
  await t.step(
    "a large one into new folders",
    () => killLargePuts(disk, ledger),
  );
});

async function killSmallPuts(disk: CrashDisk, ledger: Ledger): Promise<void> {
  const ann = disk.client();
  const home = () => disk.file("ann");
  const steps = await killPuts(disk, ledger, {
    name: () => "small",
    size: SMALL_BYTES,
    kinds: [OPEN, TIME, FSYNC, { ...FSYNC, path: home }, RENAME],
    async begin(version) {
      await Deno.writeFile(ann.path("file"), contentOf(version));
    },
    async finish({ name }) {
      const args = [...PUT_ONCE, "file", "--to", name];
      const { code, stderr } = await ann.run(args);
      assertEquals([0, CONNECTION_LOST].includes(code as number), true, stderr);
      return code === 0;
    },
  });
  assertCovers(steps, [
    "openat uploads",
    "utimensat uploads",
    "fsync uploads",
    "rename uploads",
    "openat users",
    "fsync users",
  ]);
}

/**
 * Threads wake each other by a `write`, now more and now less often: only of
 * those on the file's path it is certain which one is which.
 */
async function killWritingPuts(disk: CrashDisk, ledger: Ledger): Promise<void> {
  const temporary = () => partials(disk.root)[0]!;
  let peer: Peer;
  const steps = await killPuts(disk, ledger, {
    name: () => "small",
    size: SMALL_BYTES,
    kinds: [{ ...WRITE, path: temporary }],
    async begin(version) {
      peer = await disk.dial();
      assertEquals(await beginPut(peer, version), 0);
    },
    async finish(version) {
      using _ = peer;
      return await finishPut(peer, version, 0);
    },
  });
  assertEquals(steps, ["write uploads"]);
}

async function killLargePuts(disk: CrashDisk, ledger: Ledger): Promise<void> {
  const home = () => disk.file("ann");
  const temporary = () => partials(disk.root)[0]!;
  let peer: Peer;
  let folder = "";
  let sent = 0;
  const steps = await killPuts(disk, ledger, {
    name: (round) => `new-${round}/folder/large`,
    size: LARGE_BYTES,
    kinds: [
      { calls: "write", path: temporary, isShared: true },
      { ...FSYNC, path: temporary },
      MKDIR,
      RENAME,
      OPEN,
      { ...FSYNC, path: () => folder },
      { ...FSYNC, path: () => dirname(folder) },
      { ...FSYNC, path: home },
    ],
    async begin(version, pieces) {
      folder = dirname(disk.file("ann", version.name));
      peer = await disk.dial();
      assertEquals(await beginPut(peer, version), 0);
      sent = Math.min(pieces * PIECE_BYTES, version.size);
      await peer.sendData(contentOf(version).subarray(0, sent), PIECE_BYTES);
      await until(
        "the pieces are written",
        () => Deno.statSync(temporary()).size === sent,
      );
    },
    async finish(version) {
      using _ = peer;
      return await finishPut(peer, version, sent);
    },
  });
  assertCovers(steps, [
    "write uploads",
    "fsync uploads",
    "mkdir users",
    "rename uploads",
    "openat users",
    "fsync users",
  ]);
  // Two folders are made, three have a new name in them.
  const count = (step: string) => steps.filter((it) => it === step).length;
  assertEquals([count("mkdir users"), count("fsync users")], [2, 3]);
  assertEquals(count("write uploads"), Math.ceil(LARGE_BYTES / PIECE_BYTES));
}

interface PutKills {
  /** The name that the put of a round goes to. */
  name: (round: number) => string;
  size: number;
  kinds: readonly KillKind[];
  /** What comes before the calls to be killed at. */
  begin: (version: Version, pieces: number) => Promise<void>;
  /** The rest of the put; true if it is acknowledged. */
  finish: (version: Version) => Promise<boolean>;
}

/** Kills at each call of puts, and gives the calls in words. */
async function killPuts(
  disk: CrashDisk,
  ledger: Ledger,
  plan: PutKills,
): Promise<string[]> {
  let version: Version;
  let round = 0;

  async function begin(pieces = 0): Promise<void> {
    version = ledger.send(plan.name(round), plan.size);
    await plan.begin(version, pieces);
  }

  async function run(): Promise<void> {
    if (await plan.finish(version)) ledger.acknowledge(version);
  }

  async function check(): Promise<void> {
    assertKept();
    if (!disk.server.process.isRunning) await disk.recover();
    const before = ledger.acknowledged;
    await begin();
    await run();
    assertEquals(ledger.acknowledged, before + 1, "a put works again");
    assertKept();
    round++;
  }

  function assertKept(): void {
    const { lost, torn } = ledger.check(disk.file("ann"));
    assertEquals({ lost, torn }, { lost: [], torn: [] });
  }

  await begin();
  await run();
  const steps: string[] = [];
  for (const kind of plan.kinds) {
    const calls = await killAtEach(disk, kind, { begin, run, check });
    steps.push(...calls.map((call) => stepOf(disk, call)));
  }
  return steps;
}

/** A call in words: its name, and the part of the root that it was on. */
function stepOf(disk: CrashDisk, { name, text }: Call): string {
  for (const part of [".netdisk/uploads", "users"]) {
    if (text.includes(`${disk.root}/${part}`)) {
      return `${name} ${part.split("/").at(-1)}`;
    }
  }
  return name;
}

/** Each of these steps has been killed at; there may be others. */
function assertCovers(steps: readonly string[], expected: string[]): void {
  const missing = expected.filter((step) => !steps.includes(step));
  assertEquals(missing, [], `killed at ${steps.join(", ")}`);
}
