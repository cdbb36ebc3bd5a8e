/** Random secrets as text, and the form in which the database keeps them. */

import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";

/** So many random bytes in base64url. */
export function newSecret(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}

/**
 * What stands for a secret in the database: who reads it there cannot use it.
 * A plain hash is enough, because nobody can try all secrets of 128 bits.
 */
export function hashSecret(secret: string): Uint8Array {
  return createHash("sha256").update(secret).digest();
}

/** The bytes as text, to be a key of a map. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
