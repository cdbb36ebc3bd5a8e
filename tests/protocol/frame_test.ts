import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  encodeFrame,
  type Frame,
  FRAME_HEADER_BYTES,
  FRAME_LIMITS,
  FrameDecoder,
  FrameKind,
  type FrameLimits,
  MAX_CONTROL_BYTES,
  MAX_CONTROL_BYTES_BEFORE_LOGIN,
  MAX_DATA_BYTES,
  writeFrameHeader,
} from "../../protocol/frame.ts";
import {
  assertDecoded,
  concat,
  type Decoded,
  decodeStream,
  encodeAll,
  feed,
  sameBytes,
} from "../helpers/decode.ts";
import { Random } from "../helpers/random.ts";
import { bytesOfHex, type LongText } from "../helpers/vectors.ts";
import file from "../vectors/frames.json" with { type: "json" };

const pure = { permissions: "none" } as const;

interface FrameVector {
  name: string;
  limits?: "before-login";
  hex: LongText;
  expect: Decoded["outcome"];
  frames: { kind: keyof typeof FrameKind; hex: LongText }[];
}

const BEFORE_LOGIN: FrameLimits = {
  control: MAX_CONTROL_BYTES_BEFORE_LOGIN,
  data: MAX_DATA_BYTES,
};

/** The vectors with their hexadecimal digits read. */
const vectors = (file.vectors as unknown as FrameVector[]).map((vector) => ({
  ...vector,
  limits: vector.limits ? BEFORE_LOGIN : FRAME_LIMITS,
  stream: bytesOfHex(vector.hex),
  frames: vector.frames.map((frame): Frame => ({
    kind: FrameKind[frame.kind],
    payload: bytesOfHex(frame.hex),
  })),
}));

function* byteByByte(stream: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < stream.length; at++) yield stream.subarray(at, at + 1);
}

function header(length: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint8(4, kind);
  return bytes;
}

/** All offsets of a short stream; of a long one the ends and some between. */
function offsetsOf(length: number, random: Random): number[] {
  if (length <= 1024) return Array.from({ length: length + 1 }, (_, at) => at);
  const offsets = [512, 513, 65535, 65536, 65537, length - 1, length]
    .filter((at) => at <= length);
  for (let at = 0; at <= 16; at++) offsets.push(at);
  for (let i = 0; i < 8; i++) offsets.push(random.below(length));
  return offsets;
}

/** What a decoder must make of the first `length` bytes of a vector's stream. */
function expectOfPrefix(
  { frames, expect }: typeof vectors[number],
  length: number,
): Decoded {
  let boundary = 0;
  let whole = 0;
  for (const { payload } of frames) {
    const end = boundary + FRAME_HEADER_BYTES + payload.length;
    if (end > length) break;
    boundary = end;
    whole++;
  }
  const refused = whole === frames.length && expect !== "ok" &&
    expect !== "cut-short" && length >= boundary + FRAME_HEADER_BYTES;
  const outcome = refused ? expect : length === boundary ? "ok" : "cut-short";
  return { frames: frames.slice(0, whole), outcome };
}

Deno.test(
  "FrameDecoder gives the frames of each vector in one piece",
  pure,
  () => {
    for (const { name, stream, limits, frames, expect } of vectors) {
      const expected = { frames, outcome: expect };
      assertDecoded(decodeStream([stream], limits), expected, name);
    }
  },
);

Deno.test("FrameDecoder gives the same frames byte by byte", pure, () => {
  for (const { name, stream, limits, frames, expect } of vectors) {
    const expected = { frames, outcome: expect };
    assertDecoded(decodeStream(byteByByte(stream), limits), expected, name);
  }
});

Deno.test(
  "FrameDecoder gives the same frames when cut in two anywhere",
  pure,
  () => {
    const random = new Random(1);
    for (const { name, stream, limits, frames, expect } of vectors) {
      for (const at of offsetsOf(stream.length, random)) {
        const pieces = [stream.subarray(0, at), stream.subarray(at)];
        const expected = { frames, outcome: expect };
        assertDecoded(decodeStream(pieces, limits), expected, `${name}, ${at}`);
      }
    }
  },
);

Deno.test(
  "FrameDecoder.end() refuses a stream that ends inside a frame, at every offset",
  pure,
  () => {
    const random = new Random(2);
    for (const vector of vectors) {
      for (const at of offsetsOf(vector.stream.length, random)) {
        const prefix = vector.stream.subarray(0, at);
        const expected = expectOfPrefix(vector, at);
        const actual = decodeStream([prefix], vector.limits);
        assertDecoded(actual, expected, `${vector.name}, ${at}`);
      }
    }
  },
);

