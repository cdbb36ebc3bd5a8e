import { assert, assertEquals } from "@std/assert";
import {
  encodeFrame,
  FRAME_HEADER_BYTES,
  FrameDecoder,
  FrameKind,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import { concat, feed } from "../helpers/decode.ts";
import { Random } from "../helpers/random.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "FrameDecoder.next() copies nothing: the payload lies where it was read to",
  pure,
  () => {
    const decoder = new FrameDecoder();
    const space = decoder.space();
    const bytes = encodeFrame(FrameKind.data, Uint8Array.of(1, 2, 3));
    space.set(bytes);
    decoder.filled(bytes.length);
    const { payload } = decoder.next()!;
    assert(payload.buffer === space.buffer);
    assertEquals([...payload], [1, 2, 3]);
  },
);

Deno.test(
  "FrameDecoder.keep() saves a payload while later frames of any size arrive",
  pure,
  () => {
    for (const later of [1, 400, 5000, 70_000, MAX_DATA_BYTES]) {
      for (const behind of [0, 3, 200]) {
        const decoder = new FrameDecoder();
        const next = encodeFrame(FrameKind.data, new Uint8Array(later).fill(7));
        const first = encodeFrame(FrameKind.data, new Uint8Array(300).fill(5));
        let kept: Uint8Array | undefined;
        // A part of the next frame stands behind the first one in the buffer.
        feed(decoder, concat([first, next.subarray(0, behind)]), (frame) => {
          kept ??= frame.payload;
        });
        const release = decoder.keep();
        const rest = next.subarray(Math.min(behind, next.length));
        let count = behind >= next.length ? 1 : 0;
        feed(decoder, rest, ({ payload }) => {
          assert(
            payload.length === later && payload.every((byte) => byte === 7),
          );
          count++;
        });
        for (let i = 0; i < 3; i++) feed(decoder, next, () => count++);
        assertEquals(count, 4, `${later}, ${behind}`);
        assert(kept!.every((byte) => byte === 5), `${later}, ${behind}`);
        release();
      }
    }
  },
);

Deno.test(
  "FrameDecoder.keep() works with as many buffers as there are payloads held",
  pure,
  () => {
    const decoder = new FrameDecoder();
    const bytes = encodeFrame(FrameKind.data, new Uint8Array(100_000));
    const buffers = new Set<ArrayBufferLike>();
    let release = () => {};
    for (let i = 0; i < 50; i++) {
      feed(decoder, bytes, ({ payload }) => buffers.add(payload.buffer));
      release();
      release = decoder.keep();
    }
    // Two in turn, and those that grew before the first large frame.
    assert(buffers.size <= 3, `${buffers.size}`);
  },
);

Deno.test(
  "FrameDecoder.keep(): a second release does not give the bytes away twice",
  pure,
  () => {
    const decoder = new FrameDecoder();
    const frame = (fill: number) =>
      encodeFrame(FrameKind.data, new Uint8Array(600).fill(fill));
    let payload = new Uint8Array();
    const put = (fill: number) =>
      feed(
        decoder,
        frame(fill),
        (taken) => payload = taken.payload as typeof payload,
      );
    put(1);
    const release = decoder.keep();
    put(2);
    release();
    decoder.keep();
    put(3);
    const held = payload;
    release();
    decoder.keep();
    put(4);
    put(5);
    assert(held.every((byte) => byte === 3));
  },
);

Deno.test(
  "FrameDecoder.keep() takes no buffer that is too small for what has arrived",
  pure,
  () => {
    const decoder = new FrameDecoder();
    feed(decoder, encodeFrame(FrameKind.data, Uint8Array.of(1)), () => {});
    decoder.keep()();
    const large = encodeFrame(FrameKind.data, new Uint8Array(5000).fill(5));
    feed(decoder, large, () => {});
    const lengths: number[] = [];
    // Most of the second frame stands behind the first one.
    feed(decoder, concat([large, large.subarray(0, 4000)]), () => {});
    decoder.keep();
    feed(decoder, large.subarray(4000), ({ payload }) => {
      assert(payload.every((byte) => byte === 5));
      lengths.push(payload.length);
    });
    assertEquals(lengths, [5000]);
  },
);

