/**
 * Mounts that nobody else sees: a mount namespace, held by a process that ends
 * with the test however that ends. Its mounts and loop devices go with it.
 */

import { Process } from "./process.ts";
import { ENVIRONMENT } from "./program.ts";

/** A mount namespace of our own; needs root. */
export class MountSpace implements AsyncDisposable {
  #holder: Process;

  private constructor(holder: Process) {
    this.#holder = holder;
  }

  static async open(): Promise<MountSpace> {
    const unshare = ["unshare", "--mount", "--propagation", "private"];
    // Its input ends with this process, if that should be killed.
    const holder = new Process(
      [...unshare, "sh", "-c", "echo ready && exec cat"],
      { cwd: "/", env: ENVIRONMENT, stdin: "piped" },
    );
    try {
      await holder.says("stdout", /ready/);
      return new MountSpace(holder);
    } catch (error) {
      await holder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Runs in here the command line that follows. A server that outlived us
   * would keep the mounts, so it is killed with whoever started it.
   */
  get enter(): readonly string[] {
    return [
      ...["nsenter", `--mount=/proc/${this.#holder.pid}/ns/mnt`],
      ...["setpriv", "--pdeathsig", "KILL"],
    ];
  }

  /** Where a path of this namespace can be seen from outside. */
  seen(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }

  /** Runs a command in here, as root. @throws Error with what it said */
  async run(...argv: string[]): Promise<string> {
    await using process = new Process([...this.enter, ...argv], {
      cwd: "/",
      env: { ...ENVIRONMENT, PATH: `${ENVIRONMENT.PATH}:/usr/sbin:/sbin` },
    });
    const { code, stdout, stderr } = await process.outcome();
    if (code !== 0) throw new Error(`${argv.join(" ")}: ${code}: ${stderr}`);
    return stdout;
  }

  /** Gives a folder memory of its own instead of a disk. */
  async mountMemory(folder: string, megabytes: number): Promise<void> {
    const options = `size=${megabytes}m,mode=755`;
    await this.run("mount", "-t", "tmpfs", "-o", options, "tmpfs", folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }
}
