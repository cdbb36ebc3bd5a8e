/** Why the system refused, in its own words, for error lines of both sides. */

/** Without the number and the path that Deno adds: "Permission denied (os error 13): open 'x'". */
export function systemReason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/ \(os error \d+\).*$/s, "");
}
