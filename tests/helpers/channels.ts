/** Channels over connections in memory, for the tests of FrameChannel. */

import { assertEquals, assertRejects } from "@std/assert";
import { BLOCK_HEADROOM, FrameChannel } from "../../protocol/channel.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { encodeFrame, FrameKind } from "../../protocol/frame.ts";
import { encodeMessage, type Message } from "../../protocol/messages.ts";
import {
  type MemoryConn,
  type MemoryOptions,
  memoryPair,
} from "./memory_conn.ts";

/** The smallest message. */
export const PING: Message = { type: "ping" };
/** The same as a frame. */
export const PING_FRAME = encodeFrame(FrameKind.control, encodeMessage(PING));

/** A channel and the raw other end of its connection. */
export function channelAndPeer(
  options: MemoryOptions = {},
): { channel: FrameChannel; own: MemoryConn; peer: MemoryConn } {
  const [own, peer] = memoryPair(options);
  return { channel: new FrameChannel(own), own, peer };
}

/** Both ends, as channels. */
export function channelPair(
  options: MemoryOptions = {},
): [FrameChannel, FrameChannel] {
  const [left, right] = memoryPair(options);
  return [new FrameChannel(left), new FrameChannel(right)];
}

/** Writes all of it, however little a write takes. */
export async function writeAll(connection: MemoryConn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

/** The bytes up to the end of the stream. */
export async function drain(connection: MemoryConn): Promise<Uint8Array> {
  const bytes: number[] = [];
  const target = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(target);
    if (count === null) return Uint8Array.from(bytes);
    for (const byte of target.subarray(0, count)) bytes.push(byte);
  }
}

/** A payload with the room before it that sendBlock wants. */
export function block(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEADROOM + payload.length);
  bytes.set(payload, BLOCK_HEADROOM);
  return bytes;
}

/** Lets everything run that can run without a timer. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

/** Checks that `work` fails because the connection did. */
export async function assertLost(
  work: () => Promise<unknown>,
  message: string,
): Promise<NetdiskError> {
  const error = await assertRejects(work, NetdiskError, message);
  assertEquals(error.code, "connection-lost");
  return error;
}
