/** What a conversation with the server is made of, as bytes that may be damaged. */

import { FRAME_HEADER_BYTES, FrameKind } from "../../protocol/frame.ts";
import { encodeMessage, type Request } from "../../protocol/messages.ts";
import { HELLO } from "../../tests/helpers/test_client.ts";

/** One frame of a client's, or what is left of it. */
export interface Step {
  bytes: Uint8Array;
  /** The client waits for an answer before it goes on. */
  waits: boolean;
}

/** A control frame. */
export function say(request: Request, waits = false): Step {
  return control(encodeMessage(request), waits);
}

/** A control frame with any payload. */
export function control(payload: Uint8Array, waits = false): Step {
  return { bytes: frame(FrameKind.control, payload), waits };
}

/** A data frame. */
export function data(bytes: Uint8Array): Step {
  return { bytes: frame(FrameKind.data, bytes), waits: false };
}

/** Of any length: the protocol's own encoder refuses what a peer would. */
function frame(kind: FrameKind, payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, payload.length);
  view.setUint8(4, kind);
  return join([header, payload]);
}

/** How a client with a session begins. */
export function greeting(token: string): Step[] {
  return [say(HELLO), say({ type: "authenticate", token })];
}

/** The payload of a step that is still a frame. */
export function payloadOf({ bytes }: Step): Uint8Array {
  return bytes.subarray(FRAME_HEADER_BYTES);
}

/** Several pieces in one. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, it) => sum + it.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
