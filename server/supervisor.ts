/**
 * The privileged side of the server: starts the Workers with the permissions
 * they get, and stops them. It never sees a byte of a client's.
 */

import { NetdiskError } from "../protocol/errors.ts";
import { connectionLimit, raiseDescriptorLimit } from "./connection_limits.ts";
import type { Reserve } from "./free_space.ts";
import { Libc } from "./libc.ts";
import { prepareListener } from "./listening_socket.ts";
import { logEvent, type LogFormat } from "./log.ts";
import { startPrivilegedService } from "./privileged_service.ts";
import type { Report } from "./report.ts";
import { ReportLine } from "./report_line.ts";
import { sandboxPermissions } from "./sandbox.ts";
import { startWorker } from "./workers.ts";
import type {
  FromWorker,
  ReadyMessage,
  Registration,
  StartMessage,
  ToWorker,
} from "./worker_messages.ts";

/** How long running transfers get when the server stops: all is over within 5 s. */
const GRACE_MS = 4500;

/**
 * How much longer a Worker may take before it is taken for hung: closing files
 * and connections has limits of its own, which add up to less.
 */
const STOP_MS = GRACE_MS + 5000;

/** What a server is started with. */
export interface ServerOptions {
  /** The storage root, prepared and locked: see root_lock.ts. */
  root: string;
  hostname: string;
  port: number;
  /** PEM texts; null serves plain TCP. */
  tls: { certificate: string; key: string } | null;
  registration: Registration;
  /** What uploads leave free; null is the default. */
  minFree: Reserve | null;
  /** Bytes that each user may have, without one of their own; null is without limit. */
  quota: number | null;
  /** How long unfinished uploads are kept, in milliseconds. */
  keepMs: number;
  /** The most connections at a time; null is the default. */
  maxConnections: number | null;
  /** Bytes a second that transfers have to come to; 0 is any. */
  minRate: number;
  logFormat: LogFormat;
}

/** A server that accepts connections. */
export interface RunningServer {
  ready: ReadyMessage;
  /** Rejects when the server fails later on; never resolves. */
  failed: Promise<never>;
  /** What the serving Worker tells of itself. @throws NetdiskError `busy`, `internal` */
  report(): Promise<Report>;
  /** The connections that it takes at most. */
  maxConnections: number;
  /** Descriptors that the process may have, where the system tells. */
  descriptors: number | undefined;
  /**
   * Ends transfers and connections; resolves when everything is closed, or after
   * `limitMs` milliseconds, by default 9.5 s.
   */
  stop(limitMs?: number): Promise<void>;
}

/**
 * Starts the Workers and waits until they listen.
 *
 * @throws NetdiskError when they cannot, e.g. because the port is in use
 */
export async function startServer(
  options: ServerOptions,
): Promise<RunningServer> {
  const failed = Promise.withResolvers<never>();
  // Seen by whoever waits for the server; at the latest when it is awaited.
  failed.promise.catch(() => {});
  const passwords = startWorker(
    "password_worker",
    "none",
    failed.reject,
  );
  const { root, hostname, port } = options;
  const server = startWorker(
    "worker",
    sandboxPermissions(root, hostname, port),
    failed.reject,
  );

  const channel = new MessageChannel();
  passwords.postMessage(channel.port1, [channel.port1]);
  const main = new MessageChannel();
  const libc = Libc.load();
  const service = startPrivilegedService(main.port1, root, libc);
  const descriptors = raiseDescriptorLimit(libc);
  const maxConnections = connectionLimit(options.maxConnections, descriptors);
  const reports = new MessageChannel();
  const reporting = new ReportLine<Report>(reports.port1);
  const start: StartMessage = {
    type: "start",
    ...options,
    maxConnections,
    passwords: channel.port2,
    main: service ? main.port2 : null,
    canSyncDisk: service?.canSyncDisk ?? false,
    reports: reports.port2,
  };
  const starting = nextMessage(server, "ready");
  server.postMessage(start, [
    channel.port2,
    reports.port2,
    ...(service ? [main.port2] : []),
  ]);
  const end = () => {
    server.terminate();
    passwords.terminate();
    service?.close();
    reporting[Symbol.dispose]();
  };

  const ready = await Promise.race([starting, failed.promise])
    .catch((error) => {
      end();
      throw error;
    });
  if (libc) prepareListener(libc, ready.port);
  service?.listensOn(ready.port);
  return {
    ready,
    failed: failed.promise,
    report: () => reporting.ask(),
    maxConnections,
    descriptors,
    async stop(limitMs = STOP_MS): Promise<void> {
      const stopped = nextMessage(server, "stopped");
      const stop: ToWorker = { type: "stop", graceMs: GRACE_MS };
      server.postMessage(stop);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise<"hung">((resolve) => {
        timer = setTimeout(() => resolve("hung"), limitMs);
      });
      try {
        const end = await Promise.race([stopped, failed.promise, limit]);
        if (end === "hung") logEvent("stop-forced", { afterMs: limitMs });
      } finally {
        clearTimeout(timer);
        end();
      }
    },
  };
}

/** The next message of a kind; `failed` of the Worker rejects. */
function nextMessage<K extends FromWorker["type"]>(
  worker: Worker,
  type: K,
): Promise<Extract<FromWorker, { type: K }>> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.type === type) {
        resolve(data as Extract<FromWorker, { type: K }>);
      } else if (data.type === "failed") {
        const { message, hint } = data;
        const options = hint === undefined ? {} : { hint };
        reject(new NetdiskError("local-io", message, options));
      }
    };
  });
}
