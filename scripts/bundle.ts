/**
 * The program as a few JavaScript files. `deno compile` would embed each module,
 * its source and all of every package; to unpack and link these takes longer at
 * each start than most commands do.
 */
import { join } from "@std/path";
import { run, withoutBacktrace } from "./compile.ts";
import { namesIn } from "./files.ts";

/** What starts by itself: the program, and the Workers that server/workers.ts names. */
const PROGRAM = "main.ts";
const WORKER = /^(\w+_)?worker\.ts$/;

/** What client/completion_scripts.ts reads, and where its code in the bundle looks for it. */
const DATA = { from: "client/completions", to: "completions" };

/** What is bundled, and where it goes. */
export interface BundleOptions {
  /** The folder with `deno.json` and `main.ts`. */
  source: string;
  /** An empty folder, which compile() takes then. */
  bundled: string;
  /**
   * Takes the packages from `node_modules` in `source`, made if needed: paths of
   * packages get into the bundle, and these are the same on every machine.
   */
  withNodeModules?: boolean;
  /** Added to the environment of `deno bundle`. */
  env?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Checks types and bundles. @throws Error with the bundler's words */
export async function bundle(options: BundleOptions): Promise<void> {
  const { source, bundled, withNodeModules = false, env, signal } = options;
  const workers = (await namesIn(join(source, "server")))
    .filter((name) => WORKER.test(name)).map((name) => `server/${name}`);
  const { success, stderr } = await run(
    [
      ...["bundle", "--quiet", "--check", "--code-splitting"],
      ...(withNodeModules ? ["--node-modules-dir=auto"] : []),
      ...["--outdir", bundled, PROGRAM, ...workers],
    ],
    { cwd: source, signal, ...(env ? { env } : {}) },
  );
  if (!success) {
    throw new Error(`deno bundle failed\n${withoutBacktrace(stderr)}`);
  }
  await copyData(source, bundled);
  await writeConfig(source, bundled);
  await forgetTimes(bundled);
}

async function copyData(source: string, bundled: string): Promise<void> {
  const [from, to] = [join(source, DATA.from), join(bundled, DATA.to)];
  await Deno.mkdir(to);
  for (const name of await namesIn(from)) {
    await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** What `deno compile` is to know: neither packages nor a lock any more. */
async function writeConfig(source: string, bundled: string): Promise<void> {
  const text = await Deno.readTextFile(join(source, "deno.json"));
  const { unstable = [] } = JSON.parse(text) as { unstable?: string[] };
  const include = ["server", DATA.to];
  const config = { unstable, lock: false, compile: { include } };
  await Deno.writeTextFile(
    join(bundled, "deno.json"),
    JSON.stringify(config),
  );
}

/** Deno embeds the times of files as well, which are no part of the program. */
async function forgetTimes(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await forgetTimes(path);
    await Deno.utime(path, 0, 0);
  }
}
