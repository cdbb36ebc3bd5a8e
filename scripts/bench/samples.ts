/**
 * The files that are moved and listed: made of random bytes, linked to every far
 * side, compared. The calls block, which for thousands of small files is several
 * times as fast.
 */
import { createHash, type Hash, randomFillSync } from "node:crypto";
import { dirname, join } from "@std/path";
import type { Sample } from "./tool.ts";

const CHUNK_BYTES = 1024 * 1024;

/** What a sample is made of. */
export interface SampleShape {
  count: number;
  /** Bytes of each file. */
  size: number;
  /** Files in a folder of their own each; without it all are in one. */
  perFolder?: number;
}

/** Makes files of random bytes in the new folder `parent/name`. */
export async function makeSample(
  parent: string,
  name: string,
  { count, size, perFolder }: SampleShape,
): Promise<Sample> {
  const folder = join(parent, name);
  const digits = String(count).length;
  const files = Array.from({ length: count }, (_, index) => {
    const file = `${String(index + 1).padStart(digits, "0")}.bin`;
    if (perFolder === undefined) return file;
    const number = String(Math.floor(index / perFolder) + 1);
    return `${number.padStart(digits, "0")}/${file}`;
  });
  for (const path of new Set(files.map((file) => dirname(file)))) {
    await Deno.mkdir(join(folder, path), { recursive: true });
  }
  for (const file of files) writeRandom(join(folder, file), size);
  const digest = digestFolder(folder);
  return { name, folder, files, bytes: count * size, digest };
}

function writeRandom(path: string, size: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  const buffer = new Uint8Array(Math.min(size, CHUNK_BYTES));
  for (let left = size; left > 0;) {
    const chunk = buffer.subarray(0, left);
    randomFillSync(chunk);
    for (let rest = chunk; rest.length > 0;) {
      rest = rest.subarray(file.writeSync(rest));
    }
    left -= chunk.length;
  }
}

/**
 * Gives a far side the sample without copying it: hard links, so that every
 * tool reads the same pages of the same file.
 */
export async function linkSample(sample: Sample, far: string): Promise<void> {
  const folder = join(far, sample.name);
  for (const path of new Set(sample.files.map((file) => dirname(file)))) {
    await Deno.mkdir(join(folder, path), { recursive: true });
  }
  for (const file of sample.files) {
    Deno.linkSync(join(sample.folder, file), join(folder, file));
  }
}

/** SHA-256 over path, size and content of each file below a folder; empty folders do not count. */
export function digestFolder(folder: string): string {
  const hash = createHash("sha256");
  addFolder(hash, folder, "");
  return hash.digest("hex");
}

function addFolder(hash: Hash, folder: string, prefix: string): void {
  const entries = [...Deno.readDirSync(folder)];
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (const { name, isDirectory } of entries) {
    const path = join(folder, name);
    if (isDirectory) {
      addFolder(hash, path, `${prefix}${name}/`);
      continue;
    }
    using file = Deno.openSync(path);
    hash.update(`${prefix}${name}\0${file.statSync().size}\0`);
    for (;;) {
      const count = file.readSync(buffer);
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
    }
  }
}

/** Makes the folder anew, with nothing in it. */
export async function emptyFolder(folder: string): Promise<void> {
  await removeIfThere(folder);
  await Deno.mkdir(folder, { recursive: true });
}

/** Removes a folder with all that is in it. */
export async function removeIfThere(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
