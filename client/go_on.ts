/** How an interrupted put or get goes on: with the same command, or with which one. */

import type { SharedValues } from "./command.ts";
import { GOES_ON } from "./retry.ts";
import { placeWords } from "./same_place.ts";
import { remoteWord, shellArgument, shellWord } from "./shell_word.ts";
import { type TransferValues, UPDATE_GOES_ON } from "./transfer_options.ts";

/** Longer ones are not read, and the same one is in the shell's history. */
const MAX_COMMAND_CHARACTERS = 400;

/**
 * What to type to go on with folders that are not done.
 *
 * @param renamed what the single folder is named that `--to` gave a new name: as
 * that is there by now, only what is in the folder goes to the same place
 */
export function goesOn(
  command: "put" | "get",
  { args, options }: {
    args: readonly string[];
    options:
      & TransferValues
      & Partial<SharedValues>
      & { to: string | undefined; restart: boolean };
  },
  renamed: string | undefined,
): string {
  const { update, checksum, noClobber } = options;
  const isSame = update || checksum || noClobber;
  if (isSame && renamed === undefined && !options.restart) return GOES_ON;
  const rule = checksum
    ? "--checksum"
    : noClobber
    ? "--no-clobber"
    : "--update";
  const sources = renamed === undefined
    ? args
    : [renamed.endsWith("/") ? renamed : `${renamed}/`];
  const words = ["netdisk", command];
  if (options.recursive) words.push("-r");
  words.push(rule);
  for (const pattern of options.exclude) {
    words.push(`--exclude=${shellArgument(pattern)}`);
  }
  const [from, to] = command === "put"
    ? [shellWord, remoteWord]
    : [remoteWord, shellWord];
  words.push(...sources.map(from));
  if (options.to !== undefined) words.push("--to", to(options.to));
  words.push(...placeWords(options));
  if (options.limitRate !== undefined) {
    words.push("--limit-rate", shellArgument(options.limitRate));
  }
  const line = words.join(" ");
  return renamed === undefined && line.length > MAX_COMMAND_CHARACTERS
    ? UPDATE_GOES_ON
    : `to go on where this one stopped: ${line}`;
}
