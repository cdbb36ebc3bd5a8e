/**
 * A line between two threads on which one asks the other for a report, again and
 * again. Whoever asks while an answer is on its way gets the same one, so that a
 * line carries one question at a time, however many want to know.
 */

import { NetdiskError } from "../protocol/errors.ts";

/** After this nobody waits any more, in milliseconds. */
const ANSWER_MS = 5000;

type Answer<T> = { id: number; value: T } | { id: number; fault: string };

/** The asking end. */
export class ReportLine<T> implements Disposable {
  #port: MessagePort;
  #timeoutMs: number;
  #id = 0;
  #asking: Promise<T> | undefined;
  #answered: (answer: Answer<T>) => void = () => {};

  /** Owns `port` from now on. */
  constructor(port: MessagePort, timeoutMs: number = ANSWER_MS) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
    // Whatever came: an error here would end the process.
    port.onmessage = ({ data }) => this.#answered(data ?? {});
  }

  /** @throws NetdiskError `busy` when none comes, `internal` when none can be made */
  ask(): Promise<T> {
    return this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
  }

  [Symbol.dispose](): void {
    this.#port.close();
  }

  #ask(): Promise<T> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new NetdiskError("busy", "the server is too busy to tell how it is"),
        );
      }, this.#timeoutMs);
      this.#answered = (answer) => {
        // A late one was for somebody who has left.
        if (answer.id !== id) return;
        clearTimeout(timer);
        if ("value" in answer) resolve(answer.value);
        else reject(new NetdiskError("internal", answer.fault));
      };
      this.#port.postMessage(id);
    });
  }
}

/**
 * The answering end: one report at a time, however often it is asked. Owns
 * `port` from now on.
 */
export function answerReports<T>(
  port: MessagePort,
  make: () => T | Promise<T>,
): void {
  let asked: number | undefined;
  let isAnswering = false;
  port.onmessage = async ({ data }: MessageEvent<number>) => {
    asked = data;
    if (isAnswering) return;
    isAnswering = true;
    while (asked !== undefined) {
      const id = asked;
      asked = undefined;
      port.postMessage(await answerOf(id, make));
    }
    isAnswering = false;
  };
}

async function answerOf<T>(
  id: number,
  make: () => T | Promise<T>,
): Promise<Answer<T>> {
  try {
    return { id, value: await make() };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { id, fault };
  }
}
