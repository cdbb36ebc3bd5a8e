/** What was measured, as one object, and as a Markdown table. */
import { format as formatBytes } from "@std/fmt/bytes";
import type { Bar, Series } from "./measure.ts";

/** Where and with what the figures came about. */
export interface Circumstances {
  date: string;
  machine: {
    cpu: string;
    cores: number;
    memoryBytes: number;
    kernel: string;
    /** Of the last minute, before the first run. */
    load: number;
  };
  versions: string[];
  fileSystem: { dir: string; type: string; freeBytes: number };
  rounds: number;
  /** One sentence each. */
  skipped: string[];
}

/** One tool at one work. */
export interface Row {
  work: string;
  tool: string;
  seconds: number[];
  median: number;
  rate?: { value: number; unit: string };
  /** How many times as fast as this tool netdisk is. */
  ratio?: number;
}

/** A bar and how it went; without a ratio it was not measured. */
export interface Verdict extends Bar {
  work: string;
  ratio?: number;
  met?: boolean;
}

export interface Report extends Circumstances {
  rows: Row[];
  bars: Verdict[];
}

/** The tool that all others are compared with. */
const OURS = "netdisk";

/** Medians, rates, ratios and bars of what was measured. */
export function makeReport(
  circumstances: Circumstances,
  all: readonly Series[],
): Report {
  const works = [...new Set(all.map(({ work }) => work))];
  const rows: Row[] = [];
  const bars: Verdict[] = [];
  for (const work of works) {
    const series = all.filter((one) => one.work === work);
    const ours = series.find(({ tool }) => tool === OURS);
    const own = series.map((one) => makeRow(one, ours));
    rows.push(...own);
    for (const bar of work.bars) {
      const ratio = own.find(({ tool }) => tool === bar.peer)?.ratio;
      bars.push({
        work: work.title,
        ...bar,
        ...(ratio === undefined ? {} : { ratio, met: ratio >= bar.atLeast }),
      });
    }
  }
  return { ...circumstances, rows, bars };
}

function makeRow(
  { work, tool, seconds }: Series,
  ours: Series | undefined,
): Row {
  const middle = median(seconds);
  const row: Row = { work: work.title, tool, seconds, median: middle };
  if (work.amount) {
    row.rate = { value: work.amount.value / middle, unit: work.amount.unit };
  }
  if (ours && tool !== OURS) row.ratio = middle / median(ours.seconds);
  return row;
}

/** The middle value; of an even number of them, between the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The report for people. */
export function renderMarkdown(report: Report): string {
  const { date, machine, versions, fileSystem, rounds } = report;
  const { cpu, cores, memoryBytes, kernel, load } = machine;
  return [
    `- ${date}, ${cpu}, ${cores} cores, ${
      formatBytes(memoryBytes)
    } of memory, ` +
    `${kernel}, load ${load.toFixed(2)} before the first run`,
    `- ${versions.join("; ")}`,
    `- ${fileSystem.type} with ${formatBytes(fileSystem.freeBytes)} free ` +
    `at ${fileSystem.dir}, loopback`,
    `- medians; tools take turns, ${rounds} rounds after one that does not count; ` +
    "the last result removed right before each run, every result compared with its source",
    ...report.skipped.map((line) => `- ${line}`),
    "",
    "| work | tool | median | fastest to slowest | runs | rate | netdisk is |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...report.rows.map(renderRow),
    "",
    ...report.bars.map((bar) => `- ${renderBar(bar)}`),
  ].join("\n");
}

function renderRow({ work, tool, seconds, median, rate, ratio }: Row): string {
  const cells = [
    work,
    tool,
    renderTime(median),
    `${renderTime(Math.min(...seconds))} to ${
      renderTime(Math.max(...seconds))
    }`,
    seconds.length,
    rate ? `${significant(rate.value)} ${rate.unit}` : "",
    ratio === undefined ? "" : `${ratio.toFixed(2)} x as fast`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** A bar in words, met, missed or not measured. */
export function renderBar(
  { work, peer, atLeast, ratio, met }: Verdict,
): string {
  const bar = `${work}: at least ${atLeast.toFixed(1)} x as fast as ${peer}`;
  if (ratio === undefined) return `${bar}: not measured`;
  return `${bar}: ${met ? "met" : "missed"} with ${ratio.toFixed(3)} x`;
}

/** `36.2 ms`, `2.05 s`. */
export function renderTime(seconds: number): string {
  return seconds < 1
    ? `${(seconds * 1000).toFixed(1)} ms`
    : `${seconds.toFixed(2)} s`;
}

/** Three digits that say something; more would be noise. */
function significant(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
