/** The machine's networks: who is on them, and at which addresses it is reached. */

import { addressBytes } from "./address.ts";

/** As `Deno.networkInterfaces()` tells it. */
export type Interface = Pick<
  Deno.NetworkInterfaceInfo,
  "family" | "address" | "netmask"
>;

/** Listening on these is listening on all of the machine's addresses. */
export function isAnyAddress(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/**
 * The interfaces by whose IPv4 network a server that listens on `hostname` is
 * reached.
 */
export function networksReaching(
  hostname: string,
  interfaces: readonly Interface[],
): Interface[] {
  return interfaces.filter((network) =>
    network.family === "IPv4" &&
    (isAnyAddress(hostname) || isOnNetwork(hostname, network))
  );
}

/** Whether an address belongs to the network of an interface. */
export function isOnNetwork(address: string, network: Interface): boolean {
  const [bytes, own, mask] = [address, network.address, network.netmask]
    .map(addressBytes);
  if (!bytes || !own || !mask || bytes.length !== own.length) return false;
  return bytes.every((byte, at) => ((byte ^ own[at]!) & mask[at]!) === 0);
}

/**
 * The addresses at which other machines may reach a server that listens on
 * `hostname`, IPv4 first; none when it listens on loopback only.
 */
export function outsideAddresses(
  hostname: string,
  interfaces: readonly Interface[] = Deno.networkInterfaces(),
): string[] {
  if (!isAnyAddress(hostname)) {
    const loopback = hostname === "::1" || hostname.startsWith("127.");
    return loopback ? [] : [hostname];
  }
  const usable = interfaces.filter(({ address, family }) =>
    !/^(127\.|::1$|fe80:|169\.254\.)/.test(address) &&
    (family === "IPv4" || hostname === "::")
  );
  const addresses = ["IPv4", "IPv6"].flatMap((wanted) =>
    usable.filter(({ family }) => family === wanted)
  ).map(({ address }) => address);
  return [...new Set(addresses)];
}
