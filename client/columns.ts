/** Rows of text in columns. */

import { displayText } from "./display_text.ts";
import { cutText } from "./fit_text.ts";
import type { Output } from "./output.ts";
import { loadTextWidth, textWidth } from "./text_width.ts";

/**
 * Prints rows of as many cells each, escaped, and each column as wide as its widest cell.
 *
 * @param options.cut ends lines at the edge of a terminal, where the last column
 * says enough with its beginning
 */
export async function printColumns(
  rows: readonly (readonly string[])[],
  output: Output,
  { cut = false } = {},
): Promise<void> {
  await loadTextWidth();
  const shown = rows.map((row) => row.map(displayText));
  const widths = shown[0]?.map((_, column) =>
    shown.reduce((width, row) => Math.max(width, textWidth(row[column]!)), 0)
  );
  for (const row of shown) {
    const cells = row.map((cell, column) =>
      cell + " ".repeat(widths![column]! - textWidth(cell))
    );
    const line = cells.join("  ").trimEnd();
    output.print(cut ? cutText(line, output.stdoutColumns) : line);
  }
}
