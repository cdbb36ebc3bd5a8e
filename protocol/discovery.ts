/**
 * Finding servers by UDP: the question and the reply, each one datagram (SPEC.md
 * 10). Pure: bytes in, checked values out. A reply is never larger than the
 * question, so nobody can use a server to send somebody else more than they
 * send it.
 */

import { FINGERPRINT } from "./credentials.ts";
import { ProtocolError } from "./errors.ts";
import {
  boolean,
  type Infer,
  integer,
  nullable,
  object,
  oneOf,
  refuse,
  type Schema,
  text,
} from "./schema.ts";
import { DEFAULT_PORT } from "./version.ts";

/** The UDP port of questions, whatever TCP port a server has. */
export const DISCOVERY_PORT = DEFAULT_PORT;

/** Scoped to the local network (RFC 2365); its end is the port: 24 * 256 + 231. */
export const DISCOVERY_GROUP = "239.255.24.231";

/** The size of a question, and the most of a reply. */
export const QUESTION_BYTES = 512;

/** By which the asker knows the replies to its own question. */
export const NONCE_BYTES = 16;

const QUESTION_MAGIC = ascii("netdisk?\x01");
const REPLY_MAGIC = ascii("netdisk!\x01");
const HEADER_BYTES = REPLY_MAGIC.length + NONCE_BYTES;

/** A host name as far as it may be shown: no blank, no control character. */
const HOST_LABELS = /^[\w-]+(\.[\w-]+)*$/;
// A dot and letters at the end: neither an IP address nor `localhost`.
const DOMAIN_NAME = /^([\w-]+\.)+[A-Za-z][\w-]*$/;

const fields = object({
  name: text(64, HOST_LABELS),
  port: integer(1, 65535),
  plain: boolean,
  fingerprint: nullable(text(43, FINGERPRINT)),
  host: nullable(text(253, DOMAIN_NAME)),
  registration: oneOf(["open", "invite", "closed"]),
  agent: text(32, /^[\x21-\x7e]+$/),
});

/**
 * What a server says of itself. Its address is that of the datagram. With TLS it
 * has either the `fingerprint` of a self-signed certificate or the `host` that an
 * authority signed, without it neither.
 */
export type Announcement = Infer<typeof fields>;

/** Checks one. @throws ProtocolError */
export const announcement: Schema<Announcement> = (value, at) => {
  const checked = fields(value, at);
  const { plain, fingerprint, host } = checked;
  const proofs = [fingerprint, host].filter((proof) => proof !== null).length;
  if (proofs !== (plain ? 0 : 1)) {
    refuse(at, "does not say by what the server is known");
  }
  return checked;
};

/** @throws ProtocolError when the nonce has another length */
export function encodeQuestion(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const question = new Uint8Array(QUESTION_BYTES);
  question.set(header(QUESTION_MAGIC, nonce));
  return question;
}

/** The nonce of a question, a view of it; undefined for whatever is none. */
export function nonceOf(datagram: Uint8Array): Uint8Array | undefined {
  if (datagram.length !== QUESTION_BYTES) return undefined;
  if (!startsWith(datagram, QUESTION_MAGIC)) return undefined;
  return datagram.subarray(QUESTION_MAGIC.length, HEADER_BYTES);
}

/** At most {@link QUESTION_BYTES}. @throws ProtocolError for what no reply may say */
export function encodeReply(
  nonce: Uint8Array,
  server: Announcement,
): Uint8Array<ArrayBuffer> {
  const json = ascii(JSON.stringify(announcement(server, "the server")));
  const reply = new Uint8Array(HEADER_BYTES + json.length);
  reply.set(header(REPLY_MAGIC, nonce));
  reply.set(json, HEADER_BYTES);
  return reply;
}

/**
 * The announcement in a reply to the question with this nonce.
 *
 * @throws ProtocolError for whatever is none
 */
export function decodeReply(
  datagram: Uint8Array,
  nonce: Uint8Array,
): Announcement {
  if (datagram.length > QUESTION_BYTES) {
    throw new ProtocolError("too-long", "a reply is longer than the question");
  }
  if (!startsWith(datagram, header(REPLY_MAGIC, nonce))) {
    throw new ProtocolError("bad-kind", "no reply to this question");
  }
  let value: unknown;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    value = JSON.parse(decoder.decode(datagram.subarray(HEADER_BYTES)));
  } catch (cause) {
    throw new ProtocolError("bad-text", "a reply is not JSON", { cause });
  }
  return announcement(value, "reply");
}

function header(magic: Uint8Array, nonce: Uint8Array): Uint8Array {
  if (nonce.length !== NONCE_BYTES) {
    throw new ProtocolError("bad-message", `a nonce has ${NONCE_BYTES} bytes`);
  }
  return Uint8Array.of(...magic, ...nonce);
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length &&
    start.every((byte, index) => bytes[index] === byte);
}

function ascii(characters: string): Uint8Array {
  return new TextEncoder().encode(characters);
}
