/** What is left of netdisk's speed on a long link, beside what the link allows. */
import { join } from "@std/path";
import { BINARY } from "../../build.ts";
import { type Context, makeStage, openTools, sayRounds } from "../context.ts";
import { tellFailure } from "../failure.ts";
import { openNetdisk } from "../netdisk.ts";
import { openOpenssh } from "../openssh.ts";
import type { Place } from "../places.ts";
import { runWell } from "../process.ts";
import {
  makeRows,
  median,
  OURS,
  renderTime,
  type Row,
  type Section,
  timesTable,
  type Verdict,
} from "../report.ts";
import { openRsyncOverSsh } from "../rsync.ts";
import { removeIfThere } from "../samples.ts";
import { type Stage, type Tool, Unavailable } from "../tool.ts";
import { playersOf } from "../transfer.ts";
import { type Player, type Series, takeTurns } from "../turns.ts";
import { type Allowance, allowedSeconds, judgeOnLink } from "./allowance.ts";
import { type Bare, measureRoundTrip, openBare } from "./bare_tool.ts";
import { bandwidthDelayBytes, type LinkShape } from "./delay_line.ts";
import { type Link, openLink } from "./namespaces.ts";
import { amountOf, makeWorks, nameOf, type Part, type Work } from "./works.ts";

const SHAPE = { bitsPerSecond: 1e9, delayMs: 25 };
/** Queues as long as what travels are the rule of thumb for routers. */
const LINK: LinkShape = { ...SHAPE, queueBytes: bandwidthDelayBytes(SHAPE) };
const WHERE = `${2 * LINK.delayMs} ms, ${LINK.bitsPerSecond / 1e9} Gbit/s`;
/** A link that is measured to be longer is another one than the table says. */
const ROUND_TRIP_TOLERANCE = 1.2;
/** What a work is measured with. */
interface Means {
  context: Context;
  stage: Stage;
  tools: readonly Tool[];
  bare: Bare;
  roundTrip: number;
}

export async function measureLink(
  context: Context,
  place: Place,
): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const home = await makeStage(context, place, { name: "link", samples: [] });
  stack.defer(() => removeIfThere(home.dir));
  const link = await openLink(LINK, home, stack);
  const works = await makeWorks(context, join(home.dir, "source"));
  const samples = works.flatMap(({ sample, once }) => [
    sample,
    ...once.parts.map(({ sample }) => sample),
  ]);
  const stage = await makeStage(context, place, {
    name: "link/tools",
    samples: [...new Set(samples)],
    client: link.client,
    server: link.server,
  });
  const openers = [
    { tools: [OURS], open: openNetdisk },
    { tools: ["scp"], open: openOpenssh },
    { tools: ["rsync over ssh"], open: openRsyncOverSsh },
  ];
  const tools = await openTools(context, { stage, stack, openers });
  const bare = await openBare(stage, stack);
  const roundTrip = await measureRoundTrip(bare);
  checkRoundTrip(roundTrip);

  const rows: Row[] = [];
  const verdicts: Verdict[] = [];
  const notes = notesOf(link, roundTrip);
  for (const work of works) {
    const means = { context, stage, tools, bare, roundTrip };
    try {
      const found = await measure(work, means);
      rows.push(...found.rows);
      verdicts.push(found.verdict);
      notes.push(found.note);
    } catch (error) {
      const title = `${work.kind} ${nameOf(work.sample)}`;
      const what = { work: title, where: WHERE };
      verdicts.push(tellFailure(context, what, error));
    }
  }
  notes.push(`${link.dropped()} packets found the queue full, in all works`);
  return {
    title: `A link of ${WHERE}`,
    notes,
    table: timesTable(rows),
    verdicts,
    data: { roundTrip, rows },
  };
}

