/** Sizes as people write them, in options of both sides. */

const UNITS = ["", "K", "M", "G", "T"];

/**
 * Reads a size such as `500M` (of 1024 x 1024 bytes), `1.5G` or `4096`.
 *
 * @returns bytes; undefined when it is none
 */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)$/i.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const power = UNITS.indexOf(unit.toUpperCase());
  const bytes = Math.round(Number(digits) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
