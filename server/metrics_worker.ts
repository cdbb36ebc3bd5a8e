/**
 * Worker entry, started by monitoring.ts with leave to listen on one address and
 * for nothing else: strangers on this machine may speak to it.
 */

import { metricsText } from "./metrics_text.ts";
import { serveMetrics } from "./metrics_server.ts";
import { ReportLine } from "./report_line.ts";
import { checkListenSandbox } from "./sandbox.ts";
import type { Status } from "./status_report.ts";

/** The only message to the Worker. */
export interface MetricsStart {
  hostname: string;
  port: number;
  /** Answers with a {@link Status}; transferred. */
  status: MessagePort;
}

/** Its only answer: where it listens and what it may not do, or why it does not listen. */
export type MetricsStarted =
  | { port: number; denied: string[] }
  | { fault: string };

/** The part of a Worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<MetricsStart>) => void) | null;
  postMessage(message: MetricsStarted): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = async ({ data: { hostname, port, status } }) => {
  const line = new ReportLine<Status>(status);
  const read = async () => metricsText(await line.ask());
  try {
    const denied = await checkListenSandbox();
    const { port: found } = await serveMetrics({ hostname, port, read });
    scope.postMessage({ port: found, denied });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const fault = code === "EADDRINUSE" ? "the port is in use" : message;
    scope.postMessage({ fault });
  }
};
