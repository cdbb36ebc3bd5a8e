/** A client's command against a fake server on a real, plain connection. */

import { join } from "@std/path";
import type { Command } from "../../client/command.ts";
import { Config, savedServer } from "../../client/config.ts";
import { FakeServer, isGone, SESSION } from "./fake_server.ts";
import { invoke, type InvokeOptions, type Ran } from "./invocation.ts";
import { Loopback, socketCount, socketsClosed } from "./loopback.ts";
import { tempFolder } from "./temp_folder.ts";

export interface PlayOptions extends InvokeOptions {
  /** The script begins with the greeting; otherwise the session is accepted. */
  greeting?: boolean;
  /** The client has no session yet. */
  stranger?: boolean;
}

/** What a command came to, and what it left behind. */
export interface Played extends Ran {
  /** `HOST:PORT` of the server. */
  address: string;
  /** Users whose sessions the client has. */
  users: string[];
  /** How many connections came. */
  connections: number;
  /** The JSON objects on stdout. */
  objects(): Record<string, unknown>[];
}

/**
 * Runs `netdisk COMMAND ARGV --plain` against a server that follows a script on
 * each connection; `{address}` in an argument is where it is. A script that finds something wrong fails; nothing that the
 * command opened stays open.
 */
export async function play(
  command: Command,
  argv: readonly string[],
  script: (server: FakeServer, connection: number) => Promise<void>,
  options: PlayOptions = {},
): Promise<Played> {
  const before = socketCount();
  using folder = tempFolder();
  const config = new Config(folder.path);
  const faults: unknown[] = [];
  let played: Played;
  {
    await using loopback = new Loopback(async (connection) => {
      const server = new FakeServer(connection);
      try {
        if (!options.greeting) await server.greet();
        await script(server, loopback.accepted);
      } catch (error) {
        faults.push(error);
      }
    });
    const address = `127.0.0.1:${loopback.port}`;
    config.update((data) => {
      const server = savedServer(data, address);
      data.server = address;
      if (options.stranger) return;
      server.user = SESSION.user;
      server.sessions = [SESSION];
    });
    const env = { NETDISK_CONFIG_DIR: folder.path, ...options.env };
    const line = argv.map((arg) => arg.replace("{address}", address));
    const ran = await invoke(command, [...line, "--plain"], {
      ...options,
      env,
    });
    // The client has left; the scripts are to find that out themselves.
    await loopback.served();
    const [saved] = config.read().servers;
    played = {
      ...ran,
      address,
      users: saved!.sessions.map(({ user }) => user),
      connections: loopback.accepted,
      objects: () => ran.stdout.trim().split("\n").map((s) => JSON.parse(s)),
    };
  }
  await socketsClosed(before);
  // A script that the client left early is only wrong when the client is happy.
  for (const fault of faults) {
    if (!played.error || !isGone(fault)) throw fault;
  }
  return played;
}

/** A folder with files of the given texts; `sub/` is a folder in it. */
export function filesIn(texts: Record<string, string>) {
  const folder = tempFolder();
  const of = (name: string) => join(folder.path, name);
  for (const [name, text] of Object.entries(texts)) {
    if (name.endsWith("/")) Deno.mkdirSync(of(name));
    else Deno.writeTextFileSync(of(name), text);
  }
  return {
    path: folder.path,
    of,
    /** The files in it, and what each has. */
    now: () => Object.fromEntries(textsBelow(folder.path, "")),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

function textsBelow(root: string, prefix: string): [string, string][] {
  return [...Deno.readDirSync(join(root, prefix))].flatMap((entry) => {
    const name = prefix + entry.name;
    return entry.isDirectory
      ? textsBelow(root, `${name}/`)
      : [[name, Deno.readTextFileSync(join(root, name))]];
  });
}
