/** What a transfer leaves out, and how that is told. */

import { displayText } from "./display_text.ts";
import type { Output } from "./output.ts";

/** Something that is not transferred. */
export interface Skipped {
  /** On the server. */
  name: string;
  /** On this machine. */
  path?: string;
  reason: string;
}

/**
 * The other side has it already: only who asks is told.
 *
 * @param skipped.path is how it is called
 */
export function tellNeedless(
  output: Output,
  skipped: Required<Skipped>,
  isDryRun: boolean,
): void {
  const { path, reason } = skipped;
  if (isDryRun) {
    output.print(`would skip ${displayText(path)}: ${reason}`);
    output.record("plan", { action: "skip", kind: "file", ...skipped });
  } else {
    output.record("skipped", { ...skipped });
    output.detail(`${path}: ${reason}, skipped`);
  }
}

/**
 * It is nothing that could be transferred, which everybody is told.
 *
 * @param label is how it is called
 */
export function tellLeft(
  output: Output,
  label: string,
  skipped: Skipped,
): void {
  output.notice(`${label}: ${skipped.reason}, skipped`);
  output.record("skipped", { ...skipped });
}
