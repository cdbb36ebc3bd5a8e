/** Where Prometheus may ask: only on the server's own machine. */

import { NetdiskError } from "../protocol/errors.ts";
import { isLoopback } from "./address.ts";

/** Where `--metrics` names no port. */
export const DEFAULT_METRICS_PORT = 9463;

export interface MetricsAddress {
  /** An IP address of the loopback. */
  hostname: string;
  /** 0 takes a free one. */
  port: number;
}

const ADDRESS = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+))(?::(?<port>\d{1,5}))?$/;

/**
 * Reads `127.0.0.1:9463`, `[::1]`, `localhost:0`.
 *
 * @param label what an error calls the option: where it was set
 * @throws NetdiskError `usage`; for other machines, with what to do instead
 */
export function parseMetricsAddress(
  text: string,
  label: string,
): MetricsAddress {
  const { v4, v6, port: digits } = ADDRESS.exec(text)?.groups ?? {};
  const host = v6 ?? (v4 === "localhost" ? "127.0.0.1" : v4);
  const port = Number(digits ?? DEFAULT_METRICS_PORT);
  if (host === undefined || port > 65535) {
    throw new NetdiskError("usage", `${label}: '${text}' is not HOST:PORT`, {
      hint: "netdisk help serve",
    });
  }
  if (isLoopback(host)) return { hostname: host, port };
  if (/^\d{1,5}$/.test(text)) {
    throw new NetdiskError("usage", `${label}: '${text}' has no address`, {
      hint: `--metrics 127.0.0.1:${text}`,
    });
  }
  throw new NetdiskError(
    "usage",
    `${label}: '${text}' is not on this machine, and metrics are told here only, such as on 127.0.0.1:${DEFAULT_METRICS_PORT}`,
    {
      hint:
        "for a Prometheus elsewhere, put a proxy with TLS and a password before it, or an SSH tunnel",
    },
  );
}
