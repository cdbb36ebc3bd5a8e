/**
 * Rounds of random kills: writers put, the server is killed at a random moment
 * and started again, and what lies on the disk is compared with what the
 * writers were promised.
 */

import { until } from "../helpers/deadline.ts";
import { Client } from "../helpers/netdisk.ts";
import { Random } from "../helpers/random.ts";
import { CrashDisk } from "./crash_disk.ts";
import { Ledger } from "./ledger.ts";
import { runProgramWriter, runWriter, type Writer } from "./writers.ts";

/** Connections that put at the same time, beside one real `netdisk put`. */
const WRITERS = 8;
/** A server is killed at most this long after its first receipt of a round. */
const MAX_ROUND_MS = 200;
/** ... and a starting one after its start; it takes longer than that. */
const MAX_START_MS = 150;

/** What all rounds so far came to. */
export interface Tally {
  rounds: number;
  kills: number;
  acknowledged: number;
  checked: number;
  /** Interrupted puts that were resumed behind what the server had kept. */
  resumed: number;
  lost: string[];
  torn: string[];
}

export interface TortureOptions {
  rounds: number;
  /** Repeats the choices, though not the moments, of another run. */
  seed: number;
  signal?: AbortSignal;
  /** Is told about each round. */
  onRound?: (tally: Tally) => void;
}

/** Runs rounds until one finds something, or all are done. */
export async function torture(options: TortureOptions): Promise<Tally> {
  const { rounds, seed, signal, onRound } = options;
  const random = new Random(seed);
  const ledger = new Ledger();
  const found: Tally = {
    ...{ rounds: 0, kills: 0, acknowledged: 0, checked: 0, resumed: 0 },
    ...{ lost: [], torn: [] },
  };
  const writers = Array.from({ length: WRITERS + 1 }, (_, at): Writer => ({
    ...{ name: `writer-${at}`, ledger, random: new Random(random.next()) },
    resumed: 0,
  }));
  await using disk = await CrashDisk.make();
  while (found.rounds < rounds) {
    signal?.throwIfAborted();
    await killWriters(disk, writers, random);
    found.kills++;
    if (random.once(5)) {
      await killStarting(disk, random);
      found.kills++;
    }
    await disk.recover();
    const { checked, lost, torn } = ledger.check(disk.file("ann"));
    found.rounds++;
    found.checked += checked;
    found.acknowledged = ledger.acknowledged;
    found.resumed = writers.reduce((sum, it) => sum + it.resumed, 0);
    found.lost.push(...lost);
    found.torn.push(...torn);
    onRound?.(found);
    if (lost.length + torn.length > 0) break;
  }
  return found;
}

/** Lets all writers put, kills the server, and waits until all have noticed. */
async function killWriters(
  disk: CrashDisk,
  [program, ...writers]: readonly Writer[],
  random: Random,
): Promise<void> {
  const { ledger } = program!;
  let isKilled = false;
  const writing = writers.map(async (writer) => {
    try {
      await runWriter(disk, writer);
    } catch (error) {
      // A kill in the middle of connecting has many faces.
      if (!isKilled) throw error;
    }
    if (!isKilled) throw new Error(`${writer.name} lost its connection`);
  });
  writing.push((async () => {
    const said = await runProgramWriter(disk.client(), program!);
    if (!isKilled) throw new Error(`netdisk put failed: ${said}`);
  })());
  const all = Promise.all(writing);
  const before = ledger.acknowledged;
  const moment = random.below(MAX_ROUND_MS);
  // Now and then nobody has a receipt yet.
  const begun = random.once(8)
    ? Promise.resolve()
    : until("a receipt", () => ledger.acknowledged > before);
  await Promise.race([all, begun.then(() => pass(moment))]);
  isKilled = true;
  await disk.kill();
  await all;
}

/** Starts the server only to kill it again. */
async function killStarting(disk: CrashDisk, random: Random): Promise<void> {
  await using process = Client.at(disk.folder).start([
    ...["serve", "--root", disk.root],
    ...["--listen", "127.0.0.1:0", "--no-discovery"],
  ]);
  await pass(random.below(MAX_START_MS));
  process.signal("SIGKILL");
  await process.outcome();
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
