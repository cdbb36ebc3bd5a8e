// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Builds the program if needed, runs `deno test` with the arguments given, and
 * ends its output with the plain line `N passed, N failed`, for people and CI.
 *
 *     deno task test                           all tests
 *     deno task test tests/e2e --filter put    some of them
 *
 * `--no-build` leaves the binary alone.
 */
import { stripAnsiCode } from "@std/fmt/colors";
import { build, ROOT } from "./build.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

/** What one run of tests came to. */
export interface Tally {
  passed: number;
  failed: number;
}

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

/** Runs `deno test`, shows its output as it comes, and returns the end of it. */
async function runTests(
  args: string[],
  signal: AbortSignal,
): Promise<{ code: number; tail: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    cwd: ROOT,
    stdout: "piped",
    signal,
  }).spawn();
  let tail = "";
  const shown = show(child.stdout, (text) => {
    tail = (tail + text).slice(-TAIL_CHARS);
  });
  const { code } = await child.status;
  signal.throwIfAborted();
  await Promise.race([shown, delay(LEFTOVER_MS)]);
  return { code, tail };
}

/** Copies a stream to stdout as it comes, and tells its text. */
async function show(
  stream: ReadableStream<Uint8Array>,
  tell: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    for (let rest = chunk; rest.length > 0;) {
      rest = rest.subarray(await Deno.stdout.write(rest));
    }
    tell(decoder.decode(chunk, { stream: true }));
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(): Promise<number> {
  const signal = abortOnSignals();
  const args = Deno.args.filter((arg) => arg !== "--no-build");
  let tally = judge(undefined, false);
  let status: number;
  try {
    if (args.length === Deno.args.length) {
      await build({ ifNeeded: true, signal });
    }
    const { code, tail } = await runTests(args, signal);
    tally = judge(readTally(tail), code === 0);
    if (code === 0 && tally.passed === 0) throw new Error("no test was run");
    status = code || Math.min(tally.failed, 1);
  } catch (error) {
    console.error(`test: error: ${messageOf(error)}`);
    status = exitStatusOf(error);
  }
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  return status;
}

if (import.meta.main) Deno.exit(await main());
