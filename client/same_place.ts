/** Commands in hints, for the server and the account that the command had which gives the hint. Pure. */

import { shellArgument } from "./shell_word.ts";

/** Options that say where a command goes; how it talks is no matter of the result. */
const PLACES = ["server", "user", "cacert"] as const;

type Places =
  & { [name in typeof PLACES[number]]?: string | undefined }
  & { plain?: boolean };

/** Commands that would do something elsewhere; others name the server themselves, or ask nothing. */
const COMMAND =
  /\bnetdisk (?:get|put|send|sync|ls|mkdir|mv|rm|inbox(?: \w+)?)\b/;

/** The words for another command on the same server and account; none where nothing was said. */
export function placeWords(options: Places): string[] {
  const words: string[] = [];
  for (const name of PLACES) {
    const value = options[name];
    if (value !== undefined) words.push(`--${name}`, shellArgument(value));
  }
  if (options.plain) words.push("--plain");
  return words;
}

/** The hint with these words in its command, unless it says already where it goes. */
export function inSamePlace(hint: string, words: readonly string[]): string {
  if (words.length === 0 || hint.includes(words[0]!)) return hint;
  // Right behind the command: there may be more than its arguments after it.
  return hint.replace(COMMAND, (command) => [command, ...words].join(" "));
}
