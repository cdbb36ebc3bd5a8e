import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FrameChannel } from "../../protocol/channel.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  type Frame,
  FRAME_HEADER_BYTES,
  FRAME_LIMITS,
  FrameKind,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import type { Message } from "../../protocol/messages.ts";
import {
  assertLost,
  block,
  channelAndPeer,
  channelPair,
  drain,
  PING,
  PING_FRAME,
  settle,
  writeAll,
} from "../helpers/channels.ts";
import { assertDecoded, encodeAll, sameBytes } from "../helpers/decode.ts";
import { Random } from "../helpers/random.ts";

const pure = { permissions: "none" } as const;

/** Every frame up to the end of the stream. */
async function readAll(channel: FrameChannel): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (;;) {
    const frame = await channel.read();
    if (!frame) return frames;
    frames.push({ kind: frame.kind, payload: frame.payload.slice() });
  }
}

Deno.test(
  "FrameChannel carries frames whatever the reads and writes make of them",
  pure,
  async () => {
    const random = new Random(1);
    for (const longest of [1, 2, 7, 300, 20_000, 70_000]) {
      const [left, right] = channelPair({
        capacity: random.between(longest, 3 * longest),
        readSize: () => random.between(1, longest),
        writeSize: () => random.between(1, longest),
      });
      const frames: Frame[] = [];
      const write = async () => {
        for (let i = 0; i < 30; i++) {
          // Small ones, some at the edge of being copied, and large ones.
          const sizes = longest < 100
            ? [1, 5, 300]
            : [1, 300, 16_384, 16_385, 70_000, MAX_DATA_BYTES];
          if (random.once(3)) {
            await left.send(PING);
            const payload = PING_FRAME.subarray(FRAME_HEADER_BYTES);
            frames.push({ kind: FrameKind.control, payload });
          } else {
            const payload = random.bytes(
              i > 3 && longest < 9000 ? 5 : random.pick(sizes),
            );
            const bytes = block(payload);
            await left.sendBlock(bytes);
            // The block is the caller's again.
            bytes.fill(0xee);
            frames.push({ kind: FrameKind.data, payload });
          }
        }
        await left.flush();
        left.close();
      };
      const [got] = await Promise.all([readAll(right), write()]);
      assertDecoded(
        { frames: got, outcome: "ok" },
        { frames, outcome: "ok" },
        `${longest}`,
      );
      assertEquals(left.traffic.sent, encodeAll(frames).length);
      assertEquals(right.traffic.received, left.traffic.sent);
    }
  },
);

Deno.test(
  "FrameChannel.send() gathers small frames into one write",
  pure,
  async () => {
    let writes = 0;
    const { channel, peer } = channelAndPeer({
      writeSize: () => (writes++, Infinity),
    });
    for (let i = 0; i < 100; i++) await channel.send(PING);
    await channel.sendBlock(block(new Uint8Array(1000)));
    assertEquals(writes, 0);
    await channel.flush();
    assertEquals(writes, 1);
    channel.close();
    assertEquals((await drain(peer)).length, 100 * PING_FRAME.length + 1005);
  },
);

Deno.test(
  "FrameChannel.send() writes by itself when much is queued",
  pure,
  async () => {
    const { channel } = channelAndPeer({ capacity: 1_000_000 });
    for (let i = 0; i < 10_000; i++) {
      await channel.send(PING);
      assert(i * PING_FRAME.length - channel.traffic.sent < 64 * 1024);
    }
  },
);

Deno.test(
  "FrameChannel.read() sends what is queued before it waits",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    await channel.send(PING);
    const answer = channel.read();
    const target = new Uint8Array(100);
    assertEquals(await peer.read(target), PING_FRAME.length);
    await writeAll(peer, PING_FRAME);
    assertEquals((await answer)?.kind, FrameKind.control);
  },
);

Deno.test(
  "FrameChannel.read() sends nothing while frames are left",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    await writeAll(
      peer,
      encodeAll([PING_FRAME, PING_FRAME].map((bytes) => ({
        kind: FrameKind.control,
        payload: bytes.subarray(FRAME_HEADER_BYTES),
      }))),
    );
    await channel.read();
    await channel.send(PING);
    await channel.read();
    await settle();
    assertEquals(channel.traffic.sent, 0);
  },
);

