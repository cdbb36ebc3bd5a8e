/** Listings from short to very long: when their first line comes, what a name costs, in how much memory. */
import { join } from "@std/path";
import { type Context, makeStage, sayRounds } from "./context.ts";
import { type Netdisk, startNetdisk } from "./netdisk.ts";
import type { Options } from "./options.ts";
import type { Place } from "./places.ts";
import { readMemory, resetPeak } from "./proc.ts";
import { watchWell } from "./process.ts";
import {
  median,
  mib,
  renderTime,
  type Section,
  type Verdict,
} from "./report.ts";
import { removeIfThere } from "./samples.ts";
import { takeTurns } from "./turns.ts";

const MIB = 2 ** 20;
const NEWLINE = 10;
/** To one file; ext4 allows 65 000. */
const LINKS = 50_000;
/** What a name may take on a file system. */
const NAME_BYTES = 512;
const LENGTHS = [1_000, 10_000, 100_000, 1_000_000];
const FIRST_LINE_SECONDS = 0.2;
/** "Constant" and "flat", as figures; noise is less. */
const CONSTANT_BYTES = 32 * MIB;
const FLAT = 1.25;

/** Bytes that it needs: hardly more than the names. */
export function spaceForListing({ listed }: Options): number {
  return 2 * listed * NAME_BYTES;
}

/** One listing. */
interface Run {
  /** Seconds to the first line, and to the end of the program. */
  first: number;
  whole: number;
  /** Peaks: the client's, and the server's over what it was before. */
  client: number;
  server: number;
}

/** Medians, and the worst of the memory. */
export interface Finding extends Run {
  length: number;
  /** Seconds, without what an empty listing takes. */
  perName: number;
}

export async function measureListing(
  context: Context,
  place: Place,
): Promise<Section> {
  const { options, signal } = context;
  const title = `ls of up to ${options.listed} names`;
  await using stack = new AsyncDisposableStack();
  const stage = await makeStage(context, place, {
    name: "listing",
    samples: [],
  });
  stack.defer(() => removeIfThere(stage.dir));
  const netdisk = await startNetdisk(stage, stack);
  context.versions.add(netdisk.version);
  context.logs.set(netdisk.version, () => netdisk.server.log);

  const lengths = [0, ...lengthsUpTo(options.listed)];
  context.say(`${title}: making files`);
  for (const length of lengths) await makeNames(netdisk.far, length, signal);
  const runs = new Map(lengths.map((length) => [length, [] as Run[]]));
  const players = lengths.map((length) => ({
    name: `${length} names`,
    async play() {
      const run = await listOnce(netdisk, length, signal);
      runs.get(length)!.push(run);
      return run.whole;
    },
  }));
  const { rounds } = options;
  const onRound = sayRounds(context, { title });
  await takeTurns(players, { rounds, onRound });
  // The first of each did not count.
  const [empty, ...findings] = lengths.map((length) =>
    summarise(length, runs.get(length)!.slice(1))
  );
  for (const finding of findings) {
    finding.perName = (finding.whole - empty!.whole) / finding.length;
  }
  return {
    title: "Long listings",
    notes: [
      "names in one folder, on one side after the other; the price of a name is " +
      "without what an empty listing takes; memory is the worst of all rounds",
    ],
    table: {
      columns: [
        ...[">names", ">first line", ">all", ">per name"],
        ...[">client's peak", ">server's peak over before"],
      ],
      rows: [empty!, ...findings].map((one) => [
        ...[String(one.length), renderTime(one.first), renderTime(one.whole)],
        one.length === 0 ? "" : `${(one.perName * 1e6).toFixed(2)} µs`,
        ...[mib(one.client), mib(one.server)],
      ]),
    },
    verdicts: judgeListings(findings, place.type),
    data: findings,
  };
}

/** Powers of ten, as far as they go. */
export function lengthsUpTo(most: number): number[] {
  const lengths = LENGTHS.filter((length) => length <= most);
  return lengths.length > 0 ? lengths : [most];
}

/** The bars of issue 4 for listings from short to long. */
export function judgeListings(
  findings: readonly Finding[],
  where: string,
): Verdict[] {
  const [short, long] = [findings[0]!, findings.at(-1)!];
  const work = `ls of ${long.length} names`;
  const prices = findings.map(({ perName }) => perName);
  const growth = growthOf(prices);
  const verdicts: Verdict[] = [{
    work,
    where,
    bar: `the first lines within ${renderTime(FIRST_LINE_SECONDS)}`,
    measured: renderTime(long.first),
    met: long.first <= FIRST_LINE_SECONDS,
  }, {
    work,
    where,
    bar: `a name at most ${FLAT} x what it takes in a shorter listing`,
    ...(prices.some((price) => price <= 0)
      ? { measured: "too short to be measured" }
      : { measured: `${growth.toFixed(2)} x`, met: growth <= FLAT }),
  }];
  for (const side of ["client", "server"] as const) {
    const more = long[side] - short[side];
    verdicts.push({
      work: `${work}, memory of the ${side}`,
      where,
      bar: `at most ${mib(CONSTANT_BYTES)} more than for ${short.length}`,
      measured: mib(more),
      met: more <= CONSTANT_BYTES,
    });
  }
  return verdicts;
}

/** How much more the dearest is than the cheapest before it; starts make short listings dear. */
export function growthOf(prices: readonly number[]): number {
  let [cheapest, growth] = [Infinity, 1];
  for (const price of prices) {
    growth = Math.max(growth, price / cheapest);
    cheapest = Math.min(cheapest, price);
  }
  return growth;
}

function summarise(length: number, runs: readonly Run[]): Finding {
  const of = (field: keyof Run) => runs.map((run) => run[field]);
  return {
    length,
    first: median(of("first")),
    whole: median(of("whole")),
    perName: 0,
    client: Math.max(...of("client")),
    server: Math.max(...of("server")),
  };
}

/** Links to a few empty files, which is the cheapest that a file system has. */
async function makeNames(
  far: string,
  length: number,
  signal: AbortSignal,
): Promise<void> {
  const folder = join(far, String(length));
  await Deno.mkdir(folder);
  const digits = String(length).length;
  const path = (index: number) =>
    join(folder, `${String(index).padStart(digits, "0")}.bin`);
  for (let index = 0; index < length; index++) {
    signal.throwIfAborted();
    const linked = index - index % LINKS;
    if (index === linked) Deno.writeFileSync(path(index), new Uint8Array());
    else Deno.linkSync(path(linked), path(index));
  }
}

async function listOnce(
  { command, server }: Netdisk,
  length: number,
  signal: AbortSignal,
): Promise<Run> {
  const before = readMemory(server.pid).now;
  resetPeak(server.pid);
  let [first, client, lines] = [NaN, 0, 0];
  const { seconds: whole } = await watchWell(command(["ls", String(length)]), {
    onOutput(chunk, seconds) {
      if (lines === 0) first = seconds;
      for (const byte of chunk) if (byte === NEWLINE) lines++;
    },
    onTick(pid) {
      client = Math.max(client, readMemory(pid).peak);
    },
  }, signal);
  if (lines !== length) {
    throw new Error(`ls printed ${lines} of ${length} names`);
  }
  if (length === 0) first = whole;
  return { first, whole, client, server: readMemory(server.pid).peak - before };
}
