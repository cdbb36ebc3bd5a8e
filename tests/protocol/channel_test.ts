import { assert, assertEquals, assertRejects } from "@std/assert";
import { BLOCK_HEADROOM, FrameChannel } from "../../protocol/channel.ts";
import { NetdiskError, ProtocolError } from "../../protocol/errors.ts";
import {
  encodeFrame,
  type Frame,
  FRAME_HEADER_BYTES,
  FRAME_LIMITS,
  FrameKind,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import { encodeMessage, type Message } from "../../protocol/messages.ts";
import { assertDecoded, encodeAll, sameBytes } from "../helpers/decode.ts";
import {
  type MemoryConn,
  type MemoryOptions,
  memoryPair,
} from "../helpers/memory_conn.ts";
import { Random } from "../helpers/random.ts";

const pure = { permissions: "none" } as const;

const PING: Message = { type: "ping" };
const PING_FRAME = encodeFrame(FrameKind.control, encodeMessage(PING));

/** A channel and the raw other end of its connection. */
function channelAndPeer(
  options: MemoryOptions = {},
): { channel: FrameChannel; own: MemoryConn; peer: MemoryConn } {
  const [own, peer] = memoryPair(options);
  return { channel: new FrameChannel(own), own, peer };
}

function channelPair(
  options: MemoryOptions = {},
): [FrameChannel, FrameChannel] {
  const [left, right] = memoryPair(options);
  return [new FrameChannel(left), new FrameChannel(right)];
}

async function writeAll(connection: MemoryConn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

/** Every frame up to the end of the stream. */
async function readAll(channel: FrameChannel): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (;;) {
    const frame = await channel.read();
    if (!frame) return frames;
    frames.push({ kind: frame.kind, payload: frame.payload.slice() });
  }
}

/** The bytes up to the end of the stream. */
async function drain(connection: MemoryConn): Promise<Uint8Array> {
  const bytes: number[] = [];
  const target = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(target);
    if (count === null) return Uint8Array.from(bytes);
    for (const byte of target.subarray(0, count)) bytes.push(byte);
  }
}

function block(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEADROOM + payload.length);
  bytes.set(payload, BLOCK_HEADROOM);
  return bytes;
}

/** Lets everything run that can run without a timer. */
async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

async function assertLost(
  work: () => Promise<unknown>,
  message: string,
): Promise<NetdiskError> {
  const error = await assertRejects(work, NetdiskError, message);
  assertEquals(error.code, "connection-lost");
  return error;
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
  "FrameChannel.read() gives null at an end between two frames, and again",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    await writeAll(peer, PING_FRAME);
    peer.close();
    assert(await channel.read());
    assertEquals(await channel.read(), null);
    assertEquals(await channel.read(), null);
  },
);

Deno.test(
  "FrameChannel.read() refuses an end inside a frame, at every offset",
  pure,
  async () => {
    for (let at = 1; at < PING_FRAME.length; at++) {
      const { channel, peer } = channelAndPeer();
      await writeAll(peer, PING_FRAME);
      await writeAll(peer, PING_FRAME.subarray(0, at));
      peer.close();
      assert(await channel.read());
      for (let again = 0; again < 2; again++) {
        const error = await assertRejects(() => channel.read(), ProtocolError);
        assertEquals(error.violation, "cut-short");
      }
    }
  },
);

Deno.test(
  "FrameChannel.read() refuses bad bytes after the frames before them, and again",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    await writeAll(peer, PING_FRAME);
    await writeAll(peer, Uint8Array.of(0, 0, 0, 0, 1));
    assert(await channel.read());
    for (let again = 0; again < 2; again++) {
      const error = await assertRejects(() => channel.read(), ProtocolError);
      assertEquals(error.violation, "empty");
    }
    // One can still tell the peer.
    await channel.send({ type: "error", code: "protocol", message: "bad" });
    await channel.flush();
    assert(channel.traffic.sent > 0);
  },
);

Deno.test(
  "FrameChannel.read() says so when the peer speaks TLS",
  pure,
  async () => {
    const { channel, peer } = channelAndPeer();
    await writeAll(peer, Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3));
    await assertRejects(
      () => channel.read(),
      ProtocolError,
      "the peer speaks TLS",
    );
  },
);

