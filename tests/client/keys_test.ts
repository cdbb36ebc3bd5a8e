import { assertEquals, assertThrows } from "@std/assert";
import { KeyDecoder } from "../../client/keys.ts";

const NO_IO = { permissions: "none" } as const;
const encoder = new TextEncoder();

/** Keys as a short text: what is typed as it is, everything else in angle brackets. */
function decode(...chunks: (string | Uint8Array)[]): string {
  const decoder = new KeyDecoder();
  const keys = chunks.flatMap((chunk) =>
    decoder.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk)
  );
  return keys
    .map((key) => key.kind === "text" ? key.text : `<${key.kind}>`).join("");
}

Deno.test("KeyDecoder gives text and the keys that edit a line", NO_IO, () => {
  assertEquals(decode("sécret 报😀"), "sécret 报😀");
  assertEquals(
    decode("\x7f\x08\x15\x17\x03\x04"),
    "<backspace><backspace><erase-line><erase-word><interrupt><end-of-input>",
  );
  assertEquals(
    decode("a\rb\nc\r\nd\n\re"),
    "a<enter>b<enter>c<enter>d<enter><enter>e",
  );
  assertEquals(decode("a\t\0\x01\x1a\u0085b"), "ab");
});

Deno.test("KeyDecoder swallows escape sequences whole", NO_IO, () => {
  const sequences = [
    "\x1b[A",
    "\x1b[1;5D",
    "\x1b[15~",
    "\x1b[200~",
    "\x1b[201~",
    "\x1b[<0;10;20M",
    "\x1bOP",
    "\x1bb",
    "\x1b]0;title\x07",
    "\x1b]11;rgb:0/0/0\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1b\x1b[C",
  ];
  for (const sequence of sequences) {
    assertEquals(decode(`a${sequence}b`), "ab", JSON.stringify(sequence));
  }
  assertEquals(decode("\x1b[200~pasted\x1b[201~"), "pasted");
});

Deno.test("KeyDecoder gives the same however the bytes are cut", NO_IO, () => {
  const bytes = encoder.encode(
    "é\x1b[200~报\x1b[1;5D\x1bOP😀\x1b]0;t\x07x\r\ny",
  );
  const whole = decode(bytes);
  assertEquals(whole, "é报😀x<enter>y");
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(decode(bytes.slice(0, cut), bytes.slice(cut)), whole);
  }
  assertEquals(
    decode(...Array.from(bytes, (byte) => Uint8Array.of(byte))),
    whole,
  );
});

Deno.test(
  "KeyDecoder takes ESC at the end of a read for the key alone",
  NO_IO,
  () => {
    assertEquals(decode("a\x1b", "bc"), "abc");
    assertEquals(decode("a\x1b", "\r"), "a<enter>");
    assertEquals(decode("a\x1b", "\x7f"), "a<backspace>");
  },
);

Deno.test(
  "KeyDecoder lets Enter and Ctrl-C through an unfinished sequence",
  NO_IO,
  () => {
    assertEquals(decode("\x1b]0;never ended\r"), "<enter>");
    assertEquals(decode("\x1b[12\x03"), "<interrupt>");
    assertEquals(decode("\x1b[12\rab"), "<enter>ab");
  },
);

Deno.test("KeyDecoder refuses bytes that are not UTF-8", NO_IO, () => {
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80]]) {
    assertThrows(() => decode(Uint8Array.from(bytes)), TypeError);
  }
});

Deno.test("KeyDecoder keeps a byte order mark as typed", NO_IO, () => {
  assertEquals(decode("\ufeffa"), "\ufeffa");
});
