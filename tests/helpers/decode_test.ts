import { assertEquals, AssertionError, assertThrows } from "@std/assert";
import { encodeFrame, FrameKind } from "../../protocol/frame.ts";
import {
  assertDecoded,
  concat,
  type Decoded,
  decodeStream,
  encodeAll,
  sameBytes,
} from "./decode.ts";

const pure = { permissions: "none" } as const;

const frame = { kind: FrameKind.data, payload: Uint8Array.of(1, 2) };
const stream = encodeFrame(frame.kind, frame.payload);

Deno.test(
  "decodeStream() gives the frames before a violation, too",
  pure,
  () => {
    const good: Decoded = { frames: [frame, frame], outcome: "ok" };
    assertEquals(decodeStream([stream, stream]), good);
    assertEquals(decodeStream([concat([stream, stream])]), good);
    assertEquals(
      decodeStream([concat([stream, Uint8Array.of(0, 0, 0, 0, 1)])]),
      { frames: [frame], outcome: "empty" },
    );
    assertEquals(decodeStream([stream], { control: 9, data: 1 }), {
      frames: [],
      outcome: "too-long",
    });
  },
);

Deno.test("assertDecoded() notices every difference", pure, () => {
  const good: Decoded = { frames: [frame], outcome: "ok" };
  assertDecoded(good, { ...good }, "same");
  const others: Decoded[] = [
    { frames: [frame], outcome: "empty" },
    { frames: [], outcome: "ok" },
    { frames: [frame, frame], outcome: "ok" },
    { frames: [{ ...frame, kind: FrameKind.control }], outcome: "ok" },
    { frames: [{ ...frame, payload: Uint8Array.of(1) }], outcome: "ok" },
    { frames: [{ ...frame, payload: Uint8Array.of(1, 3) }], outcome: "ok" },
  ];
  for (const other of others) {
    assertThrows(() => assertDecoded(good, other, "x"), AssertionError);
  }
});

Deno.test(
  "sameBytes() looks at views, not at what is around them",
  pure,
  () => {
    const bytes = Uint8Array.of(9, 1, 2, 9);
    assertEquals(sameBytes(bytes.subarray(1, 3), Uint8Array.of(1, 2)), true);
    assertEquals(sameBytes(bytes.subarray(1, 3), Uint8Array.of(1, 3)), false);
    assertEquals(sameBytes(bytes.subarray(1, 3), Uint8Array.of(1)), false);
    assertEquals(
      sameBytes(encodeAll([frame, frame]), concat([stream, stream])),
      true,
    );
  },
);
