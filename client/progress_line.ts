/**
 * How far a transfer is, as text. Pure: progress.ts measures, and decides when the
 * line is drawn.
 *
 *     report.pdf            61%  [======>    ]  30.5/50.0 MiB  12.3 MiB/s    ETA 0:02
 */

import { displayText } from "./display_text.ts";
import { fitText } from "./fit_text.ts";
import { textWidth } from "./text_width.ts";
import {
  BYTES_COLUMNS,
  DURATION_COLUMNS,
  formatBytes,
  formatCount,
  formatDuration,
  formatElapsed,
  formatPortion,
  formatRate,
} from "./format.ts";

/** What a line of progress tells. */
export interface ProgressView {
  /** As it came; it is escaped here. */
  readonly name: string;
  /** Bytes that are there, those of an earlier attempt included. */
  readonly done: number;
  /** Bytes there will be, or `undefined` where nobody knows, as with stdin. */
  readonly total: number | undefined;
  /** Bytes a second of late; the average once finished. `undefined` while it would be a guess. */
  readonly rate: number | undefined;
  readonly elapsedMs: number;
  /** What is going on, if it is not plain transfer: `verifying`, `resuming at 61%`. */
  readonly phase?: string | undefined;
  /** No byte for a while, and no phase that would explain it. */
  readonly stalled?: boolean | undefined;
  readonly finished?: boolean | undefined;
  /** Files of a transfer of many; `name` is then the one at hand. */
  readonly files?: FileCount | undefined;
}

/** How many files are done, of how many if that is known. */
export interface FileCount {
  readonly done: number;
  readonly total?: number | undefined;
  /** There are more than `total`; nobody knows yet how many. */
  readonly isOpen?: boolean | undefined;
}

const GAP = "  ";
const MIN_NAME_COLUMNS = 12;
/** Where nothing else can be left out. */
const LAST_NAME_COLUMNS = 5;
const MIN_BAR_COLUMNS = 12;
const MAX_BAR_COLUMNS = 42;

/** Fields have fixed widths, so that they stand still from draw to draw and below each other. */
const PERCENT_COLUMNS = "100%".length;
const PORTION_COLUMNS = "1023/".length + BYTES_COLUMNS;
const RATE_COLUMNS = BYTES_COLUMNS + "/s".length;
const TIME_COLUMNS = "ETA ".length + DURATION_COLUMNS;
const STATE_COLUMNS = RATE_COLUMNS + GAP.length + TIME_COLUMNS;

/**
 * The line, exactly `width` columns wide. What does not fit is left out: the bar
 * first, then the time, then the rate; the name is shortened in its middle.
 */
export function renderProgress(view: ProgressView, width: number): string {
  const columns = Math.max(0, Math.floor(width));
  for (const { fields, bar, minimum } of layouts(view)) {
    const left = columns -
      fields.reduce((sum, field) => sum + GAP.length + textWidth(field), 0);
    if (!bar && left >= minimum) {
      return [renderName(view, left), ...fields].join(GAP);
    }
    const flexible = left - GAP.length;
    if (bar && flexible >= minimum + MIN_BAR_COLUMNS) {
      const drawn = renderBar(
        view,
        Math.min(barColumns(flexible), flexible - minimum),
      );
      const name = renderName(view, flexible - drawn.length);
      const [percent = "", ...rest] = fields;
      return [name, percent, drawn, ...rest].join(GAP);
    }
  }
  // Nobody works in a window this narrow; one thing is said rather than parts of many.
  return fitText(percentOf(view) ?? formatBytes(view.done), columns);
}

/** The line for a pipe or a log: as long as it needs to be. */
export function renderPlainProgress(view: ProgressView): string {
  const state = stateOf(view);
  const parts = [percentOf(view), bytesOf(view)];
  if (state === undefined) parts.push(rateOf(view), timeOf(view));
  else parts.push(state);
  const name = displayText(view.name);
  const subject = view.files === undefined
    ? name
    : [filesOf(view.files), name].filter(Boolean).join(", ");
  return `${subject}: ${parts.filter(Boolean).join(", ")}`;
}

