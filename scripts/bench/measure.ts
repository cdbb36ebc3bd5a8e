/**
 * The method (the same for every tool): the tools take turns, what the last run
 * wrote is removed right before the next, and each result is checked against the
 * source. One round comes first that does not count.
 */
import { basename, join } from "@std/path";
import { findProgram, run, runWell } from "./process.ts";
import { digestFolder, emptyFolder, removeIfThere } from "./samples.ts";
import {
  ARRIVALS,
  type CommandLine,
  type Sample,
  type Stage,
  type Tool,
} from "./tool.ts";

/** A line of the table: what every tool that can is asked to do. */
export interface Work {
  readonly title: string;
  readonly kind: "put" | "get" | "list";
  readonly sample: Sample;
  /** Runs in one round; what is short needs more for a steady median. */
  readonly repeat: number;
  /** What one run moves, for the rate. */
  readonly amount?: { readonly value: number; readonly unit: string };
  readonly bars: readonly Bar[];
}

/** What netdisk promises: to be so many times as fast as a peer. */
export interface Bar {
  readonly peer: string;
  readonly atLeast: number;
}

/** The counted times of one tool at one work. */
export interface Series {
  readonly work: Work;
  readonly tool: string;
  readonly seconds: number[];
}

export interface MeasureOptions {
  rounds: number;
  /** Told after each round; 0 is the one that does not count. */
  onRound: (work: Work, round: number, series: readonly Series[]) => void;
}

/** Lets every tool that can do the work. A run that fails or brings wrong bytes throws. */
export async function measure(
  work: Work,
  tools: readonly Tool[],
  stage: Stage,
  { rounds, onRound }: MeasureOptions,
): Promise<Series[]> {
  const able = tools.filter((tool) => tool[work.kind] !== undefined);
  const series = able.map(({ name }) => ({
    work,
    tool: name,
    seconds: [] as number[],
  }));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < work.repeat; turn++) {
      for (let place = 0; place < able.length; place++) {
        // Another one starts each time, so that nobody always follows the same.
        const index = (place + round + turn) % able.length;
        const seconds = await runOnce(work, able[index]!, able, stage);
        if (round > 0) series[index]!.seconds.push(seconds);
      }
    }
    onRound(work, round, series);
  }
  await removeResults(able, stage);
  return series;
}

/** Seconds from the start of the tool's process to its end. */
async function runOnce(
  work: Work,
  tool: Tool,
  all: readonly Tool[],
  stage: Stage,
): Promise<number> {
  const { kind, sample } = work;
  const { signal } = stage;
  const target = kind === "put" ? join(tool.far, ARRIVALS) : outFolder(stage);
  if (kind !== "list") {
    await removeResults(all, stage);
    await emptyFolder(target);
  }
  await settle(stage);
  const command = commandLine(work, tool, target);
  const { seconds, stdout } = await runWell(command, signal);
  const isRight = kind === "list"
    ? isListOf(sample, stdout)
    : await digestFolder(target, signal) === sample.digest;
  if (isRight) return seconds;
  throw new Error(
    `${work.title}: ${tool.name} ended well with a wrong result`,
  );
}

function commandLine(work: Work, tool: Tool, target: string): CommandLine {
  const { kind, sample } = work;
  const command = kind === "get"
    ? tool.get?.(sample, target)
    : tool[kind]?.(sample);
  if (command) return command;
  throw new Error(`${tool.name} has no ${kind}`);
}

function outFolder(stage: Stage): string {
  return join(stage.dir, "out");
}

/** At most one result exists at a time, and its memory is what the next one is written to. */
async function removeResults(
  tools: readonly Tool[],
  stage: Stage,
): Promise<void> {
  await removeIfThere(outFolder(stage));
  for (const { far } of tools) await removeIfThere(join(far, ARRIVALS));
}

/** Writes back what earlier runs left, so that nobody pays for another's. */
async function settle({ dir, env, signal }: Stage): Promise<void> {
  const sync = Deno.build.os === "linux" ? findProgram("sync") : undefined;
  if (!sync) return;
  // A `sync` that does not know -f is no reason to stop.
  await run({ program: sync, args: ["-f", dir], cwd: dir, env }, signal);
}

/** Some tools print names, others paths; the order is theirs. */
function isListOf(sample: Sample, stdout: string): boolean {
  const names = stdout.trimEnd().split("\n").map((line) => basename(line));
  return names.sort().join("\n") === sample.files.join("\n");
}
