/** What `--dry-run` shows: one line for each thing that would be done. */

import { displayText } from "./display_text.ts";
import type { JsonFields, Output } from "./output.ts";

export type PlannedAction =
  | "upload"
  | "download"
  | "mkdir"
  | "touch"
  | "move"
  | "delete";

/** What something is called, and what it is to be called. */
interface Labels {
  label: string;
  to?: string;
  isFolder?: boolean;
}

/**
 * `would delete photos/`, `would upload a.jpg to photos/a.jpg`.
 *
 * @param fields of the `plan` object, which `--json` prints instead
 */
export function showPlanned(
  output: Output,
  action: PlannedAction,
  { label, to = label, isFolder = false }: Labels,
  fields: JsonFields & { name: string },
): void {
  const kind = isFolder ? "folder" : "file";
  output.record("plan", { action, kind, ...fields });
  const slash = isFolder ? "/" : "";
  const target = to === label ? "" : ` to ${displayText(to + slash)}`;
  output.print(`would ${action} ${displayText(label + slash)}${target}`);
}
