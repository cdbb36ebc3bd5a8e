/** The options of `netdisk serve`: what they are called, and what they mean. */

import { parseServerLink } from "../protocol/link.ts";
import { parseSize } from "../protocol/size.ts";
import { DEFAULT_PORT } from "../protocol/version.ts";
import { badSetting } from "./config_file.ts";
import { DEFAULT_MAX_CONNECTIONS } from "./connection_limits.ts";
import { DEFAULT_MIN_RATE } from "./deadlines.ts";
import { parseReserve, type Reserve } from "./free_space.ts";
import type { LogFormat } from "./log.ts";
import {
  DEFAULT_METRICS_PORT,
  type MetricsAddress,
  parseMetricsAddress,
} from "./metrics_address.ts";
import { PARTIAL_EXPIRY_MS } from "./partials.ts";
import { parseQuota } from "./quota_limits.ts";
import type { Registration } from "./worker_messages.ts";

const DAY_MS = 24 * 3600 * 1000;

/** The storage root where none is named. */
export const DEFAULT_ROOT = "./netdisk-data";
const DEFAULT_LISTEN = `0.0.0.0:${DEFAULT_PORT}`;

/** How an option is described; as a setting of a file it is given once. */
export interface ServeOptionSpec {
  name: string;
  value?: string;
  names?: "local";
  description: string;
  choices?: readonly string[];
  repeat?: never;
}

export const OPTIONS = [
  {
    name: "config",
    value: "FILE",
    names: "local",
    description:
      "read these options from a file of lines such as 'quota = 10G'; the command line comes first",
  },
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
      "who may register: invite is holders of the printed link and this machine (the default), open is everybody, closed nobody",
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
    name: "metrics",
    value: "HOST:PORT",
    description:
      `tell Prometheus how the server does, at http://HOST:PORT/metrics (port ${DEFAULT_METRICS_PORT} if none is given); on this machine only, as there is neither password nor encryption`,
  },
  {
    name: "log-format",
    value: "FORMAT",
    choices: ["text", "json"],
    description:
      "the lines of the log: key=value for people (text, the default) or an object each (json)",
  },
  {
    name: "no-discovery",
    description: "do not answer those who look for servers on the network",
  },
  {
    name: "plain",
    description: "do not encrypt; only for a network that you trust",
  },
] as const satisfies readonly ServeOptionSpec[];

/** The parsed values of {@link OPTIONS}. */
export interface ServeOptions {
  config: string | undefined;
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
  metrics: string | undefined;
  logFormat: LogFormat | undefined;
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
  /** Where Prometheus may ask; null is nowhere. */
  metrics: MetricsAddress | null;
  logFormat: LogFormat;
  /** Whether others on the network may find the server. */
  discovery: boolean;
}

/**
 * Checks all of them before anything is touched.
 *
 * @param labelOf what an error calls an option: where it was set
 * @throws NetdiskError `usage`
 */
export function readOptions(
  options: ServeOptions,
  labelOf = (name: string) => `--${name}`,
): ServeSettings {
  checkTogether(options, labelOf);
  /** The value of an option; `parse` gives undefined for a text that is not what is `expected`. */
  function read<Value, Default>(
    name: string,
    text: string | undefined,
    { parse, expected, standard }: {
      parse: (text: string) => Value | undefined;
      expected: string;
      standard: Default;
    },
  ): Value | Default {
    if (text === undefined) return standard;
    const value = parse(text);
    if (value !== undefined) return value;
    throw badSetting(labelOf(name), `'${text}' is ${expected}`);
  }
  const { host, port } = read("listen", options.listen, {
    parse: parseListen,
    expected: "not HOST:PORT",
    standard: parseListen(DEFAULT_LISTEN)!,
  });
  return {
    folder: options.root ?? DEFAULT_ROOT,
    hostname: host,
    port,
    registration: options.registration ?? "invite",
    minFree: read("min-free", options.minFree, {
      parse: parseReserve,
      expected: "no size such as 500M, 2G or 5%",
      standard: null,
    }),
    quota: read("quota", options.quota, {
      parse: parseDefaultQuota,
      expected: "no size such as 500M or 10G, and not none",
      standard: null,
    }),
    keepMs: read("keep-partials", options.keepPartials, {
      parse: (text) => parseNumber(text, /^\d{1,4}$/, DAY_MS),
      expected: "no number of days from 0 to 9999",
      standard: PARTIAL_EXPIRY_MS,
    }),
    maxConnections: read("max-connections", options.maxConnections, {
      parse: (text) => parseNumber(text, /^[1-9]\d{0,6}$/),
      expected: "no number of connections from 1 to 9999999",
      standard: null,
    }),
    minRate: read("min-rate", options.minRate, {
      parse: parseSize,
      expected: "no size such as 1K, 100K or 0",
      standard: DEFAULT_MIN_RATE,
    }),
    metrics: options.metrics === undefined
      ? null
      : parseMetricsAddress(options.metrics, labelOf("metrics")),
    logFormat: options.logFormat ?? "text",
    discovery: !options.noDiscovery,
  };
}

function checkTogether(
  { tlsCert, tlsKey, plain }: ServeOptions,
  labelOf: (name: string) => string,
): void {
  if (tlsCert !== undefined && tlsKey === undefined) {
    throw badSetting(labelOf("tls-cert"), "it needs tls-key as well");
  }
  if (tlsKey !== undefined && tlsCert === undefined) {
    throw badSetting(labelOf("tls-key"), "it needs tls-cert as well");
  }
  if (plain && tlsCert !== undefined) {
    throw badSetting(labelOf("plain"), "it excludes tls-cert");
  }
}

/** `HOST:PORT`, `HOST` or `:PORT`; unlike in a link the port may be 0. */
function parseListen(text: string): { host: string; port: number } | undefined {
  const match = /^(?<host>\[.*\]|[^:]+|(?=:))(?::(?<port>\d{1,5}))?$/.exec(
    text,
  );
  const { host = "", port: digits } = match?.groups ?? {};
  const port = Number(digits ?? DEFAULT_PORT);
  // A link is no place to listen on, and a number alone is likely a port.
  if (!match || port > 65535 || /\/|^\d+$/.test(host)) return undefined;
  try {
    return { host: parseServerLink(host || "0.0.0.0").host, port };
  } catch {
    return undefined;
  }
}

/** Bytes; null is without limit. */
function parseDefaultQuota(text: string): number | null | undefined {
  const quota = parseQuota(text);
  if (quota === "none") return null;
  return typeof quota === "number" ? quota : undefined;
}

function parseNumber(
  text: string,
  form: RegExp,
  unit = 1,
): number | undefined {
  return form.test(text) ? Number(text) * unit : undefined;
}
