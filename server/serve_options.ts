/** The options of `netdisk serve`: what they are called, and what they mean. */

import { NetdiskError } from "../protocol/errors.ts";
import { parseServerLink } from "../protocol/link.ts";
import { parseSize } from "../protocol/size.ts";
import { DEFAULT_PORT } from "../protocol/version.ts";
import { DEFAULT_MAX_CONNECTIONS } from "./connection_limits.ts";
import { DEFAULT_MIN_RATE } from "./deadlines.ts";
import { parseReserve, type Reserve } from "./free_space.ts";
import { PARTIAL_EXPIRY_MS } from "./partials.ts";
import { parseQuota } from "./quota_limits.ts";
import type { Registration } from "./worker_messages.ts";

const DAY_MS = 24 * 3600 * 1000;

/** The storage root where none is named. */
export const DEFAULT_ROOT = "./netdisk-data";
const DEFAULT_LISTEN = `0.0.0.0:${DEFAULT_PORT}`;

export const OPTIONS = [
  {
    name: "root",
    value: "DIR",
    names: "local",
    description:
      `the folder to serve, made if missing (default ${DEFAULT_ROOT})`,
  },
  {
    name: "listen",
    value: "HOST:PORT",
    description:
      `the address to listen on (default ${DEFAULT_LISTEN}); port 0 takes a free one`,
  },
  {
    name: "registration",
    value: "WHO",
    choices: ["invite", "open", "closed"],
    description:
      "who may register: holders of the printed link and this machine (invite, the default), everybody, nobody",
  },
  {
    name: "tls-cert",
    value: "FILE",
    names: "local",
    description: "a certificate of your own with its chain (PEM)",
  },
  {
    name: "tls-key",
    value: "FILE",
    names: "local",
    description: "the certificate's private key (PEM)",
  },
  {
    name: "min-free",
    value: "SIZE",
    description:
      "refuse uploads when the disk has less room than this, such as 500M, 2G or 5% (default 1% or 256M, the smaller)",
  },
  {
    name: "quota",
    value: "SIZE",
    description:
      "how much each user may store, such as 500M or 10G, unless an admin gave the user another quota (default none)",
  },
  {
    name: "keep-partials",
    value: "DAYS",
    description:
      "how long what came of an interrupted upload waits for the rest (default 7)",
  },
  {
    name: "max-connections",
    value: "N",
    description:
      `the most connections at a time (default ${DEFAULT_MAX_CONNECTIONS}, or what the system allows); one address and one user get a quarter of them`,
  },
  {
    name: "min-rate",
    value: "SIZE",
    description:
      "end transfers that are slower than so many bytes a second over a minute (default 1K; with 0 only those that stand still)",
  },
  {
    name: "no-discovery",
    description: "do not answer those who look for servers on the network",
  },
  {
    name: "plain",
    description: "do not encrypt; only for a network that you trust",
  },
] as const;

/** The parsed values of {@link OPTIONS}. */
export interface ServeOptions {
  root: string | undefined;
  listen: string | undefined;
  registration: Registration | undefined;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  minFree: string | undefined;
  quota: string | undefined;
  keepPartials: string | undefined;
  maxConnections: string | undefined;
  minRate: string | undefined;
  noDiscovery: boolean;
  plain: boolean;
}

/** What the options come to. */
export interface ServeSettings {
  /** The storage root, as it was written. */
  folder: string;
  hostname: string;
  port: number;
  registration: Registration;
  minFree: Reserve | null;
  /** Bytes that each user may have; null is without limit. */
  quota: number | null;
  keepMs: number;
  /** Null is the default. */
  maxConnections: number | null;
  /** Bytes a second; 0 is any. */
  minRate: number;
  /** Whether others on the network may find the server. */
  discovery: boolean;
}

/** Checks all of them before anything is touched. @throws NetdiskError `usage` */
export function readOptions(options: ServeOptions): ServeSettings {
  checkTogether(options);
  const { host, port } = parseListen(options.listen ?? DEFAULT_LISTEN);
  return {
    folder: options.root ?? DEFAULT_ROOT,
    hostname: host,
    port,
    registration: options.registration ?? "invite",
    minFree: parseMinFree(options.minFree),
    quota: parseDefaultQuota(options.quota ?? "none"),
    keepMs: parseKeep(options.keepPartials),
    maxConnections: parseMaxConnections(options.maxConnections),
    minRate: parseMinRate(options.minRate),
    discovery: !options.noDiscovery,
  };
}

function checkTogether({ tlsCert, tlsKey, plain }: ServeOptions): void {
  const fault = (tlsCert === undefined) !== (tlsKey === undefined)
    ? "--tls-cert and --tls-key go together"
    : plain && tlsCert !== undefined
    ? "--plain and --tls-cert exclude each other"
    : undefined;
  if (fault) {
    throw new NetdiskError("usage", `serve: ${fault}`, {
      hint: "netdisk help serve",
    });
  }
}

/** `HOST:PORT`, `HOST` or `:PORT`; unlike in a link the port may be 0. */
function parseListen(text: string): { host: string; port: number } {
  const match = /^(?<host>.*?):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port ?? DEFAULT_PORT);
  const host = match ? match.groups!.host || "0.0.0.0" : text;
  // A link is no place to listen on.
  if (port > 65535 || host.includes("/")) throw badListen(text);
  try {
    return { host: parseServerLink(host).host, port };
  } catch {
    throw badListen(text);
  }
}

function parseMinFree(text: string | undefined): Reserve | null {
  if (text === undefined) return null;
  const reserve = parseReserve(text);
  if (reserve) return reserve;
  throw new NetdiskError(
    "usage",
    `--min-free '${text}' is no size such as 500M, 2G or 5%`,
    { hint: "netdisk help serve" },
  );
}

function parseDefaultQuota(text: string): number | null {
  const quota = parseQuota(text);
  if (quota === "none") return null;
  if (typeof quota === "number") return quota;
  throw new NetdiskError(
    "usage",
    `--quota '${text}' is no size such as 500M or 10G, and not none`,
    { hint: "netdisk help serve" },
  );
}

/** Days, as milliseconds. */
function parseKeep(text: string | undefined): number {
  if (text === undefined) return PARTIAL_EXPIRY_MS;
  if (/^\d{1,4}$/.test(text)) return Number(text) * DAY_MS;
  throw new NetdiskError(
    "usage",
    `--keep-partials '${text}' is no number of days`,
    { hint: "netdisk help serve" },
  );
}

function parseMaxConnections(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new NetdiskError(
    "usage",
    `--max-connections '${text}' is no number of connections from 1 to 9999999`,
    { hint: "netdisk help serve" },
  );
}

function parseMinRate(text: string | undefined): number {
  if (text === undefined) return DEFAULT_MIN_RATE;
  const rate = parseSize(text);
  if (rate !== undefined) return rate;
  throw new NetdiskError(
    "usage",
    `--min-rate '${text}' is no size such as 1K, 100K or 0`,
    { hint: "netdisk help serve" },
  );
}

function badListen(text: string): NetdiskError {
  return new NetdiskError("usage", `--listen '${text}' is not HOST:PORT`, {
    hint: "netdisk help serve",
  });
}
