/** Where a get writes to: a file that is replaced when it is whole, or a stream. */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { onInterrupt, type Registration } from "./interrupt.ts";
import { localError } from "./local_source.ts";
import type { Output } from "./output.ts";

/** Up to this size a write into the page cache is quicker than a thread. */
const SYNC_WRITE_BYTES = 64 * 1024;

/** What is known of a file before its first byte. */
export interface TargetFacts {
  size: number;
  mtime: number | null;
  executable: boolean;
}

/** A place for the bytes of one download. */
export interface LocalTarget {
  /** As errors and results name it. */
  label: string;
  /** What to know when the bytes turn out to be wrong. */
  afterFailure: string;
  /** @throws NetdiskError */
  open(facts: TargetFacts): TargetWriter;
}

/** An open target. After `finish` or `abort` it is closed. */
export interface TargetWriter {
  /** A promise only where it takes a while; `bytes` must stay until it ends. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** The bytes are whole and checked: they get the file's name. */
  finish(): void;
  /** Leaves what was there before; harmless when repeated. */
  abort(): void;
}

/** A local file; a device or pipe that has the name is written to, not replaced. */
export function fileTarget(path: string): LocalTarget {
  return {
    label: path,
    afterFailure: "nothing was replaced",
    open: (facts) => openFile(path, facts),
  };
}

/** Standard output. What was written before a failure cannot be taken back. */
export function stdoutTarget(output: Output): LocalTarget {
  return {
    label: "-",
    afterFailure: "what was written must not be used",
    open: () => ({
      write: (bytes) => output.write(bytes),
      finish: () => {},
      abort: () => {},
    }),
  };
}

function openFile(path: string, facts: TargetFacts): TargetWriter {
  try {
    const info = statIfThere(path);
    if (info?.isDirectory) {
      throw new NetdiskError("is-folder", `${path}: it is a folder`);
    }
    if (info && !info.isFile) return new DeviceWriter(path);
    return new PartialFile(path, facts, info?.mode ?? null);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      const folder = dirname(path);
      throw new NetdiskError("not-found", `${folder}: no such folder`, {
        hint: `mkdir -p ${folder}`,
        cause: error,
      });
    }
    throw localError(path, error);
  }
}

/** A temporary file beside its target, renamed over it at the end. */
class PartialFile implements TargetWriter {
  #path: string;
  #facts: TargetFacts;
  #temporary: string;
  #file: Deno.FsFile;
  #mode: number | null;
  #open = true;
  #cleanup: Registration;

  constructor(path: string, facts: TargetFacts, mode: number | null) {
    this.#path = path;
    this.#facts = facts;
    this.#mode = mode;
    // A name of its own: one of 255 bytes has no room for a suffix.
    this.#temporary = join(dirname(path), `.netdisk-${crypto.randomUUID()}`);
    this.#file = Deno.openSync(this.#temporary, {
      write: true,
      createNew: true,
      // From the first byte on nobody reads what they could not read before.
      mode: mode === null ? (facts.executable ? 0o777 : 0o666) : mode & 0o777,
    });
    this.#cleanup = onInterrupt(() => this.abort());
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > SYNC_WRITE_BYTES) return this.#writeAll(bytes);
    try {
      for (let at = 0; at < bytes.length;) {
        at += this.#file.writeSync(bytes.subarray(at));
      }
    } catch (error) {
      throw localError(this.#path, error);
    }
    return undefined;
  }

  finish(): void {
    const { mtime } = this.#facts;
    try {
      if (mtime !== null) this.#file.utimeSync(new Date(), toFileTime(mtime));
      // The owner's choice of who may read the file outlives its content.
      if (this.#mode !== null && Deno.build.os !== "windows") {
        Deno.chmodSync(this.#temporary, this.#mode & 0o7777);
      }
      this.#file.close();
      this.#open = false;
      Deno.renameSync(this.#temporary, this.#path);
      this.#cleanup[Symbol.dispose]();
    } catch (error) {
      this.abort();
      throw localError(this.#path, error);
    }
  }

  abort(): void {
    this.#cleanup[Symbol.dispose]();
    try {
      if (this.#open) this.#file.close();
      this.#open = false;
      Deno.removeSync(this.#temporary);
    } catch {
      // Gone already.
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#file.write(bytes.subarray(at));
      }
    } catch (error) {
      throw localError(this.#path, error);
    }
  }
}

/** A device or pipe: `get report.pdf --to /dev/null` must not replace it by a file. */
class DeviceWriter implements TargetWriter {
  #path: string;
  #file: Deno.FsFile;
  #open = true;

  constructor(path: string) {
    this.#path = path;
    this.#file = Deno.openSync(path, { write: true });
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#file.write(bytes.subarray(at));
      }
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  finish(): void {
    this.abort();
  }

  abort(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

/** Deno knows no fraction of a second before 1970. */
function toFileTime(mtime: number): Date {
  return new Date(mtime < 0 ? Math.floor(mtime / 1000) * 1000 : mtime);
}

function statIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    // A link that leads nowhere is replaced like a file.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
