/**
 * From the options of a command to a greeted connection: chooses the server,
 * establishes that it is the right one, and remembers it.
 */

import { FrameChannel } from "../protocol/channel.ts";
import type { ByteConnection } from "../protocol/channel.ts";
import { NetdiskError } from "../protocol/errors.ts";
import type { Invocation } from "./command.ts";
import { savedServer, type SavedSession, type Trust } from "./config.ts";
import { Connection } from "./connection.ts";
import { dialPlain, dialTls, UntrustedCertificate } from "./dial.ts";
import { confirm } from "./prompt.ts";
import {
  chooseServer,
  chooseSession,
  type ServerChoice,
} from "./server_choice.ts";
import {
  decideFirstContact,
  identityChanged,
  unknownAuthority,
} from "./trust.ts";

/** A connection with a session at work. */
export interface LoggedIn {
  connection: Connection;
  choice: ServerChoice;
  session: SavedSession;
}

/** Connects and sends the saved session's token ahead. */
export async function connectLoggedIn(
  invocation: Invocation,
): Promise<LoggedIn> {
  const choice = chooseServer(invocation);
  const session = chooseSession(invocation, choice);
  const connection = await connect(invocation, choice);
  await connection.greet(session);
  return { connection, choice, session };
}

/**
 * Connects to a server, trusted but not greeted.
 *
 * @param mayRepin a link with another fingerprint than the remembered one is
 * an order to trust that one from now on
 */
export async function connect(
  invocation: Invocation,
  choice: ServerChoice,
  mayRepin = false,
): Promise<Connection> {
  const { link, address } = choice;
  const socket = invocation.options.plain
    ? await dialPlain(link)
    : await dialTrusted(invocation, choice, mayRepin);
  return new Connection(new FrameChannel(socket), address);
}

async function dialTrusted(
  invocation: Invocation,
  choice: ServerChoice,
  mayRepin: boolean,
): Promise<ByteConnection> {
  const { link, address, saved } = choice;
  let trust = saved?.trust ?? undefined;
  const authority = readAuthority(invocation);
  if (authority !== undefined && trust?.kind !== "pin") {
    trust = { kind: "authority", certificate: authority };
  }
  const other = trust?.kind === "pin" && link.fingerprint !== undefined &&
    link.fingerprint !== trust.fingerprint;
  if (other && mayRepin) trust = undefined;
  else if (other) {
    throw identityChanged(address, trustedPrint(trust), link.fingerprint!);
  }
  if (!trust) return firstContact(invocation, choice);
  try {
    const socket = await dialTls(link, trust);
    if (authority !== undefined) remember(choice, trust);
    return socket;
  } catch (error) {
    if (!(error instanceof UntrustedCertificate)) throw error;
    if (trust.kind === "authority") throw unknownAuthority(address);
    const seen = await lookAt(choice);
    throw identityChanged(address, trust.fingerprint, seen.fingerprint);
  }
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
  try {
    const socket = await dialTls(link, trust);
    remember(choice, trust);
    return socket;
  } catch (error) {
    if (!(error instanceof UntrustedCertificate)) throw error;
    throw unknownAuthority(address);
  }
}

async function lookAt({ link }: ServerChoice) {
  const tcp = await dialPlain(link);
  const { hostname } = tcp.remoteAddr;
  tcp.close();
  const { fetchCertificate } = await import("./certificate.ts");
  return await fetchCertificate(hostname, link.port);
}

/** Remembers a trust; the sessions of another identity are not its. */
function remember({ config, address }: ServerChoice, trust: Trust): void {
  config.update((data) => {
    const server = savedServer(data, address);
    if (server.trust && trustedPrint(server.trust) !== trustedPrint(trust)) {
      server.sessions = [];
    }
    server.trust = trust;
  });
}

function trustedPrint(trust: Trust | undefined): string {
  return trust?.kind === "pin" ? trust.fingerprint : "authority";
}

function readAuthority({ options }: Invocation): string | undefined {
  const file = options.cacert;
  if (file === undefined) return undefined;
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetdiskError("local-io", `--cacert ${file}: ${reason}`, {
      cause,
    });
  }
}
