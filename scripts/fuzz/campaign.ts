/** A whole run against one server: attackers, a good client, and what is left of both. */

import { Random } from "../../tests/helpers/random.ts";
import { Canary } from "./canary.ts";
import { register } from "./account.ts";
import { play, type Played } from "./conversation.ts";
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
export const MAX_DRIFT_MIB = 20;
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
  /** After the warm-up, and at the end. */
  usage: [before: Usage, after: Usage] | undefined;
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
    ...{ canaryRounds: 0, canaryWorstMs: 0, usage: undefined, seconds: 0 },
    faults: [],
  };
  try {
    const args = options.tls ? [] : ["--plain"];
    await using target = await Target.start(home, args);
    try {
      await attack(target, home, options, found);
      const status = await target.stop();
      if (status !== 0) found.faults.push(`it ended with ${status}`);
    } finally {
      if (!target.isRunning && found.faults.length > 0) {
        found.faults.push(...target.lastLines.map((it) => `log: ${it}`));
      }
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
  const canary = new Canary(target, await register(target, "canary"));
  const silent = await SilentPeers.open(target);
  const lanes: Lane[] = [];
  for (let i = 0; i < LANES; i++) {
    lanes.push(await Lane.open(target, `lane-${i}`, seeds.next()));
    found.frames += await lanes[i]!.rehearse();
  }
  const seen = watch(home);
  canary.start();
  try {
    const play = (frames: number) =>
      Promise.all(
        lanes.map((lane) =>
          run(target, lane, silent, frames / LANES, options, found)
        ),
      );
    const warmUp = Math.min(WARM_UP_FRAMES, options.frames / 2);
    await play(warmUp - found.frames);
    const before = await target.calmUsage(CALM_SECONDS);
    await play(options.frames - warmUp);
    found.faults.push(...await silent.end());
    const limit = before.descriptors + SPARE_DESCRIPTORS;
    const descriptors = await target.descriptorsBelow(limit);
    const { memory } = await target.calmUsage(CALM_SECONDS);
    found.usage = [before, { memory, descriptors }];
    if (descriptors > limit) {
      found.faults.push(`${descriptors - before.descriptors} descriptors stay`);
    }
    const drift = memory - before.memory;
    if (drift > MAX_DRIFT_MIB) {
      found.faults.push(`${drift.toFixed(1)} MiB of memory stay`);
    }
  } finally {
    await canary.stop();
    await silent.end();
  }
  found.canaryRounds = canary.rounds;
  found.canaryWorstMs = canary.worstMs;
  found.faults.push(...canary.faults);
  const now = watch(home);
  const changed = [
    ...seen.filter((line) => !now.includes(line)),
    ...now.filter((line) => !seen.includes(line)),
    ...strangeUsers(home),
  ];
  found.faults.push(...changed.map((line) => `changed: ${line}`));
}

/** Has one attacker send so many frames. */
async function run(
  target: Target,
  lane: Lane,
  silent: SilentPeers,
  frames: number,
  { signal, onProgress }: CampaignOptions,
  found: Findings,
): Promise<void> {
  for (let sent = 0; sent < frames;) {
    signal.throwIfAborted();
    if (!target.isRunning) {
      found.faults.push("the server has ended");
      return;
    }
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
