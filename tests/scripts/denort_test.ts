import { createHash } from "node:crypto";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  elfBytes,
  getNpmRuntime,
  type NpmRuntime,
} from "../../scripts/denort.ts";
import { TempTree } from "./helpers.ts";

const RUNTIME_BYTES = 70_000;
const ENTRY = "package/bin/tool";

/** An ELF file that its section header table, 3 entries of 64 bytes, ends. */
function fakeRuntime(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RUNTIME_BYTES).map((_, at) => at * 7);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x7f454c46);
  view.setUint16(4, 0x0201);
  view.setBigUint64(0x28, BigInt(RUNTIME_BYTES - 3 * 64), true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 3, true);
  return bytes;
}

const RUNTIME: NpmRuntime = {
  spec: "tool@1.0.0",
  entry: ENTRY,
  url: "https://registry.example/tool-1.0.0.tgz",
  version: "1.0.0",
  sha256: createHash("sha256").update(fakeRuntime()).digest("hex"),
};

function tarEntry(name: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const entry = new Uint8Array(512 + Math.ceil(content.length / 512) * 512);
  const size = content.length.toString(8).padStart(11, "0");
  new TextEncoder().encodeInto(name, entry);
  new TextEncoder().encodeInto(size, entry.subarray(124));
  entry.set(content, 512);
  return entry;
}

/** A tarball with the runtime, something appended to it, and files around it. */
async function writeTarball(path: string, runtime: Uint8Array): Promise<void> {
  const program = new Uint8Array(RUNTIME_BYTES + 5_000);
  program.set(runtime);
  const tar = new Blob([
    tarEntry("package/package.json", new TextEncoder().encode("{}")),
    tarEntry(`${ENTRY}.md`, new Uint8Array(1_000)),
    tarEntry(ENTRY, program),
    tarEntry("package/LICENSE", new Uint8Array(10)),
    new Uint8Array(1_024),
  ]);
  const gzip = tar.stream().pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(path, gzip);
}

/** Stands in for `npm pack`, and counts how often it is asked. */
function fakePack(runtime: Uint8Array) {
  const asked: string[] = [];
  async function pack(spec: string, dir: string): Promise<string> {
    asked.push(spec);
    await writeTarball(`${dir}/tool.tgz`, runtime);
    return `${dir}/tool.tgz`;
  }
  return { pack, asked };
}

async function names(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
}

Deno.test("elfBytes() ends at the section header table", () => {
  assertEquals(elfBytes(fakeRuntime()), RUNTIME_BYTES);
  assertEquals(elfBytes(fakeRuntime().subarray(0, 64)), RUNTIME_BYTES);
});

Deno.test("elfBytes() refuses what is no 64-bit ELF file", () => {
  assertThrows(() => elfBytes(new Uint8Array(64)), Error, "not a 64-bit ELF");
  assertThrows(() => elfBytes(fakeRuntime().subarray(0, 63)), Error, "not a");
  const absurd = fakeRuntime();
  absurd.fill(0xff, 0x28, 0x30);
  assertThrows(() => elfBytes(absurd), Error, "impossible length");
});

Deno.test("getNpmRuntime() cuts, verifies and caches the runtime", async () => {
  await using tree = await TempTree.make();
  const cacheDir = tree.path("not/there/yet");
  const { pack, asked } = fakePack(fakeRuntime());
  const { path, cached } = await getNpmRuntime(RUNTIME, { cacheDir, pack });
  assertEquals([cached, asked], [false, ["tool@1.0.0"]]);
  assertEquals(await Deno.readFile(path), fakeRuntime());
  assertEquals((await names(cacheDir)).length, 1);

  const again = await getNpmRuntime(RUNTIME, { cacheDir, pack });
  assertEquals(again, { path, cached: true });
  assertEquals(asked.length, 1);
});

Deno.test("getNpmRuntime() fetches again what was damaged in the cache", async () => {
  await using tree = await TempTree.make();
  const { pack, asked } = fakePack(fakeRuntime());
  const options = { cacheDir: tree.dir, pack };
  const { path } = await getNpmRuntime(RUNTIME, options);
  await Deno.writeTextFile(path, "x", { append: true });
  assertEquals(await getNpmRuntime(RUNTIME, options), { path, cached: false });
  assertEquals([await Deno.readFile(path), asked.length], [fakeRuntime(), 2]);
});

Deno.test("getNpmRuntime() refuses other bytes and leaves nothing behind", async () => {
  await using tree = await TempTree.make();
  const other = fakeRuntime();
  other[RUNTIME_BYTES - 1]! ^= 1;
  const { pack } = fakePack(other);
  await assertRejects(
    () => getNpmRuntime(RUNTIME, { cacheDir: tree.dir, pack }),
    Error,
    "tool@1.0.0 does not hold the expected runtime",
  );
  assertEquals(await names(tree.dir), []);
});

Deno.test("getNpmRuntime() tells of a missing or short entry, or a failed npm", async () => {
  await using tree = await TempTree.make();
  const { pack } = fakePack(fakeRuntime());
  const options = { cacheDir: tree.dir, pack };
  await assertRejects(
    () => getNpmRuntime({ ...RUNTIME, entry: "package/none" }, options),
    Error,
    "no complete file package/none",
  );

  const long = fakeRuntime();
  new DataView(long.buffer).setUint16(0x3c, 200, true);
  await assertRejects(
    () => getNpmRuntime(RUNTIME, { ...options, ...fakePack(long) }),
    Error,
    "ends before its runtime does",
  );

  const failing = () => Promise.reject(new Error("npm pack failed"));
  await assertRejects(
    () => getNpmRuntime(RUNTIME, { ...options, pack: failing }),
    Error,
    "npm pack failed",
  );
  assertEquals(await names(tree.dir), []);
});
