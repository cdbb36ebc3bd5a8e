/** Arguments in the commands that hints suggest. */

/** What looks like the short name of a server. */
const PREFIXED = /^[a-z][a-z0-9_-]+:/;

/** A path as a shell and the program behind it take it: none is an option. */
export function shellWord(path: string): string {
  return shellArgument(path.startsWith("-") ? `./${path}` : path);
}

/** The same for a path on the server, from which the short name is off: none looks like one. */
export function remoteWord(path: string): string {
  return shellWord(PREFIXED.test(path) ? `./${path}` : path);
}

/** The text as a shell takes it for one argument. */
export function shellArgument(text: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./-]+$/u.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
