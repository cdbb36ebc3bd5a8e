/** put, get, sync and ls beside everybody else, on one file system. */
import { join } from "@std/path";
import {
  type Context,
  isWanted,
  makeStage,
  openTools,
  sayRounds,
} from "./context.ts";
import { openCoreutils } from "./coreutils.ts";
import { tellFailure } from "./failure.ts";
import { openNetdisk } from "./netdisk.ts";
import { openNginx } from "./nginx.ts";
import { openOpenssh } from "./openssh.ts";
import { type Options, sizeName, type WorkName } from "./options.ts";
import type { Place } from "./places.ts";
import { openRclone } from "./rclone.ts";
import {
  type Amount,
  type Bar,
  judge,
  makeRows,
  OURS,
  type Row,
  type Section,
  timesTable,
  type Verdict,
} from "./report.ts";
import { openRsyncDaemon, openRsyncOverSsh } from "./rsync.ts";
import { makeSample, removeIfThere, type SampleShape } from "./samples.ts";
import { type Kind, playersOf } from "./transfer.ts";
import { takeTurns } from "./turns.ts";

export const SMALL_BYTES = 4096;
/** In a folder as people have them. */
const LISTED_FILES = 100;
/** A listing is short, so it is run more often. */
const LIST_REPEAT = 5;
/** As in a project's tree: many folders of few small files. */
const TREE = { size: 1024, perFolder: 100 };

/** A line of the table. */
interface Work {
  readonly name: WorkName;
  readonly title: string;
  readonly kind: Kind;
  readonly shape: SampleShape;
  /** Who takes part beside netdisk. */
  readonly peers: readonly string[];
  readonly amount?: Amount;
  readonly repeat?: number;
  readonly bars: readonly Bar[];
}

/** Everything a group of tools is opened by. */
const OPENERS = [
  { tools: [OURS], open: openNetdisk },
  { tools: ["scp", "sftp"], open: openOpenssh },
  { tools: ["rsync over ssh"], open: openRsyncOverSsh },
  { tools: ["rsync daemon"], open: openRsyncDaemon },
  { tools: ["rclone"], open: openRclone },
  { tools: ["curl and nginx"], open: openNginx },
  { tools: ["cp", "ls"], open: openCoreutils },
];

/** Every work, in the order of the table, with the bars of issue 4. */
function worksOn(
  place: Pick<Place, "name">,
  { size, files, tree }: Options,
): Work[] {
  const peersOfBig = ["scp", "rsync over ssh", "rclone", "curl and nginx"];
  const big = {
    shape: { count: 1, size },
    peers: [...peersOfBig, "cp"],
    amount: { value: size / 1e6, unit: "MB/s" },
    bars: [
      { peers: peersOfBig, atLeast: 1 },
      { peers: ["scp"], atLeast: 1.8 },
    ],
  };
  const small = {
    shape: { count: files, size: SMALL_BYTES },
    peers: ["scp", "rsync over ssh", "rsync daemon", "cp"],
    amount: { value: files, unit: "files/s" },
  };
  const rsync = ["rsync over ssh"];
  const many = `${files} files of ${sizeName(SMALL_BYTES)}`;
  return [
    { name: "put-big", title: `put ${sizeName(size)}`, kind: "put", ...big },
    { name: "get-big", title: `get ${sizeName(size)}`, kind: "get", ...big },
    {
      name: "put-small",
      title: `put ${many}`,
      kind: "put",
      ...small,
      // On disk netdisk alone waits until they are there.
      bars: [{ peers: rsync, atLeast: place.name === "tmpfs" ? 2 : 1 }],
    },
    {
      name: "get-small",
      title: `get ${many}`,
      kind: "get",
      ...small,
      bars: [{ peers: rsync, atLeast: 2 }],
    },
    {
      name: "sync",
      title: `sync of an unchanged tree of ${tree} files`,
      kind: "sync",
      shape: { count: tree, ...TREE },
      peers: rsync,
      bars: [{ peers: rsync, atLeast: 1, asTime: true }],
    },
    {
      name: "ls",
      title: `ls of ${LISTED_FILES} names, whole process`,
      kind: "list",
      shape: { count: LISTED_FILES, size: 1 },
      peers: ["sftp", "ls"],
      repeat: LIST_REPEAT,
      bars: [{ peers: ["sftp"], atLeast: 2, asTime: true }],
    },
  ];
}

/** The works that are measured on one file system after the other. */
export const COMPARED: readonly WorkName[] = [
  ...["put-big", "get-big", "put-small", "get-small", "sync", "ls"] as const,
];

/** Measures those that were asked for. */
export async function compareTools(
  context: Context,
  place: Place,
): Promise<Section> {
  const { options } = context;
  const works = worksOn(place, options).filter(({ name }) =>
    isWanted(context, name)
  );
  const all: Row[] = [];
  const verdicts: Verdict[] = [];
  for (const work of works) {
    const what = { work: work.title, where: place.type };
    try {
      const rows = await measure(work, context, place);
      all.push(...rows);
      verdicts.push(
        ...work.bars.map((bar) => ({ ...what, ...judge(bar, rows) })),
      );
    } catch (error) {
      verdicts.push(tellFailure(context, what, error));
    }
  }
  const { all: waits, inVain } = place.disk.waits;
  return {
    title: `put, get, sync and ls on ${place.type}`,
    notes: inVain === 0
      ? []
      : [`${inVain} of ${waits} runs began while the disk was not quiet`],
    table: timesTable(all),
    verdicts,
    data: all,
  };
}

/** A work with samples and servers of its own, so that none finds what another left. */
async function measure(
  work: Work,
  context: Context,
  place: Place,
): Promise<Row[]> {
  const { name, title, kind, shape, peers, amount, repeat = 1 } = work;
  const { options, say } = context;
  say(`${title} on ${place.type}: making files`);
  context.logs.clear();
  await using stack = new AsyncDisposableStack();
  const dir = join(place.dir, name);
  stack.defer(() => removeIfThere(dir));
  const source = join(dir, "source");
  const sample = await makeSample(source, "sample", shape);
  const stage = await makeStage(context, place, { name, samples: [sample] });
  const names = [OURS, ...peers];
  const openers = OPENERS.filter(({ tools }) =>
    tools.some((tool) => names.includes(tool))
  );
  const tools = await openTools(context, { stage, stack, openers });
  const chosen = tools.filter(({ name }) => names.includes(name));
  if (!chosen.some((tool) => tool.name === OURS && tool[kind])) {
    context.skipped.add(`${title}: this netdisk has no ${kind}`);
  }
  const { players } = await playersOf({ title, kind, sample }, chosen, stage);
  const series = await takeTurns(players, {
    rounds: options.rounds,
    repeat,
    onRound: sayRounds(context, { title }),
  });
  return makeRows(title, series, amount);
}

/** Bytes that they need on a file system: the source, a result, and some that scratch beside it. */
export function spaceToCompare({ size, files, tree }: Options): number {
  // Each file takes a block at least.
  return 3 * Math.max(size, files * SMALL_BYTES, tree * SMALL_BYTES);
}
