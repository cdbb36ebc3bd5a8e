/** What was measured, as one object, and as Markdown. */
import type { Series } from "./turns.ts";

/** A bar and how it went; without `met` it was not measured, and `measured` says why. */
export interface Verdict {
  work: string;
  /** On which file system, or over what. */
  where: string;
  /** In words: `at least 1.8 x as fast as scp`. */
  bar: string;
  measured: string;
  met?: boolean;
}

export interface Table {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What one part of the benchmark found out. */
export interface Section {
  title: string;
  /** A sentence each: how it was done, what is missing. */
  notes: string[];
  table?: Table;
  verdicts: Verdict[];
  /** The figures behind the table. */
  data?: unknown;
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

/** What one run moves. */
export interface Amount {
  readonly value: number;
  readonly unit: string;
}

/** What netdisk promises: to be so many times as fast as the best of some peers. */
export interface Bar {
  readonly peers: readonly string[];
  readonly atLeast: number;
  /** Whether the bar is told as a share of the peer's time, not as a multiple of its speed. */
  readonly asTime?: boolean;
}

/** The tool that all others are compared with. */
export const OURS = "netdisk";

/** Medians, rates and ratios of those who did a work in turns. */
export function makeRows(
  work: string,
  all: readonly Series[],
  amount?: Amount,
): Row[] {
  const ours = all.find(({ name }) => name === OURS);
  return all.map(({ name, seconds }) => {
    const middle = median(seconds);
    const row: Row = { work, tool: name, seconds, median: middle };
    if (amount) {
      row.rate = { value: amount.value / middle, unit: amount.unit };
    }
    if (ours && ours.name !== name) row.ratio = middle / median(ours.seconds);
    return row;
  });
}

/** Whether netdisk is as fast as promised beside the fastest of a bar's peers. */
export function judge(
  { peers, atLeast, asTime = false }: Bar,
  rows: readonly Row[],
): Omit<Verdict, "work" | "where"> {
  const whom = peers.length === 1 ? peers[0]! : "the best of the peers";
  const bar = asTime
    ? `at most ${(1 / atLeast).toFixed(1)} x the time of ${whom}`
    : `at least ${atLeast.toFixed(1)} x as fast as ${whom}`;
  const measured = rows.filter(({ tool, ratio }) =>
    peers.includes(tool) && ratio !== undefined
  );
  if (measured.length === 0) return { bar, measured: "not measured" };
  const best = measured.reduce((a, b) => a.ratio! <= b.ratio! ? a : b);
  const ratio = best.ratio!;
  const figure = asTime ? 1 / ratio : ratio;
  const named = peers.length === 1 ? "" : ` (${best.tool})`;
  return {
    bar,
    measured: `${figure.toFixed(2)} x${named}`,
    met: ratio >= atLeast,
  };
}

/** The middle value; of an even number of them, between the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Times of tools beside each other. */
export function timesTable(rows: readonly Row[]): Table {
  return {
    columns: [
      ...["work", "tool", ">median", ">fastest to slowest", ">runs", ">rate"],
      ">netdisk is",
    ],
    rows: rows.map(({ work, tool, seconds, median, rate, ratio }) => [
      work,
      tool,
      renderTime(median),
      [Math.min(...seconds), Math.max(...seconds)].map(renderTime).join(" to "),
      String(seconds.length),
      rate ? `${significant(rate.value)} ${rate.unit}` : "",
      ratio === undefined ? "" : `${ratio.toFixed(2)} x as fast`,
    ]),
  };
}

/** A table in Markdown; columns whose name starts with `>` are of numbers. */
export function renderTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map((name) => name.replace(/^>/, ""))),
    line(columns.map((name) => name.startsWith(">") ? "---:" : "---")),
    ...rows.map(line),
  ].join("\n");
}

/** All bars, as a table. */
export function renderVerdicts(verdicts: readonly Verdict[]): string {
  return renderTable({
    columns: ["work", "on", "must be", ">is", ""],
    rows: verdicts.map(({ work, where, bar, measured, met }) => [
      ...[work, where, bar, measured],
      met === undefined ? "" : met ? "met" : "**not met**",
    ]),
  });
}

/** A part of the report, below its heading. */
export function renderSection({ title, notes, table }: Section): string {
  const parts = [`## ${title}`];
  if (table) parts.push(renderTable(table));
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  return parts.join("\n\n");
}

/** A bar in one line. */
export function renderVerdict(
  { work, where, bar, measured }: Verdict,
): string {
  return `${work} on ${where}: ${bar}: ${measured}`;
}

/** `36.2 ms`, `2.05 s`. */
export function renderTime(seconds: number): string {
  return seconds < 1
    ? `${(seconds * 1000).toFixed(1)} ms`
    : `${seconds.toFixed(2)} s`;
}

/** Three digits that say something; more would be noise. */
export function significant(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

/** Bytes as `37.5 MiB`. */
export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
