/** What the files in tests/vectors have in common: how they write long texts and bytes. */

/** A text, or the pieces of a long one with how often each stands there. */
export type LongText = string | { parts: [text: string, times: number][] };

/** Writes a long text out. */
export function longText(text: LongText): string {
  if (typeof text === "string") return text;
  return text.parts.map(([part, times]) => part.repeat(times)).join("");
}

/** The same for every text inside a value. */
export function expandTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expandTexts);
  if (typeof value !== "object" || value === null) return value;
  if ("parts" in value) return longText(value as LongText);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, expandTexts(inner)]),
  );
}

/** The bytes of hexadecimal digits. */
export function bytesOfHex(hex: LongText): Uint8Array<ArrayBuffer> {
  const digits = longText(hex);
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new TypeError("not hex");
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}
