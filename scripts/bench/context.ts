/** What the parts of the benchmark share: the wish, the places, the tools that could be opened. */
import { join } from "@std/path";
import type { Options, WorkName } from "./options.ts";
import type { Place } from "./places.ts";
import { median, renderTime } from "./report.ts";
import {
  LOOPBACK,
  type Sample,
  type Side,
  type Stage,
  type Tool,
  type ToolGroup,
  Unavailable,
} from "./tool.ts";
import type { Series } from "./turns.ts";

export interface Context {
  readonly options: Options;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Of all tools that were opened. */
  readonly versions: Set<string>;
  /** What is missing, a sentence each. */
  readonly skipped: Set<string>;
  /** What the servers of the part that is measured said last, by version. */
  readonly logs: Map<string, () => string>;
  /** Tells what goes on. */
  say(text: string): void;
}

/** How a group of tools is opened. */
export interface Opener {
  /** Their names. */
  tools: readonly string[];
  open(stage: Stage, stack: AsyncDisposableStack): Promise<ToolGroup>;
}

/** A folder to play in, with two sides. */
export async function makeStage(
  context: Context,
  place: Place,
  { name, samples, client = LOOPBACK, server = LOOPBACK }: {
    name: string;
    samples: readonly Sample[];
    client?: Side;
    server?: Side;
  },
): Promise<Stage> {
  const dir = join(place.dir, name);
  await Deno.mkdir(dir, { recursive: true });
  const { env, signal } = context;
  return { dir, samples, client, server, env, disk: place.disk, signal };
}

/** All tools that this machine has; a group that is missing is told and left out. */
export async function openTools(
  context: Context,
  { stage, stack, openers }: {
    stage: Stage;
    stack: AsyncDisposableStack;
    openers: readonly Opener[];
  },
): Promise<Tool[]> {
  const tools: Tool[] = [];
  for (const { tools: names, open } of openers) {
    try {
      const group = await open(stage, stack);
      context.versions.add(group.version);
      if (group.log) context.logs.set(group.version, group.log);
      tools.push(...group.tools);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const line = `${names.join(" and ")} skipped: ${error.message}`;
      if (!context.skipped.has(line)) context.say(line);
      context.skipped.add(line);
    }
  }
  return tools;
}

/** Whether one of the works was asked for. */
export function isWanted(
  { options }: Context,
  ...names: readonly WorkName[]
): boolean {
  return names.some((name) => options.only.includes(name));
}

/** For `onRound`: the last times of a work. */
export function sayRounds(
  { say, options }: Context,
  { title, rounds = options.rounds }: { title: string; rounds?: number },
): (round: number, series: readonly Series[]) => void {
  const shown = new Map<string, number>();
  return (round, series) => {
    const times = series.filter(({ seconds }) => seconds.length > 0).map(
      ({ name, seconds }) => {
        const last = seconds.slice(shown.get(name) ?? 0);
        shown.set(name, seconds.length);
        return `${name} ${renderTime(median(last))}`;
      },
    );
    const said = round === 0 ? "done, not counted" : times.join(", ");
    if (series.length > 0) {
      say(`${title}, round ${round} of ${rounds}: ${said}`);
    }
  };
}
