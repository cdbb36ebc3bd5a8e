/**
 * Finding servers: on loopback anywhere, and between two machines of their own
 * where the system lets tests make such.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { until } from "../helpers/deadline.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { NETWORKING, testWith } from "../helpers/needs.ts";
import { type Client, PASSWORD } from "../helpers/netdisk.ts";
import { NetworkSpace } from "../helpers/network_space.ts";
import { Process } from "../helpers/process.ts";
import { ENVIRONMENT } from "../helpers/program.ts";
import { type ServeOptions, Server } from "../helpers/server.ts";
import { hasTerminal, Terminal } from "../helpers/terminal.ts";

const disk = sharedDisk();

const TERMINAL = () => hasTerminal ? undefined : "needs a terminal";
const HERE = "198.51.100.1";
const THERE = "198.51.100.2";

interface Found {
  type: string;
  server: string;
  addresses: string[];
  fingerprint: string;
  registration: string;
  mode: string;
  link: string;
  agent: string;
}

/** What `netdisk discover --json` finds. */
async function discover(via: readonly string[] = []): Promise<Found[]> {
  const args = ["discover", "--json"];
  const { stdout } = await disk.stranger().run(args, { via });
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line))
    .filter(({ type }) => type === "found");
}

function fingerprintOf(server: Server): string {
  return /#([\w-]{43})/.exec(server.link)![1]!;
}

/**
 * The entry of a server, as soon as there is one with so many addresses: a busy
 * machine may need more than a second to reply.
 */
function find(
  server: Server,
  via?: readonly string[],
  addresses = 1,
): Promise<Found> {
  return until(`the server is found at ${addresses} addresses`, async () => {
    const found = await discover(via);
    return found.find((it) =>
      it.fingerprint === fingerprintOf(server) &&
      it.addresses.length >= addresses
    );
  });
}

async function startFindable(
  args: string[] = [],
  options: ServeOptions = {},
): Promise<Server> {
  const server = await Server.start(disk.folder("server"), args, {
    discovery: true,
    ...options,
  });
  await server.logs(/Z discovery port=6375 .* denied=read,write,run,/);
  return server;
}

Deno.test("servers for this machine alone are found on it, all of them", async () => {
  await using first = await startFindable();
  await using second = await startFindable(["--registration", "closed"]);
  for (const server of [first, second]) {
    const { type: _, agent, ...rest } = await find(server);
    assertMatch(agent, /^netdisk\/\d/);
    const { address } = server;
    const { version, machine, ...facts } = rest as Record<string, unknown>;
    assert(version === 1 && machine);
    assertEquals(facts, {
      server: address,
      addresses: [address],
      link: server.link.replace(/\..{22}$/, ""),
      fingerprint: fingerprintOf(server),
      mode: "TLS",
      registration: server === first ? "open" : "closed",
    });
  }
});

Deno.test("serve --no-discovery keeps silent", async () => {
  await using hidden = await Server.start(disk.folder("server"));
  await using findable = await startFindable();
  await find(findable);
  const prints = (await discover()).map(({ fingerprint }) => fingerprint);
  assertEquals(prints.includes(fingerprintOf(hidden)), false);
  assertEquals(hidden.log.includes("discovery"), false);
});

/** Two machines on one network, and nobody else. */
async function twoMachines(
  work: (here: NetworkSpace, there: NetworkSpace) => Promise<void>,
): Promise<void> {
  await using here = await NetworkSpace.open();
  await using there = await NetworkSpace.open(here);
  await here.connect(there, HERE, THERE);
  await work(here, there);
}

testWith(
  [NETWORKING],
  "discover lists a server of another machine",
  () =>
    twoMachines(async (here, there) => {
      const options = { listen: "0.0.0.0:0", via: there.enter };
      await using server = await startFindable([], options);
      const address = `${THERE}:${server.port}`;
      const found = await find(server, here.enter);
      assertEquals(found.addresses, [address]);
      assertEquals(found.registration, "invite");
      const client = disk.stranger();
      const outcome = await client.run(["discover"], { via: here.enter });
      assertOutcome(outcome, {
        stdout: "NAME[..]  VERSION[..]  FINGERPRINT[..]  ADDRESS\n" +
          `[..]  0.[..]  ${fingerprintOf(server)}  ${address}\n`,
      });
      // On its own machine it is one server with two addresses.
      const own = await find(server, there.enter, 2);
      assertEquals(own.addresses, [`127.0.0.1:${server.port}`, address]);
      assertEquals(own.registration, "open");
    }),
);

