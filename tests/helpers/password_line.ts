/** A real password worker and a hasher that asks it, at a price for tests. */

import {
  PasswordHasher,
  type PasswordHasherOptions,
} from "../../server/passwords.ts";

/** Takes 3 ms instead of half a second. */
export const CHEAP = { n: 2 ** 10, r: 8, p: 1 };

export interface PasswordLine extends Disposable {
  hasher: PasswordHasher;
  worker: Worker;
}

/** Without permissions, as server/supervisor.ts starts it. */
export function passwordLine(
  options: PasswordHasherOptions = {},
): PasswordLine {
  const workerOptions: WorkerOptions & { deno: { permissions: "none" } } = {
    type: "module",
    deno: { permissions: "none" },
  };
  const worker = new Worker(
    new URL("../../server/password_worker.ts", import.meta.url),
    workerOptions,
  );
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(port1, [port1]);
  const hasher = new PasswordHasher(port2, { parameters: CHEAP, ...options });
  return {
    hasher,
    worker,
    [Symbol.dispose]() {
      hasher.close();
      worker.terminate();
    },
  };
}
