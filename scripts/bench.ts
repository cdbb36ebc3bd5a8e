// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Measures netdisk beside what users have today, in one run on one file system,
 * and says whether the bars are met. Everything it writes is in one temporary
 * folder, which it removes; every process it starts, it stops.
 *
 * A tool is a file in bench/ with an `open...` function that stands in
 * {@link GROUPS}; the works and their bars are in bench/works.ts.
 */
import { format as formatBytes } from "@std/fmt/bytes";
import { dirname, join } from "@std/path";
import { describeFileSystem, describeMachine } from "./bench/circumstances.ts";
import { openCoreutils } from "./bench/coreutils.ts";
import { measure, type Series, type Work } from "./bench/measure.ts";
import { openNetdisk } from "./bench/netdisk.ts";
import { openOpenssh } from "./bench/openssh.ts";
import {
  HELP,
  type Options,
  parseOptions,
  sizeName,
  UsageError,
} from "./bench/options.ts";
import {
  type Circumstances,
  makeReport,
  median,
  renderBar,
  renderMarkdown,
  renderTime,
  type Report,
} from "./bench/report.ts";
import {
  PLAIN_PATH,
  type Stage,
  type ToolGroup,
  Unavailable,
} from "./bench/tool.ts";
import { makeSamples, spaceNeeded, worksOf } from "./bench/works.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

const LOG_LINES_SHOWN = 10;

/** Everything a tool group is opened by, and what to call it where it is missing. */
const GROUPS: readonly {
  title: string;
  open: (stage: Stage, stack: AsyncDisposableStack) => Promise<ToolGroup>;
}[] = [
  { title: "netdisk", open: openNetdisk },
  { title: "scp and sftp", open: openOpenssh },
  { title: "cp and ls", open: openCoreutils },
];

/** Measures everything; throws an Error fit to show to a person. */
async function bench(options: Options, signal: AbortSignal): Promise<Report> {
  const machine = describeMachine();
  const env = benchEnv();
  await using stack = new AsyncDisposableStack();
  const dir = await makeFolder(options, stack);
  const fileSystem = await describeFileSystem(dirname(dir), { env, signal });
  checkSpace(fileSystem, options);

  say(`making ${sizeName(options.size)} and ${options.files} files in ${dir}`);
  const samples = await makeSamples(join(dir, "source"), options, signal);
  const stage = { dir, env, signal, samples: Object.values(samples) };
  const { groups, skipped } = await openGroups(stage, stack);
  const works = worksOf(samples, options);
  const all = await measureAll(works, groups, stage, options);
  const circumstances: Circumstances = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    versions: groups.map(({ version }) => version),
    fileSystem,
    rounds: options.rounds,
    skipped,
  };
  return makeReport(circumstances, all);
}

async function measureAll(
  works: readonly Work[],
  groups: readonly ToolGroup[],
  stage: Stage,
  { rounds }: Options,
): Promise<Series[]> {
  const tools = groups.flatMap(({ tools }) => tools);
  const onRound = (work: Work, round: number, series: readonly Series[]) =>
    sayRound(work, series, `round ${round} of ${rounds}`);
  const all: Series[] = [];
  try {
    for (const work of works) {
      all.push(...await measure(work, tools, stage, { rounds, onRound }));
    }
  } catch (error) {
    if (!stage.signal.aborted) sayLogs(groups);
    throw error;
  }
  return all;
}

/** The user's environment, without settings of netdisk, and with one language for all. */
function benchEnv(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return {
    ...Object.fromEntries(all.filter(([key]) => !key.startsWith("NETDISK_"))),
    LC_ALL: "C",
  };
}

/** The benchmark's own folder, removed last. */
async function makeFolder(
  { dir }: Options,
  stack: AsyncDisposableStack,
): Promise<string> {
  const parent = dir === undefined ? {} : { dir: await Deno.realPath(dir) };
  const made = await Deno.makeTempDir({ ...parent, prefix: "netdisk-bench-" });
  stack.defer(() => Deno.remove(made, { recursive: true }));
  if (PLAIN_PATH.test(made)) return made;
  throw new Error(
    `'${made}' has characters that mean something to OpenSSH; use another --dir`,
  );
}

function checkSpace(
  { freeBytes }: Circumstances["fileSystem"],
  options: Options,
): void {
  const needed = spaceNeeded(options);
  if (freeBytes >= needed) return;
  const [needs, has] = [needed, freeBytes].map((bytes) => formatBytes(bytes));
  throw new Error(`this needs ${needs} and ${has} are free; use another --dir`);
}

/** All tools of this machine; a group that it does not have is told and left out. */
async function openGroups(
  stage: Stage,
  stack: AsyncDisposableStack,
): Promise<{ groups: ToolGroup[]; skipped: string[] }> {
  const groups: ToolGroup[] = [];
  const skipped: string[] = [];
  for (const { title, open } of GROUPS) {
    try {
      groups.push(await open(stage, stack));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const line = `${title} skipped: ${error.message}`;
      say(line);
      skipped.push(line);
    }
  }
  return { groups, skipped };
}

function sayRound(work: Work, series: readonly Series[], round: string): void {
  const times = series.filter(({ seconds }) => seconds.length > 0).map(
    ({ tool, seconds }) =>
      `${tool} ${renderTime(median(seconds.slice(-work.repeat)))}`,
  );
  const said = times.join(", ") || "done, not counted";
  say(`${work.title}, ${round}: ${said}`);
}

/** What the servers said before something failed. */
function sayLogs(groups: readonly ToolGroup[]): void {
  for (const { version, log } of groups) {
    const lines = log?.().split("\n").slice(-LOG_LINES_SHOWN);
    if (lines) say(`the server of ${version} said last\n${lines.join("\n")}`);
  }
}

/** What goes on; the result alone is for stdout. */
function say(text: string): void {
  console.error(`bench: ${text}`);
}

async function main(): Promise<number> {
  const signal = abortOnSignals();
  try {
    const options = parseOptions(Deno.args);
    if (options.help) {
      console.log(HELP);
      return 0;
    }
    const report = await bench(options, signal);
    console.log(
      options.json ? JSON.stringify(report, null, 2) : renderMarkdown(report),
    );
    const missed = report.bars.filter(({ met }) => met === false);
    for (const bar of missed) say(`error: ${renderBar(bar)}`);
    return missed.length > 0 ? 1 : 0;
  } catch (error) {
    say(`error: ${messageOf(error)}`);
    return error instanceof UsageError ? 2 : exitStatusOf(error);
  }
}

if (import.meta.main) Deno.exit(await main());
