/** A whole run against one server: attackers, a good client, and what is left of both. */

import { Random } from "../../tests/helpers/random.ts";
import { Canary } from "./canary.ts";
import { register } from "./account.ts";
import { play, type Played } from "./conversation.ts";
import { Pulse } from "./pulse.ts";
import { Lane } from "./lane.ts";
import { SilentPeers } from "./silent_peers.ts";
import { Target, type Usage } from "./target.ts";
import {
  databaseState,
  plant,
  strangeUsers,
  watch,
} from "../../tests/hostile/witness.ts";

/** Attackers at a time. */
const LANES = 4;

/** Before memory is measured the first time: V8 takes what it needs for its work. */
const WARM_UP_FRAMES = 5000;

const CALM_SECONDS = 3;
const MAX_DRIFT_MIB = 20;
/**
 * V8 lets garbage lie until there is as much as it thinks fit, and raises that
 * in steps of some 28 MiB up to about 180 MiB in all. Where memory has grown by
 * more than is allowed, that may be such a step: a leak grows on when as much is
 * sent again, at most so often and so many frames.
 */
const MORE_RUNS = 3;
const MORE_FRAMES = 60_000;

/** Descriptors that a process may have more or less at any moment. */
const SPARE_DESCRIPTORS = 2;

export interface CampaignOptions {
  frames: number;
  seed: number;
  tls: boolean;
  signal: AbortSignal;
  /** Is told of each conversation; `usage` looks at the server now. */
  onProgress(found: Findings, usage: () => Usage): void;
}

/** What a campaign came to. */
export interface Findings {
  frames: number;
  connections: number;
  answers: number;
  errors: number;
  worstMs: number;
  canaryRounds: number;
  canaryWorstMs: number;
  /** In MiB: after the warm-up, after the run, and after what was added to it. */
  memory: number[];
  /** After the warm-up, and at the end. */
  descriptors: number[];
  /** The longest time that the machine itself stood still, in milliseconds. */
  stallMs: number;
  seconds: number;
  faults: string[];
}

/** Faults that are told; those behind them are most often the same. */
const MAX_FAULTS = 20;

export async function campaign(options: CampaignOptions): Promise<Findings> {
  const home = Deno.makeTempDirSync({ prefix: "netdisk-fuzz-" });
  const started = performance.now();
  const found: Findings = {
    ...{ frames: 0, connections: 0, answers: 0, errors: 0, worstMs: 0 },
    ...{ canaryRounds: 0, canaryWorstMs: 0, stallMs: 0, seconds: 0 },
    ...{ memory: [], descriptors: [], faults: [] },
  };
  try {
    const args = options.tls ? [] : ["--plain"];
    await using target = await Target.start(home, args);
    await attack(target, home, options, found);
    const isAlive = target.isRunning;
    const status = await target.stop();
    if (!isAlive || status !== 0) {
      found.faults.unshift(`the server ended with ${status}`);
      found.faults.push(...target.lastLines.map((it) => `log: ${it}`));
    }
    found.faults.push(...target.badLines.map((it) => `log: ${it}`));
    const state = databaseState(home);
    if (state !== "ok") found.faults.push(`the database: ${state}`);
  } finally {
    found.faults.length = Math.min(found.faults.length, MAX_FAULTS);
    found.seconds = (performance.now() - started) / 1000;
    await Deno.remove(home, { recursive: true });
  }
  return found;
}

async function attack(
  target: Target,
  home: string,
  options: CampaignOptions,
  found: Findings,
): Promise<void> {
  const seeds = new Random(options.seed);
  plant(home);
  await using pulse = new Pulse(home);
  await using silent = await SilentPeers.open(target);
  const account = await register(target, "canary");
  const lanes: Lane[] = [];
  for (let i = 0; i < LANES; i++) {
    lanes.push(await Lane.open(target, `lane-${i}`, seeds.next()));
    found.frames += await lanes[i]!.rehearse(pulse);
  }
  const seen = watch(home);
  await using canary = new Canary(target, account, pulse);
  await measure({ target, lanes, silent, pulse }, options, found);
  found.faults.push(...await silent.end(), ...await canary.end());
  found.canaryRounds = canary.rounds;
  found.canaryWorstMs = canary.worstMs;
  found.stallMs = pulse.worstMs;
  const now = watch(home);
  const changed = [
    ...seen.filter((line) => !now.includes(line)),
    ...now.filter((line) => !seen.includes(line)),
    ...strangeUsers(home),
  ];
  found.faults.push(...changed.map((line) => `changed: ${line}`));
}

/** Who is at work. */
interface Parties {
  target: Target;
  lanes: Lane[];
  silent: SilentPeers;
  pulse: Pulse;
}

/** Sends all frames, and compares what the server takes before and after. */
async function measure(
  parties: Parties,
  options: CampaignOptions,
  found: Findings,
): Promise<void> {
  const { target, lanes, silent } = parties;
  const send = (frames: number) =>
    Promise.all(
      lanes.map((lane) => run(lane, frames / LANES, parties, options, found)),
    );
  const warmUp = Math.min(WARM_UP_FRAMES, options.frames / 2);
  await send(warmUp - found.frames);
  const before = await target.calmUsage(CALM_SECONDS);
  found.memory.push(before.memory);
  let left = options.frames - warmUp;
  for (let times = 0; times <= MORE_RUNS; times++) {
    await send(left);
    found.memory.push((await target.calmUsage(CALM_SECONDS)).memory);
    if (driftOf(found) <= MAX_DRIFT_MIB) break;
    left = Math.min(left, MORE_FRAMES);
  }
  const drift = driftOf(found);
  if (drift > MAX_DRIFT_MIB) {
    found.faults.push(`memory grows by ${drift.toFixed(1)} MiB a run`);
  }
  found.faults.push(...await silent.end());
  const limit = before.descriptors + SPARE_DESCRIPTORS;
  const descriptors = await target.descriptorsBelow(limit);
  found.descriptors.push(before.descriptors, descriptors);
  if (descriptors > limit) {
    found.faults.push(`${descriptors - before.descriptors} descriptors stay`);
  }
}

/** What the last run has added, in MiB. */
function driftOf({ memory }: Findings): number {
  return memory.at(-1)! - memory.at(-2)!;
}

/** Has one attacker send so many frames. */
async function run(
  lane: Lane,
  frames: number,
  { target, silent, pulse }: Parties,
  { signal, onProgress }: CampaignOptions,
  found: Findings,
): Promise<void> {
  for (let sent = 0; sent < frames;) {
    signal.throwIfAborted();
    if (!target.isRunning) return;
    const attempt = await lane.next();
    const { name, steps, cutting, ending } = attempt;
    if (ending === "silent" && silent.hasRoom) {
      const count = await silent.add(steps);
      sent += count;
      found.frames += count;
      found.connections++;
      continue;
    }
    let played: Played;
    try {
      played = await play(target, steps, {
        cutting,
        isAbrupt: ending === "abrupt",
        random: lane.random,
        pulse,
      });
    } catch (error) {
      found.faults.push(`${name}: ${error}`);
      if (found.faults.length >= MAX_FAULTS) return;
      continue;
    }
    sent += Math.max(played.frames, 1);
    found.frames += played.frames;
    found.connections++;
    found.answers += played.answers;
    found.errors += played.errors.length;
    found.worstMs = Math.max(found.worstMs, played.worstMs);
    found.faults.push(...played.faults.map((it) => `${name}: ${it}`));
    if (found.faults.length >= MAX_FAULTS) return;
    await lane.heard(played);
    onProgress(found, () => target.usage());
  }
}
