/** How much memory the server takes for transfers, and whether that depends on their size. */
import { join } from "@std/path";
import { type Context, makeStage } from "./context.ts";
import { type Netdisk, startNetdisk } from "./netdisk.ts";
import { type Options, sizeName } from "./options.ts";
import type { Place } from "./places.ts";
import { readMemory, resetPeak } from "./proc.ts";
import { findProgram, runWell } from "./process.ts";
import { mib, type Section, type Verdict } from "./report.ts";
import { linkSample, makeSample, removeIfThere } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Sample,
  type Stage,
  Unavailable,
} from "./tool.ts";

const MIB = 2 ** 20;
const AT_MOST_BYTES = 150 * MIB;
/** A file of so many times the size may not cost more than this; noise is less. */
const INDEPENDENT_BYTES = 32 * MIB;
const SMALLER = 16;
/** Everything is measured so often, each time with a new server; the worst counts. */
const RUNS = 2;

/** Transfers at the same time. */
const LOADS = [{ puts: 4, gets: 4 }, { puts: 8, gets: 8 }];
type Load = typeof LOADS[number];

/** Bytes that it needs: the source and all puts. */
export function spaceForMemory({ size }: Options): number {
  return (1 + Math.max(...LOADS.map(({ puts }) => puts))) * size;
}

interface Finding {
  load: string;
  size: string;
  idle: number;
  peak: number;
}

export async function measureMemory(
  context: Context,
  place: Place,
): Promise<Section> {
  const { options, signal, say } = context;
  const sizes = [Math.ceil(options.size / SMALLER), options.size];
  const rows: string[][] = [];
  const verdicts: Verdict[] = [];
  const all: Finding[] = [];
  for (const load of LOADS) {
    const costs: number[] = [];
    const name = `${load.puts} puts and ${load.gets} gets at once`;
    for (const size of sizes) {
      const findings: Finding[] = [];
      for (let run = 0; run < RUNS; run++) {
        const { idle, peak } = await measure(context, place, { load, size });
        say(
          `memory of the server, ${name} of ${sizeName(size)}: ${
            mib(peak - idle)
          } over idle`,
        );
        findings.push({ load: name, size: sizeName(size), idle, peak });
        signal.throwIfAborted();
      }
      all.push(...findings);
      const worst = findings.reduce((a, b) =>
        a.peak - a.idle >= b.peak - b.idle ? a : b
      );
      const cost = worst.peak - worst.idle;
      costs.push(cost);
      rows.push([
        ...[name, sizeName(size), mib(worst.idle), mib(worst.peak), mib(cost)],
      ]);
    }
    const work = `memory of the server, ${name}`;
    verdicts.push({
      work: `${work}, ${sizeName(options.size)} each`,
      where: place.type,
      bar: `at most ${mib(AT_MOST_BYTES)} more than idle`,
      measured: mib(costs[1]!),
      met: costs[1]! <= AT_MOST_BYTES,
    }, {
      work,
      where: place.type,
      bar: `at most ${
        mib(INDEPENDENT_BYTES)
      } more for files ${SMALLER} times as large`,
      measured: mib(costs[1]! - costs[0]!),
      met: costs[1]! - costs[0]! <= INDEPENDENT_BYTES,
    });
  }
  return {
    title: "Memory of the server",
    notes: [
      "resident memory: idle after one put and one get, and the peak during the " +
      `transfers; each ${RUNS} times with a new server, the worst counts`,
    ],
    table: {
      columns: ["transfers", "of", ">idle", ">peak", ">more than idle"],
      rows,
    },
    verdicts,
    data: all,
  };
}

async function measure(
  context: Context,
  place: Place,
  { load, size }: { load: Load; size: number },
): Promise<{ idle: number; peak: number }> {
  await using stack = new AsyncDisposableStack();
  const source = join(place.dir, "memory-source");
  stack.defer(() => removeIfThere(source));
  const big = await makeSample(source, "big", { count: 1, size });
  const tiny = await makeSample(source, "tiny", { count: 1, size: 1 });
  const samples = [big, tiny];
  const stage = await makeStage(context, place, { name: "memory", samples });
  stack.defer(() => removeIfThere(stage.dir));
  const netdisk = await startNetdisk(stage, stack);
  context.versions.add(netdisk.version);
  context.logs.set(netdisk.version, () => netdisk.server.log);
  for (const sample of samples) await linkSample(sample, netdisk.far);

  // What is loaded on first use is not the price of transfers.
  await transfer(netdisk, tiny, { load: { puts: 1, gets: 1 }, stage });
  const { pid } = netdisk.server;
  const idle = readMemory(pid).now;
  resetPeak(pid);
  await transfer(netdisk, big, { load, stage });
  return { idle, peak: readMemory(pid).peak };
}

/** All of them at the same time; what is got goes nowhere. */
async function transfer(
  { command, far }: Netdisk,
  sample: Sample,
  { load, stage }: { load: Load; stage: Stage },
): Promise<void> {
  const { signal, disk } = stage;
  const arrivals = join(far, ARRIVALS);
  await removeIfThere(arrivals);
  await disk.settle(signal);
  const [file] = sample.files;
  const commands: CommandLine[] = [];
  for (let index = 0; index < load.puts; index++) {
    const to = `${ARRIVALS}/${index}`;
    commands.push(
      command(["put", "--quiet", "--to", to, file!], sample.folder),
    );
  }
  for (let index = 0; index < load.gets; index++) {
    const from = `${sample.name}/${file}`;
    commands.push(
      toNowhere(command(["get", "--quiet", from, "--to", "-"])),
    );
  }
  await Promise.all(commands.map((command) => runWell(command, signal)));
  for (let index = 0; index < load.puts; index++) {
    const { size } = await Deno.stat(join(arrivals, String(index)));
    if (size !== sample.bytes) throw new Error("a put ended well but short");
  }
}

/** With a standard output that nobody reads. */
function toNowhere(command: CommandLine): CommandLine {
  const shell = findProgram("sh");
  if (!shell) throw new Unavailable("not installed: sh");
  const { program, args } = command;
  const script = 'exec "$0" "$@" >/dev/null';
  return { ...command, program: shell, args: ["-c", script, program, ...args] };
}
