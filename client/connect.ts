/**
 * From the choice of a server to a connection: establishes that it is the right
 * one, and remembers it.
 */

import { isIP } from "node:net";
import { FrameChannel } from "../protocol/channel.ts";
import type { ByteConnection } from "../protocol/channel.ts";
import { NetdiskError } from "../protocol/errors.ts";
import { type Invocation, usageError } from "./command.ts";
import { savedServer, type Trust } from "./config.ts";
import { Connection } from "./connection.ts";
import {
  dialPlain,
  dialTls,
  forgetAuthorities,
  UntrustedCertificate,
} from "./dial.ts";
import { localError } from "./local_source.ts";
import { confirm } from "./prompt.ts";
import { LimitedConnection, type RateLimit } from "./rate_limit.ts";
import type { ServerChoice } from "./server_choice.ts";
import {
  certificateRefused,
  decideFirstContact,
  identityChanged,
  linkDiffers,
  type SeenCertificate,
} from "./trust.ts";

export interface ConnectOptions {
  /**
   * A link with another fingerprint than the remembered one, or --cacert, is an
   * order to trust that from now on.
   *
   * @default false
   */
  mayRepin?: boolean;
  /** How fast the connection may be used. */
  limit?: RateLimit | undefined;
}

/** Connects to a server, trusted but not greeted. */
export async function connect(
  invocation: Invocation,
  choice: ServerChoice,
  { mayRepin = false, limit }: ConnectOptions = {},
): Promise<Connection> {
  const { link, address } = choice;
  const { plain, cacert } = invocation.options;
  if (link.fingerprint !== undefined && (plain || cacert !== undefined)) {
    throw usageError(
      "",
      `${
        plain ? "--plain" : "--cacert"
      } and a link with a fingerprint exclude each other`,
    );
  }
  const trust = choice.saved?.trust;
  if (plain && trust) {
    // Whoever breaks the handshake could talk people into this.
    throw new NetdiskError(
      "identity",
      `${address}: the server is known by its certificate, and --plain would show it to everybody on the way`,
      { hint: "leave out --plain" },
    );
  }
  let socket: ByteConnection;
  try {
    socket = plain
      ? await dialPlain(link)
      : await dialTrusted(invocation, choice, mayRepin);
  } catch (error) {
    throw withGuess(error, choice);
  }
  const bytes = limit ? new LimitedConnection(socket, limit) : socket;
  const { blockBytes } = limit ?? {};
  return new Connection(new FrameChannel(bytes), address, { blockBytes });
}

/** The error of a host that there is perhaps only by mistake, with what was meant. */
export function withGuess(
  error: unknown,
  { saved, guess }: Pick<ServerChoice, "saved" | "guess">,
): unknown {
  const isMistake = error instanceof NetdiskError &&
    error.code === "unreachable" && saved === undefined && guess !== undefined;
  return isMistake
    ? new NetdiskError(error.code, error.message, {
      hint: `did you mean --server ${guess}?`,
      cause: error,
    })
    : error;
}

async function dialTrusted(
  invocation: Invocation,
  choice: ServerChoice,
  mayRepin: boolean,
): Promise<ByteConnection> {
  forgetAuthorities();
  const { link, address, saved } = choice;
  const { fingerprint } = link;
  const authority = readAuthority(invocation);
  let trust = saved?.trust ?? undefined;
  if (authority !== undefined && (trust?.kind !== "pin" || mayRepin)) {
    trust = { kind: "authority", certificate: authority };
  }
  if (trust && fingerprint !== undefined) {
    const remembered = trustedPrint(trust);
    if (fingerprint !== remembered && !mayRepin) {
      throw linkDiffers(address, remembered, fingerprint);
    }
    if (fingerprint !== remembered) trust = undefined;
  }
  if (!trust) return firstContact(invocation, choice);
  let socket: ByteConnection;
  try {
    socket = await dialTls(link, trust);
  } catch (error) {
    if (!(error instanceof UntrustedCertificate)) throw error;
    if (trust.kind === "pin") {
      const seen = await lookAt(choice);
      if (seen.fingerprint !== trust.fingerprint) {
        throw identityChanged(address, trust.fingerprint, seen.fingerprint);
      }
    }
    throw certificateRefused(address, error.fault);
  }
  if (authority !== undefined) remember(choice, trust, socket);
  return socket;
}

/** Meets a server for the first time and remembers it when it may be trusted. */
async function firstContact(
  invocation: Invocation,
  choice: ServerChoice,
): Promise<ByteConnection> {
  const { link, address } = choice;
  const { options, output, stdin } = invocation;
  const seen = await lookAt(choice);
  let trust: Trust = { kind: "authority", certificate: null };
  if (seen.pinnable || link.fingerprint !== undefined) {
    trust = await decideFirstContact(seen, {
      link,
      acceptNew: options.acceptNew,
      confirm: stdin.isTerminal()
        ? (question) => confirm(question, invocation)
        : undefined,
      notice: (text) => output.notice(text),
    });
  }
  let socket: ByteConnection;
  try {
    socket = await dialTls(link, trust);
  } catch (error) {
    if (!(error instanceof UntrustedCertificate)) throw error;
    throw certificateRefused(address, error.fault);
  }
  remember(choice, trust, socket);
  return socket;
}

/** Looks at the certificate of a server. */
async function lookAt({ link }: ServerChoice): Promise<SeenCertificate> {
  const { fetchCertificate } = await import("./certificate.ts");
  const faults = new Map<string, unknown>();
  for (const ip of knownAddresses(link.host)) {
    try {
      return await fetchCertificate(ip, link.port);
    } catch (error) {
      faults.set(ip, error);
    }
  }
  // Of a server that is not reached at all, this tells better why.
  const tcp = await dialPlain(link);
  const { hostname } = tcp.remoteAddr;
  tcp.close();
  // What the one that is there said, and not that nobody is at another one.
  if (faults.has(hostname)) throw faults.get(hostname);
  return await fetchCertificate(hostname, link.port);
}

/**
 * Addresses of a host that nobody has to be asked for. Those of others are found
 * by dialling, which the server takes for a handshake that failed.
 */
function knownAddresses(host: string): string[] {
  if (host === "localhost") return ["127.0.0.1", "::1"];
  return isIP(host) === 0 ? [] : [host];
}

/** Remembers a trust; the sessions of another identity are not its. */
function remember(
  choice: ServerChoice,
  trust: Trust,
  socket: ByteConnection,
): void {
  const { config, address } = choice;
  try {
    config.update((data) => {
      const server = savedServer(data, address);
      if (server.trust && trustedPrint(server.trust) !== trustedPrint(trust)) {
        server.sessions = [];
      }
      server.trust = trust;
      choice.saved = server;
    });
  } catch (error) {
    socket.close();
    throw error;
  }
}

function trustedPrint(trust: Trust): string {
  return trust.kind === "pin" ? trust.fingerprint : "an authority's signature";
}

function readAuthority({ options }: Invocation): string | undefined {
  const file = options.cacert;
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    throw localError(`--cacert ${file}`, cause);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new NetdiskError(
    "local-io",
    `--cacert ${file}: it holds no certificate (PEM)`,
  );
}
