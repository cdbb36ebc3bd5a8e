/** The options that `put` and `get` share: folders, and what is left out. */

import type { OptionSpec, OptionValues } from "./command.ts";
import { RATE_OPTIONS, usageError } from "./command.ts";
import { Exclude } from "./exclude.ts";

export const TRANSFER_OPTIONS = [
  {
    name: "recursive",
    short: "r",
    description: "folders with all that is in them",
  },
  {
    name: "exclude",
    value: "PATTERN",
    repeat: true,
    description: "leave out what matches below each folder, as in .gitignore",
  },
  {
    name: "dry-run",
    short: "n",
    description: "only show what would be done",
  },
  {
    name: "no-clobber",
    description: "leave alone what is there already",
  },
  {
    name: "update",
    short: "u",
    description: "skip what is there with the same size and time",
  },
  {
    name: "checksum",
    description: "skip what is there with the same SHA-256",
  },
  ...RATE_OPTIONS,
] as const satisfies readonly OptionSpec[];

/** What to know about a folder that did not come to its end. */
export const UPDATE_GOES_ON =
  "with --update the same command goes on where this one stopped";

export type TransferValues = OptionValues<typeof TRANSFER_OPTIONS>;

/** Which files are transferred: all, those that are not there, or those that differ. */
export type Wanted = "all" | "missing" | "changed" | "different";

/** Why a file is not transferred again. */
export const REASONS = {
  missing: "it is there already",
  changed: "it is there with the same size and time",
  different: "it is there with the same SHA-256",
} as const;

export interface TransferRules {
  wanted: Wanted;
  exclude: Exclude | undefined;
}

/** What the options mean together. @throws NetdiskError `usage` */
export function transferRules(
  command: string,
  options: TransferValues,
  { isStream }: { isStream: boolean },
): TransferRules {
  const choices = [
    options.noClobber && "--no-clobber",
    options.update && "--update",
    options.checksum && "--checksum",
  ].filter((name) => name !== false);
  const [first, second] = choices;
  if (first !== undefined && second !== undefined) {
    throw usageError(command, `${first} and ${second} exclude each other`);
  }
  if (options.exclude.length > 0 && !options.recursive) {
    throw usageError(command, "--exclude is for folders, and needs -r");
  }
  const other = options.dryRun ? "--dry-run" : options.recursive ? "-r" : first;
  // What a pipe gives may well be kept from replacing something.
  const isKept = command === "put" && other === "--no-clobber";
  if (isStream && other !== undefined && !isKept) {
    throw usageError(command, `- and ${other} exclude each other`);
  }
  return {
    wanted: options.noClobber
      ? "missing"
      : options.update
      ? "changed"
      : options.checksum
      ? "different"
      : "all",
    exclude: options.exclude.length === 0
      ? undefined
      : new Exclude(options.exclude),
  };
}
