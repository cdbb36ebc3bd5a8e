/** Waits that a program has, without the waiting. */

import { replace } from "./faults.ts";

const TICK_MS = 1;

/** While it lives, intervals come at once and performance.now() can leap ahead. */
export class LeapClock implements Disposable {
  #stack = new DisposableStack();
  #leapt = 0;

  /** With `isStill` the clock does nothing but leap. */
  constructor({ isStill = false } = {}) {
    this.#stack.use(replace(performance, "now", (original) => {
      const start = original.call(performance);
      return () => (isStill ? start : original.call(performance)) + this.#leapt;
    }));
    this.#stack.use(replace(globalThis, "setInterval", (original) => {
      const hurried = (work: () => void) => original(work, TICK_MS);
      return hurried as typeof setInterval;
    }));
  }

  leap(ms: number): void {
    this.#leapt += ms;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/**
 * While it lives, time-outs of exactly `ms` milliseconds come at once, but for
 * the first `kept` of them: what those wait for is to happen in its own time.
 */
export function skipTimeout(ms: number, kept = 0): Disposable {
  let seen = 0;
  return replace(globalThis, "setTimeout", (original) => {
    const hurried = (work: () => void, delay?: number) =>
      original(work, delay === ms && ++seen > kept ? TICK_MS : delay);
    return hurried as typeof setTimeout;
  });
}
