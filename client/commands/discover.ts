/** `netdisk discover`: which servers there are on the local network. */

import { NetdiskError } from "../../protocol/errors.ts";
import { formatAddress, formatServerLink } from "../../protocol/link.ts";
import { printColumns } from "../columns.ts";
import { defineCommand } from "../command.ts";
import { discoverServers, type FoundServer, linkTo } from "../discovery.ts";

const TITLES = ["NAME", "VERSION", "FINGERPRINT", "ADDRESS"];

export const command = defineCommand({
  name: "discover",
  summary: "find servers on the local network",
  usage: ["discover"],
  examples: [{ command: "netdisk discover" }],
  description:
    "Asks the local network which servers there are, and lists who replies within a second. " +
    "Nothing is remembered, and no session is needed.\n\n" +
    "Anybody on the network can reply, under any name. A server is the one that you mean when its FINGERPRINT is that of the link which it printed when it was started; " +
    "netdisk login and netdisk register, without --server, offer what is found and accept no other fingerprint.\n\n" +
    "Servers on IPv4 are found, on this machine and on networks that it is connected to, where neither side's firewall drops UDP port 6375 and the replies. " +
    "A server that was started with --no-discovery does not reply.",
  options: [],
  args: [],
  exitStatus:
    "0 when there is a server, 3 when none replied, 5 when there is no network to ask.",
  standalone: true,
  async run({ output }) {
    const servers = await discoverServers();
    if (servers.length === 0) {
      throw new NetdiskError("not-found", "no server replied", {
        hint:
          "networks and firewalls may keep it away; ask one directly: netdisk ping --server HOST",
      });
    }
    if (output.json) {
      for (const server of servers) output.record("found", fieldsOf(server));
      return;
    }
    await printColumns([TITLES, ...servers.flatMap(rowsOf)], output);
  },
});

/** A row for each address: two of them beside a fingerprint do not fit into 80 columns. */
function rowsOf(server: FoundServer): string[][] {
  const { name, agent, fingerprint, plain } = server;
  const proof = fingerprint ??
    (plain ? "none, not encrypted" : "none, signed by an authority");
  const [first = "", ...others] = addressesOf(server);
  return [
    [name, agent.replace(/^netdisk\//, ""), proof, first],
    ...others.map((address) => ["", "", "", address]),
  ];
}

function fieldsOf(server: FoundServer) {
  const { name, agent, fingerprint, plain, registration } = server;
  const addresses = addressesOf(server);
  return {
    server: addresses[0],
    addresses,
    machine: name,
    link: formatServerLink(linkTo(server)),
    fingerprint,
    agent,
    mode: plain ? "plain" : "TLS",
    registration,
  };
}

function addressesOf({ hosts, port }: FoundServer): string[] {
  return hosts.map((host) => formatAddress(host, port));
}
