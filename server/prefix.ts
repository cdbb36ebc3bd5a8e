/**
 * Looks at the beginning of a file that both sides may have, so that only the
 * rest of it is sent (SPEC.md 4, Verifying).
 */

import { createHash, type Hash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";

/** Bytes that are read and hashed at a time; the session's others wait for one. */
const PIECE_BYTES = 1024 * 1024;

/** How often the client hears that it has not been forgotten, in milliseconds. */
const NOTICE_MS = 2000;

/** Where the bytes come from, and who wants to know how far it is. */
export interface PrefixReading {
  /** Fills `target` from the beginning on; fewer bytes as it likes, 0 at the end. */
  read(target: Uint8Array): Promise<number>;
  /** Is told every few seconds how many bytes were looked at. */
  notice(done: number): Promise<void>;
  /** Asked for between two pieces: nobody waits for the outcome any more. */
  stopped?(): boolean;
  /** A clock in milliseconds. Default `performance.now`. */
  now?(): number;
}

/**
 * The SHA-256 of the first `size` bytes, to be compared and then fed with the
 * rest.
 *
 * @throws NetdiskError `changed` when there are fewer, `connection-lost` when stopped
 */
export async function hashPrefix(
  size: number,
  { read, notice, stopped, now = () => performance.now() }: PrefixReading,
): Promise<Hash> {
  const hash = createHash("sha256");
  const piece = new Uint8Array(Math.min(size, PIECE_BYTES));
  let told = now();
  for (let done = 0; done < size;) {
    checkStopped(stopped);
    const count = await read(piece.subarray(0, size - done));
    // No notice may follow the answer to a client that gave up meanwhile.
    checkStopped(stopped);
    if (count === 0) {
      throw new NetdiskError("changed", "the file became shorter");
    }
    hash.update(piece.subarray(0, count));
    done += count;
    if (now() - told < NOTICE_MS || done === size) continue;
    told = now();
    await notice(done);
  }
  return hash;
}

function checkStopped(stopped: PrefixReading["stopped"]): void {
  if (!stopped?.()) return;
  throw new NetdiskError("connection-lost", "nobody waits for it any more");
}

/** True when the bytes hashed so far are those of `sha256`; the hash can go on. */
export function isHashOf(hash: Hash, sha256: string): boolean {
  return hash.copy().digest("hex") === sha256;
}
