/**
 * The write recipe: how the bytes of a put become a file. Each upload has a
 * temporary file of its own in the server's data folder until it is whole.
 */

import { join } from "@std/path";
import { createHash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";
import type { RequestOf, ResponseOf } from "../protocol/messages.ts";
import type { Durability } from "./durability.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import { storagePath } from "./storage_path.ts";

/** Up to this size a write into the page cache is quicker than a thread. */
const SYNC_WRITE_BYTES = 64 * 1024;

/** What an upload needs of its surroundings. */
export interface UploadPlace {
  /** The user's folder on the disk. */
  home: string;
  /** The folder of temporary files, on the same file system. */
  uploads: string;
  durability: Durability;
}

/**
 * One unfinished file. The calls come in this order: {@link update} and
 * {@link write} for each piece, {@link finish}, {@link publish}, {@link settle};
 * {@link abort} is possible until `publish`. After a failure nothing is left
 * but what was there before.
 */
export class Upload {
  #place: UploadPlace;
  #request: RequestOf<"put">;
  #temporary: string;
  #file: Deno.FsFile | undefined;
  #hash = createHash("sha256");
  #size = 0;
  #target = "";
  #missingFolders: string[] = [];
  #sha256 = "";

  /** Checks the target and makes the temporary file. @throws NetdiskError */
  constructor(place: UploadPlace, request: RequestOf<"put">) {
    this.#place = place;
    this.#request = request;
    // An id of its own: a name of 255 bytes has no room for a suffix.
    this.#temporary = join(place.uploads, crypto.randomUUID());
    this.#checkTarget();
    try {
      this.#file = Deno.openSync(this.#temporary, {
        write: true,
        createNew: true,
        // The umask takes away what the server's owner does not want to give.
        mode: request.executable ? 0o777 : 0o666,
      });
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /** Counts and hashes the next piece. @throws NetdiskError `integrity` */
  update(bytes: Uint8Array): void {
    const { size } = this.#request;
    if (size !== null && this.#size + bytes.length > size) {
      throw new NetdiskError(
        "integrity",
        "more bytes came than were announced",
      );
    }
    this.#size += bytes.length;
    this.#hash.update(bytes);
  }

  /**
   * Writes the piece that was hashed last. A small one is done on return;
   * otherwise `bytes` must stay as they are until the promise ends.
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#size > SYNC_WRITE_BYTES) return this.#writeAll(bytes);
    try {
      for (let at = 0; at < bytes.length;) {
        at += this.#file!.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      throw toStorageError(error);
    }
    return undefined;
  }

  /**
   * Compares the content with what the client sent and puts it on the disk,
   * still under its temporary name.
   *
   * @throws NetdiskError `integrity`, `disk-full`, `io`; the upload is gone then
   */
  async finish(commit: RequestOf<"commit">): Promise<void> {
    try {
      this.#sha256 = this.#hash.digest("hex");
      const announced = this.#request.size ?? commit.size;
      if (
        this.#size !== commit.size || this.#size !== announced ||
        this.#sha256 !== commit.sha256
      ) {
        throw new NetdiskError(
          "integrity",
          "checksum mismatch, nothing was replaced",
        );
      }
      const { mtime } = this.#request;
      if (mtime !== null) this.#file!.utimeSync(new Date(), toFileTime(mtime));
      // After EIO the kernel may have dropped the pages: never tried twice.
      await this.#place.durability.syncFile(this.#file!);
    } catch (error) {
      this.abort();
      throw toStorageError(error);
    }
  }

  /**
   * Gives the file its name, in one step. The bytes are on the disk by now, so
   * a loss of power shows the old file or the new one; closing comes first
   * because Windows renames no open file.
   */
  publish(): void {
    const made: string[] = [];
    try {
      this.#checkTarget();
      this.#file!.close();
      this.#file = undefined;
      for (const folder of this.#missingFolders) {
        if (makeFolder(folder)) made.unshift(folder);
        this.#place.durability.forgetFolder(folder);
      }
      Deno.renameSync(this.#temporary, this.#target);
    } catch (error) {
      this.abort();
      made.forEach(removeEmptyFolder);
      throw toStorageError(error);
    }
  }

  /** Waits until the name is on the disk too; then the client may be told. */
  async settle(): Promise<ResponseOf<"receipt">> {
    const { durability, home } = this.#place;
    try {
      await durability.syncName(home, this.#target);
    } catch (error) {
      throw toStorageError(error);
    }
    return {
      type: "receipt",
      size: this.#size,
      sha256: this.#sha256,
      mtime: this.#request.mtime,
      time: Date.now(),
    };
  }

  /** Gives up and removes the temporary file; harmless when repeated. */
  abort(): void {
    try {
      this.#file?.close();
      this.#file = undefined;
      Deno.removeSync(this.#temporary);
    } catch {
      // Gone already, or the disk fails: the sweep at start takes the rest.
    }
  }

  #checkTarget(): void {
    const { path, missingFolders } = storagePath(
      this.#place.home,
      this.#request.path,
    );
    this.#target = path;
    this.#missingFolders = missingFolders;
    if (missingFolders.length > 0) return;
    try {
      const info = Deno.lstatSync(path);
      if (info.isDirectory) {
        throw new NetdiskError("is-folder", "it is a folder");
      }
      if (!info.isFile) {
        throw new NetdiskError("denied", "it is a link or device, not a file");
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw toStorageError(error);
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#file!.write(bytes.subarray(at));
      }
    } catch (error) {
      throw toStorageError(error);
    }
  }
}

/** False when it is there: another Worker may make the same one at the same time. */
function makeFolder(path: string): boolean {
  try {
    Deno.mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    return false;
  }
}

function removeEmptyFolder(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // In use already, or the disk fails: an empty folder does no harm.
  }
}

/** Deno refuses a fraction of a second before 1970. */
function toFileTime(mtime: number): Date {
  return new Date(mtime < 0 ? Math.floor(mtime / 1000) * 1000 : mtime);
}
