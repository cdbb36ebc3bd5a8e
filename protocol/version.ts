/** Which netdisk this is, and what it calls itself on the wire (SPEC.md 1 and 4). */

import { PARCELS } from "./parcels.ts";
import config from "../deno.json" with { type: "json" };

/** The released version, as in deno.json. */
export const VERSION: string = config.version;

/** The protocol's version in the `hello` messages. */
export const PROTOCOL_VERSION = 1;

/** The protocol's name in the TLS handshake (ALPN). */
export const ALPN = "netdisk/1";

/** NDSK on a phone's keys. */
export const DEFAULT_PORT = 6375;

/** What this build can do beyond the base of SPEC.md. */
export const CAPABILITIES: readonly string[] = [PARCELS];

/** How this build names itself to its peer. */
export const AGENT = `netdisk/${VERSION}`;
