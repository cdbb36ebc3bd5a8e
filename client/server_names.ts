/**
 * Short names for servers: what may be one, and which server a text means.
 * Pure; where names are kept is config.ts's business.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { nearest } from "../protocol/nearest.ts";
import {
  formatAddress,
  parseServerLink,
  type ServerLink,
} from "../protocol/link.ts";

/**
 * No dot and no colon, so that a name is neither an address nor a host with its
 * port; two characters, so that it is no drive of Windows either.
 */
const SHORT_NAME = /^[a-z][a-z0-9_-]{1,31}$/;

/** What stands in front of a name and the server that it is for. */
const ASSIGNMENT = /^(?<name>[^=:/#]*)=(?<server>.*)$/s;

/** A server that may have a short name. */
export interface NamedServer {
  address: string;
  name?: string;
}

/** What somebody wrote for a server. */
export interface ServerText {
  link: ServerLink;
  /** `HOST:PORT`. */
  address: string;
  /** Of `home=HOST`: the name that the server is to have. */
  newName: string | undefined;
  /** A short name that was perhaps meant, where there is none of this spelling. */
  guess: string | undefined;
}

/** Why a text cannot be a short name, or undefined when it can. */
export function shortNameFault(name: string): string | undefined {
  if (name === "localhost") return "localhost is always this machine";
  if (SHORT_NAME.test(name)) return undefined;
  return "a short name is 2 to 32 of a-z 0-9 _ - and starts with a letter";
}

/** @throws NetdiskError `usage` */
export function checkShortName(name: string): void {
  const fault = shortNameFault(name);
  if (fault) throw new NetdiskError("usage", `'${name}': ${fault}`);
}

/**
 * Reads a short name, an address, a link, or `NAME=` and one of them. A short name
 * comes before a host of the same name, which is reached as `HOST:PORT`.
 *
 * @throws NetdiskError `usage`
 */
export function parseServer(
  text: string,
  servers: readonly NamedServer[],
): ServerText {
  const { name: newName, server = text } = ASSIGNMENT.exec(text)?.groups ?? {};
  if (newName !== undefined) checkShortName(newName);
  const saved = servers.find(({ name }) => name === server);
  const link = parseServerLink(saved?.address ?? server);
  const guess = saved
    ? undefined
    : nearest(server, servers.flatMap(({ name }) => name ?? []));
  return { link, address: formatAddress(link.host, link.port), newName, guess };
}
