/** Control payloads that are not quite what they should be. */

import type { Random } from "../../tests/helpers/random.ts";
import { join } from "./steps.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const PATHS = [
  "..",
  "../other",
  "../other/secret",
  "../../outside/secret",
  "w/../../other/secret",
  "/etc/passwd",
  "/",
  "w/",
  "w//a",
  ".",
  "./w",
  "w/.",
  "w\\..\\..\\other",
  "%2e%2e/other",
  "..;/other",
  "\u002e\u002e\u2215other",
  "file:///etc/passwd",
  "~root",
  "C:\\x",
  "NUL",
  "-rf",
  "$(touch x)",
  "w\u0000",
  "w/\u001b[2J",
  "w/\u202e",
  "w/\u0085",
  "w/\n",
  "x".repeat(255),
  "x".repeat(256),
  "é".repeat(127) + "x",
  "é".repeat(128),
  "a/".repeat(255) + "a",
  "a/".repeat(256) + "a",
  "a/".repeat(2047) + "aa",
  "a/".repeat(2048) + "a",
];

/** Values as they stand in JSON, or as they must not. */
const VALUES = [
  ...["null", "true", "false", "0", "-0", "1", "-1", "0.5", "1.0", "1e3"],
  ...["1e400", "-1e400", "1e-400", "4294967295", "4294967296", "2147483648"],
  ...[
    "9007199254740991",
    "9007199254740992",
    "-9007199254740993",
    "1" + "0".repeat(400),
  ],
  ...["8640000000000000", "8640000000000001", "-8640000000000001"],
  ...["NaN", "Infinity", "undefined", "01", "+1", "0x1", "'x'", ""],
  ...[
    '""',
    '"x"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"\\ufeff"',
    '"\u2028"',
  ],
  ...[
    "[]",
    "{}",
    "[null]",
    '{"__proto__":{"x":1}}',
    '{"size":1}',
    '"\\x"',
    '"',
  ],
  ...[
    `"${"x".repeat(1025)}"`,
    `"${"x".repeat(4097)}"`,
    `"${"\\u0001".repeat(700)}"`,
  ],
  ...["[".repeat(1500) + "]".repeat(1500), "[".repeat(3000)],
  ...['{"a":'.repeat(700) + "1" + "}".repeat(700), `[${"0,".repeat(1900)}0]`],
];

const NAMES = [
  ...["type", "__proto__", "constructor", "toString", "hasOwnProperty", ""],
  ...["path", "size", "sha256", "length", "\u0000", "x".repeat(500)],
];

/** The payload changed in one way; one that is no JSON gets a layer around it. */
export function trickJson(payload: Uint8Array, random: Random): Uint8Array {
  const fields = fieldsOf(payload);
  if (!fields) return wrap(payload, random);
  const at = random.below(fields.length);
  const [name, value] = fields[at]!;
  switch (random.below(8)) {
    case 0:
    case 1:
      fields[at] = [name, random.pick(VALUES)];
      break;
    case 2:
    case 3: {
      const places = fields.filter(([it]) => /path|from|to/.test(it));
      const place = places.length > 0 ? random.pick(places) : fields[at]!;
      place[1] = JSON.stringify(random.pick(PATHS));
      break;
    }
    case 4:
      fields.splice(random.below(fields.length + 1), 0, [
        name,
        random.once(2) ? value : random.pick(VALUES),
      ]);
      break;
    case 5:
      fields.push([random.pick(NAMES), random.pick(VALUES)]);
      break;
    case 6:
      fields.splice(at, 1);
      break;
    default:
      return wrap(payload, random);
  }
  return encode(fields);
}

type Field = [name: string, value: string];

/** The fields of an object, their values as JSON. */
function fieldsOf(payload: Uint8Array): Field[] | undefined {
  try {
    const value = JSON.parse(decoder.decode(payload));
    const fields = Object.entries(value as object)
      .map(([name, it]): Field => [name, JSON.stringify(it)]);
    return fields.length > 0 ? fields : undefined;
  } catch {
    return undefined;
  }
}

function encode(fields: readonly Field[]): Uint8Array {
  const parts = fields.map(([name, it]) => `${JSON.stringify(name)}:${it}`);
  return encoder.encode(`{${parts.join(",")}}`);
}

/** What can be wrong with any text. */
function wrap(payload: Uint8Array, random: Random): Uint8Array {
  const at = random.below(payload.length + 1);
  const [head, tail] = [payload.subarray(0, at), payload.subarray(at)];
  const bytes = (...them: number[]) => Uint8Array.from(them);
  const spaces = (length: number) =>
    encoder.encode(" ".repeat(Math.max(length - payload.length, 1)));
  switch (random.below(8)) {
    case 0:
      return join([bytes(0xef, 0xbb, 0xbf), payload]);
    case 1:
      return join([payload, random.pick([bytes(0), bytes(0x7d), payload])]);
    case 2: // An overlong slash, a surrogate, a lone continuation, too large.
      return join([
        head,
        random.pick([
          ...[bytes(0xc0, 0xaf), bytes(0xed, 0xa0, 0x80), bytes(0x80)],
          ...[bytes(0xf4, 0x90, 0x80, 0x80), bytes(0xff), bytes(0xc3)],
        ]),
        tail,
      ]);
    case 3:
      return join([bytes(0x5b), payload, bytes(0x5d)]);
    case 4:
      return join([
        payload,
        spaces(random.pick([4095, 4096, 4097, 65_535, 65_536, 65_537])),
      ]);
    case 5:
      return Uint8Array.from(payload.length === 0 ? [0] : payload)
        .map((byte) => byte ^ 0x20);
    case 6: // UTF-16
      return Uint8Array.from(
        { length: 2 * payload.length || 1 },
        (_, i) => i % 2 === 0 ? payload[i / 2] ?? 0 : 0,
      );
    default:
      return join([head, bytes(0), tail]);
  }
}
