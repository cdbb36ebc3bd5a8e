/**
 * How a running server is looked at from outside: by `netdisk status` through a
 * socket in the root, and by Prometheus where `serve --metrics` says.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress } from "../protocol/link.ts";
import { logEvent } from "./log.ts";
import type { MetricsAddress } from "./metrics_address.ts";
import type { MetricsStart, MetricsStarted } from "./metrics_worker.ts";
import { answerReports } from "./report_line.ts";
import { listenPermissions } from "./sandbox.ts";
import { makeStatus, type ServerFacts } from "./status_report.ts";
import { StatusSocket } from "./status_socket.ts";
import { startWorker } from "./workers.ts";
import type { RunningServer } from "./supervisor.ts";

/** What of the server is known here. */
export interface Monitored extends
  Pick<
    RunningServer,
    "ready" | "report" | "maxConnections" | "descriptors"
  > {
  root: string;
  mode: ServerFacts["mode"];
  metrics: MetricsAddress | null;
}

/**
 * Answers from now on, until it is disposed of.
 *
 * @throws NetdiskError `local-io` when the address of the metrics is taken
 */
export async function startMonitoring(
  { root, mode, metrics, ready, report, ...limits }: Monitored,
): Promise<Disposable> {
  const facts: ServerFacts = {
    root,
    mode,
    address: formatAddress(ready.hostname, ready.port),
    maxConnections: limits.maxConnections,
    descriptors: limits.descriptors,
  };
  const describe = async () => makeStatus(facts, await report());
  const worker = metrics === null
    ? undefined
    : await startMetrics(metrics, async () => {
      const status = await describe();
      // Names of users are nothing for those who may ask there.
      return { ...status, activity: { ...status.activity, transfers: [] } };
    });
  const socket = await StatusSocket.open(root, describe);
  return {
    [Symbol.dispose]() {
      socket?.[Symbol.dispose]();
      worker?.terminate();
    },
  };
}

/** Starts the Worker that answers Prometheus, and waits until it listens. */
async function startMetrics(
  { hostname, port }: MetricsAddress,
  describe: () => Promise<unknown>,
): Promise<Worker> {
  const failed = Promise.withResolvers<never>();
  const worker = startWorker(
    "metrics_worker",
    listenPermissions(hostname, port),
    failed.reject,
  );
  // Later on the server goes on without it.
  failed.promise.catch(({ message }) => {
    logEvent("metrics-failed", { reason: message });
  });
  const channel = new MessageChannel();
  answerReports(channel.port1, describe);
  const started = new Promise<MetricsStarted>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  const start: MetricsStart = { hostname, port, status: channel.port2 };
  worker.postMessage(start, [channel.port2]);
  const answer = await Promise.race([started, failed.promise]);
  if ("port" in answer) {
    logEvent("metrics", {
      address: formatAddress(hostname, answer.port),
      denied: answer.denied.join(","),
    });
    return worker;
  }
  worker.terminate();
  throw new NetdiskError(
    "local-io",
    `cannot tell metrics on ${formatAddress(hostname, port)}: ${answer.fault}`,
    {
      hint:
        "choose another port with --metrics HOST:PORT; port 0 takes a free one",
    },
  );
}