async function measure(
  work: Work,
  means: Means,
): Promise<{ rows: Row[]; verdict: Verdict; note: string }> {
  const { kind, sample, connections, peers, once } = work;
  const { context, stage, tools, bare, roundTrip } = means;
  const { rounds } = context.options;
  const title = `${kind} ${nameOf(sample)}`;
  const say = (rounds: number) =>
    sayRounds(context, { title: `${title} over the link`, rounds });
  const { bytes } = sample;

  const chosen = tools.filter(({ name }) => [OURS, ...peers].includes(name));
  const task = { title, kind, sample };
  const { players, tidy } = await playersOf(task, chosen, stage);
  const streams = connections.map((connections) =>
    bare.player(kind, { bytes, connections })
  );
  const everybody = [...players, ...streams, startPlayer(stage)];
  // A first round that does not count warms disks; here a link is what is slow.
  const inTurns = await takeTurns(everybody, {
    ...{ rounds, cold: true, onRound: say(rounds) },
  });
  await tidy();
  const [start] = inTurns.splice(-1);
  const alone = once.connections.map((connections) =>
    bare.player(kind, { bytes, connections })
  );
  const single = await takeTurns(alone, {
    ...{ rounds: 1, cold: true, onRound: say(1) },
  });
  const series = [...inTurns, ...single];
  const rows = makeRows(title, series, amountOf(sample));
  for (const part of once.parts) {
    rows.push(...await playOnce(kind, part, { ...means, rows }));
  }

  const isBare = ({ name }: Series) => name.startsWith("bare");
  const best = series.filter(isBare).map(({ seconds }) => median(seconds));
  const allowance: Allowance = {
    bare: Math.min(...best),
    roundTrip,
    start: median(start!.seconds),
  };
  const own = rows.find(({ tool }) => tool === OURS)!.median;
  return {
    rows,
    verdict: { work: title, where: WHERE, ...judgeOnLink(own, allowance) },
    note: noteOf(title, allowance),
  };
}

/** Beside netdisk's rows, if it is the same sample. */
async function playOnce(
  kind: Work["kind"],
  { tool, sample }: Part,
  { context, stage, tools, rows }: Means & { rows: readonly Row[] },
): Promise<Row[]> {
  const title = `${kind} ${nameOf(sample)}`;
  const chosen = tools.filter(({ name }) => name === tool);
  const task = { title, kind, sample };
  const { players, tidy } = await playersOf(task, chosen, stage);
  const said = { title: `${title} over the link`, rounds: 1 };
  const onRound = sayRounds(context, said);
  const series = await takeTurns(players, { rounds: 1, cold: true, onRound });
  await tidy();
  const own = makeRows(title, series, amountOf(sample));
  const ours = rows.find((row) => row.tool === OURS && row.work === title);
  if (!ours) return own;
  return own.map((row) => ({ ...row, ratio: row.median / ours.median }));
}

/** The program without a server. */
function startPlayer({ client, dir, env, signal }: Stage): Player {
  const command = { program: BINARY, args: ["--version"], cwd: dir, env };
  return {
    name: "start of netdisk",
    play: async () => (await runWell(client.run(command), signal)).seconds,
  };
}

/** A machine that is busy delays packets for longer, never for less. */
function checkRoundTrip(seconds: number): void {
  const wished = 2 * LINK.delayMs / 1000;
  if (seconds >= wished && seconds <= wished * ROUND_TRIP_TOLERANCE) return;
  const fault = `the link's round trip is ${renderTime(seconds)}, not ${
    renderTime(wished)
  }`;
  if (seconds < wished) throw new Error(fault);
  throw new Unavailable(`${fault}: the machine is busy`);
}

function notesOf(link: Link, roundTrip: number): string[] {
  return [
    "two network namespaces with a TUN device each, and a process between them " +
    "that delays packets and lets them pass at the link's rate, which counts " +
    `whole IP packets; a queue of ${LINK.queueBytes / 1e6} MB each way`,
    `measured round trip ${renderTime(roundTrip)}; ${link.tcp}`,
    "allowed are bare TCP's best, a round trip for TLS and netdisk's start; " +
    "who ran once is there for scale",
  ];
}

function noteOf(title: string, allowance: Allowance): string {
  const { bare, start } = allowance;
  return `${title}: allowed ${
    renderTime(allowedSeconds(allowance))
  }, of which ` +
    `bare TCP ${renderTime(bare)} and the start ${renderTime(start)}`;
}
