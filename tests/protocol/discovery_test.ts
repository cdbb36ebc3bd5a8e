import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Announcement,
  decodeReply,
  encodeQuestion,
  encodeReply,
  NONCE_BYTES,
  nonceOf,
  QUESTION_BYTES,
} from "../../protocol/discovery.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { Random } from "../helpers/random.ts";

const pure = { permissions: "none" } as const;

const NONCE = new Uint8Array(NONCE_BYTES).map((_, index) => 0xf0 + index);
const ATTIC: Announcement = {
  name: "attic",
  port: 6375,
  plain: false,
  fingerprint: "f".repeat(43),
  host: null,
  registration: "invite",
  agent: "netdisk/0.1.0",
};
const AUTHORITY = { fingerprint: null, host: "disk.example.org" };
const PLAIN = { fingerprint: null, host: null, plain: true };

/** A reply with this text, whatever it is. */
function replyOf(json: string, nonce = NONCE): Uint8Array {
  const head = encodeReply(nonce, ATTIC).subarray(0, 25);
  return Uint8Array.of(...head, ...new TextEncoder().encode(json));
}

Deno.test(
  "a question tells its nonce, and nothing else is a question",
  pure,
  () => {
    const question = encodeQuestion(NONCE);
    assertEquals(question.length, QUESTION_BYTES);
    assertEquals(nonceOf(question), NONCE);
    for (const bytes of [0, 25, QUESTION_BYTES - 1]) {
      assertEquals(nonceOf(question.subarray(0, bytes)), undefined);
    }
    assertEquals(nonceOf(Uint8Array.of(...question, 0)), undefined);
    for (let at = 0; at < 9; at++) {
      const other = question.slice();
      other[at]! ^= 1;
      assertEquals(nonceOf(other), undefined, `byte ${at}`);
    }
    assertThrows(() => encodeQuestion(NONCE.subarray(1)), ProtocolError);
  },
);

Deno.test("a reply is never a question, nor larger than one", pure, () => {
  const longest = {
    ...ATTIC,
    name: "n".repeat(64),
    port: 65535,
    fingerprint: null,
    host: `${"a.".repeat(125)}com`,
    // What JSON has to escape counts twice.
    agent: '"'.repeat(32),
  };
  const reply = encodeReply(NONCE, longest);
  assert(reply.length <= QUESTION_BYTES, `${reply.length} bytes`);
  assertEquals(decodeReply(reply, NONCE), longest);
  assertEquals(nonceOf(reply), undefined);
});

Deno.test("a reply brings what the server says of itself", pure, () => {
  for (const kind of [{}, AUTHORITY, PLAIN]) {
    const server = { ...ATTIC, ...kind };
    assertEquals(decodeReply(encodeReply(NONCE, server), NONCE), server);
  }
});

Deno.test(
  "a reply to another question, or cut, or too long, is refused",
  pure,
  () => {
    const reply = encodeReply(NONCE, ATTIC);
    const other = NONCE.slice();
    other[15]! ^= 1;
    assertThrows(() => decodeReply(reply, other), ProtocolError);
    for (let end = 0; end < reply.length; end++) {
      assertThrows(
        () => decodeReply(reply.subarray(0, end), NONCE),
        ProtocolError,
      );
    }
    const padded = replyOf(JSON.stringify(ATTIC).padEnd(QUESTION_BYTES));
    assertThrows(() => decodeReply(padded, NONCE), ProtocolError, "longer");
  },
);

Deno.test(
  "a reply that says anything else is refused by both sides",
  pure,
  () => {
    const bad: Record<string, unknown>[] = [
      { name: "" },
      { name: "n".repeat(65) },
      { name: "two words" },
      { name: "esc\x1b[2J" },
      { name: "näs" },
      { port: 0 },
      { port: 65536 },
      { port: "6375" },
      { fingerprint: "f".repeat(42) },
      { fingerprint: null },
      { ...AUTHORITY, fingerprint: "f".repeat(43) },
      { ...AUTHORITY, host: "localhost" },
      { ...AUTHORITY, host: "127.0.0.1" },
      { ...AUTHORITY, host: "a b.org" },
      { ...AUTHORITY, host: `${"a.".repeat(126)}org` },
      { plain: true },
      { plain: true, ...AUTHORITY },
      { plain: "no" },
      { registration: "maybe" },
      { agent: "" },
      { agent: "a".repeat(33) },
      { agent: "a b" },
      { invite: "i".repeat(22) },
    ];
    for (const fields of bad) {
      const server = { ...ATTIC, ...fields } as Announcement;
      const json = JSON.stringify(server);
      assertThrows(
        () => decodeReply(replyOf(json), NONCE),
        ProtocolError,
        "",
        json,
      );
      assertThrows(() => encodeReply(NONCE, server), ProtocolError, "", json);
    }
    for (const json of ["", "null", "[]", "{}", "\ufeff{}", "1"]) {
      assertThrows(() => decodeReply(replyOf(json), NONCE), ProtocolError);
    }
  },
);

Deno.test(
  "a damaged reply gives an announcement or a ProtocolError",
  pure,
  () => {
    const random = new Random(6375);
    const reply = encodeReply(NONCE, ATTIC);
    for (let round = 0; round < 2000; round++) {
      const damaged = reply.slice();
      damaged[random.below(damaged.length)] = random.below(256);
      try {
        decodeReply(damaged, NONCE);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    }
  },
);
