/** Lets the server know that a client with nothing to send is not dead. */

import type { Connection } from "./connection.ts";
import type { PendingPut } from "./pending_put.ts";

/** How often the server hears of it (SPEC.md 4). */
export const WAITING_MS = 20_000;

/** ... while both sides compare what is there: another upload would take it over. */
export const COMPARING_MS = 1000;

/**
 * Sends `waiting` during an upload, for as long as the result lives.
 *
 * @param ms how often
 * @param isWaiting asked each time whether nothing else is being sent
 */
export function keepAlive(
  connection: Connection,
  put: PendingPut,
  ms: number,
  isWaiting: () => boolean = () => true,
): Disposable {
  const timer = setInterval(() => {
    if (!isWaiting() || put.ended) return;
    // Behind our `prefix` it is the server that has to tell how far it is.
    const isOurTurn = put.state !== "compared";
    connection.tellAlive(isOurTurn);
  }, ms);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
