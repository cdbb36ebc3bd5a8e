/**
 * A copy of a commit, with its packages in `node_modules`, that is bundled to the
 * same bytes wherever it is made: no path in it names this machine or its registry.
 */
import { join } from "@std/path";
import { run } from "../compile.ts";

/** A commit, ready to be bundled. */
export interface Stage {
  /** The folder with the files of the commit. */
  source: string;
  /** What `deno` needs in its environment to use what was fetched for it. */
  env: Record<string, string>;
  /** The folder of a package, as the registry had it. */
  packageFolder(name: string, version: string): string;
}

/** Where a stage comes from, and goes. */
export interface StageOptions {
  /** The folder of the project. */
  root: string;
  /** An empty one. */
  folder: string;
  /** Where this Deno keeps the tools that it has fetched, and puts more. */
  downloads: string;
  signal?: AbortSignal | undefined;
}

/**
 * Takes the files of the commit, and its packages from the registry: Deno checks
 * them against deno.lock. @throws Error with the words of what failed
 */
export async function makeStage(
  commit: string,
  { root, folder, downloads, signal }: StageOptions,
): Promise<Stage> {
  const source = join(folder, "source");
  const cache = join(folder, "deno");
  await Deno.mkdir(source);
  await Deno.mkdir(cache);
  await Deno.mkdir(downloads, { recursive: true });
  await Deno.symlink(downloads, join(cache, "dl"));

  const archive = join(folder, "source.tar");
  const must = async (
    program: string,
    args: string[],
    env: Record<string, string> = {},
  ) => {
    const options = { program, cwd: root, env, signal };
    const { success, stderr } = await run(args, options);
    if (!success) throw new Error(`${program} failed\n${stderr.trim()}`);
  };
  await must("git", ["archive", "--format=tar", "--output", archive, commit]);
  await must("tar", ["-xf", archive, "-C", source]);
  const env = { DENO_DIR: cache };
  await must(
    Deno.execPath(),
    [
      ...["install", "--quiet", "--node-modules-dir=auto"],
      ...["--config", join(source, "deno.json")],
    ],
    env,
  );
  const modules = "node_modules";
  return {
    source,
    env,
    packageFolder(name, version) {
      const folder = `${name.replace("/", "+")}@${version}`;
      return join(source, modules, ".deno", folder, modules, name);
    },
  };
}
