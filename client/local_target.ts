/** Where a get writes to: a file that is replaced when it is whole, or a stream. */

import type { Hash } from "node:crypto";
import { dirname } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { localError, statIfThere } from "./local_source.ts";
import type { Output } from "./output.ts";
import {
  hashFile,
  hasPartial,
  MIN_PARTIAL_BYTES,
  partialPath,
  takePartial,
} from "./partial_file.ts";
import { shellWord } from "./shell_word.ts";
import {
  DeviceWriter,
  FileWriter,
  OutputWriter,
  storeFile,
  type TargetFacts,
  type TargetWriter,
} from "./target_writer.ts";

/** Of this process, in the names of its unfinished files. */
let runId: string | undefined;
let temporaries = 0;

/** A place for the bytes of one download. */
export interface LocalTarget {
  /** As errors and results name it. */
  label: string;
  /** What to know when the bytes turn out to be wrong. */
  afterFailure: string;
  /**
   * Takes what an interrupted download has left here. Undefined when that is
   * nothing, or another download has it.
   */
  takeBeginning(): Promise<Beginning | undefined>;
  /**
   * Gives a whole file its name in one go, without waiting; false where that
   * cannot be, and {@link open} can. @throws NetdiskError
   */
  store?(bytes: Uint8Array, facts: TargetFacts): boolean;
  /** @throws NetdiskError, at once or later */
  open(facts: TargetFacts): TargetWriter | Promise<TargetWriter>;
}

/** The first bytes of a file, left by an earlier download. */
export interface Beginning {
  /** Goes on where they end, once they have been read. */
  writer: TargetWriter;
  /** Takes a while. @throws NetdiskError when they cannot be read */
  read(): Promise<{ hash: Hash; size: number }>;
}

/** What is known of a place before a file comes there. */
export interface PlaceOptions {
  /** False when what has the name by then stays: `exists`. @default true */
  replace?: boolean;
  /** There is nothing of that name. @default false */
  isNew?: boolean;
  /** The user has named it: a device or pipe is written to. @default false */
  isNamed?: boolean;
}

/**
 * A local file. A link is replaced, and not followed; a device or pipe is left
 * alone, unless the user has named it.
 */
export function fileTarget(
  path: string,
  options: PlaceOptions = {},
): LocalTarget {
  return new FileTarget(path, options);
}

class FileTarget implements LocalTarget {
  readonly label: string;
  readonly afterFailure = "nothing was replaced";
  readonly #replace: boolean;
  readonly #isNew: boolean;
  readonly #isNamed: boolean;

  constructor(
    path: string,
    { replace = true, isNew = false, isNamed = false }: PlaceOptions,
  ) {
    this.label = path;
    this.#replace = replace;
    this.#isNew = isNew;
    this.#isNamed = isNamed;
  }

