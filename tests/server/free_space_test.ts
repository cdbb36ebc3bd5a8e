import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { FreeSpace, parseReserve } from "../../server/free_space.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** As much as no disk has. */
const TOO_MUCH = Number.MAX_SAFE_INTEGER;

/** A disk of its own, in memory, where this may be made. */
class Disk implements Disposable {
  readonly path: string;
  #folder = tempFolder();

  constructor(bytes: number, inodes?: number) {
    this.path = Deno.realPathSync(this.#folder.path);
    const most = inodes === undefined ? "" : `,nr_inodes=${inodes}`;
    const size = `size=${bytes}${most}`;
    const args = ["-t", "tmpfs", "-o", size, "netdisk-test", this.path];
    const { success } = run("mount", args);
    if (!success) throw new Error("no disk can be made here");
  }

  /** Takes room away; returns what gives it back. */
  fill(bytes: number): () => void {
    const file = `${this.path}/${crypto.randomUUID()}`;
    Deno.writeFileSync(file, new Uint8Array(bytes));
    return () => Deno.removeSync(file);
  }

  [Symbol.dispose](): void {
    run("umount", [this.path]);
    this.#folder[Symbol.dispose]();
  }
}

function run(command: string, args: string[]) {
  return new Deno.Command(command, { args, stderr: "null" }).outputSync();
}

function canMount(): boolean {
  try {
    using _ = new Disk(MIB);
    return true;
  } catch {
    return false;
  }
}

const ignore = !canMount();

function isRefused(work: () => void): boolean {
  try {
    work();
    return false;
  } catch (error) {
    assert(error instanceof NetdiskError);
    assertEquals(error.code, "disk-full");
    return true;
  }
}

/** The most bytes for which there is room, to within 1. */
function roomOf(space: FreeSpace): number {
  let [fits, not] = [-1, TOO_MUCH];
  while (not - fits > 1) {
    const middle = Math.floor((fits + not) / 2);
    if (isRefused(() => space.require(middle))) not = middle;
    else fits = middle;
  }
  return fits;
}

Deno.test("parseReserve() reads bytes, binary units and percent", () => {
  const good: Record<string, ReturnType<typeof parseReserve>> = {
    "0": { bytes: 0 },
    "1": { bytes: 1 },
    "4096": { bytes: 4096 },
    "1K": { bytes: KIB },
    "500M": { bytes: 500 * MIB },
    "2G": { bytes: 2 * GIB },
    "3T": { bytes: 3 * 1024 * GIB },
    "2g": { bytes: 2 * GIB },
    "1.5k": { bytes: 1536 },
    "0.5": { bytes: 1 },
    "0.0001K": { bytes: 0 },
    "007": { bytes: 7 },
    "9007199254740991": { bytes: TOO_MUCH },
    "8191T": { bytes: 8191 * 1024 * GIB },
    "0%": { percent: 0 },
    "5%": { percent: 5 },
    "0.5%": { percent: 0.5 },
    "99.9%": { percent: 99.9 },
  };
  for (const [text, reserve] of Object.entries(good)) {
    assertEquals(parseReserve(text), reserve, text);
  }
  const bad = [
    ...["", " ", "M", "%", "-1", "+1", ".5G", "5.", "1e3", "0x10", "Infinity"],
    ...["NaN", "5 M", " 5M", "5M ", "5M\n", "5MB", "5MiB", "5P", "5KM", "5%%"],
    ...["5K%", "%5", "1,5G", "1.5.5", "100%", "100.0%", "1000%", "\u0665"],
    ...["9007199254740992", "8192T", "9".repeat(400), "99.99999999999999999%"],
  ];
  for (const text of bad) {
    assertEquals(parseReserve(text), undefined, JSON.stringify(text));
  }
});

Deno.test({
  name: "a reserve of bytes or percent is left free, to the byte",
  ignore,
  fn() {
    using disk = new Disk(10 * MIB);
    const reserves = [
      [{ bytes: 0 }, 10 * MIB],
      [{ bytes: MIB }, 9 * MIB],
      [{ bytes: 10 * MIB }, 0],
      [{ percent: 0 }, 10 * MIB],
      [{ percent: 25 }, 7.5 * MIB],
      [{ percent: 90 }, MIB],
    ] as const;
    for (const [reserve, room] of reserves) {
      const space = new FreeSpace(disk.path, reserve);
      assertEquals(roomOf(space), room, JSON.stringify(reserve));
    }
    // Of a disk with something on it, the part is still that of all of it.
    disk.fill(4 * MIB);
    for (const [reserve, room] of reserves) {
      const space = new FreeSpace(disk.path, reserve);
      const left = room - 4 * MIB;
      // Not even nothing fits when the reserve is touched already.
      assertEquals(roomOf(space), Math.max(-1, left), JSON.stringify(reserve));
    }
  },
});

Deno.test({
  name: "without a word 1 % is left free, and 256 MiB of a large disk",
  ignore,
  fn() {
    const sizes = [
      [100 * MIB, 99 * MIB],
      [10 * GIB, 10 * GIB - 102.4 * MIB],
      [25 * GIB, 24.75 * GIB],
      [26 * GIB, 25.75 * GIB],
      [1024 * GIB, 1023.75 * GIB],
    ] as const;
    for (const [size, room] of sizes) {
      using disk = new Disk(size);
      const space = new FreeSpace(disk.path, null);
      assert(Math.abs(roomOf(space) - room) < 8 * KIB, `${size}`);
    }
  },
});

Deno.test({
  name: "what is written counts at once, what others write after a second",
  ignore,
  fn() {
    using disk = new Disk(10 * MIB);
    using clock = new LeapClock({ isStill: true });
    const space = new FreeSpace(disk.path, { bytes: 0 });
    space.take(4 * MIB);
    // Nothing of it is on the disk yet; only what no measurement allows is refused.
    const giveBack = disk.fill(8 * MIB);
    assertEquals(isRefused(() => space.require(6 * MIB)), false);
    assertEquals(isRefused(() => space.require(6 * MIB + 1)), true);
    assertEquals(isRefused(() => space.require(2 * MIB + 1)), true);
    assertEquals(isRefused(() => space.take(2 * MIB)), false);
    giveBack();
    clock.leap(1001);
    assertEquals(roomOf(space), 10 * MIB);
    disk.fill(10 * MIB);
    assertEquals(isRefused(() => space.take(1)), false);
    clock.leap(1001);
    assertEquals(isRefused(() => space.take(1)), true);
  },
});

Deno.test("a reserve of more than there is refuses all, until there is room again", () => {
  using folder = tempFolder();
  const reserve = { bytes: TOO_MUCH };
  const space = new FreeSpace(folder.path, reserve);
  for (const bytes of [0, 1, GIB]) {
    assertThrows(() => space.require(bytes), NetdiskError, "disk is full");
    assertThrows(() => space.take(bytes), NetdiskError, "disk is full");
  }
  // As if somebody had tidied up: it is looked at again at once.
  reserve.bytes = 0;
  space.take(1);
});

Deno.test("a disk is asked once in a second while there is room", () => {
  using folder = tempFolder();
  using clock = new LeapClock({ isStill: true });
  let asked = 0;
  const reserve = {
    get bytes() {
      asked++;
      return 0;
    },
  };
  const space = new FreeSpace(folder.path, reserve);
  for (let i = 0; i < 100; i++) space.take(1);
  assertEquals(asked, 1);
  clock.leap(1001);
  for (let i = 0; i < 100; i++) space.take(1);
  assertEquals(asked, 2);
});

Deno.test("a disk that does not tell has no limit", () => {
  const space = new FreeSpace("/nowhere/at/all", { bytes: TOO_MUCH });
  space.require(TOO_MUCH);
  space.take(TOO_MUCH);
  space.take(TOO_MUCH);
});

Deno.test(
  "a disk without inodes is full, for empty files as well",
  { ignore },
  () => {
    using disk = new Disk(64 * MIB, 1000);
    const space = () => new FreeSpace(disk.path, { bytes: 0 });
    space().require(0);
    for (let n = 0; n < 985; n++) {
      Deno.writeTextFileSync(`${disk.path}/${n}`, "");
    }
    space().require(0);
    for (let n = 0; n < 10; n++) {
      Deno.writeTextFileSync(`${disk.path}/more${n}`, "");
    }
    assert(isRefused(() => space().require(0)));
    assert(isRefused(() => space().require(1)));
  },
);
