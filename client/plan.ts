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

/** `would delete photos/`; with `--json` a `plan` object. */
export function showPlanned(
  output: Output,
  action: PlannedAction,
  { name, isFolder, ...fields }: JsonFields & {
    name: string;
    isFolder?: boolean;
  },
): void {
  output.record("plan", { action, name, ...fields });
  const to = typeof fields.to === "string" ? ` -> ${fields.to}` : "";
  output.print(
    `would ${action} ${displayText(name + (isFolder ? "/" : "") + to)}`,
  );
}
