/**
 * Questions to a person at a terminal. Prompts go to stderr, so that stdout stays
 * clean, and the terminal is as it was on every way out. Where a password comes
 * from otherwise is password.ts's business.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { displayText } from "./display_text.ts";
import { onInterrupt } from "./interrupt.ts";
import { type Key, KeyDecoder } from "./keys.ts";
import type { Output } from "./output.ts";

/** Most that is read to find the end of a line; the longest password has 1024 bytes. */
export const MAX_LINE_BYTES = 4096;

/** Nap after a non-blocking stdin had nothing. */
const PAUSE_MS = 10;

/** What is needed of `Deno.stdin`. */
export interface PromptInput {
  isTerminal(): boolean;
  setRaw(raw: boolean): void;
  read(into: Uint8Array): Promise<number | null>;
}

/** Who asks whom; an Invocation is one. */
export interface PromptContext {
  readonly output: Output;
  readonly stdin: PromptInput;
  readonly env: (name: string) => string | undefined;
}

/**
 * Asks a question that is answered with yes or no. Enter alone, the end of input
 * and everything but `y` or `yes` mean no, as does the lack of a terminal.
 */
export async function confirm(
  question: string,
  context: PromptContext,
): Promise<boolean> {
  const answer = (await ask(`${question} [y/N]`, context))?.toLowerCase();
  return answer === "y" || answer === "yes";
}

/** Asks a question and gives the line; undefined at the end of input, and without a terminal. */
export async function ask(
  question: string,
  { output, stdin }: PromptContext,
): Promise<string | undefined> {
  if (!stdin.isTerminal()) return undefined;
  output.raw(`${displayText(question)} `);
  const line = await readLine(stdin);
  if (line === undefined || !line.complete) output.raw("\n");
  if (line === undefined) return undefined;
  const answer = new TextDecoder().decode(line.bytes).trim();
  return line.complete || answer !== "" ? answer : undefined;
}

/** Reads lines key by key from a terminal. What was typed ahead of one is kept for the next. */
export class KeyReader {
  readonly #stdin: PromptInput;
  readonly #decoder = new KeyDecoder();
  readonly #buffer = new Uint8Array(256);
  #ahead: Key[] = [];

  constructor(stdin: PromptInput) {
    this.#stdin = stdin;
  }

  /**
   * One line, shown nowhere.
   *
   * @throws {NetdiskError} `interrupted` for Ctrl-C; `usage` if the input ends before
   * anything was typed, is too long or is not UTF-8.
   */
  async hiddenLine(prompt: string, output: Output): Promise<string> {
    // Raw before the prompt shows: nothing typed in answer to it may be echoed.
    using _interrupted = onInterrupt(() => this.#stdin.setRaw(false));
    this.#stdin.setRaw(true);
    try {
      output.raw(displayText(prompt));
      return await this.#line();
    } finally {
      this.#stdin.setRaw(false);
      output.raw("\n");
    }
  }

  async #line(): Promise<string> {
    let line = "";
    for (;;) {
      const key = this.#ahead.shift() ?? await this.#nextKey();
      switch (key?.kind) {
        case "text":
          line += key.text;
          if (line.length > MAX_LINE_BYTES) {
            throw unusable(`is longer than ${MAX_LINE_BYTES} bytes`);
          }
          break;
        case "backspace":
          line = withoutLastCharacter(line);
          break;
        case "erase-word":
          line = line.replace(/[^ ]* *$/, "");
          break;
        case "erase-line":
          line = "";
          break;
        case "enter":
          return line;
        case "interrupt":
          throw new NetdiskError("interrupted", "interrupted");
        case "end-of-input":
          if (line !== "") break; // As on a visible line, it ends an empty one only.
          throw unusable("ended before anything was typed");
        case undefined:
          throw unusable("ended before anything was typed");
      }
    }
  }

  /** The next key, or `undefined` at the end of input. */
  async #nextKey(): Promise<Key | undefined> {
    while (this.#ahead.length === 0) {
      const count = await readSome(this.#stdin, this.#buffer);
      if (count === null) return undefined;
      try {
        this.#ahead = this.#decoder.push(this.#buffer.subarray(0, count));
      } catch (cause) {
        throw unusable("is not UTF-8", cause);
      } finally {
        this.#buffer.fill(0);
      }
    }
    return this.#ahead.shift();
  }
}

/** The text without its last character as a person counts, be it several code points. */
function withoutLastCharacter(text: string): string {
  const characters = [...new Intl.Segmenter().segment(text)];
  return text.slice(0, characters.at(-1)?.index ?? 0);
}

/**
 * One line without its end, or `undefined` if none ends within MAX_LINE_BYTES. Byte by
 * byte, as the shell's `read` does: what follows the line is left for the next reader.
 */
export async function readLine(
  source: Pick<PromptInput, "read">,
): Promise<{ bytes: Uint8Array; complete: boolean } | undefined> {
  const bytes = new Uint8Array(MAX_LINE_BYTES);
  const byte = new Uint8Array(1);
  for (let length = 0; length < bytes.length;) {
    const count = await readSome(source, byte);
    const [value = 0] = byte;
    if (count !== null && value !== 0x0a) {
      bytes[length++] = value;
      continue;
    }
    const complete = count !== null;
    if (complete && bytes[length - 1] === 0x0d) length--;
    return { bytes: bytes.subarray(0, length), complete };
  }
  return undefined;
}

/** read() that waits where a non-blocking stdin has nothing yet. Never 0. */
export async function readSome(
  source: Pick<PromptInput, "read">,
  into: Uint8Array,
): Promise<number | null> {
  for (;;) {
    try {
      const count = await source.read(into);
      if (count !== 0) return count;
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function unusable(reason: string, cause?: unknown): NetdiskError {
  return new NetdiskError("usage", `password: the input ${reason}`, { cause });
}
