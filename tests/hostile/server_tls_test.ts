/**
 * What is no TLS, or not all of it, on a port that speaks it: the connection
 * ends, its descriptor is free, the log says why, and others are served.
 */

import { assertRejects } from "@std/assert";
import { within } from "../helpers/deadline.ts";
import { Random } from "../helpers/random.ts";
import { toBytes } from "../helpers/test_client.ts";
import { control } from "./frames.ts";
import { assertServes, watchedDisk } from "./watched_disk.ts";

const disk = watchedDisk("TLS");

/** What a client of TLS says first. */
async function clientHello(): Promise<Uint8Array> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = Deno.connectTls({ hostname: "127.0.0.1", port }).then(
    (it) => it.close(),
    () => {},
  );
  using connection = await listener.accept();
  const bytes = new Uint8Array(4096);
  const count = await connection.read(bytes);
  // Not what it waits for.
  await connection.write(toBytes("no"));
  await connection.closeWrite();
  await client;
  listener.close();
  return bytes.slice(0, count ?? 0);
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

Deno.test("what is no handshake ends the connection, and nothing else", async (t) => {
  const hello = await clientHello();
  const random = new Random(11);
  const cases: [name: string, bytes: Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["a plain client", control('{"type":"ping"}')],
    ["HTTP", toBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["noise", random.bytes(20_000)],
    ["zeros", new Uint8Array(20_000)],
    ["a record of 64 KiB", Uint8Array.of(0x16, 3, 1, 0xff, 0xff, 1)],
    ["an empty record", Uint8Array.of(0x16, 3, 1, 0, 0)],
    ["an alert", Uint8Array.of(0x15, 3, 1, 0, 2, 2, 40)],
    ["data first", Uint8Array.of(0x17, 3, 3, 0, 1, 0)],
    ["SSL 2", Uint8Array.of(0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10)],
    ["a hello twice", Uint8Array.of(...hello, ...hello)],
    ["a hello, then noise", Uint8Array.of(...hello, ...random.bytes(500))],
    ["a hello alone", hello],
    ["a hello of the wrong version", changed(hello, 9, 0)],
    ...[1, 5, 6, 43, hello.length - 1].map((length): [string, Uint8Array] => [
      `${length} bytes of a hello`,
      hello.subarray(0, length),
    ]),
    ...Array.from({ length: 40 }, (_, i): [string, Uint8Array] => [
      `damaged hello ${i}`,
      changed(hello, random.below(hello.length), random.below(256)),
    ]),
  ];
  for (const [name, bytes] of cases) {
    await t.step(name, async () => {
      const { port } = disk.server;
      using peer = await Deno.connect({ hostname: "127.0.0.1", port });
      const own = (peer.localAddr as Deno.NetAddr).port;
      // The server may have closed before all of it is written.
      await peer.write(bytes).catch(() => {});
      await peer.closeWrite().catch(() => {});
      await within("the end of the connection", drain(peer));
      await disk.server.logs(
        new RegExp(
          ` (handshake-failed|lost|closed) peer=127\\.0\\.0\\.1:${own} `,
        ),
      );
    });
  }
  await assertServes(disk);
});

Deno.test("clients that offer another protocol only are sent away", async () => {
  const { port, root } = disk.server;
  const identity = Deno.readTextFileSync(`${root}/.netdisk/identity.pem`);
  const [certificate = ""] = /-----BEGIN CERTIFICATE[^]*/.exec(identity) ?? [];
  for (const alpnProtocols of [["h2"], ["netdisk/2", "http/1.1"]]) {
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    const own = (tcp.localAddr as Deno.NetAddr).port;
    const options = { hostname: "netdisk", caCerts: [certificate] };
    using tls = await Deno.startTls(tcp, { ...options, alpnProtocols });
    await assertRejects(() => within("a refusal", tls.handshake()));
    await disk.server.logs(
      new RegExp(` handshake-failed peer=127\\.0\\.0\\.1:${own} `),
    );
  }
  await assertServes(disk);
});

/** Reads to the end, or to a reset. */
async function drain(peer: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(4096);
  try {
    while (await peer.read(bytes) !== null);
  } catch {
    // As good as an end.
  }
}
