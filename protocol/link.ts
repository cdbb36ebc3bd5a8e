/**
 * Where a server is and how to know it: `HOST[:PORT]`, or the link
 * `netdisk://HOST:PORT#FINGERPRINT.INVITE` that `netdisk serve` prints
 * (SPEC.md 7).
 */

import { FINGERPRINT, INVITE } from "./credentials.ts";
import { NetdiskError } from "./errors.ts";
import { DEFAULT_PORT } from "./version.ts";

/** A server's address and what a link says about it. */
export interface ServerLink {
  /** A name or an IP address, without brackets. */
  host: string;
  port: number;
  /** SHA-256 of the server's certificate, base64url. */
  fingerprint?: string;
  /** Allows one to register. */
  invite?: string;
}

const SCHEME = "netdisk://";

// A host name or IPv4 address, or an IPv6 address in brackets; then the port.
const ADDRESS =
  /^(?:\[(?<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?<name>[\w.-]+))(?::(?<port>\d{1,5}))?$/;

/** Parses `HOST`, `HOST:PORT`, `[V6]:PORT` or a link. @throws NetdiskError `usage` */
export function parseServerLink(text: string): ServerLink {
  const isLink = text.startsWith(SCHEME);
  const body = isLink ? text.slice(SCHEME.length) : text;
  const hash = body.indexOf("#");
  const address = hash < 0 ? body : body.slice(0, hash);
  if (hash >= 0 && !isLink) throw badLink(`a link without ${SCHEME}`);
  const match = ADDRESS.exec(address.replace(/\/$/, ""));
  if (!match) throw badLink(isLink ? "the link" : `'${text}'`);
  const { v6, name, port } = match.groups!;
  const link: ServerLink = {
    host: (v6 ?? name)!.toLowerCase(),
    port: port === undefined ? DEFAULT_PORT : Number(port),
  };
  if (link.port < 1 || link.port > 65535) throw badLink(`port ${port}`);
  if (hash >= 0) parseFragment(body.slice(hash + 1), link);
  return link;
}

function parseFragment(fragment: string, link: ServerLink): void {
  const [fingerprint, invite, ...rest] = fragment.split(".");
  if (rest.length > 0) throw badLink("the part after '#'");
  if (fingerprint) {
    if (!FINGERPRINT.test(fingerprint)) throw badLink("the fingerprint");
    link.fingerprint = fingerprint;
  }
  if (invite !== undefined) {
    if (!INVITE.test(invite)) throw badLink("the invite");
    link.invite = invite;
  }
}

// What looks like a secret is not echoed: the invite is one.
function badLink(part: string): NetdiskError {
  return new NetdiskError("usage", `--server: ${part} is not valid`, {
    hint:
      "write HOST, HOST:PORT or the netdisk:// link that the server printed, in quotes",
  });
}

/** `HOST:PORT`, the brackets of IPv6 included. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The link as `netdisk serve` prints it. */
export function formatServerLink(link: ServerLink): string {
  const invite = link.invite ? `.${link.invite}` : "";
  const fragment = `${link.fingerprint ?? ""}${invite}`;
  return SCHEME + formatAddress(link.host, link.port) +
    (fragment ? `#${fragment}` : "");
}
