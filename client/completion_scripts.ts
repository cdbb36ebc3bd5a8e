/**
 * What a shell loads to complete command lines: completions/netdisk.SHELL. Such a
 * script knows nothing of the commands, it asks `netdisk complete`. The compiled
 * program has them where scripts/bundle.ts puts them.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = typeof SHELLS[number];

/** The script for a shell; it is a part of the executable. */
export function completionScript(shell: Shell): string {
  const url = new URL(`./completions/netdisk.${shell}`, import.meta.url);
  return Deno.readTextFileSync(url);
}
