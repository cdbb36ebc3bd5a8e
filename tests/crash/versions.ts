/**
 * Files that tell what they are: a line with name, version and size, then bytes
 * that follow from these. Whoever finds one on a disk sees whether it is whole.
 */

import { Buffer } from "node:buffer";
import { Random } from "../helpers/random.ts";

/** One content of one file. */
export interface Version {
  name: string;
  /** Grows with every put of this name; from 1 on. */
  number: number;
  /** Bytes in all; at least {@link MIN_BYTES}. */
  size: number;
}

/** Room for the line that tells. */
export const MIN_BYTES = 256;

const LINE_FEED = 10;

export function contentOf({ name, number, size }: Version): Uint8Array {
  const header = new TextEncoder().encode(
    JSON.stringify({ name, number, size }) + "\n",
  );
  const random = new Random(number * 0x10001 + size);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  const bytes = new Uint8Array(words.buffer, 0, size);
  bytes.set(header);
  return bytes;
}

/** Which version some bytes are; undefined when they are none, such as half of one. */
export function versionOf(bytes: Uint8Array): Version | undefined {
  const end = bytes.subarray(0, MIN_BYTES).indexOf(LINE_FEED);
  if (end < 0) return undefined;
  let version: Version;
  try {
    version = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  } catch {
    return undefined;
  }
  // Before the bytes are made again: a torn header may claim any size.
  if (version.size !== bytes.length) return undefined;
  return Buffer.compare(contentOf(version), bytes) === 0 ? version : undefined;
}
