import { assert, assertEquals, assertRejects } from "@std/assert";
import { FrameChannel } from "../../protocol/channel.ts";
import { NetdiskError, ProtocolError } from "../../protocol/errors.ts";
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

const pure = { permissions: "none" } as const;

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
  async () => {
    const channel = new FrameChannel({
      read: () => new Promise(() => {}),
      write: () => new Promise(() => {}),
      close() {
        throw new Deno.errors.BadResource("closed");
      },
    });
    channel.close();
    await assertLost(() => channel.read(), "the connection was closed");
    await assertLost(() => channel.send(PING), "the connection was closed");
  },
);

Deno.test(
  "FrameChannel.close() tells the peer, and does not mind when that fails",
  pure,
  async () => {
    const calls: string[] = [];
    const channel = new FrameChannel({
      read: () => Promise.resolve(null),
      write: () => Promise.resolve(0),
      closeWrite() {
        calls.push("closeWrite");
        return Promise.reject(new Deno.errors.NotConnected("gone"));
      },
      close: () => void calls.push("close"),
    });
    channel.close();
    channel.close();
    await settle();
    assertEquals(calls, ["closeWrite", "close"]);
  },
);
