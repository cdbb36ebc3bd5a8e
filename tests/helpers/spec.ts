/** Reads protocol/SPEC.md: its tables, and the fields that stand in their cells; tables of other pages too. */

import { assert, assertEquals } from "@std/assert";

/** What a test that reads it needs to be allowed. */
export const SPEC = new URL("../../protocol/SPEC.md", import.meta.url);

/** A table and the heading above it. */
export interface Table {
  heading: string;
  columns: string[];
  rows: string[][];
}

/** The whole text. */
export function readSpec(): string {
  return Deno.readTextFileSync(SPEC);
}

function cellsOf(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

/** Every table, in order. */
export function tablesOf(page: string = readSpec()): Table[] {
  const tables: Table[] = [];
  let heading = "";
  let open: Table | undefined;
  for (const line of page.split("\n")) {
    if (line.startsWith("#")) heading = line.replace(/^#+ (\d+\. )?/, "");
    if (!line.startsWith("|")) open = undefined;
    else if (!open) {
      open = { heading, columns: cellsOf(line), rows: [] };
      tables.push(open);
    } else if (!/^[| -]+$/.test(line)) open.rows.push(cellsOf(line));
  }
  return tables;
}

/** The one table whose first column has this name, below this heading if given. */
export function tableOf(column: string, heading?: string): Table {
  const found = tablesOf().filter((table) =>
    table.columns[0] === column && (heading ?? table.heading) === table.heading
  );
  assertEquals(found.length, 1, `tables of ${column} below ${heading}`);
  return found[0]!;
}

/** The text from `start` on, in one line. */
export function sentence(start: string): string {
  const flat = readSpec().replace(/\s+/g, " ");
  const at = flat.indexOf(start);
  assert(at >= 0, `SPEC.md says nowhere: ${start}`);
  return flat.slice(at, at + 500);
}

/** All whole numbers in a text. */
export function numbersIn(text: string): number[] {
  return [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits));
}

/** The name in a cell: the first word between backquotes. */
export function nameIn(cell: string): string {
  const name = /^`([a-z0-9-]+)`/.exec(cell)?.[1];
  assert(name, `no name in ${cell}`);
  return name;
}

/** A field of a table: its name, its word and whether it may be null. */
export interface SpecField {
  name: string;
  word: string;
  nullable: boolean;
}

/** The fields in a cell: `name` with its word, and perhaps "or null" or a remark. */
export function fieldsIn(cell: string): SpecField[] {
  return [...cell.matchAll(/`([a-z0-9]+)`([^`]*)/g)].map(([, name, behind]) => {
    const words = behind!.trim().replace(/,$/, "");
    const remark = /^of (?:a|the) .*$/;
    const word = words.replace(/ ?or null$/, "").replace(remark, "");
    return {
      name: name!,
      word: word || name!,
      nullable: words.endsWith("or null"),
    };
  });
}
