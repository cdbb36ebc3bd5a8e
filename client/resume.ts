/**
 * The beginning of an upload that an earlier one has brought to the server
 * already: it is compared with the file, and need not be sent again (SPEC.md 4).
 */

import { createHash, type Hash } from "node:crypto";
import type { Connection } from "./connection.ts";
import { COMPARING_MS, keepAlive } from "./keep_alive.ts";
import type { SourceReader } from "./local_source.ts";
import { changed, type PendingPut } from "./pending_put.ts";

/** Bytes of the file that are read at a time. */
const READ_BYTES = 1024 * 1024;

/** What the comparison came to. */
export interface Beginning {
  /** Of the bytes that need not be sent. */
  hash: Hash;
  /** How many these are; 0 when all is sent. The reader stands behind them. */
  offset: number;
}

/**
 * Answers a `continue` that offers the first `offset` bytes.
 *
 * @param mayResume false when the whole file is to be sent in any case
 * @returns undefined when the server's answer came instead, or the connection ended
 * @throws NetdiskError of the source, or of the connection
 */
export async function compareBeginning(
  connection: Connection,
  put: PendingPut,
  reader: SourceReader,
  { offset, mayResume }: { offset: number; mayResume: boolean },
): Promise<Beginning | undefined> {
  const hash = createHash("sha256");
  // Until the second 'continue': the server compares for as long as it likes.
  using _alive = keepAlive(connection, put, COMPARING_MS);
  if (mayResume) await hashBeginning(put, reader, hash, offset);
  if (put.ended) return undefined;
  const sha256 = mayResume ? hash.copy().digest("hex") : null;
  put.comparing(sha256);
  await connection.send({ type: "prefix", sha256 });
  await connection.channel.flush();
  const agreed = await put.go;
  if (agreed === undefined) return undefined;
  if (agreed > 0) return { hash, offset };
  reader.rewind();
  return { hash: createHash("sha256"), offset: 0 };
}

/** Ends early when no answer is wanted any more. */
async function hashBeginning(
  put: PendingPut,
  reader: SourceReader,
  hash: Hash,
  offset: number,
): Promise<void> {
  const block = new Uint8Array(Math.min(READ_BYTES, offset));
  for (let done = 0; done < offset;) {
    const target = block.subarray(0, Math.min(block.length, offset - done));
    const reading = reader.read(target);
    const count = await put.orEnd(reading);
    if (put.ended) {
      // A read under way still uses the file's descriptor.
      await reading.catch(() => {});
      return;
    }
    if (count < target.length) throw changed(put.item);
    hash.update(target);
    done += count;
  }
  if (reader.hasChanged()) throw changed(put.item);
}
