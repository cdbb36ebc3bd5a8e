/** A command line that is being typed, as bash reads it. Pure. */

/**
 * Splits the beginning of a command line into its words, without their quotes.
 * Nothing is expanded: what a variable holds is not known here.
 *
 * @returns all words; the last is the one that the line ends in, empty behind a blank
 */
export function typedWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length;) {
    const [text, length, isBlank] = piece(line, at);
    at += length;
    if (!isBlank) {
      word = (word ?? "") + text;
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return [...words, word ?? ""];
}

/** The next quoted part, escaped or plain character, and how long it is in the line. */
function piece(
  line: string,
  at: number,
): [text: string, length: number, isBlank?: boolean] {
  const character = line[at]!;
  switch (character) {
    case " ":
    case "\t":
    case "\n":
      return ["", 1, true];
    case "\\":
      return [line[at + 1] ?? "", 2];
    case "'": {
      const end = line.indexOf("'", at + 1);
      const text = end < 0 ? line.slice(at + 1) : line.slice(at + 1, end);
      return [text, text.length + 2];
    }
    case '"': {
      const [raw = ""] = /^(?:[^"\\]|\\.|\\$)*/s.exec(line.slice(at + 1)) ?? [];
      return [raw.replace(/\\([$`"\\\n])/g, "$1"), raw.length + 2];
    }
    default:
      return [character, 1];
  }
}
