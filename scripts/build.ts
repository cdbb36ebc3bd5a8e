// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Makes `dist/netdisk` for this platform: tries the result before it gets its
 * name, and leaves nothing half-written. bundle.ts has what is compiled,
 * compile.ts the compiler.
 *
 * `--if-needed` does nothing where the binary is newer than its sources.
 */
import { format as formatBytes } from "@std/fmt/bytes";
import { dirname, fromFileUrl, join } from "@std/path";
import { bundle } from "./bundle.ts";
import { compile, NoRuntime, pickRuntime, tryOut } from "./compile.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

/** The folder of the project. */
export const ROOT: string = dirname(dirname(fromFileUrl(import.meta.url)));
const EXECUTABLE = Deno.build.os === "windows" ? "netdisk.exe" : "netdisk";
/** The built program. */
export const BINARY: string = join(ROOT, "dist", EXECUTABLE);

/** What the binary is made of. */
const SOURCES = [
  ...["deno.json", "deno.lock", "main.ts", "client", "protocol", "server"],
  "types",
  ...["build", "bundle", "compile", "denort", "files", "interrupt"]
    .map((name) => `scripts/${name}.ts`),
];

export interface BuildOptions {
  /** Do nothing where the binary is newer than all its sources. */
  ifNeeded?: boolean;
  signal?: AbortSignal;
}

/** Builds the program and says so; throws an Error fit to show to a person. */
export async function build(options: BuildOptions = {}): Promise<void> {
  const { ifNeeded = false, signal } = options;
  const started = new Date();
  if (ifNeeded && await isFresh()) return;

  const runtime = await pickRuntime(Deno.build.target, signal);
  console.log(`build: compiling on ${runtime.name}`);
  const dist = dirname(BINARY);
  await Deno.mkdir(dist, { recursive: true });
  const work = await Deno.makeTempDir({ dir: dist, prefix: ".build-" });
  try {
    const output = join(work, EXECUTABLE);
    const bundled = join(work, "bundle");
    await bundle({ source: ROOT, bundled, signal });
    await compile({ bundled, output, runtime, signal });
    await tryOut(output, runtime, signal);
    // The time at the start: what was saved meanwhile is newer than the binary.
    await Deno.utime(output, started, started);
    const { size } = await Deno.stat(output);
    await Deno.rename(output, BINARY);
    const seconds = ((Date.now() - started.getTime()) / 1000).toFixed(1);
    console.log(
      `build: dist/${EXECUTABLE} is ready (${formatBytes(size)}, ${seconds} s)`,
    );
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function isFresh(): Promise<boolean> {
  const built = (await statOrNull(BINARY))?.mtime;
  if (!built) return false;
  const times = await Promise.all(
    SOURCES.map((source) => newest(join(ROOT, source))),
  );
  return times.every((time) => time < built.getTime());
}

/** Latest change at or below a path; a folder's own time tells of removed files. */
async function newest(path: string): Promise<number> {
  const info = await statOrNull(path);
  let latest = info?.mtime?.getTime() ?? -Infinity;
  if (info?.isDirectory) {
    for await (const entry of Deno.readDir(path)) {
      latest = Math.max(latest, await newest(join(path, entry.name)));
    }
  }
  return latest;
}

async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

if (import.meta.main) {
  const ifNeeded = Deno.args.includes("--if-needed");
  try {
    await build({ ifNeeded, signal: abortOnSignals() });
    Deno.exit(0);
  } catch (error) {
    console.error(`build: error: ${messageOf(error)}`);
    if (error instanceof NoRuntime) {
      console.error(
        "build: hint: DENORT_BIN=FILE names a denort that you have",
      );
    }
    Deno.exit(exitStatusOf(error));
  }
}
