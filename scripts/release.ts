// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Makes a release in `dist/release/VERSION`: the programs of all targets whose
 * runtime can be had, and what belongs to them. The same commit and runtimes give
 * the same bytes. docs/releasing.md has the steps around it.
 *
 *     deno task release                       all targets
 *     deno task release --target linux-x64    that one; or several, with commas
 *     deno task release --check               only say why it would be refused
 */
import { parseArgs } from "@std/cli/parse-args";
import { format as formatBytes } from "@std/fmt/bytes";
import { dirname, join } from "@std/path";
import { ROOT } from "./build.ts";
import { bundle } from "./bundle.ts";
import { denoFolder, run } from "./compile.ts";
import { namesIn } from "./files.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";
import {
  makeBinaries,
  type Outcome,
  sha256OfFile,
} from "./release/binaries.ts";
import { readChangelog } from "./release/changelog.ts";
import { thirdPartyLicenses } from "./release/licenses.ts";
import { directPackages, readPackages } from "./release/packages.ts";
import { readFacts, refusals, type ReleaseFacts } from "./release/refusals.ts";
import { sbom } from "./release/sbom.ts";
import { makeStage } from "./release/stage.ts";
import { binaryName, type Target, TARGETS } from "./release/targets.ts";

/** What the program writes about itself: file and the words that ask for it. */
const SELF_MADE: readonly [file: string, args: string[]][] = [
  ["netdisk.bash", ["completions", "bash"]],
  ["_netdisk", ["completions", "zsh"]],
  ["netdisk.fish", ["completions", "fish"]],
  ["netdisk.1", ["man"]],
];

/** What is released, and for whom. */
interface ReleaseOptions {
  facts: ReleaseFacts;
  targets: readonly Target[];
  signal?: AbortSignal;
}

/**
 * Makes the release of the project in `root`, or changes nothing. What is there
 * of an earlier try is replaced. @throws Error fit to show to a person
 */
export async function makeRelease(
  root: string,
  { facts, targets, signal }: ReleaseOptions,
): Promise<Outcome[]> {
  const { version, commit, commitTime } = facts;
  const final = join(root, "dist", "release", version);
  await Deno.mkdir(dirname(final), { recursive: true });
  const work = await Deno.makeTempDir({
    dir: dirname(final),
    prefix: ".making-",
  });
  try {
    const folder = join(work, version);
    await Deno.mkdir(folder);
    const downloads = join(await denoFolder(signal), "dl");
    const stage = await makeStage(commit, {
      root,
      folder: work,
      downloads,
      signal,
    });
    const packages = await readPackages(stage);
    const bundled = join(work, "bundle");
    const { source, env } = stage;
    await bundle({ source, bundled, withNodeModules: true, env, signal });
    const outcomes = await makeBinaries({
      bundled,
      targets,
      version,
      folder,
      signal,
    });
    await writeSelfMade(folder, version, signal);
    const lock = await Deno.readTextFile(join(stage.source, "deno.lock"));
    const write = (name: string, text: string) =>
      Deno.writeTextFile(join(folder, name), text);
    await write(
      `netdisk-${version}.cdx.json`,
      sbom({
        version,
        commit,
        commitTime,
        packages,
        direct: directPackages(JSON.parse(lock)),
        runtimes: outcomes.flatMap(({ runtime }) => runtime ?? []),
        deno: facts.deno.running,
      }),
    );
    await write("THIRD_PARTY_LICENSES.txt", thirdPartyLicenses(packages));
    await Deno.copyFile(join(stage.source, "LICENSE"), join(folder, "LICENSE"));
    const [entry] = readChangelog(facts.changelog);
    await write("RELEASE_NOTES.md", `${entry!.text}\n`);
    await writeSums(folder);
    await removeIfThere(final);
    await Deno.rename(folder, final);
    return outcomes;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Asks the program of this machine; what it cannot tell is no release. */
async function writeSelfMade(
  folder: string,
  version: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const own = TARGETS.find(({ triple }) => triple === Deno.build.target);
  const program = own && join(folder, binaryName(version, own));
  if (!program || !await isThere(program)) {
    throw new Error(
      "none of the programs made runs on this machine, so that nothing could be tried out",
    );
  }
  for (const [file, args] of SELF_MADE) {
    const { success, stdout, stderr } = await run(args, { program, signal });
    if (!success || stdout.trim() === "") {
      const reason = stderr.trim().split("\n")[0] || "it printed nothing";
      throw new Error(`netdisk ${args.join(" ")} failed: ${reason}`);
    }
    await Deno.writeTextFile(join(folder, file), stdout);
  }
}

/** In the form that `sha256sum -c` reads. */
async function writeSums(folder: string): Promise<void> {
  let sums = "";
  for (const name of await namesIn(folder)) {
    sums += `${await sha256OfFile(join(folder, name))}  ${name}\n`;
  }
  await Deno.writeTextFile(join(folder, "SHA256SUMS"), sums);
}

function showTable(version: string, outcomes: readonly Outcome[]): void {
  console.log(`release: dist/release/${version} is ready`);
  for (const { target, bytes, note } of outcomes) {
    const made = bytes === undefined ? "skipped" : formatBytes(bytes);
    console.log(`  ${target.name.padEnd(12)}  ${made.padEnd(8)}  ${note}`);
  }
}

async function removeIfThere(folder: string): Promise<void> {
  if (await isThere(folder)) await Deno.remove(folder, { recursive: true });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The targets of those names; all without one. @throws Error for an unknown one */
function targetsNamed(names: readonly string[]): readonly Target[] {
  const known = TARGETS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`no target ${unknown}, there are ${known.join(", ")}`);
  }
  return names.length === 0
    ? TARGETS
    : TARGETS.filter(({ name }) => names.includes(name));
}

async function main(): Promise<number> {
  const signal = abortOnSignals();
  try {
    const { check, target } = parseArgs(Deno.args, {
      boolean: ["check"],
      string: ["target"],
      unknown: (arg) => {
        throw new Error(`what is ${arg}? There are --check and --target NAMES`);
      },
    });
    const targets = targetsNamed(target?.split(",") ?? []);
    const facts = await readFacts(ROOT, signal);
    const reasons = refusals(facts);
    for (const reason of reasons) console.error(`release: error: ${reason}`);
    if (reasons.length > 0) return 1;
    if (check) console.log(`release: ${facts.version} can be made`);
    else {
      const outcomes = await makeRelease(ROOT, { facts, targets, signal });
      showTable(facts.version, outcomes);
    }
    return 0;
  } catch (error) {
    console.error(`release: error: ${messageOf(error)}`);
    return exitStatusOf(error);
  }
}

if (import.meta.main) Deno.exit(await main());
