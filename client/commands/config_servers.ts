/** The commands below `netdisk config` that change what is saved of a server. */

import { NetdiskError } from "../../protocol/errors.ts";
import { defineCommand, type Invocation, usageError } from "../command.ts";
import {
  Config,
  type ConfigData,
  configFolder,
  nameServer,
  type SavedServer,
} from "../config.ts";
import { checkShortName, parseServer } from "../server_names.ts";
import { nameNotice } from "../session_store.ts";

const SERVER = { name: "SERVER", names: "server" } as const;

export const name = defineCommand({
  name: "config name",
  summary: "give a saved server a short name",
  usage: ["config name SERVER NAME"],
  examples: [
    {
      command: "netdisk config name disk.example.org home",
      note: "then: netdisk ls home:",
    },
  ],
  description:
    "Saves the server under the short name NAME, instead of the one that it had. " +
    "A name that another server had is moved to this one. " +
    "NAME is 2 to 32 of a-z 0-9 _ - and starts with a letter.\n\n" +
    "A new server gets its name when you log in: netdisk login USER --server NAME=HOST.",
  options: [],
  args: [SERVER, { name: "NAME" }],
  standalone: true,
  exitStatus:
    "0; 1 when the config file cannot be used, 3 when no such server is saved.",
  run({ args, env, output }) {
    const [text = "", name = ""] = args;
    checkShortName(name);
    const { address, renaming } = change(env, text, (data, server) => ({
      address: server.address,
      renaming: nameServer(data, server, name),
    }));
    output.record("named", { server: address, shortName: name });
    output.notice(nameNotice(name, address, renaming));
  },
});

export const unname = defineCommand({
  name: "config unname",
  summary: "take a server's short name away",
  usage: ["config unname SERVER"],
  examples: [{ command: "netdisk config unname home" }],
  description:
    "The server keeps its session, and is then reached by its address alone.",
  options: [],
  args: [SERVER],
  standalone: true,
  exitStatus:
    "0; 1 when the config file cannot be used, 3 when no such server is saved.",
  run({ args, env, output }) {
    const address = change(env, args[0]!, (_data, server) => {
      delete server.name;
      return server.address;
    });
    output.record("named", { server: address, shortName: null });
    output.notice(`${address} has no short name any more`);
  },
});

export const forget = defineCommand({
  name: "config forget",
  summary: "forget a server: its name, its sessions, how it is known",
  usage: ["config forget SERVER"],
  examples: [{ command: "netdisk config forget home" }],
  description:
    "Removes all that is saved here of the server. Its sessions are forgotten, not ended: " +
    "'netdisk logout' does that, and is to be given first.\n\n" +
    "The fingerprint by which the server was known is forgotten as well: " +
    "whoever answers at its address next is met for the first time, and may be somebody else. " +
    "Do not forget a server because netdisk says that its identity has changed, unless you know why it has.",
  options: [],
  args: [SERVER],
  standalone: true,
  exitStatus:
    "0; 1 when the config file cannot be used, 3 when no such server is saved.",
  run({ args, env, output }) {
    const { server, wasLast } = change(env, args[0]!, (data, server) => {
      const wasLast = data.server === server.address;
      if (wasLast) data.server = null;
      data.servers = data.servers.filter((other) => other !== server);
      return { server, wasLast };
    });
    const { address, sessions, trust } = server;
    output.record("forgotten", {
      server: address,
      shortName: server.name ?? null,
    });
    output.notice(`forgot ${labelOf(server)}`);
    const lasting = sessions.filter(({ expires }) => expires > Date.now());
    if (lasting.length > 0) {
      const users = lasting.map(({ user }) => user).join(", ");
      output.notice(
        `the server still has the sessions of: ${users}; who has a copy of the config file can use them ` +
          "until they expire (netdisk logout --all after a new login ends them)",
      );
    }
    if (trust?.kind === "pin") {
      output.notice(
        `its fingerprint was ${trust.fingerprint}; compare it when the server is met again`,
      );
    }
    if (wasLast) {
      output.notice("without --server commands now go to localhost");
    }
  },
});

/** Changes the entry of a saved server. @throws NetdiskError `not-found` */
function change<Result>(
  env: Invocation["env"],
  text: string,
  act: (data: ConfigData, server: SavedServer) => Result,
): Result {
  const config = new Config(configFolder(env));
  // Nothing is made where there is nothing.
  findServer(config.read(), text);
  let result: { value: Result } | undefined;
  config.update((data) => {
    result = { value: act(data, findServer(data, text)) };
  });
  return result!.value;
}

function findServer(data: ConfigData, text: string): SavedServer {
  const { address, newName, guess } = parseServer(text, data.servers);
  if (newName !== undefined) {
    throw usageError("config", `'${text}' is no server`);
  }
  const server = data.servers.find((server) => server.address === address);
  if (server) return server;
  const question = guess === undefined ? "" : `, did you mean '${guess}'?`;
  throw new NetdiskError(
    "not-found",
    // A link may hold an invite.
    `${
      text.includes("//") ? address : text
    }: no such server is saved${question}`,
    { hint: "netdisk config" },
  );
}

function labelOf({ name, address }: SavedServer): string {
  return name === undefined ? address : `${name} (${address})`;
}