Deno.test("FrameDecoder gives the same frames in random pieces", pure, () => {
  const random = new Random(3);
  for (const { name, stream, limits, frames, expect } of vectors) {
    for (const longest of [3, 7, 100, 5000, 20_000]) {
      if (stream.length > 2000 * longest) continue;
      const pieces = random.split(stream, longest);
      const expected = { frames, outcome: expect };
      assertDecoded(decodeStream(pieces, limits), expected, name);
    }
  }
});

Deno.test(
  "encodeFrame() gives back the stream of every vector that is ok",
  pure,
  () => {
    for (const { name, stream, frames, expect } of vectors) {
      if (expect === "ok") assert(sameBytes(encodeAll(frames), stream), name);
    }
  },
);

Deno.test(
  "FrameDecoder holds every limit exactly, on the header alone",
  pure,
  () => {
    const kinds: [FrameKind, FrameLimits, number][] = [
      [FrameKind.control, FRAME_LIMITS, MAX_CONTROL_BYTES],
      [FrameKind.control, BEFORE_LOGIN, MAX_CONTROL_BYTES_BEFORE_LOGIN],
      [FrameKind.data, FRAME_LIMITS, MAX_DATA_BYTES],
      [FrameKind.data, { control: 1, data: 3 }, 3],
    ];
    for (const [kind, limits, limit] of kinds) {
      for (const length of [1, 2, limit - 1, limit, limit + 1, 2 ** 32 - 1]) {
        const decoder = new FrameDecoder(limits);
        const put = () => feed(decoder, header(length, kind), () => {});
        if (length <= limit) put();
        else {
          const { violation } = assertThrows(put, ProtocolError, `${length}`);
          assertEquals(violation, "too-long");
        }
        assertEquals(decoder.heldBytes, FRAME_HEADER_BYTES);
      }
    }
  },
);

Deno.test(
  "FrameDecoder.space() refuses a bad header before it makes room",
  pure,
  () => {
    for (const bad of [header(2 ** 32 - 1, 2), header(0, 1), header(1, 9)]) {
      const decoder = new FrameDecoder();
      decoder.space().set(bad);
      decoder.filled(bad.length);
      assertThrows(() => decoder.space(), ProtocolError);
    }
  },
);

Deno.test("FrameDecoder refuses all kinds but two", pure, () => {
  for (let kind = 0; kind < 256; kind++) {
    const { outcome } = decodeStream([header(15, kind)]);
    const known = kind === FrameKind.control || kind === FrameKind.data;
    assertEquals(outcome, known ? "cut-short" : "bad-kind", `${kind}`);
  }
});

Deno.test("FrameDecoder names TLS whatever its length bytes say", pure, () => {
  for (const type of [0x15, 0x16]) {
    for (let low = 0; low < 256; low++) {
      for (const minor of [1, 3, 4]) {
        const hello = Uint8Array.of(type, 3, minor, 2, low);
        assertThrows(
          () => feed(new FrameDecoder(), hello, () => {}),
          ProtocolError,
          "the peer speaks TLS",
        );
      }
    }
  }
});

Deno.test("FrameDecoder repeats its first violation", pure, () => {
  const bad = [header(0, 1), header(1, 0), header(2 ** 31, 2)];
  for (const bytes of bad) {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    const good = encodeFrame(FrameKind.data, Uint8Array.of(1));
    const put = (bytes: Uint8Array) => () =>
      feed(decoder, bytes, (frame) => frames.push(frame));
    const first = assertThrows(put(concat([good, bytes])), ProtocolError);
    assertEquals(frames.length, 1);
    for (
      const later of [
        put(good),
        put(bytes),
        () => decoder.next(),
        () => decoder.end(),
      ]
    ) {
      assert(assertThrows(later, ProtocolError) === first);
    }
    assertEquals(frames.length, 1);
  }
});

Deno.test("FrameDecoder repeats that the stream was cut short", pure, () => {
  const decoder = new FrameDecoder();
  feed(decoder, header(9, 1), () => {});
  const first = assertThrows(() => decoder.end(), ProtocolError);
  assertEquals(first.violation, "cut-short");
  assert(assertThrows(() => decoder.next(), ProtocolError) === first);
  assert(assertThrows(() => decoder.end(), ProtocolError) === first);
});

