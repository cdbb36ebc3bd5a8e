import { assert, assertEquals } from "@std/assert";
import { FrameChannel } from "../../protocol/channel.ts";
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameKind,
} from "../../protocol/frame.ts";
import {
  assertLost,
  block,
  channelAndPeer,
  drain,
  PING,
  PING_FRAME,
  settle,
  writeAll,
} from "../helpers/channels.ts";
import { encodeAll, sameBytes } from "../helpers/decode.ts";
import { type MemoryConn, memoryPair } from "../helpers/memory_conn.ts";

const pure = { permissions: "none" } as const;

/** A channel that notes the buffers which its connection is given. */
function watchedChannel(): {
  channel: FrameChannel;
  peer: MemoryConn;
  readInto: ArrayBufferLike[];
  wroteFrom: ArrayBufferLike[];
} {
  const readInto: ArrayBufferLike[] = [];
  const wroteFrom: ArrayBufferLike[] = [];
  const [own, peer] = memoryPair({ capacity: 10_000_000 });
  const channel = new FrameChannel({
    read(target) {
      readInto.push(target.buffer);
      return own.read(target);
    },
    write(bytes) {
      wroteFrom.push(bytes.buffer);
      return own.write(bytes);
    },
    close: () => own.close(),
  });
  return { channel, peer, readInto, wroteFrom };
}

async function queueMuch(channel: FrameChannel): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await channel.sendBlock(block(new Uint8Array(1000)));
  }
}

Deno.test(
  "FrameChannel.read() gives large buffers back when it is idle",
  pure,
  async () => {
    const { channel, peer, readInto, wroteFrom } = watchedChannel();
    const large = encodeFrame(FrameKind.data, new Uint8Array(200_000));
    for (const queuedWhenIdle of [true, false]) {
      await writeAll(peer, large);
      await channel.read();
      assert(readInto.at(-1)!.byteLength >= large.length);
      for (let i = 0; i < 2; i++) {
        await queueMuch(channel);
        await channel.flush();
      }
      if (queuedWhenIdle) await queueMuch(channel);
      assert(wroteFrom.at(-1)!.byteLength > 60_000);
      const idle = channel.read(true);
      await settle();
      assert(readInto.at(-1)!.byteLength <= 512);
      await writeAll(peer, PING_FRAME);
      await idle;
      for (let i = 0; i < 3; i++) {
        await channel.send(PING);
        await channel.flush();
        assert(wroteFrom.at(-1)!.byteLength <= 512);
      }
    }
  },
);

Deno.test(
  "FrameChannel.read() loses nothing that is queued behind a stalled write when it is idle",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer({ capacity: 30 });
    for (let i = 0; i < 5; i++) {
      await channel.send(PING);
      await writeAll(peer, PING_FRAME);
      assert(await channel.read(true));
    }
    const idle = channel.read(true);
    const drained = drain(peer);
    await settle();
    assertEquals(channel.traffic.sent, 5 * PING_FRAME.length);
    channel.close();
    await assertLost(() => idle, "the connection was closed");
    const all = encodeAll(Array.from({ length: 5 }, () => ({
      kind: FrameKind.control,
      payload: PING_FRAME.subarray(FRAME_HEADER_BYTES),
    })));
    assert(sameBytes(await drained, all));
  },
);

Deno.test(
  "FrameChannel uses its buffers again while it is busy, after an idle time too",
  pure,
  async () => {
    const { channel, peer, wroteFrom } = watchedChannel();
    await writeAll(peer, PING_FRAME);
    await channel.read(true);
    for (let i = 0; i < 10; i++) {
      await queueMuch(channel);
      await channel.flush();
    }
    assertEquals(wroteFrom.length, 10);
    assert(new Set(wroteFrom).size <= 2);
  },
);
