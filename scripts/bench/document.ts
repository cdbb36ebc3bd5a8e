/** The whole report as a document, and the part of it that people write. */
import { format as formatBytes } from "@std/fmt/bytes";
import type { Machine } from "./circumstances.ts";
import {
  renderSection,
  renderVerdicts,
  type Section,
  type Verdict,
} from "./report.ts";

/** Where and with what the figures came about. */
export interface Circumstances {
  date: string;
  machine: Machine;
  versions: string[];
  fileSystems: FileSystem[];
  rounds: number;
  /** One sentence each. */
  skipped: string[];
}

export interface FileSystem {
  name: string;
  type: string;
  options: string;
  freeBytes: number;
}

export interface Report extends Circumstances {
  sections: Section[];
}

/** What stands between these two lines is written by hand, and stays. */
const BY_HAND = {
  start: "<!-- by hand: start -->",
  end: "<!-- by hand: end -->",
} as const;

const NOTHING_YET = "## What was tried\n\nNothing is written here yet.";

/** Every bar of a report. */
export function verdictsOf({ sections }: Report): Verdict[] {
  return sections.flatMap(({ verdicts }) => verdicts);
}

/** The report for people. */
export function renderReport(report: Report): string {
  return [
    renderVerdicts(verdictsOf(report)),
    renderCircumstances(report),
    ...report.sections.map(renderSection),
  ].join("\n\n");
}

/** The report as a file that replaces `former`, with what people wrote in that. */
export function renderDocument(report: Report, former = ""): string {
  return [
    "# Benchmarks",
    "`deno task bench` measured this and wrote it down, all but what stands " +
    "between the two lines about writing by hand.",
    renderReport(report),
    `${BY_HAND.start}\n\n${byHand(former) ?? NOTHING_YET}\n\n${BY_HAND.end}`,
  ].join("\n\n") + "\n";
}

/** Throws when a file is not one that {@link renderDocument} can replace without loss. */
export function checkFormer(former: string): void {
  byHand(former);
}

/** What people wrote. Throws when a marker is missing or doubled. */
function byHand(former: string): string | undefined {
  if (former === "") return undefined;
  const pieces = former.split(BY_HAND.start);
  const [text, ...rest] = (pieces[1] ?? "").split(BY_HAND.end);
  if (pieces.length === 2 && rest.length === 1) return text!.trim();
  throw new Error(
    `the file to replace must have '${BY_HAND.start}' and '${BY_HAND.end}' once each`,
  );
}

function renderCircumstances(
  { date, machine, versions, fileSystems, rounds, skipped }: Circumstances,
): string {
  const { cpu, cores, memoryBytes, kernel, load } = machine;
  return [
    "## How",
    "",
    `- ${date}, ${cpu}, ${cores} cores, ${
      formatBytes(memoryBytes)
    } of memory, ` +
    `${kernel}, load ${load.toFixed(2)} before the first run`,
    ...fileSystems.map(({ name, type, options, freeBytes }) =>
      `- ${name}: ${type} (${options}), ${formatBytes(freeBytes)} free`
    ),
    `- ${versions.join("; ")}`,
    `- medians; tools take turns, ${rounds} rounds after one that does not count; ` +
    "the last result removed right before each run, and the disk waited for; " +
    "every result compared with its source",
    "- all over loopback but what is on a link; netdisk encrypts, verifies by " +
    "SHA-256 and flushes every upload to the disk; none of the peers flushes, " +
    "and the rsync daemon and cp do not encrypt",
    ...skipped.map((line) => `- ${line}`),
  ].join("\n");
}
