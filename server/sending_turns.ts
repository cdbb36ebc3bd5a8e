/**
 * Who sends the content of files, when many want some: a few at a time, each a
 * good piece, so that the caches hold what is worked on and the receivers are
 * not woken for every record. 64 downloads at once take a quarter less time.
 */

import { Slots } from "./slots.ts";

/** Downloads that send at the same time. */
const MAX_SENDING = 4;

/** Blocks that one sends before it is another's turn. */
const BLOCKS_A_TURN = 32;

/** How long one block may keep its turn, in milliseconds: a slow receiver keeps nobody waiting. */
const PATIENCE_MS = 20;

/** Shared by all connections of a Worker. */
export class SendingTurns {
  #slots = new Slots(MAX_SENDING);
  #patienceMs: number;

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /** For one file. */
  sender(): Sender {
    return new Sender(this.#slots, this.#patienceMs);
  }
}

/** Sends one file's blocks by turns; to be disposed of, or its turn never ends. */
export class Sender implements Disposable {
  #slots: Slots;
  #patienceMs: number;
  #leave: (() => void) | undefined;
  #left = 0;

  constructor(slots: Slots, patienceMs: number) {
    this.#slots = slots;
    this.#patienceMs = patienceMs;
  }

  /** Waits for a turn where it has none, and sends a block with `send`. */
  async send(send: () => Promise<void>): Promise<void> {
    if (!this.#leave) {
      this.#leave = await this.#slots.enter();
      this.#left = BLOCKS_A_TURN;
    }
    const timer = setTimeout(() => this[Symbol.dispose](), this.#patienceMs);
    try {
      await send();
    } finally {
      clearTimeout(timer);
    }
    if (--this.#left === 0) this[Symbol.dispose]();
  }

  /** Ends its turn. */
  [Symbol.dispose](): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}
