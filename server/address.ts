/** IP addresses as bytes: two ways to write one are the same address. */

import { isIPv4, isIPv6 } from "node:net";

/** `::ffff:0:0/96`: an IPv4 address as a listener on IPv6 sees it. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** 4 or 16 bytes, undefined for what is no address; IPv4 written as IPv6 is IPv4. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text) || text.includes("%")) return undefined;
  // Without IPv4 in it, and with one `::` at most.
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = canonical.split("::").map((part) =>
    part.split(":").filter(Boolean).map((group) => parseInt(group, 16))
  );
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0);
  const groups = [...head, ...zeros, ...tail];
  return unmapped(
    Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])),
  );
}

/** Takes an IPv4 address out of its IPv6 form. */
export function unmapped(bytes: Uint8Array): Uint8Array {
  const isMapped = bytes.length === 16 &&
    MAPPED.every((b, i) => bytes[i] === b);
  return isMapped ? bytes.slice(12) : bytes;
}

/**
 * Names whom an address belongs to: of IPv6 a customer has at least a /64, and
 * with it more addresses than anybody can count.
 */
export function networkOf(address: string): string {
  const bytes = addressBytes(address);
  if (!bytes) return address;
  return bytes.length === 4
    ? bytes.join(".")
    : `${bytes.subarray(0, 8).join(".")}/64`;
}
