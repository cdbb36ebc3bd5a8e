/** Starts Workers: which there are, what each may do, and what their failures become. */

import { NetdiskError } from "../protocol/errors.ts";
import type { DiscoveryPermissions, SandboxPermissions } from "./sandbox.ts";

/** The modules here that run in Workers. */
export type WorkerName =
  | "discovery_worker"
  | "metrics_worker"
  | "password_worker"
  | "worker";

/** A Worker's permissions, which `lib.deno.worker` does not declare. */
interface WorkerPermissions {
  deno: { permissions: "none" | SandboxPermissions | DiscoveryPermissions };
}

/** Starts a Worker whose failures are told instead of ending the process. */
export function startWorker(
  name: WorkerName,
  permissions: WorkerPermissions["deno"]["permissions"],
  onFailure: (error: NetdiskError) => void,
): Worker {
  const options: WorkerOptions & WorkerPermissions = {
    type: "module",
    deno: { permissions },
  };
  const worker = new Worker(moduleOf(name), options);
  worker.onerror = (event) => {
    // Otherwise it ends the process with a stack trace.
    event.preventDefault();
    onFailure(
      new NetdiskError("internal", `the server failed: ${event.message}`),
    );
  };
  return worker;
}

/**
 * In the compiled program this file is in a bundle above the Workers', see
 * scripts/bundle.ts.
 */
function moduleOf(name: WorkerName): URL {
  const isBundled = import.meta.url.endsWith(".js");
  const path = isBundled ? `./server/${name}.js` : `./${name}.ts`;
  return new URL(path, import.meta.url);
}
