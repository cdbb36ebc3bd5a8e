/** The waits between attempts of a client, without the waiting. */

import { replace } from "./faults.ts";

/** What a client waits, in milliseconds, when chance has no part in it. */
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 16_000];

/** While it lives, waits before another attempt come at once and are noted. */
export class RetryWaits implements Disposable {
  /** Those that began, in milliseconds. */
  readonly waits: number[] = [];
  /** Called when one begins. */
  onWait: () => void = () => {};
  #stack = new DisposableStack();

  constructor() {
    this.#stack.use(replace(Math, "random", () => () => 0.5));
    this.#stack.use(replace(globalThis, "setTimeout", (original) => {
      const hurried = (work: () => void, ms?: number) => {
        if (ms === undefined || !WAITS_MS.includes(ms)) {
          return original(work, ms);
        }
        this.waits.push(ms);
        this.onWait();
        return original(work, 0);
      };
      return hurried as typeof setTimeout;
    }));
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