  takeBeginning(): Promise<Beginning | undefined> {
    return takeBeginning(this.label, this.#replace);
  }

  open(facts: TargetFacts): Promise<TargetWriter> {
    const replace = this.#replace;
    return openFile(this.label, facts, { replace, isNamed: this.#isNamed });
  }

  store(bytes: Uint8Array, facts: TargetFacts): boolean {
    const path = this.label;
    try {
      const info = this.#isNew ? undefined : statIfThere(path);
      if (info?.isDirectory) throw isFolder(path);
      if (info && !info.isFile) return false;
      const mode = info?.mode ?? null;
      const temporary = temporaryPath(path);
      const file = openTemporary(temporary, facts, mode);
      storeFile(bytes, facts, {
        path,
        temporary,
        file,
        mode,
        isKept: false,
        replace: this.#replace,
      });
      return true;
    } catch (error) {
      throw cannotWrite(path, error);
    }
  }
}

/** Standard output. What was written before a failure cannot be taken back. */
export function stdoutTarget(output: Output): LocalTarget {
  return {
    label: "-",
    afterFailure: "what was written must not be used",
    takeBeginning: () => Promise.resolve(undefined),
    open: () => new OutputWriter(output),
  };
}

async function takeBeginning(
  path: string,
  replace: boolean,
): Promise<Beginning | undefined> {
  try {
    if (!hasPartial(partialPath(path))) return undefined;
    const info = statIfThere(path);
    if (info && !info.isFile) return undefined;
    const mode = info?.mode ?? null;
    const part = await openPartial(path, { mode, replace });
    return part && {
      writer: part.writer,
      read: () => readBeginning(path, part.file),
    };
  } catch {
    // What is in the way is told by openFile(), which meets it again.
    return undefined;
  }
}

async function readBeginning(path: string, file: Deno.FsFile) {
  try {
    return await hashFile(file);
  } catch (error) {
    throw localError(path, error);
  }
}

async function openFile(
  path: string,
  facts: TargetFacts,
  { replace, isNamed }: { replace: boolean; isNamed: boolean },
): Promise<TargetWriter> {
  try {
    const info = statIfThere(path);
    if (info?.isDirectory) throw isFolder(path);
    const isDevice = info !== undefined && !info.isFile;
    if (isDevice && isNamed) {
      return await DeviceWriter.open(path, info.isFifo === true);
    }
    if (isDevice && !Deno.lstatSync(path).isSymlink) throw isOther(path);
    const mode = isDevice ? null : info?.mode ?? null;
    if (facts.size >= MIN_PARTIAL_BYTES) {
      const part = await openPartial(path, { mode, replace, facts });
      part?.writer.restart();
      if (part) return part.writer;
    }
    const temporary = temporaryPath(path);
    const file = openTemporary(temporary, facts, mode);
    const isKept = false;
    return new FileWriter({ path, temporary, file, mode, isKept, replace });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function isFolder(path: string): NetdiskError {
  return new NetdiskError("is-folder", `${path}: it is a folder`);
}

function isOther(path: string): NetdiskError {
  return new NetdiskError("bad-name", `${path}: it is a device or pipe`);
}

function cannotWrite(path: string, error: unknown): NetdiskError {
  if (!(error instanceof Deno.errors.NotFound)) return localError(path, error);
  const folder = dirname(path);
  return new NetdiskError("not-found", `${folder}: no such folder`, {
    hint: `mkdir -p ${shellWord(folder)}`,
    cause: error,
  });
}

/**
 * The file that the next download can go on with, as it is. Undefined where
 * that cannot be, or where it is missing and no `facts` say how to make it.
 */
async function openPartial(
  path: string,
  { mode, replace, facts }: {
    mode: number | null;
    replace: boolean;
    facts?: TargetFacts;
  },
): Promise<{ writer: FileWriter; file: Deno.FsFile } | undefined> {
  const temporary = partialPath(path);
  // Ours to open again, even where the target may not be written.
  const first = facts && firstMode(facts, mode) | 0o600;
  const file = await takePartial(temporary, first);
  if (!file) return undefined;
  const writer = new FileWriter({
    path,
    temporary,
    file,
    mode,
    isKept: true,
    replace,
  });
  try {
    // The target may be for fewer people than it was then.
    if (mode !== null && Deno.build.os !== "windows") {
      Deno.chmodSync(temporary, (mode & 0o777) | 0o600);
    }
  } catch (error) {
    writer.suspend();
    throw error;
  }
  return { writer, file };
}

/** A name of its own: one of 255 bytes has no room for a suffix. */
function temporaryPath(path: string): string {
  runId ??= crypto.randomUUID();
  temporaries++;
  return `${dirname(path)}/.netdisk-${runId}-${temporaries.toString(36)}`;
}

function openTemporary(
  temporary: string,
  facts: TargetFacts,
  mode: number | null,
): Deno.FsFile {
  return Deno.openSync(temporary, {
    write: true,
    createNew: true,
    mode: firstMode(facts, mode),
  });
}

/** From the first byte on nobody reads what they could not read before. */
function firstMode({ executable }: TargetFacts, mode: number | null): number {
  return mode === null ? (executable ? 0o777 : 0o666) : mode & 0o777;
}
