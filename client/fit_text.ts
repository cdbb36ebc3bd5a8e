/** Text cut or padded to a number of terminal columns, wide and combining characters counted as shown. */

import { textWidth } from "./text_width.ts";

const segmenter = new Intl.Segmenter();

/**
 * The text in exactly `columns` columns: padded with spaces, or with its middle
 * replaced by `…`, because names differ at their beginning and tell their kind at
 * their end. Never cuts through a character.
 */
export function fitText(text: string, columns: number): string {
  const width = textWidth(text);
  if (width <= columns) return text + " ".repeat(columns - width);
  if (columns < 1) return "";
  const characters = Array.from(segmenter.segment(text), (it) => it.segment);
  const headColumns = Math.ceil((columns - 1) / 2);
  const head = taking(characters, headColumns);
  // What a wide character left free in front is offered to the end.
  const tail = taking(
    characters.reverse(),
    columns - 1 - textWidth(head.join("")),
  );
  const fitted = `${head.join("")}…${tail.reverse().join("")}`;
  return fitted + " ".repeat(columns - textWidth(fitted));
}

/** The text in at most `columns` columns: a longer one ends in `…`. Never cuts through a character. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const characters = Array.from(segmenter.segment(text), (it) => it.segment);
  return `${taking(characters, columns - 1).join("")}…`;
}

/** As many characters from the front as fit. */
function taking(characters: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let left = columns;
  for (const character of characters) {
    left -= textWidth(character);
    if (left < 0) break;
    taken.push(character);
  }
  return taken;
}
