/**
 * `netdisk serve`: its options and help, and the lines that it prints when it
 * is ready. Starting and stopping is supervisor.ts's business.
 */

import { NetdiskError } from "../protocol/errors.ts";
import {
  formatAddress,
  formatServerLink,
  parseServerLink,
} from "../protocol/link.ts";
import { DEFAULT_PORT, VERSION } from "../protocol/version.ts";
import { parseReserve, type Reserve } from "./free_space.ts";
import { type Identity, loadIdentity, readIdentityFiles } from "./identity.ts";
import { logEvent } from "./log.ts";
import { dataFolder } from "./storage_path.ts";
import { lockRoot, startServer } from "./supervisor.ts";
import type { ReadyMessage, Registration } from "./worker_messages.ts";

const DEFAULT_ROOT = "./netdisk-data";
const DEFAULT_LISTEN = `0.0.0.0:${DEFAULT_PORT}`;

const OPTIONS = [
  {
    name: "root",
    value: "DIR",
    description:
      `the folder to serve, made if missing (default ${DEFAULT_ROOT})`,
  },
  {
    name: "listen",
    value: "HOST:PORT",
    description:
      `the address to listen on (default ${DEFAULT_LISTEN}); port 0 takes a free one`,
  },
  {
    name: "registration",
    value: "WHO",
    choices: ["invite", "open", "closed"],
    description:
      "who may register: holders of the printed link and this machine (invite, the default), everybody, nobody",
  },
  {
    name: "tls-cert",
    value: "FILE",
    description: "a certificate of your own with its chain (PEM)",
  },
  {
    name: "tls-key",
    value: "FILE",
    description: "the certificate's private key (PEM)",
  },
  {
    name: "min-free",
    value: "SIZE",
    description:
      "refuse uploads when the disk has less room than this, such as 500M, 2G or 5% (default 1% or 256M, the smaller)",
  },
  {
    name: "plain",
    description: "do not encrypt; only for a network that you trust",
  },
] as const;

/** The parsed values of {@link OPTIONS}. */
interface ServeOptions {
  root: string | undefined;
  listen: string | undefined;
  registration: Registration | undefined;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  minFree: string | undefined;
  plain: boolean;
}

/** What the command needs of its caller; the client's Output has it. */
interface ServeInvocation {
  options: ServeOptions;
  output: {
    print(line: string): void;
    record(type: string, fields: Record<string, unknown>): void;
    flush(): void;
  };
}

/** Fits the client's Command shape, which main.ts checks; the server imports nothing of it. */
export const command = {
  name: "serve",
  summary: "turn this machine into a disk server",
  usage: ["serve [--root DIR] [--listen HOST:PORT]"],
  examples: [
    {
      command: "netdisk serve --root ./disk",
      note: "serve ./disk on port 6375",
    },
    {
      command: "netdisk serve --root /srv/disk --listen 0.0.0.0:7000",
      note: "on another port",
    },
  ],
  description:
    "Serves the folder DIR: every user who registers gets a folder below DIR/users.\n\n" +
    "When it is ready it prints the commands with which users register, from this machine and from others; " +
    "the link in the latter tells them how to reach the server and how to know it. " +
    "Everything else is logged on stderr, one line an event.\n\n" +
    "Ctrl-C or SIGTERM stops it: running transfers get 5 seconds to finish.",
  options: OPTIONS,
  args: [],
  exitStatus:
    "0 after Ctrl-C or SIGTERM, 1 when it cannot start or fails, 2 for a wrong option.",
  standalone: true,
  handlesSignals: true,
  run,
} as const;

async function run({ options, output }: ServeInvocation): Promise<void> {
  checkOptions(options);
  const { host, port } = parseListen(options.listen ?? DEFAULT_LISTEN);
  const registration = options.registration ?? "invite";
  const minFree = parseMinFree(options.minFree);
  const folder = options.root ?? DEFAULT_ROOT;
  const { root, lock } = await lockRoot(folder);
  try {
    const identity = options.plain ? null : await identityOf(options, root);
    const stopSignal = nextSignal();
    const server = await startServer({
      root,
      hostname: host,
      port,
      tls: identity,
      registration,
      minFree,
    });
    announce(output, folder, identity, registration, server.ready);
    const signal = await Promise.race([stopSignal, server.failed]);
    logEvent("stopping", { signal });
    await server.stop();
    logEvent("stopped");
  } finally {
    lock.close();
  }
}