Deno.test(
  "FrameDecoder.keep() is right for a consumer that holds several payloads",
  pure,
  () => {
    const random = new Random(4);
    for (let round = 0; round < 40; round++) {
      const decoder = new FrameDecoder();
      const held: { payload: Uint8Array; fill: number; release: () => void }[] =
        [];
      let fill = 0;
      const check = () => {
        const { payload, fill, release } = held.splice(
          random.below(held.length),
          1,
        )[0]!;
        assert(payload.every((byte) => byte === fill), `round ${round}`);
        release();
      };
      for (let i = 0; i < 60; i++) {
        const size = random.pick([1, 20, 600, 5000, 70_000]);
        fill = (fill + 1) % 256;
        const next = encodeFrame(
          FrameKind.data,
          new Uint8Array(size).fill(fill),
        );
        for (
          const piece of random.split(next, random.pick([100, 7000, 100_000]))
        ) {
          feed(decoder, piece, ({ payload }) => {
            assert(payload.length === size);
            held.push({ payload, fill, release: decoder.keep() });
          });
          while (held.length > 3) check();
          if (held.length > 0 && random.once(4)) check();
        }
      }
      while (held.length > 0) check();
    }
  },
);

Deno.test(
  "FrameDecoder.space() gives the large buffers back when it is idle",
  pure,
  () => {
    const decoder = new FrameDecoder();
    const room = (idle: boolean) => decoder.space(idle).buffer.byteLength;
    assert(room(false) <= 512);
    const large = encodeFrame(FrameKind.data, new Uint8Array(MAX_DATA_BYTES));
    let release = () => {};
    feed(decoder, large, () => release = decoder.keep());
    assert(room(false) > MAX_DATA_BYTES);
    assert(room(true) <= 512);
    // The one that was kept comes back too late to stay.
    release();
    assert(room(true) <= 512);
    feed(decoder, encodeFrame(FrameKind.data, Uint8Array.of(1)), () => {});
    decoder.keep();
    assert(room(false) <= 512);
  },
);

Deno.test(
  "FrameDecoder.space() is small again after a busy time without large frames",
  pure,
  () => {
    const decoder = new FrameDecoder();
    // Just fills the small buffer, so that the decoder takes itself for busy.
    const bytes = encodeFrame(
      FrameKind.data,
      new Uint8Array(512 - FRAME_HEADER_BYTES),
    );
    feed(decoder, bytes, () => {});
    assert(decoder.space(true).buffer.byteLength <= 512);
  },
);

Deno.test(
  "FrameDecoder.space() keeps what has arrived of a frame, idle or not",
  pure,
  () => {
    const decoder = new FrameDecoder();
    const bytes = encodeFrame(FrameKind.data, new Uint8Array(900).fill(3));
    feed(decoder, bytes.subarray(0, 700), () => {});
    decoder.space(true);
    assertEquals(decoder.heldBytes, 700);
    let taken = 0;
    feed(decoder, bytes.subarray(700), ({ payload }) => {
      assert(payload.every((byte) => byte === 3));
      taken++;
    });
    assertEquals(taken, 1);
  },
);

Deno.test(
  "FrameDecoder.space() is never empty, wherever a frame lies in the buffer",
  pure,
  () => {
    const frame = (size: number) =>
      encodeFrame(FrameKind.data, new Uint8Array(size));
    const window = frame(64 * 1024 - FRAME_HEADER_BYTES);
    const large = frame(100_000);
    const edge = large.length - window.length - FRAME_HEADER_BYTES;
    for (let size = edge - 4; size <= edge + 4; size++) {
      const decoder = new FrameDecoder();
      let count = 0;
      // A large buffer, a frame at its begin, and one that just fits behind it.
      for (const bytes of [large, frame(size), window]) {
        for (let at = 0; at < bytes.length; at += 30_000) {
          feed(decoder, bytes.subarray(at, at + 30_000), () => count++);
        }
      }
      assertEquals(count, 3);
    }
  },
);

Deno.test(
  "FrameDecoder never has a buffer beyond 64 KiB and the largest frame",
  pure,
  () => {
    const random = new Random(5);
    for (let round = 0; round < 20; round++) {
      const decoder = new FrameDecoder();
      let bound = 64 * 1024;
      for (let i = 0; i < 40; i++) {
        const size = random.pick([
          1,
          100,
          5000,
          60_000,
          66_000,
          300_000,
          1_000_000,
        ]);
        bound = Math.max(bound, FRAME_HEADER_BYTES + size);
        const next = encodeFrame(FrameKind.data, new Uint8Array(size));
        for (
          const piece of random.split(
            next,
            random.pick([9000, 40_000, 500_000]),
          )
        ) {
          feed(decoder, piece, () => {
            if (random.once(3)) decoder.keep()();
          });
          assert(decoder.space().buffer.byteLength <= bound);
          assert(decoder.heldBytes < FRAME_HEADER_BYTES + size);
        }
        if (random.once(5)) {
          bound = 64 * 1024;
          assert(decoder.space(true).buffer.byteLength <= 512);
        }
      }
    }
  },
);
