/**
 * What a terminal would show: as much of one as netdisk makes use of. Whatever
 * else a program sends is an error, so that nothing goes unseen.
 */

import stringWidth from "string-width";

/** Wrapping off and on, erasing from the cursor on, colours. */
// deno-lint-ignore no-control-regex -- terminals are told in control characters
const SEQUENCE = /\x1b\[(\?7[lh]|J|[\d;]*m)/y;
// deno-lint-ignore no-control-regex -- up to the next of them
const PRINTABLE = /[^\x00-\x1f\x7f-\x9f]+/y;

// deno-lint-ignore no-control-regex -- the beginning of one, at the end of a piece
const CUT_SEQUENCE = /\x1b(\[[?\d;]*)?$/;

const segmenter = new Intl.Segmenter();

/** A screen with as many rows as there are lines. */
export class Screen {
  /** Lines that were left with a carriage return, in their order. */
  readonly drawn: string[] = [];
  /** Texts that did not fit into their line. */
  readonly overflows: string[] = [];
  #columns: number;
  /** A cell a column; a wide character has an empty one behind it. */
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wraps = true;
  /** The beginning of a sequence that has not come to its end. */
  #rest = "";

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The line with the cursor. */
  get line(): string {
    return textOf(this.#rows[this.#row]!);
  }

  /** All lines. */
  get text(): string {
    return this.#rows.map(textOf).join("\n");
  }

  /** From now on lines have this width; what is there stays. */
  resize(columns: number): void {
    this.#columns = columns;
  }

  /** As {@link resize}, but never narrower. */
  widen(columns: number): void {
    this.resize(Math.max(this.#columns, columns));
  }

  write(piece: string): void {
    const text = this.#rest + piece;
    const end = CUT_SEQUENCE.exec(text)?.index ?? text.length;
    this.#rest = text.slice(end);
    for (let at = 0; at < end;) {
      at += this.#control(text, at) ?? this.#print(text.slice(0, end), at);
    }
  }

  /** Obeys a control character or sequence, and tells its length. */
  #control(text: string, at: number): number | undefined {
    if (text[at] === "\r") {
      if (this.#column > 0) this.drawn.push(this.line);
      this.#column = 0;
      return 1;
    }
    if (text[at] === "\n") {
      this.#nextRow();
      return 1;
    }
    SEQUENCE.lastIndex = at;
    const [sequence, command] = SEQUENCE.exec(text) ?? [];
    if (sequence === undefined) return undefined;
    if (command === "J") this.#erase();
    else if (command?.startsWith("?7")) this.#wraps = command === "?7h";
    return sequence.length;
  }

  #print(text: string, at: number): number {
    PRINTABLE.lastIndex = at;
    const [printable] = PRINTABLE.exec(text) ?? [];
    if (printable === undefined) {
      throw new Error(`not for this screen: ${JSON.stringify(text.slice(at))}`);
    }
    for (const { segment } of segmenter.segment(printable)) {
      const width = stringWidth(segment);
      if (this.#column + width > this.#columns) {
        this.overflows.push(printable);
        if (!this.#wraps) break;
        this.#nextRow();
        this.#column = 0;
      }
      const cells = [segment, ...Array(Math.max(0, width - 1)).fill("")];
      const row = this.#rows[this.#row]!;
      while (row.length < this.#column) row.push(" ");
      row.splice(this.#column, cells.length, ...cells);
      this.#column += width;
    }
    return printable.length;
  }

  #nextRow(): void {
    this.#row++;
    this.#rows[this.#row] ??= [];
  }

  /** From the cursor to the end of the screen. */
  #erase(): void {
    this.#rows.length = this.#row + 1;
    this.#rows[this.#row]!.length = Math.min(
      this.#column,
      this.#rows[this.#row]!.length,
    );
  }
}

function textOf(row: readonly string[]): string {
  return row.join("").trimEnd();
}
