// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Builds the program if needed, runs `deno test` with the arguments given, and
 * ends its output with the plain line `N passed, N failed`, for people and CI.
 *
 *     deno task test                           all but the hard ones
 *     deno task test:hard                      those: crashes and attacks
 *     deno task test tests/e2e --filter put    some of them
 *
 * `--no-build` leaves the binary alone. Tests run as several processes side by
 * side, because they wait for other processes and the disk most of the time.
 */
import { stripAnsiCode } from "@std/fmt/colors";
import { join } from "@std/path";
import { build, ROOT } from "./build.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

/** What one run of tests came to. */
export interface Tally {
  passed: number;
  failed: number;
}

/** Those that take longest for what they prove, each beside the other. */
const HARD = ["crash", "hostile"];
/** Of so many processes for the tests that use the real program. */
const E2E_GROUPS = 2;

/** Far more than the lines that `deno test` ends with. */
const TAIL_CHARS = 64 * 1024;
/** How long a process that a test left behind may keep our output open. */
const LEFTOVER_MS = 2_000;

/** The last summary that `deno test` printed in a text; none, if it got to none. */
export function readTally(output: string): Tally | undefined {
  const summary = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm;
  const last = [...stripAnsiCode(output).matchAll(summary)].at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]) };
}

/** A run that found no test, or ended badly without a failed one, has failed. */
export function judge(tally: Tally | undefined, success: boolean): Tally {
  const { passed, failed } = tally ?? { passed: 0, failed: 0 };
  const isGood = success && passed > 0;
  return { passed, failed: isGood ? failed : Math.max(failed, 1) };
}

/** The arguments of each `deno test`: those that were given, or the groups. */
export function groupsOf(args: string[], tests: string[]): string[][] {
  const isHard = args.length === 1 && args[0] === "--hard";
  if (args.length > 0 && !isHard) return [args];
  const e2e = tests.filter((name) => name.startsWith("e2e/"));
  const groups = isHard ? HARD.map((name) => [name]) : [
    ...Array.from(
      { length: E2E_GROUPS },
      (_, group) => e2e.filter((_, at) => at % E2E_GROUPS === group),
    ),
    tests.filter((name) => !e2e.includes(name) && !HARD.includes(name)),
  ];
  return groups
    .map((names) => names.filter((name) => tests.includes(name)))
    .filter((names) => names.length > 0)
    .map((names) => names.map((name) => `tests/${name}`));
}

/** The folders and files of tests; of `e2e` its files. */
function namesOfTests(): string[] {
  const names = testsIn("tests").filter((name) => name !== "e2e");
  return [...names, ...testsIn("tests/e2e").map((name) => `e2e/${name}`)];
}

function testsIn(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))]
    .filter(({ name, isDirectory }) =>
      name.endsWith("_test.ts") || isDirectory && folder === "tests"
    )
    .map(({ name }) => name).sort();
}

/** How one `deno test` ended. */
interface Run extends Tally {
  code: number;
}

/** Runs `deno test` and shows its output as it comes, but not before its turn. */
async function runTests(
  args: string[],
  turn: Promise<unknown>,
  signal: AbortSignal,
): Promise<Run> {
  const child = new Deno.Command(Deno.execPath(), {
    // Types are a check of their own, and three processes would do it thrice.
    args: ["test", "-A", "--no-check", ...args],
    cwd: ROOT,
    stdout: "piped",
    signal,
  }).spawn();
  let tail = "";
  const shown = show(child.stdout, turn, (text) => {
    tail = (tail + text).slice(-TAIL_CHARS);
  });
  const { code } = await child.status;
  signal.throwIfAborted();
  await turn;
  await Promise.race([shown, delay(LEFTOVER_MS)]);
  return { code, ...judge(readTally(tail), code === 0) };
}

/** Copies a stream to stdout as it comes once `turn` is over, and tells its text. */
async function show(
  stream: ReadableStream<Uint8Array>,
  turn: Promise<unknown>,
  tell: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let written = turn;
  for await (const chunk of stream) {
    tell(decoder.decode(chunk, { stream: true }));
    written = written.then(() => writeAll(chunk));
  }
  await written;
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await Deno.stdout.write(rest));
  }
}

/** Runs all groups at once; their outputs follow each other. */
function runGroups(groups: string[][], signal: AbortSignal): Promise<Run[]> {
  let turn: Promise<unknown> = Promise.resolve();
  return Promise.all(groups.map((group) => {
    const run = runTests(group, turn, signal);
    turn = run.catch(() => {});
    return run;
  }));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(): Promise<number> {
  const signal = abortOnSignals();
  const args = Deno.args.filter((arg) => arg !== "--no-build");
  const sum = { passed: 0, failed: 0 };
  let status = 0;
  try {
    if (args.length === Deno.args.length) {
      await build({ ifNeeded: true, signal });
    }
    const runs = await runGroups(groupsOf(args, namesOfTests()), signal);
    for (const { code, passed, failed } of runs) {
      sum.passed += passed;
      sum.failed += failed;
      status ||= code || Math.min(failed, 1);
      if (code === 0 && passed === 0) throw new Error("no test was run");
    }
  } catch (error) {
    console.error(`test: error: ${messageOf(error)}`);
    status = exitStatusOf(error);
    sum.failed = Math.max(sum.failed, 1);
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  return status;
}

if (import.meta.main) Deno.exit(await main());
