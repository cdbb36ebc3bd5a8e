/**
 * Names that a completion takes from the config or the server. Nobody has asked
 * for anything yet: no question, no notice, no retry, and no answer rather than
 * a late one.
 */

import type { Entry } from "../protocol/messages.ts";
import { parseRemotePath, segmentFault } from "../protocol/remote_path.ts";
import type { Invocation } from "./command.ts";
import type { GivenValues } from "./completion.ts";
import {
  Config,
  type ConfigData,
  configFolder,
  type SavedServer,
} from "./config.ts";
import { connect } from "./connect.ts";
import { displayText } from "./display_text.ts";
import { listingPages } from "./listing.ts";
import { Output, type OutputSystem } from "./output.ts";
import { splitServer } from "./remote_names.ts";
import { chooseServer, chooseSession } from "./server_choice.ts";

/** More would be no help; nobody reads them. */
const MAX_CANDIDATES = 1000;

/** A server of the config, with its short name if it has one. */
type KnownServer = Pick<SavedServer, "address" | "name">;

/** What the servers that are known are called, and their addresses. @throws NetdiskError */
export function serverNames(env: Invocation["env"]): string[] {
  const servers: KnownServer[] = readConfig(env).servers;
  return servers.flatMap(({ name, address }) =>
    name === undefined ? [address] : [name, address]
  );
}

/** Accounts that have logged in here. @throws NetdiskError */
export function userNames(env: Invocation["env"]): string[] {
  const users = readConfig(env).servers.flatMap(({ user, sessions }) => [
    ...sessions.map((session) => session.user),
    ...user === null ? [] : [user],
  ]);
  return [...new Set(users)].sort();
}

/**
 * Remote paths that begin with `value`, over one connection with the saved
 * session; a folder ends in a slash.
 *
 * @throws NetdiskError
 */
export async function remotePaths(
  value: string,
  given: GivenValues,
  system: OutputSystem,
): Promise<string[]> {
  const servers = readConfig((name) => system.env(name)).servers;
  const there = splitServer(value, servers);
  const label = there === undefined ? "" : `${there.name}:`;
  const typed = there?.path ?? value;
  const folder = typed.slice(0, typed.lastIndexOf("/") + 1);
  const beginning = typed.slice(folder.length);
  const path = parseRemotePath(folder);
  const invocation = silentInvocation(
    there === undefined
      ? given
      : new Map([...given, ["server", there.address]]),
    system,
  );
  const choice = chooseServer(invocation);
  const session = chooseSession(invocation, choice);
  // Whom to trust is nothing to decide here.
  const isKnown = choice.saved?.trust || given.has("plain");
  if (!isKnown) return [];
  using connection = await connect(invocation, choice);
  await connection.greet(session);
  await connection.send({ type: "list", path });
  const found = there === undefined ? labelsFor(value, servers) : [];
  for await (const entries of listingPages(connection)) {
    for (const entry of entries) {
      if (!isOffered(entry, beginning)) continue;
      found.push(label + candidate(folder, entry));
      if (found.length >= MAX_CANDIDATES) return found;
    }
  }
  return found;
}

/** Short names that a path may begin with, as `value` does. */
function labelsFor(
  value: string,
  servers: readonly KnownServer[],
): string[] {
  return servers.flatMap(({ name }) => name === undefined ? [] : `${name}:`)
    .filter((label) => label.startsWith(value));
}

/** Hidden files as shells have it; a name that cannot be shown as it is would deceive. */
function isOffered({ name }: Entry, beginning: string): boolean {
  if (!name.startsWith(beginning)) return false;
  if (name.startsWith(".") && beginning === "") return false;
  return segmentFault(name) === undefined && displayText(name) === name;
}

function candidate(folder: string, { name, kind }: Entry): string {
  // Otherwise it would be an option.
  const start = folder === "" && name.startsWith("-") ? "./" : folder;
  return start + name + (kind === "folder" ? "/" : "");
}

function silentInvocation(
  given: GivenValues,
  system: OutputSystem,
): Invocation {
  const text = (name: string) => {
    const value = given.get(name);
    return typeof value === "string" ? value : undefined;
  };
  return {
    options: {
      server: text("server"),
      user: text("user"),
      cacert: text("cacert"),
      plain: given.has("plain"),
      acceptNew: false,
      retries: "0",
      progress: "never",
      quiet: true,
      verbose: false,
      json: false,
      help: false,
      version: false,
    },
    args: [],
    output: new Output(system, { quiet: true }),
    stdin: {
      isTerminal: () => false,
      setRaw: () => {},
      read: () => Promise.resolve(null),
    },
    env: (name) => system.env(name),
  };
}

function readConfig(env: Invocation["env"]): ConfigData {
  return new Config(configFolder(env)).read();
}
