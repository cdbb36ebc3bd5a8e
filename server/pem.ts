/** PEM texts (RFC 7468): finds the blocks, and leaves what is in them alone. */

import { Buffer } from "node:buffer";

/** One block, from `-----BEGIN LABEL-----` to its end. */
export interface PemBlock {
  label: string;
  /** The block as text, with a line end. */
  text: string;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[^]*?-----END \1-----/g;

/** The blocks of a file in their order; text around them is passed over. */
export function pemBlocks(text: string): PemBlock[] {
  return Array.from(text.matchAll(BLOCK), ([block, label]) => ({
    label: label!,
    text: block.replaceAll("\r", "") + "\n",
  }));
}

/** The bytes that a block without headers stands for. */
export function pemBytes({ text }: PemBlock): Uint8Array<ArrayBuffer> {
  const base64 = text.trimEnd().split("\n").slice(1, -1).join("");
  return new Uint8Array(Buffer.from(base64, "base64"));
}
