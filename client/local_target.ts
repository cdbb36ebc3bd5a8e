/** Where a get writes to: a file that is replaced when it is whole, or a stream. */

import type { Hash } from "node:crypto";
import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { localError } from "./local_source.ts";
import type { Output } from "./output.ts";
import {
  hashFile,
  hasPartial,
  MIN_PARTIAL_BYTES,
  partialPath,
  takePartial,
} from "./partial_file.ts";
import {
  DeviceWriter,
  FileWriter,
  OutputWriter,
  type TargetFacts,
  type TargetWriter,
} from "./target_writer.ts";

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

/** A local file; a device or pipe that has the name is written to, not replaced. */
export function fileTarget(path: string): LocalTarget {
  return {
    label: path,
    afterFailure: "nothing was replaced",
    takeBeginning: () => takeBeginning(path),
    open: (facts) => openFile(path, facts),
  };
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

async function takeBeginning(path: string): Promise<Beginning | undefined> {
  try {
    if (!hasPartial(partialPath(path))) return undefined;
    const info = statIfThere(path);
    if (info && !info.isFile) return undefined;
    const part = await openPartial(path, info?.mode ?? null);
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
): Promise<TargetWriter> {
  try {
    const info = statIfThere(path);
    if (info?.isDirectory) {
      throw new NetdiskError("is-folder", `${path}: it is a folder`);
    }
    if (info && !info.isFile) return new DeviceWriter(path);
    const mode = info?.mode ?? null;
    if (facts.size >= MIN_PARTIAL_BYTES) {
      const part = await openPartial(path, mode, facts);
      part?.writer.restart();
      if (part) return part.writer;
    }
    return openTemporary(path, facts, mode);
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

/**
 * The file that the next download can go on with, as it is. Undefined where
 * that cannot be, or where it is missing and no `facts` say how to make it.
 */
async function openPartial(
  path: string,
  mode: number | null,
  facts?: TargetFacts,
): Promise<{ writer: FileWriter; file: Deno.FsFile } | undefined> {
  const temporary = partialPath(path);
  // Ours to open again, even where the target may not be written.
  const first = facts && firstMode(facts, mode) | 0o600;
  const file = await takePartial(temporary, first);
  if (!file) return undefined;
  const writer = new FileWriter({ path, temporary, file, mode, isKept: true });
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

function openTemporary(
  path: string,
  facts: TargetFacts,
  mode: number | null,
): TargetWriter {
  // A name of its own: one of 255 bytes has no room for a suffix.
  const temporary = join(dirname(path), `.netdisk-${crypto.randomUUID()}`);
  const file = Deno.openSync(temporary, {
    write: true,
    createNew: true,
    mode: firstMode(facts, mode),
  });
  return new FileWriter({ path, temporary, file, mode, isKept: false });
}

/** From the first byte on nobody reads what they could not read before. */
function firstMode({ executable }: TargetFacts, mode: number | null): number {
  return mode === null ? (executable ? 0o777 : 0o666) : mode & 0o777;
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