testWith(
  [NETWORKING],
  "a server on one address is found at that one",
  () =>
    twoMachines(async (here, there) => {
      const options = { via: there.enter };
      const listen = `${THERE}:0`;
      await using server = await startFindable([], { ...options, listen });
      await using local = await startFindable([], options);
      const { addresses } = await find(server, here.enter);
      assertEquals(addresses, [server.address]);
      assertEquals((await find(server, there.enter)).addresses, addresses);
      await find(local, there.enter);
      const prints = (await discover(here.enter)).map((it) => it.fingerprint);
      assertEquals(prints, [fingerprintOf(server)]);
    }),
);

testWith([NETWORKING], "nobody there: exit 3, and what to do", async () => {
  await using alone = await NetworkSpace.open();
  assertOutcome(
    await disk.stranger().run(["discover"], { via: alone.enter }),
    {
      code: 3,
      stderr: "netdisk: error: no server replied\n" +
        "netdisk: hint: networks and firewalls may keep it away; ask one directly: netdisk ping --server HOST\n",
    },
  );
});

testWith(
  [NETWORKING],
  "a server that cannot be found serves all the same",
  async () => {
    await using space = await NetworkSpace.open();
    const { enter: via } = space;
    const script = 'const socket = Deno.listenDatagram({ transport: "udp", ' +
      'hostname: "0.0.0.0", port: 6375 }); console.log("taken"); ' +
      "await socket.receive();";
    const deno = [Deno.execPath(), "eval", "--unstable-net", script];
    await using taker = new Process([...via, ...deno], {
      cwd: "/",
      env: ENVIRONMENT,
    });
    await taker.says("stdout", /taken/);
    const home = disk.folder("server");
    const listen = "0.0.0.0:0";
    await using server = await Server.start(home, [], {
      discovery: true,
      listen,
      via,
    });
    await server.logs(/Z discovery-off reason=".*in use/);
    const ping = ["ping", "-c", "1", "--server", `127.0.0.1:${server.port}`];
    const { code } = await disk.stranger().run(ping, { via });
    assertEquals(code, 0);
  },
);

testWith(
  [NETWORKING],
  "serve prints each address that it is reached at",
  () =>
    twoMachines(async (here, there) => {
      await using third = await NetworkSpace.open(there);
      await there.connect(third, "203.0.113.1", "203.0.113.2", "lan1");
      const listen = "0.0.0.0:0";
      const options = { listen, via: there.enter };
      await using server = await startFindable([], options);
      const { port, root } = server;
      assertOutcome({ ...await server.stop(), stderr: "" }, {
        stdout: `netdisk 0.[..] serving ${root} on 0.0.0.0:${port} (TLS)\n` +
          `From this machine:   netdisk register NAME --server localhost:${port}\n` +
          `From another one:    netdisk register NAME --server 'netdisk://${THERE}:${port}#[..]'\n` +
          `Also at:             203.0.113.1:${port}\n`,
      });
      assert(here);
    }),
);

/** A command of somebody on this machine. */
function onTerminal(
  space: NetworkSpace,
  args: string[],
  client: Client = disk.stranger(),
): Terminal {
  return new Terminal(client, args, { via: space.enter });
}

/** The same, as soon as something is found and offered; it takes the first. */
function taking(...args: Parameters<typeof onTerminal>): Promise<Terminal> {
  return until("an offer", async () => {
    const terminal = onTerminal(...args);
    try {
      await terminal.shows(/none\] $/);
      await terminal.types("1\r");
      return terminal;
    } catch {
      // It found nothing within its second, and has ended.
      await terminal[Symbol.asyncDispose]();
      return undefined;
    }
  });
}

