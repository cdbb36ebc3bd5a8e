/**
 * The few seconds for which the server waits to see whether a client is alive,
 * without the waiting: they pass when a test says so.
 */

import { until } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";

/** The waits that are meant: longer than a last word takes, shorter than a test's own. */
const SHORTEST_MS = 500;
const LONGEST_MS = 3000;

interface Timer {
  due: number;
  work: () => void;
}

export class Patience implements Disposable {
  #stack = new DisposableStack();
  #leapt = 0;
  #timers: Timer[] = [];

  constructor() {
    this.#stack.use(replace(performance, "now", (original) => {
      return () => original.call(performance) + this.#leapt;
    }));
    this.#stack.use(replace(globalThis, "setTimeout", (original) => {
      const caught = (work: () => void, ms = 0) => {
        if (ms <= SHORTEST_MS || ms > LONGEST_MS) return original(work, ms);
        this.#timers.push({ due: performance.now() + ms, work });
        return 0;
      };
      return caught as typeof setTimeout;
    }));
  }

  /** Until `count` waits have begun that are not over. */
  async waiting(count = 1): Promise<void> {
    await until("a wait", () => this.#timers.length >= count);
  }

  /** Lets `ms` milliseconds pass. */
  leap(ms: number): void {
    this.#leapt += ms;
    const now = performance.now();
    const due = this.#timers.filter((timer) => timer.due <= now);
    this.#timers = this.#timers.filter((timer) => timer.due > now);
    for (const { work } of due) work();
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
