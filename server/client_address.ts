/** Where a client comes from, and which addresses are taken for one. Pure. */

/** The host of `HOST:PORT` as formatAddress() of protocol/link.ts writes it. */
export function hostOf(address: string): string {
  return canonicalHost(
    address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1"),
  );
}

/**
 * The one spelling of an address: IPv6 as in RFC 5952 and without a zone, IPv4
 * behind a socket of both kinds (`::ffff:192.0.2.1`) as IPv4.
 */
export function canonicalHost(host: string): string {
  const groups = groupsOf(host);
  if (!groups) return host;
  if (groups.slice(0, 5).every((n) => n === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  }
  return parseV6(host)!;
}

/**
 * Who is counted as one: an IPv4 address, or the /64 of an IPv6 one, in which
 * anybody has as many addresses as they like.
 */
export function networkOf(host: string): string {
  const canonical = canonicalHost(host);
  const groups = groupsOf(canonical);
  if (!groups) return canonical;
  const prefix = groups.slice(0, 4).map((n) => n.toString(16)).join(":");
  return `${prefix}::/64`;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === "::1" || /^127(\.\d{1,3}){3}$/.test(canonical);
}

/** The eight numbers of an IPv6 address; undefined for everything else. */
function groupsOf(host: string): number[] | undefined {
  const text = parseV6(host);
  if (text === undefined) return undefined;
  const [head = [], tail = []] = text.split("::").map((part) =>
    part === "" ? [] : part.split(":").map((digits) => parseInt(digits, 16))
  );
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail];
}

/** An IPv6 address in the spelling of URLs, which have no zones. */
function parseV6(host: string): string | undefined {
  if (!host.includes(":")) return undefined;
  const url = URL.parse(`http://[${host.replace(/%.*$/, "")}]/`);
  return url?.hostname.slice(1, -1);
}
