/**
 * How the bytes of a download are written: into an unfinished file that takes
 * its target's place when it is whole, or into a device, pipe or stream.
 */

import { closeSync, constants, openSync } from "node:fs";
import { NetdiskError } from "../protocol/errors.ts";
import { onInterrupt, type Registration } from "./interrupt.ts";
import { isThere } from "./local_names.ts";
import { localError } from "./local_source.ts";
import type { Output } from "./output.ts";
import { isStillAt } from "./partial_file.ts";

/** Up to this size a write into the page cache is quicker than a thread. */
const SYNC_WRITE_BYTES = 64 * 1024;

/** Between two looks for the reader of a pipe. */
const READER_MS = 50;

/** What is known of a file before its first byte. */
export interface TargetFacts {
  size: number;
  mtime: number | null;
  executable: boolean;
}

/** An open target. After `finish`, `abort` or `suspend` it is closed. */
export interface TargetWriter {
  /** Whether what is written outlives `suspend`. */
  readonly isKept: boolean;
  /** A promise only where it takes a while; `bytes` must stay until it ends. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Begins at the first byte again. @throws NetdiskError where nothing can be taken back */
  restart(): void;
  /** The bytes are whole and checked: they get the file's name. */
  finish(facts: TargetFacts): void;
  /** Leaves what was there before; harmless when repeated. */
  abort(): void;
  /** As `abort`, but keeps what is there for `takeBeginning`, where that can be. */
  suspend(): void;
}

/** What a {@link FileWriter} is made of. */
export interface FileParts {
  path: string;
  temporary: string;
  file: Deno.FsFile;
  /** That of the file to be replaced; null when there is none. */
  mode: number | null;
  isKept: boolean;
  /** False when what has the name by then stays: `exists`. */
  replace: boolean;
}

/** An unfinished file beside its target, renamed over it at the end. */
export class FileWriter implements TargetWriter {
  readonly isKept: boolean;
  #path: string;
  #temporary: string;
  #file: Deno.FsFile;
  #mode: number | null;
  #replace: boolean;
  #open = true;
  #cleanup: Registration;

