/** Frames that break the rules, and what the server has to say about each. */

import {
  FrameKind,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
} from "../../protocol/frame.ts";
import { Random } from "../helpers/random.ts";
import { toBytes } from "../helpers/test_client.ts";

export interface HostileFrame {
  name: string;
  bytes: Uint8Array;
  /** A part of the error's message. */
  reason: string;
}

/** A frame's header, true or not. */
export function header(length: number, kind: number): Uint8Array {
  const bytes = new Uint8Array(5);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  view.setUint8(4, kind);
  return bytes;
}

/** A control frame with any payload. */
export function control(payload: string | Uint8Array): Uint8Array {
  const bytes = toBytes(payload);
  return Uint8Array.of(...header(bytes.length, FrameKind.control), ...bytes);
}

function frame(
  name: string,
  bytes: Uint8Array,
  reason: string,
): HostileFrame {
  return { name, bytes, reason };
}

const message = (name: string, json: string, reason: string) =>
  frame(name, control(json), reason);

const text = (name: string, hex: string) =>
  frame(
    name,
    control(Uint8Array.fromHex(`7b2274797065223a22${hex}227d`)),
    "not UTF-8",
  );

/** Refused whoever sends them, and whenever. */
export const HOSTILE_FRAMES: readonly HostileFrame[] = [
  frame("HTTP", toBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "frame kind 47"),
  frame("SSH", toBytes("SSH-2.0-OpenSSH_9.6\r\n"), "frame kind"),
  frame("noise", new Random(7).bytes(3000), "frame kind"),
  frame(
    "a TLS hello",
    Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
    "the peer speaks TLS",
  ),
  frame(
    "a length of 4 GiB",
    header(2 ** 32 - 1, 1),
    "4294967295 bytes is over",
  ),
  frame("a length of 2 GiB", header(2 ** 31, 2), "2147483648 bytes is over"),
  frame("a length of 0", header(0, FrameKind.control), "no payload"),
  frame("a kind of 0", header(10, 0), "frame kind 0"),
  frame("a kind of 3", header(10, 3), "frame kind 3"),
  frame("a kind of 255", header(10, 255), "frame kind 255"),
  frame(
    "a control frame that is too long for anybody",
    header(MAX_CONTROL_BYTES + 1, FrameKind.control),
    "over the limit",
  ),
  frame(
    "a data frame that is too long",
    header(MAX_DATA_BYTES + 1, FrameKind.data),
    "over the limit",
  ),
  text("a byte that is none of UTF-8", "ff"),
  text("an overlong slash", "c0af"),
  text("a surrogate in UTF-8", "eda080"),
  text("a code point that is too large", "f4908080"),
  frame(
    "a byte order mark",
    control(Uint8Array.of(0xef, 0xbb, 0xbf, ...toBytes('{"type":"ping"}'))),
    "not JSON",
  ),
  message("what is not JSON", "{'type': 'ping'}", "not JSON"),
  message("a NUL", "\0", "not JSON"),
  message("two objects", '{"type":"ping"}{"type":"ping"}', "not JSON"),
  message("JSON of many levels", "[".repeat(4000), "not JSON"),
  message(
    "a list of many levels",
    "[".repeat(2000) + "]".repeat(2000),
    "not an object",
  ),
  message("a list", "[]", "not an object"),
  message("null", "null", "not an object"),
  message("an object without a type", "{}", "not an object with a type"),
  message("a type that is inherited", '{"__proto__":{"type":"ping"}}', "type"),
  message("a type that is a number", '{"type":1}', "type is unknown"),
  message("an unknown type", '{"type":"exec"}', "type is unknown"),
  message(
    "a type of every object",
    '{"type":"constructor"}',
    "type is unknown",
  ),
  message("a field too many", '{"type":"ping","x":1}', "unknown field"),
  message("a prototype", '{"type":"ping","__proto__":{}}', "unknown field"),
  message(
    "a lone surrogate",
    '{"type":"stat","path":"\\ud800"}',
    "not valid Unicode",
  ),
  message(
    "a path that is a list",
    '{"type":"stat","path":[""]}',
    "not a string",
  ),
  message("a path that leaves", '{"type":"stat","path":"../x"}', "'..' is not"),
  message("a path with NUL", '{"type":"stat","path":"a\\u0000"}', "control"),
  ...["1e400", "-1", "0.5", "9007199254740992", '"1"', "true", "[1]"].map(
    (size) =>
      message(
        `a size of ${size}`,
        `{"type":"commit","size":${size},"sha256":"${"0".repeat(64)}"}`,
        "size is not",
      ),
  ),
];
