/** A whole stream through a FrameDecoder, the way a channel would do it. */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { ProtocolError, type Violation } from "../../protocol/errors.ts";
import {
  encodeFrame,
  type Frame,
  FRAME_LIMITS,
  FrameDecoder,
  type FrameLimits,
} from "../../protocol/frame.ts";

/** The frames of a stream and how it ended. */
export interface Decoded {
  frames: Frame[];
  outcome: "ok" | Violation;
}

/** Puts `bytes` into a decoder and hands every frame that they complete to `take`. */
export function feed(
  decoder: FrameDecoder,
  bytes: Uint8Array,
  take: (frame: Frame) => void,
): void {
  for (let at = 0; at < bytes.length;) {
    const space = decoder.space();
    if (space.length === 0) throw new RangeError("a decoder gave no space");
    const part = bytes.subarray(at, at + space.length);
    space.set(part);
    decoder.filled(part.length);
    at += part.length;
    for (let frame = decoder.next(); frame; frame = decoder.next()) take(frame);
  }
}

/** Decodes a stream that arrives in `pieces` and then ends. */
export function decodeStream(
  pieces: Iterable<Uint8Array>,
  limits: FrameLimits = FRAME_LIMITS,
): Decoded {
  const decoder = new FrameDecoder(limits);
  const frames: Frame[] = [];
  try {
    for (const piece of pieces) {
      feed(decoder, piece, ({ kind, payload }) => {
        frames.push({ kind, payload: payload.slice() });
      });
    }
    decoder.end();
    return { frames, outcome: "ok" };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { frames, outcome: error.violation };
  }
}

/** True for equal bytes; quick enough for megabytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** As assertEquals, but quick and short for megabytes. */
export function assertDecoded(
  actual: Decoded,
  expected: Decoded,
  at: string,
): void {
  const shape = ({ frames, outcome }: Decoded) => ({
    outcome,
    frames: frames.map(({ kind, payload }) => [kind, payload.length]),
  });
  assertEquals(shape(actual), shape(expected), at);
  for (const [index, frame] of actual.frames.entries()) {
    const { payload } = expected.frames[index]!;
    assert(sameBytes(frame.payload, payload), `${at}: payload ${index}`);
  }
}

/** One array of several. */
export function concat(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The stream of some frames. */
export function encodeAll(frames: Frame[]): Uint8Array {
  return concat(frames.map(({ kind, payload }) => encodeFrame(kind, payload)));
}
