/**
 * Which server and account a command means: option, then environment, then
 * the last login, then this machine.
 */

import { userNameFault } from "../protocol/credentials.ts";
import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress, type ServerLink } from "../protocol/link.ts";
import { type Invocation, usageError } from "./command.ts";
import {
  Config,
  type ConfigData,
  configFolder,
  type SavedServer,
  type SavedSession,
} from "./config.ts";
import type { KnownServers } from "./remote_names.ts";
import { parseServer, type ServerText } from "./server_names.ts";

/** A server, and what is remembered of it. */
export interface ServerChoice {
  link: ServerLink;
  /** `HOST:PORT`, the key in the config. */
  address: string;
  config: Config;
  saved: SavedServer | undefined;
  /** Nothing says which server is meant: it is this machine's. */
  isDefault?: boolean;
  /** The short name under which a login is to save it. */
  newName?: string | undefined;
  /** A saved short name that is spelled nearly as what was given. */
  guess?: string | undefined;
}

interface ServerContext extends Pick<Invocation, "env"> {
  options: { server?: string | undefined };
}

/** Where a value comes from. */
export type Origin = "option" | "environment" | "last login" | "default";

/**
 * @param mayName the command may save the server under a short name
 * @throws NetdiskError `usage` for what means no server
 */
export function chooseServer(
  invocation: Invocation,
  { mayName = false } = {},
): ServerChoice {
  const config = new Config(configFolder(invocation.env));
  const data = config.read();
  const { origin, ...server } = readServer(invocation, data);
  const { address, newName } = server;
  if (newName !== undefined && !mayName) {
    throw usageError(
      "",
      `${
        labelOf(origin)
      }: ${newName}=...: only login and register save a short name`,
    );
  }
  const saved = data.servers.find((s) => s.address === address);
  return { ...server, config, saved, isDefault: origin === "default" };
}

/** A server that is known by its link alone, with what is remembered of it. */
export function linkedServer(link: ServerLink, config: Config): ServerChoice {
  const address = formatAddress(link.host, link.port);
  const saved = config.read().servers.find((s) => s.address === address);
  return { link, address, config, saved };
}

/** What names in front of remote paths may mean; see remote_names.ts. */
export function knownServers({ env }: Pick<Invocation, "env">): KnownServers {
  const data = new Config(configFolder(env)).read();
  const { text } = serverText({ options: {}, env }, data);
  return { servers: data.servers, standard: text };
}

/** The server that is meant, and where that was said. @throws NetdiskError `usage` */
export function readServer(
  context: ServerContext,
  data: ConfigData,
): ServerText & { origin: Origin } {
  const { text, origin } = serverText(context, data);
  try {
    return { ...parseServer(text, data.servers), origin };
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    const { code, message, hint } = error;
    throw new NetdiskError(
      code,
      message.replace(/^--server/, labelOf(origin)),
      {
        cause: error,
        ...(hint === undefined ? {} : { hint }),
      },
    );
  }
}

function labelOf(origin: Origin): string {
  return origin === "environment" ? "NETDISK_SERVER" : "--server";
}

/** What was written for the server, and where. */
function serverText(
  { options, env }: ServerContext,
  data: ConfigData,
): { text: string; origin: Origin } {
  if (options.server !== undefined) {
    return { text: options.server, origin: "option" };
  }
  const variable = env("NETDISK_SERVER");
  if (variable) return { text: variable, origin: "environment" };
  return data.server === null
    ? { text: "localhost", origin: "default" }
    : { text: data.server, origin: "last login" };
}

/**
 * The saved session that the command is to use.
 *
 * @throws NetdiskError `unauthenticated` when there is none
 */
export function chooseSession(
  invocation: Invocation,
  { saved, address, guess }: ServerChoice,
): SavedSession {
  const { user, origin } = chooseUser(invocation, saved);
  if (user && origin !== "last login") checkUserName(user);
  const session = saved?.sessions.find((s) => s.user === user);
  if (session) return session;
  const others = saved?.sessions.map((s) => s.user).join(", ");
  const who = (user ? ` as ${user}` : "") +
    (others ? ` (there are sessions of: ${others}; see --user)` : "");
  throw new NetdiskError(
    "unauthenticated",
    `not logged in to ${address}${who}`,
    {
      hint: saved === undefined && guess !== undefined
        ? `did you mean --server ${guess}?`
        : `netdisk login ${user || "NAME"} --server ${address}`,
    },
  );
}

/** The account that is meant, and where that was said. */
export function chooseUser(
  { options, env }: Pick<Invocation, "options" | "env">,
  saved: SavedServer | undefined,
): { user: string | undefined; origin: Origin } {
  if (options.user !== undefined) {
    return { user: options.user, origin: "option" };
  }
  const variable = env("NETDISK_USER");
  if (variable) return { user: variable, origin: "environment" };
  return saved?.user
    ? { user: saved.user, origin: "last login" }
    : { user: undefined, origin: "default" };
}

/** @throws NetdiskError `bad-name` */
export function checkUserName(user: string): void {
  const fault = userNameFault(user);
  if (fault) throw new NetdiskError("bad-name", `'${user}': ${fault}`);
}
