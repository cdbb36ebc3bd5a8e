/** IP addresses: two ways to write one are the same address. Pure. */

import { isIPv4, isIPv6 } from "node:net";

/** `::ffff:0:0/96`: an IPv4 address as a listener on IPv6 sees it. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** 4 or 16 bytes, undefined for what is no address; IPv4 written as IPv6 is IPv4. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  const spelling = spellIPv6(text);
  if (spelling === undefined) return undefined;
  const [head = [], tail = []] = spelling.split("::").map((part) =>
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

/** The host of `HOST:PORT` as formatAddress() of protocol/link.ts writes it, in one spelling. */
export function hostOf(address: string): string {
  return canonicalHost(
    address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1"),
  );
}

/** IPv6 as in RFC 5952 and without a zone, IPv4 always as IPv4; anything else as it is. */
export function canonicalHost(host: string): string {
  const bytes = addressBytes(host);
  if (!bytes) return host;
  return bytes.length === 4 ? bytes.join(".") : spellIPv6(host)!;
}

/**
 * Names whom an address belongs to: of IPv6 a customer has at least a /64, and
 * with it more addresses than anybody can count.
 */
export function networkOf(host: string): string {
  const bytes = addressBytes(host);
  if (!bytes) return host;
  if (bytes.length === 4) return bytes.join(".");
  const view = new DataView(bytes.buffer);
  const groups = [0, 2, 4, 6].map((at) => view.getUint16(at).toString(16));
  return `${groups.join(":")}::/64`;
}

/** 127.0.0.0/8, ::1, and the former written as IPv6. */
export function isLoopback(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === "::1" || /^127(\.\d{1,3}){3}$/.test(canonical);
}

/** In the one spelling of URLs, which have no zones and no IPv4 in it. */
function spellIPv6(text: string): string | undefined {
  if (!isIPv6(text)) return undefined;
  return new URL(`http://[${text.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
}
