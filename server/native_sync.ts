/**
 * One sync of a whole file system (syncfs(2)), for group_sync.ts: by the main
 * thread, as Deno has no function for it.
 */

import { statfsSync } from "node:fs";
import type { Libc } from "./libc.ts";
import { errnoError } from "./os_errors.ts";

/**
 * ext2 to ext4, XFS, btrfs and tmpfs (statfs(2)): there it keeps the promise of
 * an fsync of each file. Others, such as an overlay, lost errors for years.
 */
const TRUSTED_TYPES = [0xef53, 0x58465342, 0x9123683e, 0x01021994];

/** Before, Linux told nobody what could not be written. */
const FIRST_KERNEL = [5, 8] as const;

/** The file system of the storage root. */
export class NativeSync {
  #libc: Libc;
  #fd: number;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** Undefined where it would promise less than an fsync of each file. */
  static open(root: string, libc: Libc): NativeSync | undefined {
    if (!isNewEnough(Deno.osRelease())) return undefined;
    if (!TRUSTED_TYPES.includes(statfsSync(root).type)) return undefined;
    // Kept open: it is told what has failed since.
    return new NativeSync(libc, libc.openFolder(root));
  }

  /** Waits until all that is unwritten by now is on the disk. @throws Error EIO */
  async sync(): Promise<void> {
    // What errno says is another thread's.
    if (await this.#libc.syncfs(this.#fd) !== 0) throw errnoError("EIO");
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}

function isNewEnough(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map(Number.parseFloat);
  const [firstMajor, firstMinor] = FIRST_KERNEL;
  return major > firstMajor || major === firstMajor && minor >= firstMinor;
}
