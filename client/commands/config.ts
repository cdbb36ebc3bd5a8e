/** `netdisk config`: what is set, which servers are known here, and how to change that. */

import { NetdiskError } from "../../protocol/errors.ts";
import { printColumns } from "../columns.ts";
import { defineGroup, type Invocation } from "../command.ts";
import {
  Config,
  type ConfigData,
  configFolder,
  type SavedServer,
  type Trust,
} from "../config.ts";
import { localTime } from "../entry_view.ts";
import type { Output } from "../output.ts";
import { retryLimit } from "../retry.ts";
import {
  accountSettings,
  configPlaces,
  otherSettings,
  type Setting,
} from "../settings.ts";
import { forget, name, unname } from "./config_servers.ts";

export const command = defineGroup({
  name: "config",
  summary: "show what is set and which servers are known; name or forget one",
  usage: ["config"],
  examples: [
    {
      command: "netdisk config",
      note: "where the config file is, what is set and by what",
    },
    { command: "netdisk config name disk.example.org home" },
    { command: "netdisk config forget home" },
  ],
  description:
    "Shows the effective values and what set each: an option, an environment variable, the last login, or nothing. " +
    "Then the saved servers, a star at the one that commands use: the short name, the address, the accounts that are logged in there and until when, " +
    "and how the server is known. Asks no server, and shows no secret.\n\n" +
    "The config file holds the sessions, so it must be its owner's alone.\n\n" +
    "'netdisk help config COMMAND' says more about each.",
  options: [],
  subcommands: [name, unname, forget],
  standalone: false,
  exitStatus:
    "0; 1 when the config file cannot be used, 2 when --server or a variable names no server.",
  run: show,
});

async function show(invocation: Invocation): Promise<void> {
  const { env, output } = invocation;
  retryLimit(invocation);
  const settings: Setting[] = [];
  let data: ConfigData | undefined;
  let failure: NetdiskError | undefined;
  // What does not work is what somebody wants to find out here: it is told last.
  try {
    settings.push(...configPlaces(env));
    data = new Config(configFolder(env)).read();
    settings.push(...accountSettings(invocation, data));
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    failure = error;
  }
  settings.push(...otherSettings(invocation));
  await showSettings(settings, output);
  const used = settings.find(({ name }) => name === "server")?.value;
  await showServers(data?.servers ?? [], used, output);
  if (failure) throw failure;
}

async function showSettings(
  settings: readonly Setting[],
  output: Output,
): Promise<void> {
  for (const { name, ...rest } of settings) {
    output.record("setting", { key: name, ...rest });
  }
  if (output.json) return;
  await printColumns([
    ["SETTING", "VALUE", "FROM"],
    ...settings.map(({ name, value, origin, source }) => [
      name,
      valueText(value),
      source === null ? origin : `${origin} ${source}`,
    ]),
  ], output);
}

async function showServers(
  servers: readonly SavedServer[],
  used: Setting["value"] | undefined,
  output: Output,
): Promise<void> {
  for (const { name = null, address, user, trust, sessions } of servers) {
    output.record("server", {
      server: address,
      shortName: name,
      used: address === used,
      user,
      ...trustFields(trust),
      sessions: sessions.map(({ user, expires }) => ({
        user,
        expires: new Date(expires).toISOString(),
      })),
    });
  }
  if (output.json || servers.length === 0) return;
  output.print("");
  await printColumns(
    [
      ["", "NAME", "ADDRESS", "USER", "SESSION UNTIL", "KNOWN BY"],
      ...servers.flatMap((server) =>
        serverRows(server, server.address === used)
      ),
    ],
    output,
    { cut: true },
  );
}

/** A row for each session, the account of the last login first; at least one. */
function serverRows(server: SavedServer, isUsed: boolean): string[][] {
  const { name, address, user, trust, sessions } = server;
  const sorted = sessions.toSorted((a, b) =>
    Number(b.user === user) - Number(a.user === user)
  );
  const accounts = sorted.length === 0
    ? [["-", "-"]]
    : sorted.map(({ user, expires }) => [
      user,
      expires > Date.now() ? localTime(expires) : "expired",
    ]);
  const [first = [], ...others] = accounts;
  return [
    [isUsed ? "*" : "", name ?? "-", address, ...first, trustText(trust)],
    ...others.map((account) => ["", "", "", ...account, ""]),
  ];
}

function valueText(value: Setting["value"]): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === null ? "-" : String(value);
}

function trustFields(trust: Trust | null) {
  if (trust?.kind === "pin") {
    return { trust: "pin", fingerprint: trust.fingerprint };
  }
  const kind = trust && (trust.certificate === null ? "authority" : "cacert");
  return { trust: kind, fingerprint: null };
}

function trustText(trust: Trust | null): string {
  if (trust === null) return "-";
  if (trust.kind === "pin") return `fingerprint ${trust.fingerprint}`;
  return trust.certificate === null ? "a public authority" : "--cacert";
}
