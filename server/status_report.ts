/** What the main thread adds to the report of the serving Worker. */

import { cpuUsage } from "node:process";
import { VERSION } from "../protocol/version.ts";
import type { Report } from "./report.ts";

/** What does not change while a server runs. */
export interface ServerFacts {
  root: string;
  /** `HOST:PORT` */
  address: string;
  mode: "TLS" | "plain";
  maxConnections: number;
  /** Undefined where the system does not tell. */
  descriptors: number | undefined;
}

/** What the system knows of the process. */
export interface ProcessFacts {
  residentBytes: number;
  cpuSeconds: number;
  /** Null where only other ways than /proc lead to it. */
  openDescriptors: number | null;
  maxDescriptors: number | null;
}

/** All that `netdisk status` and the metrics tell; plain data. */
export interface Status extends Report {
  version: string;
  pid: number;
  /** When the server started, in milliseconds since 1970. */
  since: number;
  root: string;
  address: string;
  mode: "TLS" | "plain";
  maxConnections: number;
  process: ProcessFacts;
}

/** When this program was started, in milliseconds since 1970. */
const STARTED = Math.round(performance.timeOrigin);

export function makeStatus(facts: ServerFacts, report: Report): Status {
  const { descriptors, ...server } = facts;
  const { user, system } = cpuUsage();
  return {
    version: VERSION,
    pid: Deno.pid,
    since: STARTED,
    ...server,
    ...report,
    process: {
      residentBytes: Deno.memoryUsage().rss,
      cpuSeconds: (user + system) / 1e6,
      openDescriptors: countDescriptors(),
      maxDescriptors: descriptors ?? null,
    },
  };
}

function countDescriptors(): number | null {
  try {
    let count = 0;
    for (const _ of Deno.readDirSync("/proc/self/fd")) count++;
    // One of them was open for that only.
    return count - 1;
  } catch {
    return null;
  }
}