interface Layout {
  /** From left to right, behind the name; with a bar, the first stands before it. */
  readonly fields: readonly string[];
  readonly bar: boolean;
  /** Columns that the name must have for the layout to be taken. */
  readonly minimum: number;
}

/** From the widest to the narrowest. */
function layouts(view: ProgressView): Layout[] {
  const percent = percentOf(view)?.padStart(PERCENT_COLUMNS);
  const start = percent === undefined ? [] : [percent];
  const bytes = bytesOf(view).padStart(
    percent === undefined ? BYTES_COLUMNS : PORTION_COLUMNS,
  );
  const rate = (rateOf(view) ?? "").padStart(RATE_COLUMNS);
  const time = (timeOf(view) ?? "").padStart(TIME_COLUMNS);
  const state = stateOf(view);
  // What goes on instead takes the place of rate and time, and is not left out.
  const wide = state === undefined
    ? [rate, time]
    : [state.padStart(STATE_COLUMNS)];
  const narrower = view.finished
    ? [[bytes, rate, time], [rate, time], [time]] // That it is 100 % goes without saying.
    : state === undefined
    ? [[...start, bytes, rate], [...start, bytes], start]
    : [[...start, bytes, state], [...start, state], [state]];
  const all = [...start, bytes, ...wide];
  // A count that is cut says nothing: rate and time are left out before it.
  const minimum = Math.max(
    MIN_NAME_COLUMNS,
    view.files === undefined ? 0 : filesOf(view.files).length,
  );
  return [
    { fields: all, bar: percent !== undefined, minimum },
    { fields: all, bar: false, minimum },
    ...narrower.map((fields, index) => ({
      fields,
      bar: false,
      minimum: index < narrower.length - 1 ? minimum : LAST_NAME_COLUMNS,
    })),
  ];
}

function renderName(view: ProgressView, columns: number): string {
  const name = displayText(view.name);
  if (view.files === undefined) return fitText(name, columns);
  const files = filesOf(view.files);
  const left = columns - files.length - GAP.length;
  return left < MIN_NAME_COLUMNS
    ? fitText(files, columns)
    : `${files}${GAP}${fitText(name, left)}`;
}

/** The bar's share of what it divides with the name. */
function barColumns(flexible: number): number {
  const share = Math.floor(flexible * 0.4);
  return Math.min(MAX_BAR_COLUMNS, Math.max(MIN_BAR_COLUMNS, share));
}

function renderBar(view: ProgressView, columns: number): string {
  const inner = columns - 2;
  const filled = Math.floor(inner * fractionOf(view.done, view.total ?? 0));
  const head = view.done > 0 && filled < inner ? ">" : "";
  return `[${"=".repeat(filled)}${head}`.padEnd(inner + 1) + "]";
}

/** From 0 to 1, and 1 only when nothing is missing. A file may grow while it is read. */
function fractionOf(done: number, total: number): number {
  return done >= total ? 1 : Math.max(0, done / total);
}

function percentOf({ done, total }: ProgressView): string | undefined {
  if (total === undefined) return undefined;
  return `${Math.floor(100 * fractionOf(done, total))}%`;
}

function bytesOf({ done, total, finished }: ProgressView): string {
  return total === undefined || finished
    ? formatBytes(done)
    : formatPortion(done, total);
}

function stateOf(view: ProgressView): string | undefined {
  if (view.finished) return undefined;
  return view.phase ?? (view.stalled ? "stalled" : undefined);
}

function rateOf({ rate }: ProgressView): string | undefined {
  return rate === undefined ? undefined : formatRate(rate);
}

function timeOf(view: ProgressView): string | undefined {
  const { done, total, rate, elapsedMs } = view;
  if (view.finished) return `in ${formatElapsed(elapsedMs)}`;
  if (total === undefined) return formatElapsed(elapsedMs);
  if (rate === undefined) return undefined;
  const missing = Math.max(0, total - done);
  return rate > 0 || missing === 0
    ? `ETA ${formatDuration(Math.ceil(missing / (rate || 1)))}`
    : "ETA --:--";
}

function filesOf({ done, total, isOpen }: FileCount): string {
  return total === undefined
    ? `${formatCount(done)} files`
    : `${formatCount(done)}/${formatCount(total)}${isOpen ? "+" : ""} files`;
}
