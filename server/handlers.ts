/**
 * What each request does: rules and answers, no sockets and no disk paths.
 * The order of messages is session.ts's business, uploads included.
 */

import { createHash, type Hash } from "node:crypto";
import { BLOCK_HEADROOM } from "../protocol/channel.ts";
import { NetdiskError } from "../protocol/errors.ts";
import { MAX_CONTROL_BYTES } from "../protocol/frame.ts";
import type { Entry, RequestOf, Response } from "../protocol/messages.ts";
import { hashPrefix, isHashOf } from "./prefix.ts";
import type { UserStorage } from "./user_storage.ts";
import type { StoredFile } from "./stored_file.ts";

/** Where an answer of several frames goes. */
export interface Responder {
  send(response: Response): Promise<void>;
  sendBlock(block: Uint8Array): Promise<void>;
  /** Sends at once what was gathered. */
  flush(): Promise<void>;
  /** To be waited for between the parts of an answer that takes long. */
  turn(): Promise<void> | undefined;
}

/**
 * Bytes of a file that are read and sent at a time. A download holds two such
 * blocks, also while its client reads nothing; larger ones bring no speed.
 */
const BLOCK_BYTES = 256 * 1024;

/** Of the first page of a listing: it holds more than 100 names of a usual length. */
const FIRST_PAGE_BYTES = 32 * 1024;

/** An entry without its name, and a unit of a name, at their longest in JSON. */
const ENTRY_BYTES = 160;
const NAME_UNIT_BYTES = 6;

/** `stat` */
export function stat(storage: UserStorage, path: string): Response {
  return { type: "entry", entry: storage.stat(path) };
}

/** `quota` */
export async function quota(storage: UserStorage): Promise<Response> {
  return { type: "quota", ...await storage.usage() };
}

/**
 * `list`: pages that each fit into a control frame. The folder is read as far
 * as the client takes it, by turns, and the first page leaves at once.
 */
export async function list(
  storage: UserStorage,
  path: string,
  responder: Responder,
): Promise<void> {
  let entries: Entry[] = [];
  let bytes = ENTRY_BYTES;
  let limit = FIRST_PAGE_BYTES;
  for await (const some of storage.list(path)) {
    for (const entry of some) {
      const more = ENTRY_BYTES + NAME_UNIT_BYTES * entry.name.length;
      if (bytes + more > limit) {
        await responder.send({ type: "entries", entries, more: true });
        if (limit === FIRST_PAGE_BYTES) await responder.flush();
        limit = MAX_CONTROL_BYTES;
        entries = [];
        bytes = ENTRY_BYTES;
      }
      entries.push(entry);
      bytes += more;
    }
    await responder.turn();
  }
  await responder.send({ type: "entries", entries, more: false });
}

/** `digest`: the hash of a file as it is now. */
export async function digest(
  storage: UserStorage,
  path: string,
  responder: Responder,
): Promise<Response> {
  const file = storage.openRead(path);
  try {
    const hash = await hashFile(file, file.size, storage, responder);
    if (file.hasChanged()) {
      throw new NetdiskError("changed", "the file changed meanwhile");
    }
    return { type: "done", sha256: hash.digest("hex") };
  } finally {
    file.close();
  }
}

/** `get`: the file in blocks, the next one read while the last one leaves. */
export async function get(
  storage: UserStorage,
  { path, prefix }: RequestOf<"get">,
  responder: Responder,
): Promise<number> {
  const file = storage.openRead(path);
  using sender = storage.sendingTurns.sender();
  let next: Promise<number> | undefined;
  try {
    const { size, mtime, executable } = file;
    const known = prefix &&
      await hashKnown(file, prefix, storage, responder);
    const offset = known ? prefix!.size : 0;
    await responder.send({ type: "file", size, mtime, executable, offset });
    const hash = known ?? createHash("sha256");
    file.seek(offset);
    let left = size - offset;
    let block = newBlock(left);
    let spare = left > BLOCK_BYTES ? newBlock(left) : block;
    next = readBlock(file, block, left);
    while (left > 0) {
      const count = await next!;
      left -= count;
      const full = block.subarray(0, BLOCK_HEADROOM + count);
      next = left > 0 ? readBlock(file, spare, left) : undefined;
      // A failure is seen when it is awaited; until then nobody is to blame.
      next?.catch(() => {});
      hash.update(full.subarray(BLOCK_HEADROOM));
      const send = () => responder.sendBlock(full);
      // What fits into a block need not wait for those who have more.
      await (size - offset > BLOCK_BYTES ? sender.send(send) : send());
      [block, spare] = [spare, block];
    }
    if (file.hasChanged()) throw changed();
    const sha256 = hash.digest("hex");
    await responder.send({ type: "done", sha256 });
    return size - offset;
  } finally {
    // A read under way still uses the descriptor.
    await next?.catch(() => {});
    file.close();
  }
}

/** The hash of what the client has, if the file begins with that. */
async function hashKnown(
  file: StoredFile,
  { size, sha256 }: NonNullable<RequestOf<"get">["prefix"]>,
  storage: UserStorage,
  responder: Responder,
): Promise<Hash | undefined> {
  if (size > file.size) return undefined;
  const hash = await hashFile(file, size, storage, responder);
  return isHashOf(hash, sha256) ? hash : undefined;
}

/** The hash of the first `size` bytes; the client hears of it while it takes long. */
function hashFile(
  file: StoredFile,
  size: number,
  { readingTurns: turns }: UserStorage,
  responder: Responder,
): Promise<Hash> {
  return hashPrefix(size, {
    turns,
    read: (target) => file.read(target),
    async notice(done) {
      await responder.send({ type: "verifying", done });
      await responder.flush();
    },
  });
}

function newBlock(size: number): Uint8Array {
  return new Uint8Array(BLOCK_HEADROOM + Math.min(size, BLOCK_BYTES));
}

async function readBlock(
  file: StoredFile,
  block: Uint8Array,
  left: number,
): Promise<number> {
  const wanted = Math.min(left, block.length - BLOCK_HEADROOM);
  const count = await file.read(
    block.subarray(BLOCK_HEADROOM, BLOCK_HEADROOM + wanted),
  );
  if (count < wanted) throw changed();
  return count;
}

function changed(): NetdiskError {
  return new NetdiskError(
    "changed",
    "the file changed while it was being sent",
  );
}
