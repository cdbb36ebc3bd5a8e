/** Rows on stdout, in columns. */

import type { Output } from "./output.ts";
import { loadTextWidth, textWidth } from "./text_width.ts";

/** Prints a table; the cells are escaped already. */
export async function printTable(
  output: Output,
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  await loadTextWidth();
  const all = [titles, ...rows];
  const widths = titles.map((_, column) =>
    Math.max(...all.map((row) => textWidth(row[column]!)))
  );
  for (const row of all) {
    const cells = row.map((cell, column) =>
      cell + " ".repeat(widths[column]! - textWidth(cell))
    );
    output.print(cells.join("  ").trimEnd());
  }
}
