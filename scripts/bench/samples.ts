/** The files that are moved and listed: made of random bytes, linked to every far side, compared. */
import { createHash, randomFillSync } from "node:crypto";
import { join } from "@std/path";
import type { Sample } from "./tool.ts";

const CHUNK_BYTES = 1024 * 1024;

/** Makes `count` files of `size` random bytes in the new folder `parent/name`. */
export async function makeSample(
  parent: string,
  name: string,
  { count, size, signal }: { count: number; size: number; signal: AbortSignal },
): Promise<Sample> {
  const folder = join(parent, name);
  await Deno.mkdir(folder, { recursive: true });
  const digits = String(count).length;
  const files = Array.from(
    { length: count },
    (_, index) => `${String(index + 1).padStart(digits, "0")}.bin`,
  );
  for (const file of files) {
    await writeRandom(join(folder, file), size, signal);
  }
  return { name, folder, files, digest: await digestFolder(folder, signal) };
}

async function writeRandom(
  path: string,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const buffer = new Uint8Array(Math.min(size, CHUNK_BYTES));
  for (let left = size; left > 0;) {
    signal.throwIfAborted();
    const chunk = buffer.subarray(0, left);
    randomFillSync(chunk);
    for (let rest = chunk; rest.length > 0;) {
      rest = rest.subarray(await file.write(rest));
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
  await Deno.mkdir(folder, { recursive: true });
  for (const file of sample.files) {
    await Deno.link(join(sample.folder, file), join(folder, file));
  }
}

/** SHA-256 over name, size and content of each file; a folder in it is an error. */
export async function digestFolder(
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (const name of names) {
    using file = await Deno.open(join(folder, name));
    hash.update(`${name}\0${(await file.stat()).size}\0`);
    for (;;) {
      signal.throwIfAborted();
      const count = await file.read(buffer);
      if (count === null) break;
      hash.update(buffer.subarray(0, count));
    }
  }
  return hash.digest("hex");
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
