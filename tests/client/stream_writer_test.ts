import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type OutputStream,
  StdoutClosed,
  StdoutWriter,
  writeAllSync,
} from "../../client/stream_writer.ts";
import { LineBufferedStream } from "../helpers/line_buffered_stream.ts";
import { Random } from "../helpers/random.ts";

const NO_IO = { permissions: "none" } as const;
const NO_HOOKS = { before() {}, after() {} };

/** A stream that takes a few bytes at a time, and sometimes none. */
function haltingStream(received: number[]): OutputStream {
  let calls = 0;
  const writeSync = (bytes: Uint8Array): number => {
    if (++calls % 3 === 0) throw new Deno.errors.WouldBlock();
    const taken = bytes.subarray(0, 5);
    received.push(...taken);
    return taken.length;
  };
  return {
    writeSync,
    write: (bytes) => Promise.resolve(writeSync(bytes)),
    isTerminal: () => false,
  };
}

Deno.test(
  "writeAllSync() goes on after short writes and full pipes",
  NO_IO,
  () => {
    const received: number[] = [];
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => i);
    writeAllSync(haltingStream(received), bytes);
    assertEquals(received, [...bytes]);
  },
);

Deno.test("writeAllSync() throws every other error", NO_IO, () => {
  const stream = haltingStream([]);
  stream.writeSync = () => {
    throw new Deno.errors.BrokenPipe();
  };
  assertThrows(
    () => writeAllSync(stream, new Uint8Array(1)),
    Deno.errors.BrokenPipe,
  );
});

Deno.test(
  "StdoutWriter neither loses nor repeats a byte of text on a non-blocking pipe",
  NO_IO,
  () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = new Random(seed);
      const stream = new LineBufferedStream(random);
      const writer = new StdoutWriter(stream, NO_HOOKS);
      let expected = "";
      for (let line = 0; line < 40; line++) {
        const text = `${line} ${
          "é".repeat(random.below(line < 3 ? 9000 : 90))
        }\n`;
        expected += text;
        writer.append(text);
        if (random.below(4) === 0) writer.flush();
      }
      writer.flush();
      const text = new TextDecoder().decode(Uint8Array.from(stream.received));
      assertEquals(text === expected, true, `seed ${seed}`);
    }
  },
);

Deno.test(
  "StdoutWriter neither loses nor repeats a raw byte on a non-blocking pipe",
  NO_IO,
  async () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Random(seed);
      const stream = new LineBufferedStream(random);
      const writer = new StdoutWriter(stream, NO_HOOKS);
      const expected: number[] = [];
      for (let write = 0; write < 5; write++) {
        const length = random.below(9000);
        // Line ends everywhere, seldom, or nowhere.
        const rarity = [4, 2000, Infinity][random.below(3)]!;
        const bytes = Uint8Array.from(
          { length },
          () => random.below(Math.min(rarity, 1e9)) === 0 ? 0x0a : 0x61,
        );
        expected.push(...bytes);
        await writer.write(bytes, true);
      }
      assertEquals(stream.received.length, expected.length, `seed ${seed}`);
      assertEquals(stream.received, expected, `seed ${seed}`);
    }
  },
);

Deno.test(
  "StdoutWriter writes raw bytes after the text before them",
  NO_IO,
  async () => {
    const received: number[] = [];
    const stream = haltingStream(received);
    stream.write = (bytes) => {
      received.push(...bytes.subarray(0, 2));
      return Promise.resolve(Math.min(2, bytes.length));
    };
    const writer = new StdoutWriter(stream, NO_HOOKS);
    writer.append("text\n");
    await writer.write(new TextEncoder().encode("bytes"), false);
    const text = new TextDecoder().decode(Uint8Array.from(received));
    assertEquals(text, "text\nbytes");
  },
);

Deno.test("StdoutWriter repeats the first failure", NO_IO, async () => {
  const stream = haltingStream([]);
  stream.write = () => Promise.reject(new Deno.errors.BrokenPipe());
  const writer = new StdoutWriter(stream, NO_HOOKS);
  const bytes = new Uint8Array(1);
  const first = await assertRejects(
    () => writer.write(bytes, false),
    StdoutClosed,
  );
  assertEquals(assertThrows(() => writer.append("a")), first);
  assertEquals(assertThrows(() => writer.flush()), first);
  assertEquals(await assertRejects(() => writer.write(bytes, false)), first);
  writer.tryFlush();
});
