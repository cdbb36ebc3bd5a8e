/** What a put reads: a local file, or stdin. */

import { existsSync } from "node:fs";
import { basename } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { type PromptInput, readSome } from "./prompt.ts";

/** Linux and macOS take names and paths of these lengths; a character has up to 3 bytes. */
const SURE_CHARACTERS = 85;
const MAX_SURE_PATH = 340;

/** Something to upload. */
export interface LocalSource {
  /** As the user wrote it. */
  label: string;
  /** The name that the upload gets if no other is given. */
  name: string;
  /** Bytes; null when nobody knows, as with a pipe. */
  size: number | null;
  /** Milliseconds since 1970. */
  mtime: number | null;
  executable: boolean;
  /** @throws NetdiskError */
  open(): SourceReader;
}

/** An open source. */
export interface SourceReader {
  /**
   * Fills `target`; fewer bytes only at the end, or when the others are not
   * there yet and nobody knows when. 0 at the end. @throws NetdiskError
   */
  read(target: Uint8Array): Promise<number>;
  /** The same without waiting, where {@link LocalSource.size} is small. */
  readSync(target: Uint8Array): number;
  /** Goes back to the first byte; not for a pipe. @throws NetdiskError */
  rewind(): void;
  /** True when somebody wrote into the file since the source was looked at. */
  hasChanged(): boolean;
  close(): void;
}

/** What a path that the user named leads to, through links. @throws NetdiskError */
export function statLocal(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    throw localError(path, error);
  }
}

/** What a path leads to, through links; undefined for nothing, and a link that leads nowhere. */
export function statIfThere(path: string): Deno.FileInfo | undefined {
  // Most often there is nothing, and an error costs five times as much. But what
  // is wrong with a long name is to be known before it is transferred.
  const name = path.length - path.lastIndexOf("/");
  const isShort = name <= SURE_CHARACTERS && path.length < MAX_SURE_PATH;
  if (isShort && !existsSync(path)) return undefined;
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What is no folder, by its path and what is known of it. @throws NetdiskError where it is no file */
export function namedSource(path: string, info: Deno.FileInfo): LocalSource {
  if (!info.isFile) {
    throw new NetdiskError("local-io", `${path}: it is not a file`, {
      hint: "to upload what a pipe or device gives: netdisk put - --to NAME",
    });
  }
  return new FileSource(path, basename(path), info);
}

/** A file as it was when it was looked at. There may be thousands that wait. */
export class FileSource implements LocalSource {
  readonly label: string;
  readonly name: string;
  readonly size: number;
  readonly mtime: number | null;
  readonly executable: boolean;
  readonly #ino: number | null;

  constructor(path: string, name: string, info: Deno.FileInfo) {
    this.label = path;
    this.name = name;
    this.size = info.size;
    this.mtime = info.mtime?.getTime() ?? null;
    this.executable = ((info.mode ?? 0) & 0o111) !== 0;
    this.#ino = info.ino;
  }

  open(): SourceReader {
    return new FileReader(this);
  }

  /** True for what was looked at, and nobody has written into meanwhile. */
  isSame({ size, mtime, ino }: Deno.FileInfo): boolean {
    return size === this.size && ino === this.#ino &&
      (mtime?.getTime() ?? null) === this.mtime;
  }
}

/** Standard input, which is read once and has no size. */
export function stdinSource(stdin: Pick<PromptInput, "read">): LocalSource {
  return {
    label: "-",
    name: "",
    size: null,
    mtime: null,
    executable: false,
    open: () => ({
      read: (target) => readStream(stdin, target),
      readSync: () => {
        throw new TypeError("stdin is only read in the background");
      },
      rewind: () => {
        throw new TypeError("stdin is only read once");
      },
      hasChanged: () => false,
      close: () => {},
    }),
  };
}

class FileReader implements SourceReader {
  #path: string;
  #file: Deno.FsFile;
  #source: FileSource;

  constructor(source: FileSource) {
    this.#path = source.label;
    this.#source = source;
    try {
      this.#file = Deno.openSync(this.#path);
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  async read(target: Uint8Array): Promise<number> {
    try {
      let filled = 0;
      while (filled < target.length) {
        const count = await this.#file.read(target.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled;
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  readSync(target: Uint8Array): number {
    try {
      let filled = 0;
      while (filled < target.length) {
        const count = this.#file.readSync(target.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      return filled;
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  rewind(): void {
    try {
      this.#file.seekSync(0, Deno.SeekMode.Start);
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  hasChanged(): boolean {
    try {
      return !this.#source.isSame(this.#file.statSync());
    } catch (error) {
      throw localError(this.#path, error);
    }
  }

  close(): void {
    this.#file.close();
  }
}

async function readStream(
  stdin: Pick<PromptInput, "read">,
  target: Uint8Array,
): Promise<number> {
  try {
    return await readSome(stdin, target) ?? 0;
  } catch (error) {
    throw localError("standard input", error);
  }
}

/** What a local file operation threw, as an error about `path`. */
export function localError(path: string, cause: unknown): NetdiskError {
  if (cause instanceof NetdiskError) return cause;
  if (cause instanceof Deno.errors.NotFound) {
    return new NetdiskError("not-found", `${path}: no such file or folder`, {
      cause,
    });
  }
  if (cause instanceof Deno.errors.NotADirectory) {
    return new NetdiskError(
      "not-folder",
      `${path}: a part of the path is not a folder`,
      { cause },
    );
  }
  const code = (cause as { code?: unknown } | null)?.code;
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new NetdiskError(
    full ? "disk-full" : "local-io",
    `${path}: ${systemReason(cause)}`,
    {
      cause,
    },
  );
}
