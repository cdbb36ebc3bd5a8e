/** A command line that is being typed, as bash reads and writes it. Pure. */

/** The quote that is still open at the end of a line. */
export type OpenQuote = "" | "'" | '"';

export interface TypedLine {
  /** Without their quotes; the last is what the line ends in, empty behind a blank. */
  words: string[];
  quote: OpenQuote;
}

/**
 * Splits the beginning of a command line into its words. Nothing is expanded: what
 * a variable holds is not known here.
 */
export function readTyped(line: string): TypedLine {
  const words: string[] = [];
  let word: string | undefined;
  let quote: OpenQuote = "";
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    const next = line[at + 1] ?? "";
    if (quote === "" && /[ \t\n]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= "";
    if (character === quote) {
      quote = "";
    } else if (quote === "" && (character === "'" || character === '"')) {
      quote = character;
    } else if (
      character === "\\" && (quote === "" || quote === '"' && isSpecial(next))
    ) {
      word += next;
      at++;
    } else {
      word += character;
    }
  }
  return { words: [...words, word ?? ""], quote };
}

/** What bash takes for exactly this text, behind an open quote or none. */
export function writeTyped(text: string, quote: OpenQuote): string {
  switch (quote) {
    case "'":
      return text.replaceAll("'", "'\\''");
    case '"':
      // Between double quotes nothing keeps ! from meaning the history.
      return text.replace(/[$`"\\]/g, "\\$&").replaceAll("!", `"'!'"`);
    case "":
      return text.replace(/[^\p{L}\p{N}\p{M}_@%+=:,./-]/gu, "\\$&");
  }
}

/** Whether a backslash between double quotes takes the meaning of a character. */
function isSpecial(character: string): boolean {
  return '$`"\\\n'.includes(character);
}
