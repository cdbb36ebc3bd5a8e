/**
 * A disk that is really full: the put that finds no room fails and says so,
 * what is there stays, and as soon as there is room again puts work again.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { statfsSync } from "node:fs";
import { MountSpace } from "../helpers/mount_space.ts";
import { MOUNTING, testWith } from "../helpers/needs.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { CrashDisk, PUT_ONCE } from "./crash_disk.ts";
import { Ledger } from "./ledger.ts";
import { beginPut, PIECE_BYTES } from "./puts.ts";
import { noPartials } from "./recovery.ts";
import { contentOf } from "./versions.ts";

const DISK_MEGABYTES = 24;
const LARGE_BYTES = 5_000_000;
const MORE_BYTES = 2_000_000;
const MEDIUM_BYTES = 600_000;
const FULL = "the server's disk is full";

testWith(
  [MOUNTING],
  "puts fill a disk but for what the server keeps",
  async () => {
    await using full = await FullDisk.make([], ["ann", "bob"]);
    await full.fillAndClear();
    const bob = full.disk.client("bob");
    assertEquals((await bob.run(["ls"])).code, 0);
    const login = ["login", "bob", "--password-stdin"];
    const { code, stderr } = await bob.run(login, { stdin: PASSWORD });
    assertEquals(code, 0, stderr);
  },
);

testWith(
  [MOUNTING],
  "puts and others fill a disk to the last byte",
  async (t) => {
    await using full = await FullDisk.make(["--min-free", "0"], ["ann"]);
    await t.step("one put after another", () => full.fillAndClear());
    await t.step("others, in the middle of a put", () => fillInPut(full));
  },
);

async function fillInPut(full: FullDisk): Promise<void> {
  const { disk, ledger } = full;
  assertEquals(await full.put("old", MEDIUM_BYTES), "");
  {
    using peer = await disk.dial();
    const version = ledger.send("old", MORE_BYTES);
    await beginPut(peer, version);
    // Less than one piece stays free: the system writes a part of it.
    full.fillFromOutside(PIECE_BYTES / 2);
    await peer.sendData(contentOf(version), PIECE_BYTES);
    await peer.send({ type: "cancel" });
    assertEquals(await peer.error(), "disk-full");
    await peer.ask({ type: "list", path: "" }, "entries");
  }
  full.assertKept();
  await noPartials(disk.root);
  full.removeFiller();
  assertEquals(await full.put("old", MORE_BYTES), "");
  full.assertKept();
}

/** A server whose root is a small file system in memory. */
class FullDisk implements AsyncDisposable {
  readonly disk: CrashDisk;
  readonly ledger = new Ledger();
  readonly #filler: string;
  #stack: AsyncDisposableStack;
  #files = 0;

  private constructor(disk: CrashDisk, stack: AsyncDisposableStack) {
    this.disk = disk;
    this.#stack = stack;
    this.#filler = join(disk.root, "..", "filler");
  }

  static async make(
    args: readonly string[],
    users: readonly string[],
  ): Promise<FullDisk> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(tempFolder());
    const space = stack.use(await MountSpace.open());
    await space.mountMemory(folder.path, DISK_MEGABYTES);
    const root = join(folder.path, "root");
    const disk = stack.use(
      await CrashDisk.make({
        ...{ root, seenRoot: space.seen(root), via: space.enter },
        ...{ args, users },
      }),
    );
    return new FullDisk(disk, stack.move());
  }

  /** Fills the disk, and makes room again by removing a file beside the server. */
  async fillAndClear(): Promise<void> {
    const { disk, ledger } = this;
    const last = await this.fill(LARGE_BYTES);
    await this.fill(MEDIUM_BYTES);
    this.assertKept();
    await noPartials(disk.root);
    assertEquals((await disk.client().run(["ls"])).code, 0);
    Deno.removeSync(disk.file("ann", "file-1"));
    ledger.forget("file-1");
    const { bavail, bsize } = statfsSync(disk.root);
    const said = await this.put(last, LARGE_BYTES);
    assertEquals(said, "", `with ${bavail * bsize} bytes free before it`);
    this.assertKept();
    Deno.removeSync(disk.file("ann", last));
    ledger.forget(last);
  }

  /** Puts new files of a size until there is no room; the name of the last one. */
  async fill(bytes: number): Promise<string> {
    const most = DISK_MEGABYTES * 2 ** 20 / bytes;
    for (let count = 0; count <= most; count++) {
      const name = `file-${++this.#files}`;
      const said = await this.put(name, bytes);
      if (said === "") continue;
      assertEquals(said, `netdisk: error: file: ${FULL}\n`);
      return name;
    }
    throw new Error(`the disk takes more than ${DISK_MEGABYTES} MiB`);
  }

  /** Puts a file, and gives what the program said if there was no room for it. */
  async put(name: string, bytes: number): Promise<string> {
    const ann = this.disk.client();
    const version = this.ledger.send(name, bytes);
    await Deno.writeFile(ann.path("file"), contentOf(version));
    const args = [...PUT_ONCE, "file", "--to", name];
    const { code, stderr } = await ann.run(args);
    if (code === 0) this.ledger.acknowledge(version);
    else assertEquals(code, 6, stderr);
    return stderr;
  }

  /** Leaves only so many bytes free. */
  fillFromOutside(free: number): void {
    using filler = Deno.openSync(this.#filler, { create: true, write: true });
    const block = new Uint8Array(4096);
    let blocks = 0;
    try {
      for (;;) blocks += filler.writeSync(block) / block.length;
    } catch (error) {
      assert(`${error}`.includes("os error 28"), `${error}`);
    }
    filler.truncateSync(Math.floor(blocks) * block.length - free);
  }

  removeFiller(): void {
    Deno.removeSync(this.#filler);
  }

  assertKept(): void {
    const { lost, torn } = this.ledger.check(this.disk.file("ann"));
    assertEquals({ lost, torn }, { lost: [], torn: [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
