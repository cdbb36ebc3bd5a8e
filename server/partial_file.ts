/** One unfinished upload on the disk, in the hands of one client. */

import { dirname } from "@std/path";
import { errnoOf, toStorageError } from "./os_errors.ts";
import { isLink } from "./refusals.ts";
import { Hold, type Holder } from "./takeover.ts";

/** Of an upload that no other one may go on with. */
const NOBODY: Holder = { received: () => 0, drop() {} };

/** One unfinished file in the hands of one upload. */
export class PartialFile {
  readonly path: string;
  readonly file: Deno.FsFile;
  /** Bytes that an earlier upload left. */
  readonly size: number;
  readonly isResumable: boolean;
  /** Until the file is closed and has got its name, or stays, or is gone. */
  readonly hold: Hold;
  #onRelease: (bytes: number) => void;
  #isOpen = true;
  #isReleased = false;

  constructor(
    path: string,
    options: {
      mode: number;
      holder?: Holder;
      /** Hears how many bytes stay. */
      onRelease: (bytes: number) => void;
    },
  ) {
    const { mode, holder } = options;
    this.path = path;
    this.isResumable = holder !== undefined;
    this.hold = new Hold(holder ?? NOBODY);
    this.#onRelease = options.onRelease;
    this.file = openOrCreate(path, mode, this.isResumable);
    try {
      this.size = this.isResumable ? this.file.statSync().size : 0;
    } catch (error) {
      this.file.close();
      throw error;
    }
  }

  /** Leaves the first `size` bytes; what is written next goes behind them. */
  cut(size: number): void {
    this.file.truncateSync(size);
    this.file.seekSync(size, Deno.SeekMode.Start);
  }

  /** Leaves at most so many bytes. */
  shorten(size: number): void {
    if (this.#isReleased) return;
    if (this.file.statSync().size > size) this.file.truncateSync(size);
  }

  /** Writes all of it, however little the disk takes at a time. @throws NetdiskError */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.file.write(bytes.subarray(at));
      }
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Like {@link write}, with everybody waiting. */
  writeSync(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) {
        at += this.file.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Closes the file; harmless when repeated. */
  close(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }

  /** Lets go of a file that was closed and renamed. */
  release(): void {
    try {
      this.close();
    } finally {
      this.#letGo();
    }
  }

  /** Lets a later upload go on with it, if there is anything to go on with. */
  releaseOrRemove(): void {
    if (this.#isReleased) return;
    let bytes = 0;
    try {
      this.close();
      bytes = removeIfEmpty(this.path) ?? 0;
    } catch {
      // What the disk makes of it is looked at by whoever goes on.
    }
    this.#letGo(bytes);
  }

  /**
   * Removes the file, unless it was let go: another one may have it then. Never
   * throws: what stays is swept away later.
   */
  remove(): void {
    if (this.#isReleased) return;
    try {
      this.close();
      Deno.removeSync(this.path);
    } catch {
      // Gone already, or the disk fails.
    }
    this.#letGo();
  }

  #letGo(bytes = 0): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#onRelease(bytes);
    this.hold.release();
  }
}

/** False for what we would not have made, a file with other names included. */
export function isFileOrNothing(path: string): boolean {
  try {
    const { isFile, nlink } = Deno.lstatSync(path);
    return isFile && (nlink ?? 1) === 1;
  } catch (error) {
    return errnoOf(error) === "ENOENT";
  }
}

/**
 * Nothing can be gone on with, and it has the mode of a put that is over.
 *
 * @returns the bytes of what is or was there; undefined for nothing
 */
export function removeIfEmpty(path: string): number | undefined {
  try {
    const { size } = Deno.lstatSync(path);
    if (size === 0) Deno.removeSync(path);
    return size;
  } catch {
    // Gone already, or the disk fails.
    return undefined;
  }
}

/**
 * The user's folder is made with the first of its files. A link in its place is
 * not followed: it could lead to another user's files.
 */
function openOrCreate(
  path: string,
  mode: number,
  mayExist: boolean,
): Deno.FsFile {
  const folder = dirname(path);
  const open = () => {
    if (Deno.lstatSync(folder).isSymlink) throw isLink();
    return Deno.openSync(path, {
      read: true,
      write: true,
      // The umask takes away what the server's owner does not want to give.
      mode,
      ...(mayExist ? { create: true } : { createNew: true }),
    });
  };
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  try {
    Deno.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return open();
}
