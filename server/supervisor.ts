/**
 * The privileged side of the server: locks the storage root, starts the
 * Workers with the permissions they get, and stops them. It never sees a byte
 * of a client's.
 */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { connectionLimit, raiseDescriptorLimit } from "./connection_limits.ts";
import type { Reserve } from "./free_space.ts";
import { Libc } from "./libc.ts";
import { prepareListener } from "./listening_socket.ts";
import { logEvent } from "./log.ts";
import { startPrivilegedService } from "./privileged_service.ts";
import {
  type DiscoveryPermissions,
  type SandboxPermissions,
  sandboxPermissions,
} from "./sandbox.ts";
import { dataFolder } from "./storage_path.ts";
import { checkStorageRoot } from "./storage_root.ts";
import type {
  FromWorker,
  ReadyMessage,
  Registration,
  StartMessage,
  ToWorker,
} from "./worker_messages.ts";

/** How long running transfers get when the server stops: all is over within 5 s. */
const GRACE_MS = 4500;

/** A lock that is free is taken at once; one that is held stays so. */
const LOCK_MS = 500;

/** What a server is started with. */
export interface ServerOptions {
  /** The storage root, prepared and locked: see {@link lockRoot}. */
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
}

/** A server that accepts connections. */
export interface RunningServer {
  ready: ReadyMessage;
  /** Rejects when the server fails later on; never resolves. */
  failed: Promise<never>;
  /** Ends transfers and connections; resolves when everything is closed. */
  stop(): Promise<void>;
}

/** A Worker's permissions, which `lib.deno.worker` does not declare. */
interface WorkerPermissions {
  deno: { permissions: "none" | SandboxPermissions | DiscoveryPermissions };
}

/**
 * Makes the root and the server's own folder in it and takes the lock that
 * keeps a second server away. The kernel gives it back however we end.
 *
 * @returns the root's real, absolute path, and the lock to hold on to
 * @throws NetdiskError when the root cannot be used or is in use
 */
export async function lockRoot(
  folder: string,
): Promise<{ root: string; lock: Deno.FsFile }> {
  let root: string;
  let lock: Deno.FsFile;
  try {
    // Before anything is made, and again when nobody can exchange it any more.
    checkStorageRoot(folder, "serve");
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    checkStorageRoot(folder, "serve");
    root = Deno.realPathSync(folder);
    if (dirname(root) === root) {
      throw new NetdiskError(
        "usage",
        `${folder}: the root of a disk cannot be served`,
        {
          hint: "choose a folder with --root DIR",
        },
      );
    }
    Deno.mkdirSync(dataFolder(root), { recursive: true, mode: 0o700 });
    // Accounts must not vanish with a folder's name when the power fails, and
    // those above the root may be as new as itself.
    for (let at = root; at !== dirname(at); at = dirname(at)) {
      syncFolder(dirname(at));
    }
    syncFolder(root);
    lock = Deno.openSync(join(dataFolder(root), "lock"), {
      write: true,
      create: true,
      mode: 0o600,
    });
  } catch (cause) {
    if (cause instanceof NetdiskError) throw cause;
    const reason = cause instanceof Deno.errors.AlreadyExists
      ? "it is not a folder"
      : cause instanceof Error
      ? cause.message
      : String(cause);
    throw new NetdiskError("local-io", `${folder}: ${reason}`, {
      hint: "choose a folder that you may write to with --root DIR",
      cause,
    });
  }
  if (await isLockedWithin(lock, LOCK_MS)) return { root, lock };
  throw new NetdiskError("local-io", `${folder}: another server is using it`, {
    hint: "stop that one first, or serve another folder with --root DIR",
  });
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
    new URL("./password_worker.ts", import.meta.url),
    "none",
    failed.reject,
  );
  const { root, hostname, port } = options;
  const server = startWorker(
    new URL("./worker.ts", import.meta.url),
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
  const start: StartMessage = {
    type: "start",
    ...options,
    maxConnections,
    passwords: channel.port2,
    main: service ? main.port2 : null,
    canSyncDisk: service?.canSyncDisk ?? false,
  };
  const starting = nextMessage(server, "ready");
  server.postMessage(start, [channel.port2, ...(service ? [main.port2] : [])]);
  const end = () => {
    server.terminate();
    passwords.terminate();
    service?.close();
  };

  const ready = await Promise.race([starting, failed.promise])
    .catch((error) => {
      end();
      throw error;
    });
  if (libc) prepareListener(libc, ready.port);
  service?.listensOn(ready.port);
  logEvent("limits", { descriptors, connections: maxConnections });
  return {
    ready,
    failed: failed.promise,
    async stop(): Promise<void> {
      const stopped = nextMessage(server, "stopped");
      const stop: ToWorker = { type: "stop", graceMs: GRACE_MS };
      server.postMessage(stop);
      await Promise.race([stopped, failed.promise]);
      end();
    },
  };
}

function syncFolder(path: string): void {
  try {
    using folder = Deno.openSync(path);
    folder.syncSync();
  } catch {
    // Not ours to read, or a system without such a sync.
  }
}

/**
 * Takes the lock or gives up. Deno has `tryLock` only since 2.7; a `lock` that
 * is still waiting when we give up ends with the process.
 */
async function isLockedWithin(
  lock: Deno.FsFile,
  timeoutMs: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const locked = lock.lock(true).then(() => true);
  try {
    return await Promise.race([locked, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Starts a Worker whose failures are told instead of ending the process. */
export function startWorker(
  module: URL,
  permissions: WorkerPermissions["deno"]["permissions"],
  onFailure: (error: NetdiskError) => void,
): Worker {
  const options: WorkerOptions & WorkerPermissions = {
    type: "module",
    deno: { permissions },
  };
  const worker = new Worker(module, options);
  worker.onerror = (event) => {
    // Otherwise it ends the process with a stack trace.
    event.preventDefault();
    onFailure(
      new NetdiskError("internal", `the server failed: ${event.message}`),
    );
  };
  return worker;
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
