/**
 * The serving Worker: everything that touches a client's bytes or files runs
 * here, with permissions that end at the storage root (sandbox.ts).
 */

import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress } from "../protocol/link.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { ALPN } from "../protocol/version.ts";
import { Accounts } from "./accounts.ts";
import { ConnectionGuard, guardLimits } from "./connection_guard.ts";
import { newCounters } from "./counters.ts";
import { openDatabase } from "./database.ts";
import { PagedFolders, plainFolders } from "./folder_reader.ts";
import { ConnectionListener } from "./listener.ts";
import { LiveSessions } from "./live_sessions.ts";
import { flushLog, setLogFormat } from "./log.ts";
import { PasswordHasher } from "./passwords.ts";
import { PostOffice } from "./post_office.ts";
import { PrivilegedPort } from "./privileged_calls.ts";
import { limitsIn } from "./quota_limits.ts";
import { makeReport } from "./report.ts";
import { answerReports } from "./report_line.ts";
import { RequestTurns } from "./request_turns.ts";
import { checkSandbox } from "./sandbox.ts";
import { Storage } from "./storage.ts";
import { dataFolder } from "./storage_path.ts";
import type {
  FromWorker,
  ReadyMessage,
  StartMessage,
  ToWorker,
} from "./worker_messages.ts";

/** How often unfinished uploads are looked through, in milliseconds. */
const SWEEP_MS = 3600 * 1000;

/** The part of a Worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = globalThis as unknown as WorkerScope;
let listener: ConnectionListener | undefined;

// Before the first await: a message that comes earlier would be lost.
scope.onmessage = ({ data }) => {
  if (data.type === "start") void start(data);
  else void stop(data.graceMs);
};

async function start(message: StartMessage): Promise<void> {
  setLogFormat(message.logFormat);
  try {
    const denied = await checkSandbox(message.root);
    scope.postMessage({ ...serve(message), denied });
  } catch (error) {
    scope.postMessage({
      type: "failed",
      message: error instanceof Error ? error.message : String(error),
      hint: error instanceof NetdiskError ? error.hint : undefined,
    });
  }
}

function serve(message: StartMessage): Omit<ReadyMessage, "denied"> {
  const { root, registration } = message;
  const database = openDatabase(dataFolder(root));
  const accounts = new Accounts(
    database,
    new PasswordHasher(message.passwords),
  );
  const live = new LiveSessions(accounts, database);
  const main = message.main ? new PrivilegedPort(message.main) : undefined;
  const storage = new Storage(root, {
    ...message,
    limitOf: limitsIn(database, message.quota),
    folders: main ? new PagedFolders(main) : plainFolders,
    ...(main && message.canSyncDisk
      ? { syncAll: () => main.ask("syncDisk", null) }
      : {}),
  });
  storage.prepare();
  const office = new PostOffice(database, storage.parcels, message);
  const socket = listen(message);
  const counters = newCounters();
  const turns = new RequestTurns(() => live.size);
  const listening = listener = new ConnectionListener(
    socket,
    { accounts, storage, office, live, turns, counters },
    registration,
    {
      guard: new ConnectionGuard(guardLimits(message.maxConnections)),
      minRate: message.minRate,
      evict: main && ((peers) => main.ask("evict", peers)),
    },
  );
  void listening.run();
  answerReports(message.reports, () =>
    makeReport({
      activity: () => listening.activity(),
      liveSessions: () => live.size,
      disk: () => storage.space(),
      counters,
      database,
    }));
  live.start();
  // Behind the ready line: there may be many.
  const sweep = async () => {
    await office.sweep();
    await storage.sweep();
  };
  void sweep();
  setInterval(() => void sweep(), SWEEP_MS);
  const { hostname, port } = socket.addr as Deno.NetAddr;
  const invite = registration === "invite" ? accounts.createInvite() : null;
  return { type: "ready", hostname, port, invite };
}

function listen({ hostname, port, tls }: StartMessage): Deno.Listener<
  Deno.TcpConn | Deno.TlsConn
> {
  try {
    if (!tls) return Deno.listen({ hostname, port });
    const { certificate: cert, key } = tls;
    return Deno.listenTls({ hostname, port, cert, key, alpnProtocols: [ALPN] });
  } catch (error) {
    throw listenError(error, hostname, port);
  }
}

function listenError(
  cause: unknown,
  hostname: string,
  port: number,
): NetdiskError {
  const where = `cannot listen on ${formatAddress(hostname, port)}`;
  const another =
    "choose another with --listen HOST:PORT; port 0 takes a free one";
  if (cause instanceof Deno.errors.AddrInUse) {
    return new NetdiskError("unreachable", `${where}: the port is in use`, {
      hint: another,
      cause,
    });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    const reason = "the system does not allow that port";
    return new NetdiskError("unreachable", `${where}: ${reason}`, {
      hint: another,
      cause,
    });
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    const reason = "this machine does not have that address";
    return new NetdiskError("unreachable", `${where}: ${reason}`, {
      hint: `--listen 0.0.0.0:${port} listens on all that it has`,
      cause,
    });
  }
  const reason = systemReason(cause);
  return new NetdiskError("unreachable", `${where}: ${reason}`, { cause });
}

async function stop(graceMs: number): Promise<void> {
  await listener?.stop(graceMs);
  flushLog();
  scope.postMessage({ type: "stopped" });
}
