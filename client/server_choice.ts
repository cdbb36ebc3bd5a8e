/**
 * Which server and account a command means: option, then environment, then
 * the last login, then this machine (design.md 2).
 */

import { userNameFault } from "../protocol/credentials.ts";
import { NetdiskError } from "../protocol/errors.ts";
import {
  formatAddress,
  parseServerLink,
  type ServerLink,
} from "../protocol/link.ts";
import type { Invocation } from "./command.ts";
import {
  Config,
  type ConfigData,
  configFolder,
  type SavedServer,
  type SavedSession,
} from "./config.ts";

/** A server, and what is remembered of it. */
export interface ServerChoice {
  link: ServerLink;
  /** `HOST:PORT`, the key in the config. */
  address: string;
  config: Config;
  saved: SavedServer | undefined;
  /** Nothing says which server is meant: it is this machine's. */
  isDefault: boolean;
}

/** @throws NetdiskError `usage` for an address or link that is not one */
export function chooseServer(invocation: Invocation): ServerChoice {
  const { options, env } = invocation;
  const config = new Config(configFolder(env));
  const data = config.read();
  const text = options.server ?? (env("NETDISK_SERVER") || data.server);
  const link = parseServerLink(text ?? "localhost");
  return { ...knownServer(link, config, data), isDefault: text === null };
}

/** A server that is meant, with what is remembered of it. */
export function knownServer(
  link: ServerLink,
  config: Config,
  data: ConfigData = config.read(),
): ServerChoice {
  const address = formatAddress(link.host, link.port);
  const saved = data.servers.find((s) => s.address === address);
  return { link, address, config, saved, isDefault: false };
}

/**
 * The saved session that the command is to use.
 *
 * @throws NetdiskError `unauthenticated` when there is none
 */
export function chooseSession(
  invocation: Invocation,
  { saved, address }: ServerChoice,
): SavedSession {
  const wanted = invocation.options.user ?? invocation.env("NETDISK_USER");
  if (wanted) checkUserName(wanted);
  const user = wanted || saved?.user;
  const session = saved?.sessions.find((s) => s.user === user);
  if (session) return session;
  const others = saved?.sessions.map((s) => s.user).join(", ");
  const who = (user ? ` as ${user}` : "") +
    (others ? ` (there are sessions of: ${others}; see --user)` : "");
  throw new NetdiskError(
    "unauthenticated",
    `not logged in to ${address}${who}`,
    {
      hint: `netdisk login ${user || "NAME"} --server ${address}`,
    },
  );
}

/** @throws NetdiskError `bad-name` */
export function checkUserName(user: string): void {
  const fault = userNameFault(user);
  if (fault) throw new NetdiskError("bad-name", `'${user}': ${fault}`);
}