  constructor({ path, temporary, file, mode, isKept, replace }: FileParts) {
    this.#replace = replace;
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#mode = mode;
    this.isKept = isKept;
    this.#cleanup = onInterrupt(() => this.suspend());
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

  restart(): void {
    try {
      this.#file.truncateSync(0);
      this.#file.seekSync(0, Deno.SeekMode.Start);
    } catch (error) {
      this.abort();
      throw localError(this.#path, error);
    }
  }

  finish({ mtime, executable }: TargetFacts): void {
    try {
      if (mtime !== null) this.#file.utimeSync(new Date(), toFileTime(mtime));
      this.#checkName();
      this.#setMode(executable);
      // Before close() ends the lock: afterwards the file may be another's.
      giveName(this.#temporary, this.#path, this.#replace);
      this.#close();
    } catch (error) {
      this.abort();
      throw localError(this.#path, error);
    }
  }

  abort(): void {
    if (!this.#open) return;
    try {
      this.#checkName();
      Deno.removeSync(this.#temporary);
    } catch {
      // Gone already, or another's by now.
    }
    this.#close();
  }

  suspend(): void {
    if (!this.#open) return;
    if (this.isKept && !this.#isEmpty()) this.#close();
    else this.abort();
  }

  /** Never throws: others are to be suspended as well. */
  #isEmpty(): boolean {
    try {
      return this.#file.statSync().size === 0;
    } catch {
      return false;
    }
  }

  /** A name that others know may be removed, and given to another download's file. */
  #checkName(): void {
    if (!this.isKept || isStillAt(this.#temporary, this.#file)) return;
    throw new NetdiskError(
      "local-io",
      `${this.#path}: somebody has removed the unfinished file beside it`,
    );
  }

  #close(): void {
    this.#cleanup[Symbol.dispose]();
    this.#open = false;
    this.#file.close();
  }

  #setMode(executable: boolean): void {
    // An unfinished one of an earlier download may have been made for another version.
    const isOld = this.isKept && Deno.build.os !== "windows";
    const mode = this.#mode ??
      (isOld ? this.#file.statSync().mode! & 0o777 : null);
    keepMode(this.#temporary, mode, executable);
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

/**
 * Writes a whole file in one go. The signals of a person are heard afterwards, so
 * there is nothing to tidy up for them.
 *
 * @throws NetdiskError; then nothing is left of it
 */
export function storeFile(
  bytes: Uint8Array,
  { mtime, executable }: TargetFacts,
  { path, temporary, file, mode, replace }: FileParts,
): void {
  try {
    try {
      for (let at = 0; at < bytes.length;) {
        at += file.writeSync(at === 0 ? bytes : bytes.subarray(at));
      }
      if (mtime !== null) file.utimeSync(new Date(), toFileTime(mtime));
    } finally {
      file.close();
    }
    keepMode(temporary, mode, executable);
    giveName(temporary, path, replace);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It has its name.
    }
    throw localError(path, error);
  }
}

/**
 * The owner's choice of who may read the file outlives its content; whoever may
 * read it may execute it, if it is for that.
 */
function keepMode(
  temporary: string,
  mode: number | null,
  executable: boolean,
): void {
  if (mode === null || Deno.build.os === "windows") return;
  const isExecutable = (mode & 0o111) !== 0;
  const bits = isExecutable === executable
    ? mode
    : executable
    ? mode | (mode & 0o444) >> 2
    : mode & ~0o111;
  Deno.chmodSync(temporary, bits & 0o7777);
}

/** The last step of a download. */
function giveName(temporary: string, path: string, replace: boolean): void {
  if (replace) {
    Deno.renameSync(temporary, path);
    return;
  }
  try {
    // Unlike a rename, it does not replace what came meanwhile.
    Deno.linkSync(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists || isThere(path)) {
      throw new NetdiskError("exists", `${path}: it is there already`);
    }
    // A file system without links.
    Deno.renameSync(temporary, path);
    return;
  }
  Deno.removeSync(temporary);
}

/** A device or pipe: `get report.pdf --to /dev/null` must not replace it by a file. */
export class DeviceWriter implements TargetWriter {
  readonly isKept = false;
  #path: string;
  #file: Deno.FsFile;
  #open = true;
  #used = false;

  /** Waits for whoever reads a pipe: opening it would, and hear no signal meanwhile. */
  static async open(path: string, isPipe: boolean): Promise<DeviceWriter> {
    const held = isPipe ? await heldPipe(path) : undefined;
    try {
      return new DeviceWriter(path, Deno.openSync(path, { write: true }));
    } finally {
      if (held !== undefined) closeSync(held);
    }
  }

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#used = true;
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#file.write(bytes.subarray(at));
      }
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  restart(): void {
    if (this.#used) throw notTakenBack(this.#path);
  }

  finish(): void {
    this.abort();
  }

  abort(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }

  suspend(): void {
    this.abort();
  }
}

/** A pipe that somebody reads; they would see its end if it were closed again. */
async function heldPipe(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENXIO") throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, READER_MS));
  }
}

/** Standard output. */
export class OutputWriter implements TargetWriter {
  readonly isKept = false;
  #output: Output;
  #used = false;

  constructor(output: Output) {
    this.#output = output;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#used = true;
    return this.#output.write(bytes);
  }

  restart(): void {
    if (this.#used) throw notTakenBack("standard output");
  }

  finish(): void {}

  abort(): void {}

  suspend(): void {}
}

function notTakenBack(where: string): NetdiskError {
  return new NetdiskError(
    "changed",
    `${where}: the file has changed meanwhile, what was written must not be used`,
  );
}

/** Deno knows no fraction of a second before 1970. */
export function toFileTime(mtime: number): Date {
  return new Date(mtime < 0 ? Math.floor(mtime / 1000) * 1000 : mtime);
}
