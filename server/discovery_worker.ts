/**
 * Worker entry, started by discovery.ts: replies to those who look for servers,
 * with the network and nothing else. A flood of questions has its thread, and
 * not that of any client.
 */

import {
  type DiscoveryFacts,
  DiscoveryResponder,
} from "./discovery_responder.ts";
import { flushLog, logEvent, type LogFormat, setLogFormat } from "./log.ts";
import { checkDiscoverySandbox } from "./sandbox.ts";
import { DISCOVERY_PORT } from "../protocol/discovery.ts";

/** The only message to the Worker. */
export interface DiscoveryStart extends DiscoveryFacts {
  logFormat: LogFormat;
}

addEventListener("message", async (event) => {
  const { data } = event as MessageEvent<DiscoveryStart>;
  setLogFormat(data.logFormat);
  try {
    const denied = (await checkDiscoverySandbox()).join(",");
    const responder = new DiscoveryResponder(data);
    const { name } = data.server;
    logEvent("discovery", { port: DISCOVERY_PORT, name, denied });
    void responder.run();
  } catch (error) {
    logEvent("discovery-off", { reason: String(error) });
    flushLog();
    // Gives back what it has opened, and its memory.
    close();
  }
});