Deno.test(
  "FrameChannel.read() tells a peer without TLS from other failures of TLS",
  pure,
  async () => {
    const { InvalidData } = Deno.errors;
    const plain = channelAndPeer();
    const corrupt = "received corrupt message of type InvalidContentType";
    plain.own.breakReads(new InvalidData(corrupt));
    const read = () => plain.channel.read();
    await assertRejects(read, ProtocolError, "the peer does not speak TLS");

    const distrusted = channelAndPeer();
    distrusted.own.breakReads(
      new InvalidData("received fatal alert: UnknownCA"),
    );
    await assertLost(
      () => distrusted.channel.read(),
      "TLS failed: received fatal alert: UnknownCA",
    );
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
  "FrameChannel.read() makes one error of a lost connection, with its cause",
  pure,
  async () => {
    const { channel, own } = channelAndPeer();
    const cause = new Deno.errors.ConnectionReset("reset");
    const reading = channel.read();
    own.breakReads(cause);
    const error = await assertLost(() => reading, "the connection was lost");
    assertEquals(error.cause, cause);
    for (const later of [() => channel.read(), () => channel.send(PING)]) {
      assert(await assertLost(later, "the connection was lost") === error);
    }
  },
);

Deno.test(
  "FrameChannel: everybody who waits for a write hears that it failed",
  pure,
  async () => {
    const { channel, own } = channelAndPeer({ capacity: 10 });
    const cause = new Deno.errors.BrokenPipe("broken");
    await channel.send(PING);
    const waiting = [
      channel.flush(),
      channel.flush(),
      channel.sendBlock(block(new Uint8Array(20_000))),
      channel.flush(),
    ];
    own.breakWrites(cause);
    const results = await Promise.allSettled(waiting);
    for (const result of results) {
      assert(result.status === "rejected" && result.reason.cause === cause);
    }
    await assertLost(() => channel.send(PING), "the connection was lost");
    await assertLost(
      () => channel.sendBlock(block(new Uint8Array(20_000))),
      "lost",
    );
  },
);

Deno.test(
  "FrameChannel.send() tells a failure that nobody waited for",
  pure,
  async () => {
    const { channel, own } = channelAndPeer();
    await channel.send(PING);
    own.breakWrites(new Deno.errors.BrokenPipe("broken"));
    // The write is started by the read, and fails behind its back.
    const reading = channel.read();
    await settle();
    await assertLost(() => channel.send(PING), "the connection was lost");
    channel.close();
    await assertLost(() => reading, "the connection was");
  },
);

Deno.test(
  "FrameChannel.read() still gives the peer's last words after a write has failed",
  pure,
  async () => {
    const { channel, own, peer } = channelAndPeer();
    await writeAll(peer, PING_FRAME);
    peer.close();
    own.breakWrites(new Deno.errors.ConnectionReset("reset"));
    await channel.send(PING);
    await assertLost(() => channel.flush(), "the connection was lost");
    assert(await channel.read());
    assertEquals(await channel.read(), null);
  },
);

for (const closeLeavesPending of [false, true]) {
  const runtime = closeLeavesPending ? "leaves them pending" : "ends them";
  Deno.test(
    `FrameChannel.close() ends reads and writes under way where the runtime ${runtime}`,
    pure,
    async () => {
      const { channel, peer } = channelAndPeer({
        capacity: 10,
        closeLeavesPending,
      });
      const large = block(new Uint8Array(20_000));
      const waiting = [
        channel.read(),
        channel.sendBlock(large),
        channel.flush(),
      ];
      await settle();
      assert(channel.waitsForPeer);
      const results = Promise.allSettled(waiting);
      channel.close();
      for (const result of await results) {
        assert(result.status === "rejected");
        assertEquals(result.reason.message, "the connection was closed");
      }
      assert(!channel.waitsForPeer);
      for (const later of [() => channel.read(), () => channel.send(PING)]) {
        await assertLost(later, "the connection was closed");
      }
      // The peer gets what was on its way, and the end.
      assert((await drain(peer)).length <= 20);
    },
  );
}

Deno.test(
  "FrameChannel.close() tells its reason, the first one",
  pure,
  async () => {
    const { channel } = channelAndPeer();
    const reading = channel.read();
    channel.close(new NetdiskError("interrupted", "stopped"));
    channel.close(new NetdiskError("io", "later"));
    for (
      const work of [
        () => reading,
        () => channel.read(),
        () => channel.send(PING),
      ]
    ) {
      const error = await assertRejects(work, NetdiskError, "stopped");
      assertEquals(error.code, "interrupted");
    }
  },
);

Deno.test(
  "FrameChannel.close() does not mind a connection that is closed already",
  pure,
  () => {
    const channel = new FrameChannel({
      read: () => Promise.resolve(null),
      write: () => Promise.resolve(0),
      close() {
        throw new Deno.errors.BadResource("closed");
      },
    });
    channel.close();
  },
);

Deno.test(
  "FrameChannel.close() does not mind a connection whose end fails to go out",
  pure,
  async () => {
    let closed = 0;
    const channel = new FrameChannel({
      read: () => Promise.resolve(null),
      write: () => Promise.resolve(0),
      closeWrite: () => Promise.reject(new Deno.errors.NotConnected("gone")),
      close: () => void closed++,
    });
    channel.close();
    await settle();
    assertEquals(closed, 1);
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

Deno.test(
  "FrameChannel.read() gives large buffers back when it is idle",
  pure,
  async () => {
    const readRooms: number[] = [];
    const writeRooms: number[] = [];
    const [own, peer] = memoryPair({ capacity: 1_000_000 });
    const channel = new FrameChannel({
      read(target) {
        readRooms.push(target.buffer.byteLength);
        return own.read(target);
      },
      write(bytes) {
        writeRooms.push(bytes.buffer.byteLength);
        return own.write(bytes);
      },
      close: () => own.close(),
    });
    const large = encodeFrame(FrameKind.data, new Uint8Array(200_000));
    for (let round = 0; round < 2; round++) {
      await writeAll(peer, large);
      await writeAll(peer, PING_FRAME);
      await channel.read();
      await channel.read();
      for (let i = 0; i < 60; i++) {
        await channel.sendBlock(
          block(new Uint8Array(1000)),
        );
      }
      assert(Math.max(...readRooms) >= large.length);
      const idle = channel.read(true);
      await settle();
      assert(writeRooms.at(-1)! > 60_000);
      assert(readRooms.at(-1)! <= 512);
      await writeAll(peer, PING_FRAME);
      await idle;
      await channel.send(PING);
      await channel.flush();
      assert(writeRooms.at(-1)! <= 512, `${writeRooms}`);
    }
  },
);
