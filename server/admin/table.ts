/** Rows of text in columns. */

/**
 * Lines, the titles first. A column whose title begins with a blank is set to
 * the right; the last one may hold text of any width.
 */
export function tableLines(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = titles.map((title, column) =>
    rows.reduce(
      (width, row) => Math.max(width, row[column]!.length),
      title.trim().length,
    )
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      titles[column]!.startsWith(" ")
        ? cell.trim().padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd();
  return [titles, ...rows].map(line);
}
