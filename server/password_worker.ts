/**
 * Worker entry, started by supervisor.ts without any permission: scrypt in a
 * thread of its own, one password at a time. On the runtime's thread pool
 * hashing would hold up every file operation. Each message to the Worker brings
 * a port on which a PasswordHasher (passwords.ts) asks.
 */

import { Buffer } from "node:buffer";
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import type {
  PasswordAnswer,
  PasswordQuestion,
  ScryptParameters,
  StoredPassword,
} from "./passwords.ts";

const HASH_BYTES = 32;
const SALT_BYTES = 16;

addEventListener("message", (event) => {
  for (const port of (event as MessageEvent).ports) {
    port.onmessage = ({ data }) => port.postMessage(answer(data));
  }
});

function answer(question: PasswordQuestion & { id: number }): PasswordAnswer {
  const { id } = question;
  try {
    return { id, value: work(question) };
  } catch (error) {
    // An uncaught error here would end the whole process.
    return { id, fault: String(error) };
  }
}

function work(question: PasswordQuestion): StoredPassword | boolean {
  const { password } = question;
  if (question.kind === "hash") {
    const { n, r, p } = question.parameters;
    const salt = new Uint8Array(randomBytes(SALT_BYTES));
    return { salt, hash: scrypt(password, salt, { n, r, p }), n, r, p };
  }
  const { stored } = question;
  return timingSafeEqual(scrypt(password, stored.salt, stored), stored.hash);
}

function scrypt(
  password: string,
  salt: Uint8Array,
  { n, r, p }: ScryptParameters,
): Uint8Array<ArrayBuffer> {
  // Normalised, because keyboards and files may write one e with an accent in
  // two ways (RFC 8265, 4.2.2).
  const bytes = Buffer.from(password.normalize("NFC"), "utf8");
  const maxmem = 128 * r * (n + p) + 1024 * 1024;
  // A copy, because a Buffer's bytes lie in a pool that is posted as a whole.
  return new Uint8Array(
    scryptSync(bytes, salt, HASH_BYTES, { N: n, r, p, maxmem }),
  );
}