Deno.test(
  "FrameDecoder.setLimits() counts for frames that have arrived but were not taken",
  pure,
  () => {
    const login = encodeFrame(FrameKind.control, new Uint8Array(20));
    const large = encodeFrame(
      FrameKind.control,
      new Uint8Array(MAX_CONTROL_BYTES),
    );
    for (const accepted of [true, false]) {
      const decoder = new FrameDecoder(BEFORE_LOGIN);
      const lengths: number[] = [];
      const put = () =>
        feed(decoder, concat([login, large]), ({ payload }) => {
          lengths.push(payload.length);
          if (accepted) decoder.setLimits(FRAME_LIMITS);
        });
      if (accepted) put();
      else assertThrows(put, ProtocolError, "over the limit");
      assertEquals(lengths, accepted ? [20, MAX_CONTROL_BYTES] : [20]);
    }
  },
);

/** Some frames as they might come, most of them small. */
function randomFrames(random: Random): Frame[] {
  return Array.from({ length: random.between(1, 12) }, () => {
    const kind = random.pick([FrameKind.control, FrameKind.data]);
    const length = random.pick([1, 2, 5, 20, 300, 511, 512, 513, 3000]);
    return { kind, payload: random.bytes(length) };
  });
}

Deno.test(
  "FrameDecoder gives back random frames from random pieces",
  pure,
  () => {
    const random = new Random(6);
    for (let round = 0; round < 300; round++) {
      const frames = randomFrames(random);
      const pieces = random.split(
        encodeAll(frames),
        random.pick([1, 6, 90, 2000]),
      );
      const expected: Decoded = { frames, outcome: "ok" };
      assertDecoded(decodeStream(pieces), expected, `round ${round}`);
    }
  },
);

/** The stream with a few bytes changed, lost, added or swapped. */
function damage(stream: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = stream.slice();
  for (let i = random.between(1, 4); i > 0; i--) {
    const at = random.below(bytes.length);
    const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
    const count = random.between(1, 6);
    switch (random.below(5)) {
      case 0:
        bytes[at]! ^= 1 << random.below(8);
        break;
      case 1:
        bytes = concat([before, behind.subarray(count), Uint8Array.of(0)]);
        break;
      case 2:
        bytes = concat([before, random.bytes(count), behind]);
        break;
      case 3:
        bytes = concat([before, behind.subarray(0, count), behind]);
        break;
      default:
        bytes = concat([before, Uint8Array.of(random.next())]);
    }
  }
  return bytes;
}

Deno.test(
  "FrameDecoder makes of damaged bytes frames or a violation, nothing else",
  pure,
  () => {
    const random = new Random(7);
    const outcomes = new Set<string>();
    for (let round = 0; round < 3000; round++) {
      const stream = damage(encodeAll(randomFrames(random)), random);
      const { frames, outcome } = decodeStream(random.split(stream, 700));
      outcomes.add(outcome);
      // What was accepted stands in the stream exactly so, from its begin.
      const accepted = encodeAll(frames);
      assert(sameBytes(accepted, stream.subarray(0, accepted.length)));
      assertEquals(outcome === "ok", accepted.length === stream.length);
      for (const { kind, payload } of frames) {
        const limit = kind === FrameKind.control
          ? MAX_CONTROL_BYTES
          : MAX_DATA_BYTES;
        assert(payload.length >= 1 && payload.length <= limit);
      }
    }
    assertEquals([...outcomes].sort(), [
      "bad-kind",
      "cut-short",
      "empty",
      "ok",
      "too-long",
    ]);
  },
);

Deno.test(
  "writeFrameHeader() writes what the spec says and nothing behind it",
  pure,
  () => {
    const target = new Uint8Array(7).fill(0xee);
    writeFrameHeader(target, FrameKind.data, 0x0a0b0c);
    assertEquals([...target], [0, 0x0a, 0x0b, 0x0c, 2, 0xee, 0xee]);
  },
);

Deno.test(
  "writeFrameHeader() refuses to write what every peer refuses to read",
  pure,
  () => {
    const write = (kind: FrameKind, length: number) => () =>
      writeFrameHeader(new Uint8Array(FRAME_HEADER_BYTES), kind, length);
    write(FrameKind.control, MAX_CONTROL_BYTES)();
    write(FrameKind.data, MAX_DATA_BYTES)();
    assertThrows(write(FrameKind.control, 0), RangeError);
    assertThrows(write(FrameKind.data, 0), RangeError);
    assertThrows(write(FrameKind.control, MAX_CONTROL_BYTES + 1), RangeError);
    assertThrows(write(FrameKind.data, MAX_DATA_BYTES + 1), RangeError);
  },
);

Deno.test("encodeFrame() leaves the payload alone", pure, () => {
  const payload = new Uint8Array(3).fill(0x61);
  const bytes = encodeFrame(FrameKind.data, payload);
  assertEquals([...bytes], [0, 0, 0, 3, 2, 0x61, 0x61, 0x61]);
  bytes.fill(0);
  assertEquals([...payload], [0x61, 0x61, 0x61]);
});
