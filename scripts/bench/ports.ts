/** TCP ports for servers that cannot choose one themselves and say which. */
import type { Service } from "./process.ts";
import { Unavailable } from "./tool.ts";

const READY_MS = 20_000;
const POLL_MS = 10;
/** Another process may take the free port first. */
const TRIES = 3;

/** A port that was free on loopback right now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Starts a server with a free port, and waits until it answers there. Throws
 * Unavailable with what it said when it does not.
 */
export async function startOnFreePort(
  start: (port: number) => Promise<Service> | Service,
  { signal, stack }: { signal: AbortSignal; stack: AsyncDisposableStack },
): Promise<{ service: Service; port: number }> {
  for (let tries = 1;; tries++) {
    const port = freePort();
    const service = stack.use(await start(port));
    if (await answers(port, service, signal)) return { service, port };
    if (tries === TRIES) {
      throw new Unavailable(`it does not start: ${service.log}`);
    }
  }
}

async function answers(
  port: number,
  service: Service,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline && !service.hasEnded) {
    signal.throwIfAborted();
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}
