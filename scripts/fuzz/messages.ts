/**
 * Single frames, found out from the protocol itself: for each request values
 * that its fields accept, and what the test vectors hold, good and bad. What is
 * added to the protocol is covered without a change here.
 */

import { REQUESTS } from "../../protocol/messages.ts";
import type { Schema } from "../../protocol/schema.ts";
import type { Random } from "../../tests/helpers/random.ts";
import { sha256Of } from "../../tests/helpers/test_client.ts";
import {
  bytesOfHex,
  type LongText,
  longText,
} from "../../tests/helpers/vectors.ts";

const encoder = new TextEncoder();

/** Of every kind of value that there is something, at its limits where it has any. */
const CANDIDATES: readonly unknown[] = [
  ...[null, true, false, 0, 1, 2, 255, 65_535, 2 ** 31, 2 ** 32 - 1],
  ...[Number.MAX_SAFE_INTEGER, -1, 8.64e15, -8.64e15, 1_700_000_000_000],
  ...["", "w", "w/a", "w/part", "x".repeat(255), "a/".repeat(255) + "a"],
  ...["users/other", ".netdisk", "other/secret", "test/1", "é\u{1f600}"],
  ...["A".repeat(43), "A".repeat(22), sha256Of(""), "correct horse"],
  // Somebody to send to, and to send something back.
  ...["canary", "lane-0", "lane-1"],
  ...[[], ["resume"], {}, { size: 0, sha256: sha256Of("") }],
  ...[{ size: 2 ** 53 - 1, sha256: sha256Of("x") }],
];

/** These end sessions or have a password hashed, for which everybody else would wait. */
const LEFT_OUT = ["register", "login", "passwd", "logout"];

interface Shape {
  type: string;
  fields: [name: string, values: unknown[]][];
}

const SHAPES: readonly Shape[] = Object.entries(REQUESTS)
  .filter(([type]) => !LEFT_OUT.includes(type))
  .map(([type, fields]) => ({
    type,
    fields: Object.entries(fields as Record<string, Schema<unknown>>)
      .map(([name, schema]) => [name, acceptedBy(schema)]),
  }));

function acceptedBy(schema: Schema<unknown>): unknown[] {
  return CANDIDATES.filter((value) => {
    try {
      schema(value, "");
      return true;
    } catch {
      return false;
    }
  });
}

/** Some legal request. */
export function anyRequest(random: Random): Uint8Array {
  const { type, fields } = random.pick(SHAPES);
  const values = fields.map(([name, them]) =>
    // Nothing of ours fits a kind of value that is new.
    [name, them.length > 0 ? random.pick(them) : null] as const
  );
  return encoder.encode(
    JSON.stringify({ type, ...Object.fromEntries(values) }),
  );
}

interface MessageVector {
  from: "client" | "server";
  json?: LongText;
  hex?: LongText;
}

/** Payloads of the vectors, those of the server's answers too: they are as wrong. */
export const VECTOR_PAYLOADS: readonly Uint8Array[] = readVectors<
  MessageVector
>("messages").filter(({ json }) =>
  // A session must not end, nor a password be hashed.
  json === undefined || !LEFT_OUT.some((it) => longText(json).includes(it))
).map(({ json, hex }) =>
  json === undefined ? bytesOfHex(hex!) : encoder.encode(longText(json))
);

/** Whole streams of frames. */
export const VECTOR_STREAMS: readonly Uint8Array[] = readVectors<
  { hex: LongText }
>("frames").map(({ hex }) => bytesOfHex(hex));

function readVectors<T>(name: string): T[] {
  const url = new URL(`../../tests/vectors/${name}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url)).vectors;
}
