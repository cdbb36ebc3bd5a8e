/** Which server is meant, and what happens when the two do not speak alike. */

import { within } from "../helpers/deadline.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Random } from "../helpers/random.ts";
import { Server } from "../helpers/server.ts";
import { toBytes } from "../helpers/test_client.ts";

const disk = sharedDisk();

Deno.test("the option comes before the environment, that before the last login", async () => {
  const ann = disk.client();
  const dead = { NETDISK_SERVER: "127.0.0.1:1" };
  const unreachable = {
    code: 5,
    stderr:
      "netdisk: error: 127.0.0.1:1: cannot connect: nobody listens there\n" +
      "netdisk: hint: is `netdisk serve` running there? another server is named with --server HOST:PORT\n",
  };
  const ping = ["ping", "-c", "1"];
  assertOutcome(await ann.run(ping, { env: dead }), unreachable);
  const { address } = disk.server;
  const byOption = [...ping, "--server", address];
  assertOutcome(await ann.run(byOption, { env: dead }), {
    stdout: `answer 1 from ${address}: [..]\n1 answers, [..]\n`,
  });
  const env = { NETDISK_SERVER: address };
  assertOutcome(
    await ann.run([...ping, "--server", "127.0.0.1:1"], { env }),
    unreachable,
  );
  assertOutcome(await ann.run(ping), {
    stdout: `answer 1 from ${address}: [..]\n1 answers, [..]\n`,
  });
});

Deno.test("an address or link that is none: exit 2, and secrets are not repeated", async () => {
  const cases: [server: string, part: string][] = [
    ["a b", "'a b'"],
    ["127.0.0.1:0", "port 0"],
    ["127.0.0.1#x", "a link without netdisk://"],
    ["netdisk://127.0.0.1:1#tooshort", "the fingerprint"],
    ["netdisk://127.0.0.1:1#.invite", "the invite"],
  ];
  for (const [server, part] of cases) {
    const outcome = await disk.client().run(["ls", "--server", server]);
    assertOutcome(outcome, {
      code: 2,
      stderr: `netdisk: error: --server: ${part} is not valid\n` +
        "netdisk: hint: write HOST, HOST:PORT or the netdisk:// link that the server printed, in quotes\n",
    });
  }
});

Deno.test("a TLS server meets noise, and a client that speaks plain", async () => {
  await using server = await Server.start(disk.folder("server"));
  const { port, address } = server;
  const noise = new Random(3).bytes(1000);
  const http = toBytes("GET / HTTP/1.1\r\n\r\n");
  for (const bytes of [noise, http]) {
    using tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    const { port: own } = tcp.localAddr;
    await tcp.write(bytes);
    await within("the end", drained(tcp));
    await server.logs(
      new RegExp(` handshake-failed peer=127\\.0\\.0\\.1:${own} `),
    );
  }
  const ping = ["ping", "-c", "1", "--server", address];
  assertOutcome(await disk.stranger().run([...ping, "--plain"]), {
    code: 1,
    stderr: "netdisk: error: [..]speaks TLS[..]\n",
  });
  assertOutcome(await disk.stranger().run([...ping, "-q"]), {
    stdout: `answer 1 from ${address}: [..]\n1 answers, [..]\n`,
  });
});

Deno.test("a plain server meets a client that speaks TLS", async () => {
  const home = disk.folder("server");
  await using server = await Server.start(home, ["--plain"]);
  const { address } = server;
  assertOutcome(await disk.stranger().run(["ping", "--server", address]), {
    code: 5,
    stderr: `netdisk: error: ${address}: no TLS handshake: [..]\n` +
      "netdisk: hint: a server that serves plain TCP needs --plain\n",
  });
  await server.logs(
    / closed peer=127\.0\.0\.1:\d+ reason="the peer speaks TLS/,
  );
  const ping = ["ping", "-c", "1", "--server", address, "--plain"];
  assertOutcome(await disk.stranger().run(ping), {
    stdout: `answer 1 from ${address}: [..]\n1 answers, [..]\n`,
  });
});

/** Reads until the peer has had enough. */
async function drained(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // Reset: it has had enough as well.
  }
}