Deno.test(
  "FrameChannel: two that write and read at once do not wait for each other",
  pure,
  async () => {
    // Less room on the way than either side has to say.
    const [client, server] = channelPair({ capacity: 100 });
    const count = 10_000;
    const ask = async () => {
      for (let i = 0; i < count; i++) await client.send(PING);
      await client.flush();
    };
    const listen = async () => {
      for (let i = 0; i < count; i++) assert(await client.read());
      client.close();
    };
    const answer = async () => {
      for (let got = 0; await server.read(); got++) {
        await server.send({ type: "pong" });
      }
    };
    await Promise.all([ask(), listen(), answer()]);
    assertEquals(client.traffic, {
      sent: server.traffic.received,
      received: server.traffic.sent,
    });
  },
);

Deno.test(
  "FrameChannel.sendBlock() keeps the order with what is queued and under way",
  pure,
  async () => {
    const random = new Random(2);
    for (let round = 0; round < 30; round++) {
      const [left, right] = channelPair({
        capacity: 3000,
        writeSize: () => random.between(1, 3000),
      });
      const sizes = Array.from(
        { length: 20 },
        () => random.pick([1, 100, 17_000, 40_000]),
      );
      const write = async () => {
        for (const [index, size] of sizes.entries()) {
          const payload = new Uint8Array(size).fill(index);
          const sent = left.sendBlock(block(payload));
          // Somebody else may flush at any time.
          if (random.once(3)) {
            left.flush();
          }
          await sent;
          if (random.once(5)) await left.flush();
        }
        await left.flush();
        left.close();
      };
      const [frames] = await Promise.all([readAll(right), write()]);
      assertEquals(frames.map(({ payload }) => payload.length), sizes);
      for (const [index, { payload }] of frames.entries()) {
        assert(payload.every((byte) => byte === index));
      }
    }
  },
);

Deno.test(
  "FrameChannel.send() refuses a frame that every peer refuses, and goes on",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    const long: Message = {
      type: "error",
      code: "io",
      message: "a".repeat(70_000),
    };
    await assertRejects(() => channel.send(long), RangeError);
    await assertRejects(
      () => channel.sendBlock(block(new Uint8Array(0))),
      RangeError,
    );
    const large = block(new Uint8Array(MAX_DATA_BYTES + 1));
    await assertRejects(() => channel.sendBlock(large), RangeError);
    await channel.send(PING);
    await channel.flush();
    channel.close();
    assert(sameBytes(await drain(peer), PING_FRAME));
  },
);

Deno.test(
  "FrameChannel.setLimits() holds for the frames to come",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    channel.setLimits({ control: 15, data: 1 });
    await writeAll(peer, PING_FRAME);
    assert(await channel.read());
    channel.setLimits({ control: 14, data: 1 });
    await writeAll(peer, PING_FRAME);
    await assertRejects(
      () => channel.read(),
      ProtocolError,
      "over the limit of 14",
    );

    const later = channelAndPeer();
    later.channel.setLimits({ control: 14, data: 1 });
    await writeAll(later.peer, PING_FRAME);
    later.channel.setLimits(FRAME_LIMITS);
    assert(await later.channel.read());
  },
);

Deno.test(
  "FrameChannel.keep() saves a payload while the next ones are read",
  pure,
  async () => {
    const [left, right] = channelPair({ capacity: 5000 });
    const write = async () => {
      for (let i = 0; i < 20; i++) {
        await left.sendBlock(block(new Uint8Array(60_000).fill(i)));
      }
      await left.flush();
      left.close();
    };
    const read = async () => {
      let held: Uint8Array | undefined;
      let release = () => {};
      for (let i = 0; i < 20; i++) {
        const frame = await right.read();
        assert(frame!.payload.every((byte) => byte === i));
        if (held) assert(held.every((byte) => byte === i - 1));
        release();
        held = frame!.payload;
        release = right.keep();
      }
    };
    await Promise.all([write(), read()]);
  },
);

Deno.test(
  "FrameChannel.waitsForPeer tells what is under way",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer({ capacity: 100 });
    assert(!channel.waitsForPeer);
    const reading = channel.read();
    assert(channel.waitsForPeer);
    await writeAll(peer, PING_FRAME);
    await reading;
    assert(!channel.waitsForPeer);
    const writing = channel.sendBlock(block(new Uint8Array(20_000)));
    await settle();
    assert(channel.waitsForPeer);
    channel.close();
    await assertLost(() => writing, "the connection was closed");
  },
);
