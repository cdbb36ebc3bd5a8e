/** Lets the server know that a client with nothing to send is not dead. */

import type { Connection } from "./connection.ts";
import type { PendingPut } from "./pending_put.ts";

/** How often the server hears of it (SPEC.md 4). */
const WAITING_MS = 20_000;

/**
 * Sends `waiting` during an upload, for as long as the result lives.
 *
 * @param isWaiting asked each time whether nothing else is being sent
 */
export function keepAlive(
  connection: Connection,
  put: PendingPut,
  isWaiting: () => boolean = () => true,
): Disposable {
  const timer = setInterval(async () => {
    if (!isWaiting() || put.ended) return;
    try {
      await connection.send({ type: "waiting" });
      await connection.channel.flush();
    } catch {
      // The reader of the answers learns of a lost connection by itself.
    }
  }, WAITING_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
