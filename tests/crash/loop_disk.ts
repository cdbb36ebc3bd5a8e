/**
 * A disk whose power can be cut: an ext4 file system in a file in memory. A
 * copy of the file is what a disk would have if the power failed that moment;
 * what only the kernel's memory has is not in it.
 */

import { join } from "@std/path";
import { until } from "../helpers/deadline.ts";
import { MountSpace } from "../helpers/mount_space.ts";
import type { Process } from "../helpers/process.ts";

/** Holds the image and one copy of it. */
const MEMORY_MEGABYTES = 400;
const IMAGE_MEGABYTES = 96;

/**
 * ext4 would write its journal every 5 seconds by itself, and so hide for most
 * of the time that nobody asked for it.
 */
const LONG_COMMIT = "commit=300";

/** A file system in a mount namespace of its own, and what becomes of it. */
export class LoopDisk implements AsyncDisposable {
  readonly space: MountSpace;
  /** Where it is mounted, inside the namespace. */
  readonly mount: string;
  #folder: string;
  #cuts = 0;

  private constructor(space: MountSpace, folder: string) {
    this.space = space;
    this.#folder = folder;
    this.mount = join(folder, "disk");
  }

  /** @param options for mount, such as `noauto_da_alloc` */
  static async make(...options: string[]): Promise<LoopDisk> {
    const folder = Deno.makeTempDirSync({ prefix: "netdisk-loop-" });
    const space = await MountSpace.open();
    const disk = new LoopDisk(space, folder);
    try {
      await space.mountMemory(folder, MEMORY_MEGABYTES);
      await disk.#makeFileSystem([LONG_COMMIT, ...options].join());
      return disk;
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A path on the disk, as this process sees it. */
  seen(path = "."): string {
    return this.space.seen(join(this.mount, path));
  }

  /**
   * Cuts the power of a copy, while the process that writes stands still and
   * then goes on; on return the copy has been mounted and its journal replayed.
   *
   * @param atCut is called at the moment of the cut
   */
  async cut(writer: Process, atCut: () => void): Promise<CutDisk> {
    const copy = join(this.#folder, `cut-${++this.#cuts}`);
    writer.signal("SIGSTOP");
    try {
      await until("all threads stand still", () => isStopped(writer.pid));
      await this.#copyImage(copy);
      atCut();
    } finally {
      writer.signal("SIGCONT");
    }
    return await CutDisk.mount(this.space, copy);
  }

  /** Writes everything down, as an idle minute would. */
  async sync(): Promise<void> {
    await this.space.run("sync", "-f", this.mount);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.space[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #makeFileSystem(options: string): Promise<void> {
    const { space, mount } = this;
    const size = `${IMAGE_MEGABYTES}M`;
    await space.run("truncate", "-s", size, this.#image);
    await space.run(
      ...["mkfs.ext4", "-q", "-F", "-J", "size=8", this.#image],
      // Nothing is to write in the background.
      ...["-E", "lazy_itable_init=0,lazy_journal_init=0"],
    );
    await space.run("mkdir", mount);
    await space.run("mount", "-o", `loop,${options}`, this.#image, mount);
  }

  get #image(): string {
    return join(this.#folder, "image");
  }

  /**
   * A copy that was made while the kernel wrote could have later writes without
   * earlier ones, which no disk has: it is made again then.
   */
  async #copyImage(copy: string): Promise<void> {
    await until("a copy while nothing is written", async () => {
      const before = this.#deviceState();
      if (before.inFlight > 0) return false;
      await this.space.run("cp", "--sparse=always", this.#image, copy);
      const after = this.#deviceState();
      return after.inFlight === 0 && after.writes === before.writes;
    });
  }

  /** Requests of the loop device, see Documentation/block/stat.rst. */
  #deviceState(): { writes: number; inFlight: number } {
    const { dev } = Deno.statSync(this.seen());
    const device = `${(dev >> 8) & 0xfff}:${dev & 0xff}`;
    const text = Deno.readTextFileSync(`/sys/dev/block/${device}/stat`);
    const fields = text.trim().split(/ +/).map(Number);
    return { writes: fields[4]!, inFlight: fields[8]! };
  }
}

/** What the disk has after a power cut. */
export class CutDisk implements AsyncDisposable {
  readonly space: MountSpace;
  /** Where it is mounted, inside the namespace. */
  readonly mount: string;
  #image: string;
  #isMounted = false;

  private constructor(space: MountSpace, image: string) {
    this.space = space;
    this.#image = image;
    this.mount = `${image}-mounted`;
  }

  static async mount(space: MountSpace, image: string): Promise<CutDisk> {
    const disk = new CutDisk(space, image);
    await space.run("mkdir", disk.mount);
    await space.run("mount", "-o", "loop", image, disk.mount);
    disk.#isMounted = true;
    return disk;
  }

  seen(path = "."): string {
    return this.space.seen(join(this.mount, path));
  }

  /** Unmounts it and lets e2fsck look at it. @throws Error with what that found */
  async examine(): Promise<void> {
    await this.#unmount();
    await this.space.run("e2fsck", "-f", "-n", this.#image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unmount();
    await this.space.run("rm", this.#image);
  }

  async #unmount(): Promise<void> {
    if (!this.#isMounted) return;
    await this.space.run("umount", this.mount);
    this.#isMounted = false;
  }
}

/** True when no thread runs or waits for a disk any more. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return [...Deno.readDirSync(tasks)].every(({ name }) => {
    const stat = Deno.readTextFileSync(`${tasks}/${name}/stat`);
    // Behind the name in parentheses: T stopped, t stopped by a tracer.
    return /\) [Tt] /.test(stat);
  });
}
