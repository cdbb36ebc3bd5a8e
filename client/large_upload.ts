/**
 * The data of an upload that the server was asked about: what it does not have
 * yet, one block read while the one before it is hashed and sent.
 */

import { createHash, type Hash } from "node:crypto";
import { BLOCK_HEADROOM } from "../protocol/channel.ts";
import type { Connection } from "./connection.ts";
import { keepAlive, WAITING_MS } from "./keep_alive.ts";
import type { SourceReader } from "./local_source.ts";
import { changed, type FileItem, type PendingPut } from "./pending_put.ts";
import { compareBeginning } from "./resume.ts";

/** Who wants to know how far it is. */
export interface LargeObserver {
  /** The server has `offset` bytes, which are compared with the file's beginning. */
  comparing(item: FileItem, offset: number): void;
  /**
   * The data of a large file begins behind `offset` bytes, which the server has.
   *
   * @param differs that is 0 as what the server had is not the file's beginning
   */
  starts(item: FileItem, offset: number, differs: boolean): void;
  /** So many bytes were handed to the connection. */
  sent(bytes: number): void;
}

/** What an upload needs of the connection that it shares with others. */
export interface LargeOptions {
  observer: LargeObserver;
  /** False when the file is to be sent whole, whatever the server has. */
  mayResume: boolean;
  /** Throws what the connection has failed with, if it has. */
  check(): void;
}

/**
 * Sends what the server does not have: it offers the bytes before `offset`.
 * Ends early when the server has answered.
 *
 * @throws NetdiskError of the source or the connection
 */
export async function sendData(
  connection: Connection,
  put: PendingPut,
  reader: SourceReader,
  { offset, ...options }: LargeOptions & { offset: number },
): Promise<void> {
  const { item } = put;
  const { observer, mayResume, check } = options;
  if (offset === 0) {
    observer.starts(item, 0, false);
    const hash = createHash("sha256");
    return await sendRest(connection, put, reader, { hash, ...options });
  }
  if (mayResume) observer.comparing(item, offset);
  const agreed = await compareBeginning(connection, put, reader, {
    offset,
    mayResume,
  });
  check();
  if (agreed === undefined) return;
  put.size = agreed.offset;
  const differs = mayResume && agreed.offset === 0;
  observer.starts(item, agreed.offset, differs);
  const { hash } = agreed;
  await sendRest(connection, put, reader, { hash, ...options });
}

async function sendRest(
  connection: Connection,
  put: PendingPut,
  reader: SourceReader,
  { hash, observer, check }: LargeOptions & { hash: Hash },
): Promise<void> {
  const { size } = put.item.source;
  const newBlock = () => new Uint8Array(BLOCK_HEADROOM + connection.blockBytes);
  let block = newBlock();
  let spare = newBlock();
  let next = readBlock(put, reader, block);
  let isWaiting = false;
  // A disk answers, or fails; a pipe may be silent for as long as it likes.
  using _alive = size === null
    ? keepAlive(connection, put, WAITING_MS, () => isWaiting)
    : undefined;
  try {
    for (;;) {
      isWaiting = true;
      const count = await put.orEnd(next);
      isWaiting = false;
      if (count === 0 || put.answered) break;
      const full = block.subarray(0, BLOCK_HEADROOM + count);
      put.size += count;
      next = readBlock(put, reader, spare);
      // Seen when it is awaited.
      next.catch(() => {});
      hash.update(full.subarray(BLOCK_HEADROOM));
      await connection.channel.sendBlock(full);
      // The next bytes of a pipe may take their time.
      if (size === null) await connection.channel.flush();
      observer.sent(count);
      [block, spare] = [spare, block];
    }
  } finally {
    // A read under way still uses a file's descriptor.
    next.catch(() => {});
    if (size !== null) await next.catch(() => {});
  }
  check();
  if (!put.answered && size !== null) {
    if (put.size !== size || reader.hasChanged()) throw changed(put.item);
  }
  put.sha256 = hash.digest("hex");
}

/** Never more than was announced: a file may grow while it is read. */
function readBlock(
  put: PendingPut,
  reader: SourceReader,
  block: Uint8Array,
): Promise<number> {
  const { size } = put.item.source;
  const left = size === null ? Infinity : size - put.size;
  const wanted = Math.min(block.length - BLOCK_HEADROOM, left);
  return reader.read(block.subarray(BLOCK_HEADROOM, BLOCK_HEADROOM + wanted));
}