function checkOptions({ tlsCert, tlsKey, plain }: ServeOptions): void {
  const fault = (tlsCert === undefined) !== (tlsKey === undefined)
    ? "--tls-cert and --tls-key go together"
    : plain && tlsCert !== undefined
    ? "--plain and --tls-cert exclude each other"
    : undefined;
  if (fault) {
    throw new NetdiskError("usage", `serve: ${fault}`, {
      hint: "netdisk help serve",
    });
  }
}

/** `HOST:PORT`, `HOST` or `:PORT`; unlike in a link the port may be 0. */
function parseListen(text: string): { host: string; port: number } {
  const match = /^(?<host>.*?):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port ?? DEFAULT_PORT);
  const host = match ? match.groups!.host || "0.0.0.0" : text;
  // A link is no place to listen on.
  if (port > 65535 || host.includes("/")) throw badListen(text);
  try {
    return { host: parseServerLink(host).host, port };
  } catch {
    throw badListen(text);
  }
}

function parseMinFree(text: string | undefined): Reserve | null {
  if (text === undefined) return null;
  const reserve = parseReserve(text);
  if (reserve) return reserve;
  throw new NetdiskError(
    "usage",
    `--min-free '${text}' is no size such as 500M, 2G or 5%`,
    { hint: "netdisk help serve" },
  );
}

function badListen(text: string): NetdiskError {
  return new NetdiskError("usage", `--listen '${text}' is not HOST:PORT`, {
    hint: "netdisk help serve",
  });
}

function identityOf(options: ServeOptions, root: string): Promise<Identity> {
  return options.tlsCert !== undefined && options.tlsKey !== undefined
    ? readIdentityFiles(options.tlsCert, options.tlsKey)
    : loadIdentity(dataFolder(root));
}

/** Resolves with the first SIGINT or SIGTERM; the second one ends the process. */
function nextSignal(): Promise<string> {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  let stopping = false;
  return new Promise((resolve) => {
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        if (stopping) Deno.exit(signal === "SIGINT" ? 130 : 143);
        stopping = true;
        resolve(signal);
      });
    }
  });
}

/** Prints the ready line and the commands with which users come in. */
function announce(
  output: ServeInvocation["output"],
  folder: string,
  identity: Identity | null,
  registration: Registration,
  ready: ReadyMessage,
): void {
  const { hostname, port, invite } = ready;
  const address = formatAddress(hostname, port);
  const mode = identity ? "TLS" : "plain";
  const outside = outsideAddress(hostname, identity);
  const link = formatServerLink({
    host: outside ?? certifiedName(identity) ?? hostname,
    port,
    // A certificate of an authority is renewed; its name is what stays.
    ...(identity?.selfSigned ? { fingerprint: identity.fingerprint } : {}),
    ...(invite === null ? {} : { invite }),
  });
  const verb = registration === "closed" ? "login" : "register";
  const plain = identity ? "" : " --plain";
  // Named always: a client that was elsewhere before would go there.
  const here = certifiedName(identity) ?? localName(hostname);
  const local = ` --server ${
    port === DEFAULT_PORT ? formatHost(here) : formatAddress(here, port)
  }`;
  output.record("ready", { root: folder, hostname, port, mode, link });
  output.print(`netdisk ${VERSION} serving ${folder} on ${address} (${mode})`);
  output.print(`From this machine:   netdisk ${verb} NAME${local}${plain}`);
  const where = outside === undefined
    ? "Link:               "
    : "From another one:   ";
  output.print(`${where} netdisk ${verb} NAME --server '${link}'${plain}`);
  output.flush();
}

/** An address under which other machines may reach us, if they may at all. */
function outsideAddress(
  hostname: string,
  identity: Identity | null,
): string | undefined {
  const name = certifiedName(identity);
  if (hostname !== "0.0.0.0" && hostname !== "::") {
    const loopback = hostname === "::1" || hostname.startsWith("127.");
    return loopback ? undefined : name ?? hostname;
  }
  const family = hostname === "::" ? undefined : "IPv4";
  const usable = Deno.networkInterfaces().filter(({ address }) =>
    !/^(127\.|::1$|fe80:|169\.254\.)/.test(address)
  );
  const best = usable.find((i) => i.family === "IPv4") ??
    usable.find((i) => family === undefined || i.family === family);
  return name ?? best?.address ?? Deno.hostname();
}

/** The name that clients must use for a certificate of an authority. */
function certifiedName(identity: Identity | null): string | undefined {
  if (!identity || identity.selfSigned) return undefined;
  return identity.names.find((n) => !n.includes("*") && n !== "localhost") ??
    identity.names.find((name) => !name.includes("*"));
}

function localName(hostname: string): string {
  const any = hostname === "0.0.0.0" || hostname === "::";
  return any || hostname === "127.0.0.1" ? "localhost" : hostname;
}

function formatHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
