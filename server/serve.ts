/**
 * `netdisk serve`: its help and its course. What it prints when it is ready is
 * ready_lines.ts's business, starting and stopping supervisor.ts's.
 */

import { type Discovery, startDiscovery } from "./discovery.ts";
import { type Identity, loadIdentity, readIdentityFiles } from "./identity.ts";
import { flushLog, logEvent, setLogFormat } from "./log.ts";
import { startMonitoring } from "./monitoring.ts";
import {
  certifiedName,
  linkOf,
  printReady,
  type ReadyOutput,
} from "./ready_lines.ts";
import { lockRoot } from "./root_lock.ts";
import { withConfigFile } from "./serve_config.ts";
import {
  OPTIONS,
  readOptions,
  type ServeOptions,
  type ServeSettings,
} from "./serve_options.ts";
import { writeServerLink } from "./server_link.ts";
import { dataFolder } from "./storage_path.ts";
import { type RunningServer, startServer } from "./supervisor.ts";
import type { ReadyMessage } from "./worker_messages.ts";

/** What the command needs of its caller; the client's Output has it. */
interface ServeInvocation {
  options: ServeOptions;
  output: ReadyOutput & { notice(text: string): void };
}

/** Fits the client's Command shape, which main.ts checks; the server imports nothing of it. */
export const command = {
  name: "serve",
  summary: "turn this machine into a disk server",
  usage: ["serve [--root DIR] [--listen HOST:PORT]", "serve --config FILE"],
  examples: [
    {
      command: "netdisk serve --root ./disk",
      note: "serve ./disk on port 6375",
    },
    {
      command: "netdisk serve --root /srv/disk --listen 0.0.0.0:7000",
      note: "on another port",
    },
    {
      command: "netdisk serve --config /etc/netdisk.conf",
      note: "with the options in a file",
    },
  ],
  description:
    "Serves the folder DIR: every user who registers gets a folder below DIR/users.\n\n" +
    "When it is ready it prints the commands with which users register, from this machine and from others; " +
    "the link in the latter tells them how to reach the server and how to know it. " +
    "Everything else is logged on stderr, one line an event; what becomes of it is the system's business. " +
    "Machines on its networks that look for servers (netdisk discover) get a reply.\n\n" +
    "'netdisk status' tells how it is, 'docs/service.md' how to run it as a service.\n\n" +
    "A config file has a line KEY = VALUE for each option, named as here without the dashes; " +
    "one without a value is yes or no, as in 'plain = yes'. " +
    "Lines that begin with # are comments, and so is what follows a blank and # after a value. " +
    "Double quotes may stand around a value, to keep blanks or # in it; there are no escapes. " +
    "Paths are relative to the folder of the file. What is wrong is told with file, line and key. " +
    "An option on the command line comes before the same one in the file.\n\n" +
    "Ctrl-C or SIGTERM stops it: running transfers get 5 seconds to finish, a second one ends them at once.",
  options: OPTIONS,
  args: [],
  exitStatus:
    "0 after Ctrl-C or SIGTERM, 1 when it cannot start or fails, 2 for a wrong option or setting.",
  standalone: true,
  handlesSignals: true,
  run,
} as const;

async function run(
  { options: given, output }: ServeInvocation,
): Promise<void> {
  const { options, labelOf } = withConfigFile(given);
  const settings = readOptions(options, labelOf);
  setLogFormat(settings.logFormat);
  try {
    await serve({ options, output }, settings, labelOf("root"));
  } catch (error) {
    // The line that main.ts writes for people is none for programs.
    if (settings.logFormat === "json") {
      const reason = error instanceof Error ? error.message : String(error);
      logEvent("failed", { reason });
    }
    throw error;
  } finally {
    flushLog();
  }
}

async function serve(
  { options, output }: ServeInvocation,
  { folder, metrics, discovery, ...settings }: ServeSettings,
  rootLabel: string,
): Promise<void> {
  const { root, lock } = await lockRoot(folder, rootLabel);
  try {
    const identity = options.plain ? null : await identityOf(options, root);
    const stopSignal = nextSignal((signal) => {
      logEvent("stopping", { signal });
      if (!Deno.stderr.isTerminal()) return;
      output.notice(
        "stopping: running transfers get 5 seconds; Ctrl-C again ends them at once",
      );
    });
    const server = await startServer({ root, tls: identity, ...settings });
    const mode = identity ? "TLS" : "plain";
    const monitored = { ...server, root, mode, metrics } as const;
    using _monitoring = await startMonitoring(monitored)
      .catch(async (error) => {
        await server.stop();
        throw error;
      });
    writeServerLink(root, linkOf(identity, server.ready));
    const { registration } = settings;
    printReady(output, { folder, identity, registration, ready: server.ready });
    logStart(root, server);
    const found = discovery
      ? discoverable(identity, settings, server.ready)
      : undefined;
    await Promise.race([stopSignal, server.failed]);
    found?.close();
    await server.stop();
    logEvent("stopped");
  } finally {
    lock.close();
  }
}

/** Behind the lines for people, who read those first. */
function logStart(
  root: string,
  { ready, descriptors, maxConnections }: RunningServer,
): void {
  logEvent("sandbox", { root, denied: ready.denied.join(",") });
  logEvent("limits", { descriptors, connections: maxConnections });
}

function identityOf(options: ServeOptions, root: string): Promise<Identity> {
  return options.tlsCert !== undefined && options.tlsKey !== undefined
    ? readIdentityFiles(options.tlsCert, options.tlsKey)
    : loadIdentity(dataFolder(root));
}

/** Resolves with the first SIGINT or SIGTERM, after `tell`; the second one ends the process. */
function nextSignal(tell: (signal: string) => void): Promise<void> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  let stopping = false;
  return new Promise((resolve) => {
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        if (stopping) Deno.exit(signal === "SIGINT" ? 130 : 143);
        stopping = true;
        tell(signal);
        resolve();
      });
    }
  });
}

/** Lets others find the server, until it is closed. */
function discoverable(
  identity: Identity | null,
  { registration, logFormat }: Pick<
    ServeSettings,
    "registration" | "logFormat"
  >,
  { hostname, port }: ReadyMessage,
): Discovery {
  return startDiscovery(hostname, {
    port,
    plain: identity === null,
    fingerprint: identity?.selfSigned ? identity.fingerprint : null,
    host: certifiedName(identity) ?? null,
    registration,
  }, logFormat);
}
