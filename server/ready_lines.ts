/** The lines that `netdisk serve` prints when it is ready: how clients reach it and know it again. */

import {
  formatAddress,
  formatServerLink,
  type ServerLink,
} from "../protocol/link.ts";
import { DEFAULT_PORT, VERSION } from "../protocol/version.ts";
import type { Identity } from "./identity.ts";
import { isAnyAddress, outsideAddresses } from "./networks.ts";
import type { ReadyMessage, Registration } from "./worker_messages.ts";

/** Where they go; the client's Output has it. */
export interface ReadyOutput {
  print(line: string): void;
  record(type: string, fields: Record<string, unknown>): void;
  flush(): void;
}

/** What they are about. */
interface ReadyServer {
  /** The storage root, as it was written. */
  folder: string;
  /** Null serves plain TCP. */
  identity: Identity | null;
  registration: Registration;
  ready: ReadyMessage;
}

/** Prints the ready line and the commands with which users come in. */
export function printReady(
  output: ReadyOutput,
  { folder, identity, registration, ready }: ReadyServer,
): void {
  const { hostname, port, invite } = ready;
  const address = formatAddress(hostname, port);
  const mode = identity ? "TLS" : "plain";
  const name = certifiedName(identity);
  const outside = outsideAddress(hostname, identity);
  const link = formatServerLink({
    ...linkOf(identity, ready),
    ...(invite === null ? {} : { invite }),
  });
  const verb = registration === "closed" ? "login" : "register";
  const plain = identity ? "" : " --plain";
  // Named always: a client that was elsewhere before would go there.
  const here = name ?? localName(hostname);
  const local = ` --server ${
    port === DEFAULT_PORT ? formatHost(here) : formatAddress(here, port)
  }`;
  // A certificate of an authority is good for its name only.
  const addresses = (name === undefined ? outsideAddresses(hostname) : [name])
    .map((host) => formatAddress(host, port));
  output.record("ready", {
    root: folder,
    hostname,
    port,
    mode,
    link,
    addresses,
  });
  output.print(`netdisk ${VERSION} serving ${folder} on ${address} (${mode})`);
  output.print(`From this machine:   netdisk ${verb} NAME${local}${plain}`);
  const where = outside === undefined
    ? "Link:               "
    : "From another one:   ";
  output.print(`${where} netdisk ${verb} NAME --server '${link}'${plain}`);
  if (addresses.length > 1) {
    output.print(`Also at:             ${addresses.slice(1).join(", ")}`);
  }
  output.flush();
}

/** How others reach the server and know it again. */
export function linkOf(
  identity: Identity | null,
  { hostname, port }: ReadyMessage,
): ServerLink {
  const outside = outsideAddress(hostname, identity);
  return {
    host: outside ?? certifiedName(identity) ?? hostname,
    port,
    // A certificate of an authority is renewed; its name is what stays.
    ...(identity?.selfSigned ? { fingerprint: identity.fingerprint } : {}),
  };
}

/** An address under which other machines may reach us, if they may at all. */
function outsideAddress(
  hostname: string,
  identity: Identity | null,
): string | undefined {
  const [best] = outsideAddresses(hostname);
  const name = certifiedName(identity);
  if (isAnyAddress(hostname)) return name ?? best ?? Deno.hostname();
  return best && (name ?? best);
}

/** The name that clients must use for a certificate of an authority. */
export function certifiedName(identity: Identity | null): string | undefined {
  if (!identity || identity.selfSigned) return undefined;
  return identity.names.find((n) => !n.includes("*") && n !== "localhost") ??
    identity.names.find((name) => !name.includes("*"));
}

function localName(hostname: string): string {
  return isAnyAddress(hostname) || hostname === "127.0.0.1"
    ? "localhost"
    : hostname;
}

function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
