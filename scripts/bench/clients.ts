/**
 * Many clients at once beside one client that moves the same files. What as many
 * programs need to start, to log in and to end is measured as well and taken
 * off: the bar is about the server.
 */
import { join } from "@std/path";
import { type Context, makeStage, sayRounds } from "./context.ts";
import { type Netdisk, startNetdisk } from "./netdisk.ts";
import { type Options, sizeName } from "./options.ts";
import type { Place } from "./places.ts";
import { runWell } from "./process.ts";
import {
  median,
  renderTime,
  type Section,
  significant,
  type Verdict,
} from "./report.ts";
import {
  digestFolder,
  emptyFolder,
  linkSample,
  makeSample,
} from "./samples.ts";
import { ARRIVALS, type CommandLine, type Sample, type Stage } from "./tool.ts";
import { takeTurns } from "./turns.ts";

/** The share of one client's throughput that the sum must reach. */
const AT_LEAST = 0.9;
/** So that all files together are some of the big ones. */
const SHARE = 32;

type Kind = "put" | "get";

/** Who takes turns: one or all of them, with files or only with a listing. */
const PLAYERS = {
  "one client": { all: false, moves: true },
  "all clients": { all: true, moves: true },
  "one start": { all: false, moves: false },
  "all starts": { all: true, moves: false },
} as const;

function fileBytes({ size }: Options): number {
  return Math.ceil(size / SHARE);
}

/** Bytes that it needs: the source and a result. */
export function spaceForClients(options: Options): number {
  return 2 * options.clients * fileBytes(options);
}

export async function measureClients(
  context: Context,
  place: Place,
): Promise<Section> {
  const { options, say } = context;
  const { clients: count } = options;
  const title = `${count} clients at once`;
  say(`${title}: making files`);
  await using stack = new AsyncDisposableStack();
  const size = fileBytes(options);
  const shape = { count, size };
  const source = join(place.dir, "clients-source");
  stack.defer(() => Deno.remove(source, { recursive: true }));
  const sample = await makeSample(source, "sample", shape);
  const stage = await makeStage(context, place, {
    name: "clients",
    samples: [sample],
  });
  stack.defer(() => Deno.remove(stage.dir, { recursive: true }));
  const netdisk = await startNetdisk(stage, stack);
  context.versions.add(netdisk.version);
  context.logs.set(netdisk.version, () => netdisk.server.log);
  await linkSample(sample, netdisk.far);

  const rows: string[][] = [];
  const verdicts: Verdict[] = [];
  for (const kind of ["put", "get"] as const) {
    const work = `${kind}, ${title}`;
    const names = Object.keys(PLAYERS) as (keyof typeof PLAYERS)[];
    const players = names.map((name) => ({
      name,
      play: () => play({ kind, ...PLAYERS[name] }, { netdisk, sample, stage }),
    }));
    const series = await takeTurns(players, {
      rounds: options.rounds,
      onRound: sayRounds(context, { title: work }),
    });
    const times = Object.fromEntries(
      series.map(({ name, seconds }) => [name, median(seconds)]),
    ) as Record<keyof typeof PLAYERS, number>;
    const speeds = speedsOf(sample.bytes, times);
    rows.push([
      kind,
      ...names.map((name) => renderTime(times[name])),
      ...[speeds.one, speeds.all].map((speed) =>
        `${significant(speed / 1e6)} MB/s`
      ),
    ]);
    verdicts.push({ work, where: place.type, ...judgeClients(speeds) });
  }
  return {
    title,
    notes: [
      `${count} programs move a file of ${sizeName(size)} each, beside one ` +
      "that moves all of them; the speeds are without what as many programs " +
      "need to start, to log in, to list an empty folder and to end",
    ],
    table: {
      columns: [
        ...["work", ">one client", ">all clients", ">one start"],
        ...[">all starts", ">one client", ">sum of all"],
      ],
      rows,
    },
    verdicts,
  };
}

/** Bytes a second, without starts. */
export function speedsOf(
  bytes: number,
  times: Record<keyof typeof PLAYERS, number>,
): { one: number; all: number } {
  return {
    one: bytes / (times["one client"] - times["one start"]),
    all: bytes / (times["all clients"] - times["all starts"]),
  };
}

/** The bar of issue 4. What is as short as a start says nothing about speed. */
export function judgeClients(
  { one, all }: { one: number; all: number },
): Omit<Verdict, "work" | "where"> {
  const bar = `the sum at least ${AT_LEAST} x one client`;
  const isMeasured = [one, all].every((speed) => speed > 0 && speed < Infinity);
  if (!isMeasured) return { bar, measured: "too short to be measured" };
  const share = all / one;
  return { bar, measured: `${share.toFixed(2)} x`, met: share >= AT_LEAST };
}

async function play(
  { kind, all, moves }: { kind: Kind; all: boolean; moves: boolean },
  { netdisk, sample, stage }: {
    netdisk: Netdisk;
    sample: Sample;
    stage: Stage;
  },
): Promise<number> {
  const { signal } = stage;
  const arrivals = join(netdisk.far, ARRIVALS);
  const out = join(stage.dir, "out");
  await emptyFolder(arrivals);
  await emptyFolder(out);
  await stage.disk.settle(signal);
  const groups = all ? sample.files.map((file) => [file]) : [sample.files];
  const commands = groups.map((files): CommandLine => {
    if (!moves) return netdisk.command(["ls", ARRIVALS]);
    return kind === "put"
      ? netdisk.command(
        ["put", "--quiet", "--to", `${ARRIVALS}/`, ...files],
        sample.folder,
      )
      : netdisk.command([
        ...["get", "--quiet", "--to", `${out}/`],
        ...files.map((file) => `${sample.name}/${file}`),
      ]);
  });
  const started = performance.now();
  await Promise.all(commands.map((command) => runWell(command, signal)));
  const seconds = (performance.now() - started) / 1000;
  if (!moves) return seconds;
  const result = kind === "put" ? arrivals : out;
  if (digestFolder(result) === sample.digest) return seconds;
  throw new Error(`${kind} of all clients ended well with a wrong result`);
}
