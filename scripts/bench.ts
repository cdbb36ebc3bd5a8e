// deno-lint-ignore-file no-console -- a script talks on its terminal
/**
 * Measures netdisk beside what users have today, in one run, and says whether
 * the bars are met. Everything it writes but the report is in temporary
 * folders, which it removes; every process it starts, it stops.
 *
 * A tool is a file in bench/ with an `open...` function that stands in
 * bench/works.ts, as do the works that compare tools. {@link PARTS} has everything.
 */
import { join } from "@std/path";
import { describeMachine } from "./bench/circumstances.ts";
import { measureClients, spaceForClients } from "./bench/clients.ts";
import { type Context, isWanted } from "./bench/context.ts";
import {
  checkFormer,
  type Circumstances,
  renderDocument,
  renderReport,
  type Report,
  verdictsOf,
} from "./bench/document.ts";
import { tellFailure } from "./bench/failure.ts";
import { measureLink } from "./bench/link/link.ts";
import { spaceForLink } from "./bench/link/works.ts";
import { measureListing, spaceForListing } from "./bench/listing.ts";
import { measureMemory, spaceForMemory } from "./bench/memory.ts";
import {
  HELP,
  isComplete,
  type Options,
  parseOptions,
  type PlaceName,
  PLACES,
  UsageError,
  type WorkName,
} from "./bench/options.ts";
import { openPlace, type Place } from "./bench/places.ts";
import { renderVerdict, type Section } from "./bench/report.ts";
import { Unavailable } from "./bench/tool.ts";
import { COMPARED, compareTools, spaceToCompare } from "./bench/works.ts";
import { ROOT } from "./build.ts";
import { abortOnSignals, exitStatusOf, messageOf } from "./interrupt.ts";

const OUTPUT = "BENCHMARKS.md";

/** For keys, databases, folders and what a file system needs for itself. */
const SPARE_BYTES = 64 * 2 ** 20;

/** A piece of the benchmark that gives a section. */
interface Part {
  title: string;
  works: readonly WorkName[];
  /** The first of them that there is; or all. */
  on: readonly PlaceName[];
  isOnAll?: true;
  /** Bytes that it takes there. */
  space(options: Options): number;
  measure(context: Context, place: Place): Promise<Section>;
}

const PARTS: readonly Part[] = [
  {
    title: "put, get, sync and ls",
    works: COMPARED,
    on: PLACES,
    isOnAll: true,
    space: spaceToCompare,
    measure: compareTools,
  },
  {
    title: "a long link",
    works: ["link-small", "link-big"],
    on: PLACES,
    space: spaceForLink,
    measure: measureLink,
  },
  {
    title: "many clients at once",
    works: ["clients"],
    on: PLACES,
    space: spaceForClients,
    measure: measureClients,
  },
  {
    title: "memory of the server",
    works: ["memory"],
    // So many large files on a tmpfs would be short of memory themselves.
    on: ["disk"],
    space: spaceForMemory,
    measure: measureMemory,
  },
  {
    title: "long listings",
    works: ["listing"],
    on: PLACES,
    space: spaceForListing,
    measure: measureListing,
  },
];

/** Measures everything; throws an Error fit to show to a person. */
async function bench(options: Options, signal: AbortSignal): Promise<Report> {
  const machine = describeMachine();
  const context: Context = {
    options,
    env: benchEnv(),
    signal,
    versions: new Set(),
    skipped: new Set(),
    logs: new Map(),
    say,
  };
  await using stack = new AsyncDisposableStack();
  const places = await openPlaces(context, stack);
  const sections: Section[] = [];
  for (const part of partsOf(context)) {
    for (const place of placesOf(part, places)) {
      sections.push(await measureOrTell(context, part, place));
    }
  }
  const circumstances: Circumstances = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    versions: [...context.versions],
    fileSystems: places.map(({ name, type, options, freeBytes }) => ({
      ...{ name, type, options, freeBytes },
    })),
    rounds: options.rounds,
    skipped: [...context.skipped],
  };
  return { ...circumstances, sections };
}

/** Those of which a work was asked for. */
function partsOf(context: Context): Part[] {
  return PARTS.filter(({ works }) => isWanted(context, ...works));
}

/** Where a part is measured; nowhere is told in the report. */
function placesOf(
  { on, isOnAll }: Part,
  places: readonly Place[],
): (Place | undefined)[] {
  const able = on.flatMap((name) =>
    places.filter((place) => place.name === name)
  );
  return isOnAll && able.length > 0 ? able : [able[0]];
}

/** Those that were asked for and that there are. */
async function openPlaces(
  context: Context,
  stack: AsyncDisposableStack,
): Promise<Place[]> {
  const { options, env, signal } = context;
  const parts = partsOf(context);
  const places: Place[] = [];
  for (const name of PLACES.filter((name) => options.on.includes(name))) {
    const needed = SPARE_BYTES + Math.max(
      0,
      ...parts.filter(({ on }) => on.includes(name))
        .map(({ space }) => space(options)),
    );
    try {
      const wish = { options, needed, env, signal, stack };
      places.push(await openPlace(name, wish));
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      context.skipped.add(`${name} skipped: ${error.message}`);
      say(`${name} skipped: ${error.message}`);
    }
  }
  if (places.length > 0) return places;
  throw new Error("there is nowhere to measure");
}

/** A part that fails or cannot be measured is a section that says so. */
async function measureOrTell(
  context: Context,
  { title, on, measure }: Part,
  place: Place | undefined,
): Promise<Section> {
  context.logs.clear();
  try {
    if (place) return await measure(context, place);
    throw new Unavailable(`only on ${on.join(" or ")}`);
  } catch (error) {
    const what = { work: title, where: place?.type ?? "" };
    return {
      title,
      notes: [],
      verdicts: [tellFailure(context, what, error)],
    };
  }
}

/** The user's environment, without settings of netdisk, and with one language for all. */
function benchEnv(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return {
    ...Object.fromEntries(all.filter(([key]) => !key.startsWith("NETDISK_"))),
    LC_ALL: "C",
  };
}

/** Replaces the file by the new report, and keeps what people wrote in it. */
async function writeDocument(path: string, report: Report): Promise<void> {
  const document = renderDocument(report, await readIfThere(path));
  await Deno.writeTextFile(path, document);
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] })
    .output();
  say(`${path} is written`);
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
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
    const output = options.output ??
      (isComplete(options) ? join(ROOT, OUTPUT) : undefined);
    // Now, because later all the figures would be lost.
    if (output !== undefined) checkFormer(await readIfThere(output));
    const report = await bench(options, signal);
    console.log(
      options.json ? JSON.stringify(report, null, 2) : renderReport(report),
    );
    if (output !== undefined) await writeDocument(output, report);
    const missed = verdictsOf(report).filter(({ met }) => met === false);
    for (const verdict of missed) say(`error: ${renderVerdict(verdict)}`);
    return missed.length > 0 ? 1 : 0;
  } catch (error) {
    say(`error: ${messageOf(error)}`);
    return error instanceof UsageError ? 2 : exitStatusOf(error);
  }
}

if (import.meta.main) Deno.exit(await main());
