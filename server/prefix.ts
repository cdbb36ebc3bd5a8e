/**
 * Looks at the beginning of a file that both sides may have, so that only the
 * rest of it is sent (SPEC.md 4, Verifying).
 */

import { createHash, type Hash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";
import { Slots } from "./slots.ts";

/** Bytes that are read and hashed at a time; the session's others wait for one. */
const PIECE_BYTES = 1024 * 1024;

/** Pieces that are read at the same time for all clients together. */
const MAX_READING = 4;

/** How often the client hears that it has not been forgotten, in milliseconds. */
const NOTICE_MS = 2000;

/**
 * Lets all who read much of a file do so by turns, a piece each: however many
 * there are, others have their turn and the memory is that of a few pieces.
 */
export class ReadingTurns {
  #slots = new Slots(MAX_READING);
  #spare: Uint8Array[] = [];

  /** Works with a piece of memory, which is another one's afterwards. */
  run<T>(work: (piece: Uint8Array) => Promise<T>): Promise<T> {
    return this.#slots.run(async () => {
      const piece = this.#spare.pop() ?? new Uint8Array(PIECE_BYTES);
      try {
        return await work(piece);
      } finally {
        this.#spare.push(piece);
      }
    });
  }
}

/** Where the bytes come from, and who wants to know how far it is. */
export interface PrefixReading {
  /** Fills `target` from the beginning on; fewer bytes as it likes, 0 at the end. */
  read(target: Uint8Array): Promise<number>;
  /** Is told every few seconds how many bytes were looked at. */
  notice(done: number): Promise<void>;
  /** Shared with whom others it is. @default with nobody */
  turns?: ReadingTurns;
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
  reading: PrefixReading,
): Promise<Hash> {
  const {
    read,
    notice,
    stopped,
    turns = new ReadingTurns(),
    now = () => performance.now(),
  } = reading;
  const hash = createHash("sha256");
  let told = now();
  for (let done = 0; done < size;) {
    done += await turns.run(async (piece) => {
      checkStopped(stopped);
      const count = await read(piece.subarray(0, size - done));
      // No notice may follow the answer to a client that gave up meanwhile.
      checkStopped(stopped);
      hash.update(piece.subarray(0, count));
      if (count > 0) return count;
      throw new NetdiskError("changed", "the file became shorter");
    });
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
