/**
 * The program as a few JavaScript files. `deno compile` would embed each module,
 * its source and all of every package; to unpack and link these takes longer at
 * each start than most commands do.
 */
import { join } from "@std/path";
import { run, withoutBacktrace } from "./compile.ts";

/** What starts by itself: the program, and the Workers of server/start_worker.ts. */
const PROGRAM = "main.ts";
const WORKER = /^(\w+_)?worker\.ts$/;

/** What a program of `source` reads of itself, where the bundle's code looks for it. */
const DATA = { from: "client/completions", to: "completions" };

/** What is bundled, and where it goes. */
export interface BundleOptions {
  /** The folder with `deno.json` and `main.ts`. */
  source: string;
  /** An empty one. */
  folder: string;
  /** Added to the environment of `deno bundle`. */
  env?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/**
 * Checks types and bundles; `folder` is what compile() takes then. The same
 * sources give the same bytes and times. @throws Error with the bundler's words
 */
export async function bundle(
  { source, folder, env = {}, signal }: BundleOptions,
): Promise<void> {
  const workers = (await namesIn(join(source, "server")))
    .filter((name) => WORKER.test(name)).map((name) => `server/${name}`);
  const { success, stderr } = await run(
    [
      ...["bundle", "--check", "--code-splitting", "--outdir", folder],
      ...[PROGRAM, ...workers],
    ],
    { cwd: source, env, signal },
  );
  if (!success) {
    throw new Error(`deno bundle failed\n${withoutBacktrace(stderr)}`);
  }
  await Deno.mkdir(join(folder, DATA.to));
  for (const name of await namesIn(join(source, DATA.from))) {
    await Deno.copyFile(
      join(source, DATA.from, name),
      join(folder, DATA.to, name),
    );
  }
  const config = JSON.parse(
    await Deno.readTextFile(join(source, "deno.json")),
  ) as { unstable?: string[] };
  await Deno.writeTextFile(
    join(folder, "deno.json"),
    JSON.stringify({
      unstable: config.unstable ?? [],
      compile: { include: ["server", DATA.to] },
      lock: false,
    }),
  );
  await forgetTimes(folder);
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder));
  return names.map(({ name }) => name).sort();
}

/** Deno embeds the times of files as well. */
async function forgetTimes(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await forgetTimes(path);
    await Deno.utime(path, 0, 0);
  }
}
