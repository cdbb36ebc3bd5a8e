/**
 * Lets others on the local network find this server: what it says of itself, and
 * the Worker that says it. That it cannot is logged, and stops nothing.
 */

import {
  type Announcement,
  encodeReply,
  NONCE_BYTES,
} from "../protocol/discovery.ts";
import { AGENT } from "../protocol/version.ts";
import type { DiscoveryStart } from "./discovery_worker.ts";
import { logEvent, type LogFormat } from "./log.ts";
import { isAnyAddress } from "./networks.ts";
import { DISCOVERY_PERMISSIONS } from "./sandbox.ts";
import { startWorker } from "./workers.ts";

/** Replies to others until it is closed. */
export interface Discovery {
  close(): void;
}

/** Starts it; nothing waits for it. Never throws. */
export function startDiscovery(
  hostname: string,
  server: Omit<Announcement, "name" | "agent">,
  logFormat: LogFormat = "text",
): Discovery {
  const start: DiscoveryStart = {
    hostname,
    logFormat,
    server: { ...server, name: machineName(Deno.hostname()), agent: AGENT },
  };
  const reason = hostname.includes(":") && !isAnyAddress(hostname)
    ? "it is for IPv4 only"
    : faultOf(start.server);
  let worker: Worker | undefined;
  const end = (reason: string) => {
    worker?.terminate();
    logEvent("discovery-off", { reason });
  };
  if (reason !== undefined) end(reason);
  else {
    worker = startWorker(
      "discovery_worker",
      DISCOVERY_PERMISSIONS,
      (error) => end(error.message),
    );
    worker.postMessage(start);
  }
  return { close: () => worker?.terminate() };
}

/** The first label of a host name, as a reply may say it. */
export function machineName(hostname: string): string {
  const [label = ""] = hostname.split(".");
  return label.replace(/[^\w-]+/g, "-").slice(0, 64) || "netdisk";
}

/** Why no reply can say that, such as a certificate for a name without a dot. */
function faultOf(server: Announcement): string | undefined {
  try {
    encodeReply(new Uint8Array(NONCE_BYTES), server);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
