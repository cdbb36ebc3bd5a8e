/** Puts over a connection to a server that may be killed at any moment. */

import { NetdiskError } from "../../protocol/errors.ts";
import type { ResponseOf } from "../../protocol/messages.ts";
import {
  commitOf,
  putRequest,
  sha256Of,
  type TestClient,
} from "../helpers/test_client.ts";
import { contentOf, type Version } from "./versions.ts";

/** Bytes of a data frame, which the server writes in one go. */
export const PIECE_BYTES = 256 * 1024;

/**
 * Asks for a put; on return the server has its temporary file.
 *
 * @returns the bytes that it has of this very version from an interrupted put
 */
export async function beginPut(
  peer: TestClient,
  version: Version,
): Promise<number> {
  const { name, size } = version;
  const request = putRequest(name, size, { ask: true, mtime: 0 });
  const { offset } = await peer.ask(request, "continue");
  if (offset === 0) return 0;
  const sha256 = sha256Of(contentOf(version).subarray(0, offset));
  return (await peer.ask({ type: "prefix", sha256 }, "continue")).offset;
}

/**
 * The rest of a put, of which the server has `sent` bytes; true if it is
 * acknowledged, false if the connection ends.
 */
export async function finishPut(
  peer: TestClient,
  version: Version,
  sent: number,
): Promise<boolean> {
  const content = contentOf(version);
  const acknowledged = await untilLost(async () => {
    await peer.sendData(content.subarray(sent), PIECE_BYTES);
    await peer.send(commitOf(content));
    return await receipt(peer);
  });
  return acknowledged !== undefined;
}

/** The acknowledgement of a put; undefined at the end of the connection. */
export async function receipt(
  peer: TestClient,
): Promise<ResponseOf<"receipt"> | undefined> {
  const answer = await peer.next();
  if (answer === null) return undefined;
  if (!(answer instanceof Uint8Array) && answer.type === "receipt") {
    return answer;
  }
  throw new Error(`no receipt: ${JSON.stringify(answer)}`);
}

/** What some work comes to; undefined when the connection is lost in it. */
export async function untilLost<T>(
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const isLoss = error instanceof NetdiskError &&
      error.code === "connection-lost";
    if (!isLoss) throw error;
    return undefined;
  }
}
