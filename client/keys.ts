/**
 * Bytes of a terminal in raw mode -> keys. Pure; what a key does to a line is
 * prompt.ts's business. Cursor keys, pasted colour codes and the like arrive as
 * escape sequences and are swallowed whole, so that no part of one becomes text.
 */

/** A key that means something to a line of input. */
export type Key =
  | { readonly kind: "text"; readonly text: string }
  | {
    readonly kind:
      | "enter"
      | "backspace"
      | "erase-line"
      | "erase-word"
      | "end-of-input"
      | "interrupt";
  };

/** Control characters that are keys; all others are ignored. */
const CONTROL_KEYS: Readonly<Record<string, Exclude<Key["kind"], "text">>> = {
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x08": "backspace",
  "\n": "enter",
  "\r": "enter",
  "\x15": "erase-line",
  "\x17": "erase-word",
  "\x7f": "backspace",
};

/**
 * Where in an escape sequence the decoder is: none; after ESC; in a CSI sequence
 * (ESC [ ... letter); before the one character of ESC O; in a string (ESC ] and its
 * like) that BEL or ESC \ ends.
 */
type State = "ground" | "escape" | "csi" | "single" | "string";

/** Feeds on chunks as they are read, however they are cut. */
export class KeyDecoder {
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #state: State = "ground";
  #afterReturn = false;

  /**
   * The keys that end in this chunk.
   *
   * @throws {TypeError} if the bytes are not UTF-8.
   */
  push(chunk: Uint8Array): Key[] {
    const keys: Key[] = [];
    // ESC at the end of the last chunk was the key itself, pressed alone, unless
    // what follows opens a sequence.
    let chunkStart = true;
    for (const character of this.#utf8.decode(chunk, { stream: true })) {
      const key = this.#next(character, chunkStart);
      chunkStart = false;
      if (key !== undefined) keys.push(key);
    }
    return keys;
  }

  #next(character: string, chunkStart: boolean): Key | undefined {
    const control = CONTROL_KEYS[character];
    const afterReturn = this.#afterReturn;
    this.#afterReturn = character === "\r";
    if (control !== undefined) {
      this.#state = "ground"; // Enter and Ctrl-C work, whatever was begun.
      if (character === "\n" && afterReturn) return undefined;
      return { kind: control };
    }
    if (character === "\x1b") {
      this.#state = "escape";
      return undefined;
    }
    switch (this.#state) {
      case "escape":
        return this.#afterEscape(character, chunkStart);
      case "csi":
        if (character >= "@" && character <= "~") this.#state = "ground";
        return undefined;
      case "single":
        this.#state = "ground";
        return undefined;
      case "string":
        if (character === "\x07") this.#state = "ground";
        return undefined;
      case "ground":
        return isControl(character)
          ? undefined
          : { kind: "text", text: character };
    }
  }

  #afterEscape(character: string, chunkStart: boolean): Key | undefined {
    this.#state = "ground";
    if (character === "[") this.#state = "csi";
    else if (character === "O") this.#state = "single";
    else if ("]PX^_".includes(character)) this.#state = "string";
    else if (chunkStart && !isControl(character)) {
      return { kind: "text", text: character };
    }
    return undefined;
  }
}

function isControl(character: string): boolean {
  return character < " " || (character >= "\x7f" && character <= "\x9f");
}
