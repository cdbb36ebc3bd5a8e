/**
 * How many columns of a terminal a text takes. The library that knows all of
 * Unicode takes as long to load as everything else of a small transfer, so it is
 * only loaded where lines are drawn.
 */

/** Every character of it has one column. */
const PLAIN = /^[\x20-\x7e]*$/;

let measure = (text: string): number => text.length;

/** To be awaited before {@link textWidth} is asked about anything but ASCII. */
export async function loadTextWidth(): Promise<void> {
  measure = (await import("string-width")).default;
}

/** Columns of a text without control characters. */
export function textWidth(text: string): number {
  return PLAIN.test(text) ? text.length : measure(text);
}
