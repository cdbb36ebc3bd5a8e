/** The compiled client against a server that lies, on a real connection. */

import { join } from "@std/path";
import { Config, savedServer, type Trust } from "../../client/config.ts";
import { ClientGone, FakeServer, isGone, SESSION } from "./fake_server.ts";
import { Loopback, type TestIdentity } from "./loopback.ts";
import { Client, type RunOptions } from "./netdisk.ts";
import type { Outcome, Process } from "./process.ts";
import { tempFolder } from "./temp_folder.ts";

/** One connection of a server that says what a test wants. */
export type Lie = (server: FakeServer, client: Process) => Promise<void>;

export interface MeetOptions extends Omit<RunOptions, "stdin"> {
  /** The script begins with the greeting; otherwise the session is accepted. */
  greeting?: boolean;
  /** The client has no session yet. */
  stranger?: boolean;
  /** Speaks TLS with it; the client has pinned it. */
  identity?: TestIdentity;
  stdin?: string;
  /** Files that the client has in its work folder. */
  files?: Record<string, string | Uint8Array>;
  /** Done to the work folder before. */
  prepare?: (client: Client) => void;
  /** The script may fail, as when the client does something else. */
  mayFail?: boolean;
  /** Done last, when the client remembers the server. */
  tamper?: (client: Client) => void;
}

/** What a command came to. */
export interface Meeting extends Outcome {
  /** `HOST:PORT` of the server. */
  address: string;
  connections: number;
  /** What changed below the client's home, config left out: `+made -gone *changed`. */
  changes: string[];
}

/**
 * Runs `netdisk ARGV` against a server that follows a script on each
 * connection; `{address}` in an argument is where it is. A script that finds
 * something wrong fails, unless the client has left early with an error.
 */
export async function meet(
  argv: readonly string[],
  lie: Lie,
  options: MeetOptions = {},
): Promise<Meeting> {
  const { identity, files = {}, prepare, tamper, stdin, mayFail, ...run } =
    options;
  using folder = tempFolder();
  const client = Client.at(folder.path);
  Deno.mkdirSync(client.config, { mode: 0o700 });
  for (const [name, content] of Object.entries(files)) {
    client.write(name, content);
  }
  prepare?.(client);
  const before = snapshot(client);
  const faults: unknown[] = [];
  const running = Promise.withResolvers<Process>();
  await using loopback = new Loopback(async (connection) => {
    const server = new FakeServer(connection);
    try {
      if (!options.greeting) await server.greet();
      await lie(server, await running.promise);
    } catch (error) {
      faults.push(error);
    }
  }, { identity });
  const address = `127.0.0.1:${loopback.port}`;
  remember(client, address, options);
  tamper?.(client);
  const line = argv.map((arg) => arg.replace("{address}", address));
  const plain = identity ? [] : ["--plain"];
  await using process = client.start([...line, ...plain], run);
  running.resolve(process);
  if (stdin !== undefined) await process.write(stdin);
  await process.closeStdin();
  const outcome = await process.outcome();
  await loopback.served();
  for (const fault of faults) {
    if (mayFail || outcome.code !== 0 && isGone(fault)) continue;
    throw new Error(`${fault}\n${outcome.stderr}`, { cause: fault });
  }
  return {
    ...outcome,
    address,
    connections: loopback.accepted,
    changes: changesOf(before, snapshot(client)),
  };
}

function remember(
  client: Client,
  address: string,
  { identity, stranger }: MeetOptions,
): void {
  const trust: Trust | null = identity
    ? {
      kind: "pin",
      fingerprint: identity.fingerprint,
      certificate: identity.certificate,
    }
    : null;
  new Config(client.config).update((data) => {
    const server = savedServer(data, address);
    server.trust = trust;
    data.server = address;
    if (stranger) return;
    server.user = SESSION.user;
    server.sessions = [SESSION];
  });
}

/** Waits for the client's end: it has all it needs to give up. */
export async function untilGone(server: FakeServer): Promise<never> {
  while (await server.next() !== null);
  throw new ClientGone("the client has left");
}

/** What lies below a client's home, and what it is. */
function snapshot({ home, config }: Client): Map<string, string> {
  const found = new Map<string, string>();
  const look = (folder: string) => {
    for (const { name } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      if (path === config) continue;
      const info = Deno.lstatSync(path);
      found.set(path.slice(home.length + 1), contentOf(path, info));
      if (info.isDirectory) look(path);
    }
  };
  look(home);
  return found;
}

function contentOf(path: string, info: Deno.FileInfo): string {
  if (info.isDirectory) return "folder";
  if (info.isSymlink) return `link to ${Deno.readLinkSync(path)}`;
  return `${info.mode} ${Deno.readFileSync(path).join()}`;
}

function changesOf(
  before: Map<string, string>,
  after: Map<string, string>,
): string[] {
  const changes: string[] = [];
  for (const [path, content] of after) {
    const was = before.get(path);
    if (was === undefined) changes.push(`+${path}`);
    else if (was !== content) changes.push(`*${path}`);
  }
  for (const path of before.keys()) {
    if (!after.has(path)) changes.push(`-${path}`);
  }
  return changes.sort();
}

/** Most memory that a process has had so far, in MiB. */
export function peakMiB({ pid }: Process): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  // One that has just ended has none.
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
