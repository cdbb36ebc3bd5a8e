/** Arguments in the commands that hints suggest. */

/** A path as a shell and the program behind it take it: none is an option. */
export function shellWord(path: string): string {
  return shellArgument(path.startsWith("-") ? `./${path}` : path);
}

/** The text as a shell takes it for one argument. */
export function shellArgument(text: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
