/**
 * A download that comes in one frame. Its hash is compared before anything is
 * written, and nothing is waited for that is here already: of such files there
 * may be thousands a second.
 */

import { hash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";
import { type Frame, FrameKind } from "../protocol/frame.ts";
import type { ResponseOf } from "../protocol/messages.ts";
import {
  about,
  type Connection,
  expectResponse,
  serverError,
} from "./connection.ts";
import type { DownloadOutcome, FileItem } from "./incoming_file.ts";

/** Up to this size a file may come in one frame. */
export const SMALL_BYTES = 256 * 1024;

const EMPTY = new Uint8Array(0);
const END_ANSWERS = ["done", "error"] as const;

/**
 * Takes a file from behind its `file` to its end.
 *
 * @returns what became of it; or the frame that came when that is not all of the
 * file, and then everything is still to be done
 * @throws NetdiskError when the connection fails
 */
export async function receiveSmall(
  connection: Connection,
  item: FileItem,
  facts: ResponseOf<"file">,
  received: (bytes: number) => void,
): Promise<DownloadOutcome | Frame> {
  const { size, mtime } = facts;
  let bytes: Uint8Array = EMPTY;
  if (size > 0) {
    const frame = connection.frameHere() ?? await connection.frame();
    const { kind, payload } = frame;
    if (kind !== FrameKind.data || payload.length !== size) return frame;
    received(size);
    bytes = payload;
  }
  const sha256 = hash("sha256", bytes, "hex");
  let frame = connection.frameHere();
  if (!frame) {
    // The next bytes may take the place of these.
    bytes = bytes.slice();
    frame = await connection.frame();
  }
  const end = expectResponse(frame, END_ANSWERS);
  if (end.type === "error") {
    return { item, error: about(item.label, serverError(end)) };
  }
  try {
    if (end.sha256 !== sha256) {
      throw new NetdiskError(
        "integrity",
        `${item.label}: checksum mismatch, ${item.target.afterFailure}`,
      );
    }
    const going = item.target.store!(bytes, facts)
      ? undefined
      : write(bytes, item, facts);
    if (going) await going;
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    return { item, error };
  }
  return { item, file: { size, sha256, mtime } };
}

/** For what takes a while, such as a pipe. */
async function write(
  bytes: Uint8Array,
  { target }: FileItem,
  facts: ResponseOf<"file">,
): Promise<void> {
  const writer = await target.open(facts);
  try {
    await writer.write(bytes);
    writer.finish(facts);
  } finally {
    // Harmless once it is finished.
    writer.abort();
  }
}
