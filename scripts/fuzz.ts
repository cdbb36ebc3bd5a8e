// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Sends the compiled server damaged conversations and frames, and looks whether
 * it still serves others, forgets nothing, and touches nothing. Status 1 when
 * something is wrong; the same seed makes the same choices again.
 *
 *     deno task fuzz                           20 000 frames
 *     deno task fuzz --frames 1000000          more
 *     deno task fuzz --seed 7                  the choices of another run
 *     deno task fuzz --tls                     all of them over TLS
 *
 * Without `--tls` one frame in twenty is sent over it, to a second server.
 */
import { parseArgs } from "@std/cli/parse-args";
import { campaign, type Findings } from "./fuzz/campaign.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

const DEFAULT_FRAMES = 20_000;
const TLS_PART = 20;
const PROGRESS_MS = 10_000;

async function main(): Promise<number> {
  const signal = abortOnSignals();
  try {
    const { frames, seed, tls } = readOptions(Deno.args);
    console.log(`fuzz: ${frames} frames, seed ${seed}`);
    const parts = tls
      ? [{ tls: true, frames }]
      : [{ tls: false, frames }, { tls: true, frames: frames / TLS_PART }];
    let faults = 0;
    for (const part of parts) {
      const name = part.tls ? "TLS" : "plain";
      let shown = performance.now();
      const found = await campaign({
        ...{ ...part, seed, signal },
        onProgress({ frames, faults }, usage) {
          if (performance.now() - shown < PROGRESS_MS) return;
          shown = performance.now();
          const { memory, descriptors } = usage();
          console.log(
            `fuzz: ${name}: ${frames} frames, ${faults.length} faults, ${
              memory.toFixed(0)
            } MiB, ${descriptors} descriptors`,
          );
        },
      });
      for (const line of tableOf(found)) console.log(`fuzz: ${name}: ${line}`);
      for (const fault of found.faults) {
        console.error(`fuzz: ${name}: fault: ${fault}`);
      }
      faults += found.faults.length;
    }
    const again = `--frames ${frames} --seed ${seed}${tls ? " --tls" : ""}`;
    console.log(
      faults === 0
        ? `fuzz: nothing found, seed ${seed}`
        : `fuzz: ${faults} faults; again: deno task fuzz ${again}`,
    );
    return faults === 0 ? 0 : 1;
  } catch (failure) {
    const error = signal.aborted ? signal.reason : failure;
    console.error(`fuzz: error: ${messageOf(error)}`);
    return exitStatusOf(error);
  }
}

function tableOf(found: Findings): string[] {
  const memory = found.memory.map((it) => `${it.toFixed(1)} MiB`);
  const rows: [string, string | number][] = [
    ["frames", found.frames],
    ["connections", found.connections],
    ["answers", `${found.answers}, ${found.errors} of them errors`],
    ["worst answer", `${found.worstMs.toFixed(0)} ms`],
    [
      "worst answer to another client",
      `${found.canaryWorstMs.toFixed(0)} ms in ${found.canaryRounds} rounds`,
    ],
    ["worst stall of the machine", `${found.stallMs.toFixed(0)} ms`],
    ["memory", memory.join(", then ")],
    ["descriptors", found.descriptors.join(", then ")],
    ["seconds", found.seconds.toFixed(0)],
    ["faults", found.faults.length],
  ];
  return rows.map(([name, value]) => `${name.padEnd(32)}${value}`);
}

function readOptions(args: string[]) {
  const { frames, seed, tls, _: rest, ...others } = parseArgs(args, {
    string: ["frames", "seed"],
    boolean: ["tls"],
  });
  const unknown = [...rest.map(String), ...Object.keys(others)];
  if (unknown.length > 0) throw new Error(`unknown argument: ${unknown[0]}`);
  return {
    frames: readNumber("frames", frames) ?? DEFAULT_FRAMES,
    seed: readNumber("seed", seed) ?? Date.now() % 2 ** 31,
    tls,
  };
}

function readNumber(name: string, text?: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new Error(`--${name}: '${text}' is not a whole number`);
}

if (import.meta.main) Deno.exit(await main());