testWith(
  [NETWORKING, TERMINAL],
  "register and login offer what is found, pinned by its fingerprint",
  () =>
    twoMachines(async (here, there) => {
      const open = ["--registration", "open"];
      const options = { listen: "0.0.0.0:0", via: there.enter };
      await using server = await startFindable(open, options);
      const address = `${THERE}:${server.port}`;
      const print = fingerprintOf(server);
      const offer =
        "netdisk: nobody listens on localhost:6375, looking for servers on the network\r\n" +
        `  1  [..] at ${address}, netdisk/0.[..]\r\n` +
        `     fingerprint ${print}\r\n` +
        "Which one has the fingerprint of the link that was printed? [1, Enter for none] 1\r\n";
      const client = disk.stranger();
      await using terminal = await taking(here, ["register", "bob"], client);
      await terminal.shows(/New password for bob: $/);
      await terminal.types(`${PASSWORD}\r`);
      await terminal.shows(/The same again: $/);
      await terminal.types(`${PASSWORD}\r`);
      assertOutcome(await terminal.outcome(), {
        stderr: `${offer}New password for bob: \r\nThe same again: \r\n` +
          `netdisk: registered bob on ${address} and logged in\r\n`,
      });
      const whoami = await client.run(["whoami"], { via: here.enter });
      assertOutcome(whoami, { stdout: `bob@${address}\n` });
      // From now on it is remembered, and nobody else is asked.
      await using again = onTerminal(here, ["login", "bob"], client);
      await again.shows(/^Password for bob: $/);
      await using login = await taking(here, ["login", "bob"]);
      await login.shows(/Password for bob: $/);
      await login.types(`${PASSWORD}\r`);
      assertOutcome(await login.outcome(), {
        stderr: `${offer}Password for bob: \r\n` +
          `netdisk: logged in to ${address} as bob\r\n`,
      });
    }),
);

testWith(
  [NETWORKING, TERMINAL],
  "a forged reply offers a server that fails its pin: exit 10, no password",
  async () => {
    await using space = await NetworkSpace.open();
    const { enter: via } = space;
    await using server = await Server.start(
      disk.folder("server"),
      ["--registration", "open"],
      { via },
    );
    const forged = {
      name: "attic",
      port: server.port,
      plain: false,
      fingerprint: "f".repeat(43),
      host: null,
      registration: "open",
      agent: "netdisk/0.1.0",
    };
    await using _forger = await startForger(via, forged);
    const { address } = server;
    for (const word of ["register", "login"]) {
      await using terminal = await taking(space, [word, "bob"]);
      const { code, stderr } = await terminal.outcome();
      assertEquals(code, 10);
      assertMatch(stderr, / is not the one of the link /);
      assertEquals(stderr.includes("assword"), false);
    }
    // A server that is remembered is not exchanged for another one either.
    const client = disk.stranger();
    const register = ["register", "eve", "--server", address];
    await client.run([...register, "--password-stdin"], {
      via,
      stdin: PASSWORD,
    });
    forget(client);
    await using terminal = await taking(space, ["login", "eve"], client);
    const { code, stderr } = await terminal.outcome();
    assertEquals(code, 10);
    assertMatch(stderr, /another identity/);
    assertEquals(stderr.includes("assword"), false);
  },
);

/** The client knows its servers, but none is the one of the last login. */
function forget(client: Client): void {
  const path = `${client.config}/servers.json`;
  const config = JSON.parse(Deno.readTextFileSync(path));
  assertEquals(config.servers.length, 1);
  Deno.writeTextFileSync(path, JSON.stringify({ ...config, server: null }));
}

async function startForger(
  via: readonly string[],
  reply: unknown,
): Promise<Process> {
  const program = fromFileUrl(
    new URL("../helpers/answerer.ts", import.meta.url),
  );
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const deno = [Deno.execPath(), "run", "-A", "--quiet", "--config", config];
  const forger = new Process(
    [...via, ...deno, program, JSON.stringify(reply)],
    { cwd: "/", env: { ...ENVIRONMENT, ...Deno.env.toObject() } },
  );
  try {
    await forger.says("stdout", /ready/);
    return forger;
  } catch (error) {
    await forger[Symbol.asyncDispose]();
    throw error;
  }
}
