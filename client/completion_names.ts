/**
 * Names that a completion takes from the config or the server. Nobody has asked
 * for anything yet: no question, no notice, no retry, and no answer rather than
 * a late one.
 */

import type { Entry } from "../protocol/messages.ts";
import { parseRemotePath, segmentFault } from "../protocol/remote_path.ts";
import type { Invocation } from "./command.ts";
import type { Candidate, GivenValues } from "./completion.ts";
import {
  Config,
  type ConfigData,
  configFolder,
  type SavedServer,
} from "./config.ts";
import { connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { displayText } from "./display_text.ts";
import { listingPages } from "./listing.ts";
import { Output, type OutputSystem } from "./output.ts";
import { listBlocked, listComing, listInbox } from "./parcels.ts";
import { splitServer } from "./remote_names.ts";
import { chooseServer, chooseSession } from "./server_choice.ts";

/** More would be no help, as nobody reads them; but see {@link commonBeginning}. */
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
 * session; a folder ends in a slash. Before them short names that may begin a
 * path, which are there without any server as well.
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
  const invocation = silentInvocation(
    there === undefined
      ? given
      : new Map([...given, ["server", there.address]]),
    system,
  );
  const labels = there === undefined ? labelsFor(value, servers) : [];
  const found = [...labels];
  let common = commonBeginning(labels);
  try {
    for await (const entry of entriesOf(folder, invocation)) {
      if (!isOffered(entry, beginning)) continue;
      const path = label + candidate(folder, entry, there ? [] : servers);
      if (found.length >= MAX_CANDIDATES && path.startsWith(common)) continue;
      common = commonBeginning(found.length === 0 ? [path] : [common, path]);
      found.push(path);
    }
  } catch (error) {
    if (labels.length === 0) throw error;
  }
  return found;
}

/**
 * What all of them begin with, which a shell types by itself: a name that begins
 * otherwise has to be among those that are offered, however many there are.
 */
function commonBeginning([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}

/** What is in the inbox, by its number. @throws NetdiskError */
export async function parcels(
  given: GivenValues,
  system: OutputSystem,
): Promise<Candidate[]> {
  using connection = await greeted(silentInvocation(given, system));
  const all = connection ? await listInbox(connection) : [];
  return all.map(({ number, from, line }) => ({
    text: String(number),
    description: displayText(line === "" ? from : `${from}: ${line}`),
  }));
}

/** Who has sent something, be it delivered or not. @throws NetdiskError */
export async function senders(
  given: GivenValues,
  system: OutputSystem,
): Promise<string[]> {
  using connection = await greeted(silentInvocation(given, system));
  if (!connection) return [];
  const here = (await listInbox(connection)).map(({ from }) => from);
  const coming = await listComing(connection);
  return [...new Set([...here, ...coming])].sort();
}

/** From whom nothing is taken. @throws NetdiskError */
export async function blockedUsers(
  given: GivenValues,
  system: OutputSystem,
): Promise<string[]> {
  using connection = await greeted(silentInvocation(given, system));
  return connection ? await listBlocked(connection) : [];
}

/** What is in a remote folder; nothing of a server that is not known. @throws NetdiskError */
async function* entriesOf(
  folder: string,
  invocation: Invocation,
): AsyncGenerator<Entry> {
  const path = parseRemotePath(folder);
  using connection = await greeted(invocation);
  if (!connection) return;
  await connection.send({ type: "list", path });
  for await (const entries of listingPages(connection)) yield* entries;
}

/** A connection with the saved session; none to a server that is not known. @throws NetdiskError */
async function greeted(
  invocation: Invocation,
): Promise<Connection | undefined> {
  const choice = chooseServer(invocation);
  const session = chooseSession(invocation, choice);
  // Whom to trust is nothing to decide here.
  if (!choice.saved?.trust && !invocation.options.plain) return undefined;
  const connection = await connect(invocation, choice);
  await connection.greet(session);
  return connection;
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

/** The path of an entry; `servers` are those whose names it could begin with. */
export function candidate(
  folder: string,
  { name, kind }: Pick<Entry, "name" | "kind">,
  servers: readonly KnownServer[],
): string {
  // Otherwise it would be an option, or a file on another server.
  const isOther = name.startsWith("-") ||
    splitServer(name, servers) !== undefined;
  const start = folder === "" && isOther ? "./" : folder;
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
