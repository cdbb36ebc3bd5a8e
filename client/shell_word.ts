/** Arguments in the commands that hints suggest. */

/** What would be taken for an option, or for the short name of a server. */
const MISTAKABLE = /^(?:-|[a-z][a-z0-9_-]+:)/;

/** A path as a shell and the program behind it take it. */
export function shellWord(path: string): string {
  return shellArgument(MISTAKABLE.test(path) ? `./${path}` : path);
}

/** The text as a shell takes it for one argument. */
export function shellArgument(text: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
