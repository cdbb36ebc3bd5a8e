/**
 * How the machine itself fares: a busy one, or one whose disk is, makes every
 * server late. Small files are written and synced beside those of the server
 * all the time; what that takes too long is no fault of the server's.
 */

import { join } from "@std/path";

const PAUSE_MS = 50;
/** A beat that takes so much longer than usual is a stall, in milliseconds. */
const STALL_MS = 200;

export class Pulse implements AsyncDisposable {
  /** The longest stall, in milliseconds. */
  worstMs = 0;
  #file: Deno.FsFile;
  #stalls: { from: number; to: number }[] = [];
  #beatSince = performance.now();
  #isOver = false;
  #running: Promise<void>;

  /** @param folder on the disk of the server */
  constructor(folder: string) {
    this.#file = Deno.openSync(join(folder, "pulse"), {
      create: true,
      write: true,
    });
    this.#running = this.#run();
  }

  /** How many of the milliseconds since `time` the machine has stood still. */
  stalledSince(time: number): number {
    const now = performance.now();
    const open = { from: this.#beatSince + PAUSE_MS, to: now };
    const parts = [...this.#stalls];
    if (open.to - open.from > STALL_MS) parts.push(open);
    return parts.reduce(
      (sum, { from, to }) => sum + Math.max(0, to - Math.max(from, time)),
      0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#file.close();
  }

  async #run(): Promise<void> {
    const bytes = new Uint8Array(4096);
    while (!this.#isOver) {
      this.#beatSince = performance.now();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await this.#file.seek(0, Deno.SeekMode.Start);
      await this.#file.write(bytes);
      await this.#file.syncData();
      this.#note(this.#beatSince + PAUSE_MS, performance.now());
    }
  }

  #note(from: number, to: number): void {
    if (to - from <= STALL_MS) return;
    this.worstMs = Math.max(this.worstMs, to - from);
    // Nobody asks about what is longer ago.
    this.#stalls = [...this.#stalls.slice(-100), { from, to }];
  }
}
