/** Arguments in the commands that hints suggest. */

/** The text as a shell takes it for one argument. */
export function shellWord(text: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./][\p{L}\p{N}_@%+=:,./-]*$/u.test(text)) return text;
  const quoted = `'${text.replaceAll("'", `'\\''`)}'`;
  return text.startsWith("-") ? `-- ${quoted}` : quoted;
}
