/** The unit of systemd and the Containerfile: what they run is what the program takes. */

import { assert, assertEquals } from "@std/assert";
import { parseArguments } from "../../client/arguments.ts";
import { COMMANDS } from "../../main.ts";
import {
  connectionLimit,
  DEFAULT_MAX_CONNECTIONS,
} from "../../server/connection_limits.ts";

const SCRIPTS = new URL("../../scripts/", import.meta.url);
const BINARY = "/usr/local/bin/netdisk";
const STATE = "/var/lib/netdisk";

function textOf(name: string): string {
  return Deno.readTextFileSync(new URL(name, SCRIPTS));
}

/** The values of a key of the unit, comments left out. */
function unitValues(key: string): string[] {
  return textOf("netdisk.service").split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

/** What stands behind an instruction of the Containerfile. */
function instructions(name: string): string[] {
  return textOf("Containerfile").split("\n")
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length + 1));
}

/** A list of words, and nothing for a shell. */
function words(json: string): string[] {
  const found: unknown = JSON.parse(json);
  assert(Array.isArray(found) && found.every((w) => typeof w === "string"));
  return found;
}

/** The program takes these arguments; the values of their options. */
async function parsed([binary, name, ...rest]: string[]) {
  assertEquals(binary, BINARY);
  const entry = COMMANDS.find((command) => command.name === name);
  assert(entry, `there is no command ${name}`);
  const { options } = parseArguments(await entry.load(), rest);
  return options as { root?: string; check?: boolean; logFormat?: string };
}

Deno.test("ExecStart of the unit is a command line that the program takes", async () => {
  const [line, ...more] = unitValues("ExecStart");
  assertEquals(more, []);
  const { root } = await parsed(line!.split(" "));
  assertEquals(root, STATE);
  assertEquals(unitValues("StateDirectory"), ["netdisk"]);
});

Deno.test("the unit lets nobody else in, and the server end in time", () => {
  for (
    const line of [
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "ProtectHome=yes",
      "PrivateTmp=yes",
      "PrivateDevices=yes",
      "CapabilityBoundingSet=",
      "StateDirectoryMode=0700",
      // The invite that is printed is nothing for a journal.
      "StandardOutput=null",
      "Restart=on-failure",
      "RestartPreventExitStatus=2",
    ]
  ) assert(textOf("netdisk.service").split("\n").includes(line), line);
  // V8 could not compile.
  assertEquals(unitValues("MemoryDenyWriteExecute"), []);
  // A hung server is given up after 9.5 s.
  assert(parseInt(unitValues("TimeoutStopSec")[0]!) > 10);
  const families = unitValues("RestrictAddressFamilies")[0]!.split(" ");
  assertEquals(families, ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"]);
});

Deno.test("the unit gives descriptors for all connections that there may be", () => {
  const descriptors = Number(unitValues("LimitNOFILE")[0]);
  assertEquals(connectionLimit(null, descriptors), DEFAULT_MAX_CONNECTIONS);
});

Deno.test("the container runs a command line that the program takes, as no root and without a shell", async () => {
  const [entry, ...more] = instructions("ENTRYPOINT");
  assertEquals(more, []);
  const [command] = instructions("CMD");
  const { root } = await parsed([...words(entry!), ...words(command!)]);
  assertEquals(root, STATE);
  assertEquals(instructions("VOLUME"), [STATE]);
  assertEquals(instructions("USER"), ["netdisk"]);
  assertEquals(instructions("STOPSIGNAL"), ["SIGTERM"]);
  assert(instructions("COPY")[0]!.endsWith(`dist/netdisk ${BINARY}`));
});

Deno.test("the container's health is what netdisk status tells", async () => {
  const [health] = instructions("HEALTHCHECK");
  const [, command] = health!.split(" CMD ");
  const { root, check } = await parsed(words(command!));
  assertEquals([root, check], [STATE, true]);
});

Deno.test("commands in the comments of both are some that the program takes", async () => {
  const texts = textOf("netdisk.service") + textOf("Containerfile");
  const lines = texts.matchAll(/(?:sudo -u|exec) netdisk (netdisk .+)$/gm);
  let count = 0;
  for (const [, line = ""] of lines) {
    const [, group, ...rest] = line.split(" ");
    const entry = COMMANDS.find(({ name }) => name === group);
    const { subcommands = [] } = await entry!.load();
    const found = subcommands.find((c) => c.name === `${group} ${rest[0]}`);
    assert(found, line);
    parseArguments(found, rest.slice(1));
    count++;
  }
  assertEquals(count, 2);
});
