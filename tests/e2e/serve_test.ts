/** `netdisk serve`: how it starts, what it prints, and how it ends. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Server } from "../helpers/server.ts";

const disk = sharedDisk();

const isRoot = Deno.uid() === 0;
const NOBODY = 65534;
const HELP = "netdisk: hint: netdisk help serve\n";

/** The machine's own addresses, so that nothing leaves it. */
const outside = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.")
)?.address;

Deno.test("the ready lines with TLS, and with --registration closed", async () => {
  const args = ["--registration", "closed"];
  await using server = await Server.start(disk.folder("server"), args);
  const { root, port, address } = server;
  assertOutcome({ ...await server.stop(), stderr: "" }, {
    stdout: `netdisk 0.[..] serving ${root} on ${address} (TLS)\n` +
      `From this machine:   netdisk login NAME --server localhost:${port}\n` +
      `Link:                netdisk login NAME --server 'netdisk://${address}#[..]'\n`,
  });
  assertMatch(server.link, /#[\w-]{43}$/);
});

Deno.test("the ready lines with --plain name the option for clients", async () => {
  const args = ["--plain", "--registration", "open"];
  await using server = await Server.start(disk.folder("server"), args);
  const { root, port, address } = server;
  assertOutcome({ ...await server.stop(), stderr: "" }, {
    stdout: `netdisk 0.[..] serving ${root} on ${address} (plain)\n` +
      `From this machine:   netdisk register NAME --server localhost:${port} --plain\n` +
      `Link:                netdisk register NAME --server 'netdisk://${address}' --plain\n`,
  });
});

Deno.test(
  "the ready lines give the machine's address for other machines",
  { ignore: outside === undefined },
  async () => {
    const listen = "0.0.0.0:0";
    await using server = await Server.start(disk.folder("server"), [], {
      listen,
    });
    const { root, port } = server;
    assertOutcome({ ...await server.stop(), stderr: "" }, {
      stdout: `netdisk 0.[..] serving ${root} on 0.0.0.0:${port} (TLS)\n` +
        `From this machine:   netdisk register NAME --server localhost:${port}\n` +
        `From another one:    netdisk register NAME --server 'netdisk://${outside}:${port}#[..].[..]'\n`,
    });
    assertMatch(server.link, /#[\w-]{43}\.[\w-]{22}$/);
  },
);

Deno.test("serve without --root makes ./netdisk-data, for its owner alone", async () => {
  const client = disk.stranger();
  const args = ["serve", "--listen", "127.0.0.1:0", "--json"];
  await using process = client.start(args);
  await process.says("stdout", /"ready"/);
  process.signal("SIGINT");
  const { code, stdout } = await process.outcome();
  assertEquals(code, 0);
  const [ready, result] = stdout.trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals([ready.type, ready.root], ["ready", "./netdisk-data"]);
  assertEquals(ready.hostname, "127.0.0.1");
  assertEquals(ready.mode, "TLS");
  assert(ready.link.startsWith(`netdisk://127.0.0.1:${ready.port}#`));
  assertEquals(result, { type: "result", version: 1, exitCode: 0 });
  const { mode } = Deno.statSync(client.path("netdisk-data"));
  assertEquals(mode! & 0o777, 0o700);
  const identity = client.path("netdisk-data/.netdisk/identity.pem");
  assertEquals(Deno.statSync(identity).mode! & 0o777, 0o600);
});

Deno.test("the identity stays the same from start to start", async () => {
  const home = disk.folder("server");
  const prints: (string | undefined)[] = [];
  for (const _ of [1, 2]) {
    await using server = await Server.start(home);
    prints.push(/#([\w-]{43})\./.exec(server.link)?.[1]);
    assertEquals((await server.stop()).code, 0);
  }
  assert(prints[0] !== undefined);
  assertEquals(prints[0], prints[1]);
});

Deno.test("a second server on the same root is refused at once", async () => {
  const { root } = disk.server;
  const args = ["serve", "--root", root, "--listen", "127.0.0.1:0"];
  assertOutcome(await disk.stranger().run(args), {
    code: 1,
    stderr: `netdisk: error: ${root}: another server is using it\n` +
      "netdisk: hint: stop that one first, or serve another folder with --root DIR\n",
  });
  assertOutcome(await disk.client().run(["ls"]));
});

Deno.test("a port that is in use: exit 1, and what to do", async () => {
  const { address } = disk.server;
  const args = ["serve", "--root", "disk", "--listen", address];
  assertOutcome(await disk.stranger().run(args), {
    code: 1,
    stderr:
      `netdisk: error: cannot listen on ${address}: the port is in use\n` +
      "netdisk: hint: choose another with --listen HOST:PORT; port 0 takes a free one\n",
  });
});

Deno.test("an address of another machine: exit 1, and what to do", async () => {
  const args = ["serve", "--root", "disk", "--listen", "192.0.2.77:7000"];
  const { code, stderr } = await disk.stranger().run(args);
  assertEquals(code, 1);
  // The log comes before.
  assertEquals(stderr.split("\n").slice(-3), [
    "netdisk: error: cannot listen on 192.0.2.77:7000: this machine does not have that address",
    "netdisk: hint: --listen 0.0.0.0:7000 listens on all that it has",
    "",
  ]);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} stops an idle server with exit 0`, async () => {
    await using server = await Server.start(disk.folder("server"));
    const { code, stderr } = await server.stop(signal);
    assertEquals(code, 0);
    assertMatch(
      stderr,
      new RegExp(`Z stopping signal=${signal}\n.*Z stopped\n$`),
    );
  });
}

Deno.test("a bad option: exit 2, and what is wrong", async () => {
  const cases: [args: string[], reason: string][] = [
    [["--tls-cert", "a.pem"], "--tls-cert: it needs tls-key as well"],
    [["--tls-key", "a.pem"], "--tls-key: it needs tls-cert as well"],
    [
      ["--plain", "--tls-cert", "a.pem", "--tls-key", "a.pem"],
      "--plain: it excludes tls-cert",
    ],
    [
      ["--listen", "1.2.3.4:99999"],
      "--listen: '1.2.3.4:99999' is not HOST:PORT",
    ],
    [["--listen", "a b"], "--listen: 'a b' is not HOST:PORT"],
    [["--listen"], "serve: --listen needs a value (HOST:PORT)"],
    [
      ["--registration", "all"],
      "serve: --registration is one of invite, open, closed, not 'all'",
    ],
    [["--rot", "x"], "serve: unknown option --rot, did you mean --root?"],
    [["disk"], "serve: takes no arguments, 1 was given"],
  ];
  const client = disk.stranger();
  for (const [args, reason] of cases) {
    assertOutcome(await client.run(["serve", ...args]), {
      code: 2,
      stderr: `netdisk: error: ${reason}\n${HELP}`,
    });
  }
  assertEquals(client.names(), [], "nothing was made");
});

Deno.test("a root that is no folder, or may not be written: exit 1", async () => {
  const client = disk.stranger();
  client.write("file", "");
  Deno.mkdirSync(client.path("closed"));
  Deno.chmodSync(client.path("closed"), 0o555);
  const env = { HOME: "/" };
  const nobody = isRoot ? { uid: NOBODY } : {};
  for (const root of ["file", "closed/disk"]) {
    const args = ["serve", "--root", root, "--listen", "127.0.0.1:0"];
    assertOutcome(await client.run(args, { env, ...nobody }), {
      code: 1,
      stderr: `netdisk: error: ${root}: [..]\n` +
        "netdisk: hint: choose a folder that you may write to with --root DIR\n",
    });
  }
});

Deno.test("after kill -9 in the middle of a put it starts again at once", async () => {
  const home = disk.folder("server");
  await using killed = await Server.start(home);
  const eve = disk.stranger();
  await eve.register("eve", killed.address);
  eve.write("file", "old");
  assertOutcome(await eve.run(["put", "file"]));

  await using put = eve.start(["put", "-", "--to", "file"]);
  await put.write(new Uint8Array(600_000));
  await killed.holdsPartial(1);
  assertEquals((await killed.stop("SIGKILL")).code, "SIGKILL");
  assertOutcome(await put.outcome(), {
    code: 5,
    stderr: "netdisk: error: [..]\nnetdisk: hint: [..]\n",
  });

  const listen = killed.address;
  await using server = await Server.start(home, [], { listen });
  // It serves already while it still clears away.
  await server.noPartial();
  assertOutcome(await eve.run(["get", "file", "--to", "-"]), { stdout: "old" });
  assertOutcome(await eve.run(["put", "file", "--to", "new"]));
});

Deno.test("a transfer that is under way when it stops is finished", async () => {
  await using server = await Server.start(disk.folder("server"));
  const eve = disk.stranger();
  await eve.register("eve", server.address);
  await using put = eve.start(["put", "-", "--to", "slow"]);
  await put.write(new Uint8Array(600_000));
  await server.holdsPartial(1);
  server.process.signal("SIGTERM");
  await server.logs(/ stopping signal=SIGTERM\n/);
  await put.write("the end");
  await put.closeStdin();
  assertOutcome(await put.outcome());
  assertEquals((await server.process.outcome()).code, 0);
  assertEquals(Deno.statSync(server.file("eve", "slow")).size, 600_007);
});

Deno.test("a transfer that does not end is cut off after a few seconds", async () => {
  await using server = await Server.start(disk.folder("server"));
  const eve = disk.stranger();
  await eve.register("eve", server.address);
  await using put = eve.start(["put", "-", "--to", "slow"]);
  await put.write(new Uint8Array(600_000));
  await server.holdsPartial(1);
  const { code, stderr } = await server.stop();
  assertEquals(code, 0);
  assertMatch(stderr, /Z stopped\n$/);
  assertOutcome(await put.outcome(), {
    code: 5,
    stderr: "netdisk: error: [..]\nnetdisk: hint: [..]\n",
  });
  assertEquals([...Deno.readDirSync(server.file("eve"))], []);
});
