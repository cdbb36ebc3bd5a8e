/** A stand-in for `Deno.stdin` that gives what a test types. */

import type { PromptInput } from "../../client/prompt.ts";

const encoder = new TextEncoder();

export class TypedInput implements PromptInput {
  /** Each change of the terminal's mode, in order. */
  readonly modes: boolean[] = [];
  readonly #terminal: boolean;
  readonly #chunks: (Uint8Array | Error)[];

  /** Each chunk is what one read gives, if it is short enough; then the input ends. */
  constructor(
    chunks: readonly (string | Uint8Array | Error)[],
    terminal = true,
  ) {
    this.#terminal = terminal;
    this.#chunks = chunks.map((chunk) =>
      typeof chunk === "string" ? encoder.encode(chunk) : chunk
    );
  }

  /** What nobody has read. */
  get left(): string {
    const decoder = new TextDecoder();
    return this.#chunks.map((chunk) =>
      chunk instanceof Error ? "" : decoder.decode(chunk)
    ).join("");
  }

  isTerminal(): boolean {
    return this.#terminal;
  }

  setRaw(raw: boolean): void {
    this.modes.push(raw);
  }

  read(into: Uint8Array): Promise<number | null> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return Promise.resolve(null);
    if (chunk instanceof Error) return Promise.reject(chunk);
    const taken = chunk.subarray(0, into.length);
    into.set(taken);
    if (taken.length < chunk.length) {
      this.#chunks.unshift(chunk.subarray(taken.length));
    }
    return Promise.resolve(taken.length);
  }
}
