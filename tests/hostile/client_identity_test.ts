/**
 * A man in the middle who ends TLS himself, with a certificate of his own, and
 * writes down all that he can read: that must be nothing.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { Config, savedServer } from "../../client/config.ts";
import { seenCertificate } from "../../client/certificate.ts";
import { pemBlocks, pemBytes } from "../../server/pem.ts";
import { FakeServer, SESSION } from "../helpers/fake_server.ts";
import { Gate } from "../helpers/gate.ts";
import {
  Loopback,
  readAll,
  type TestIdentity,
  testIdentity,
} from "../helpers/loopback.ts";
import { Client, PASSWORD, type RunOptions } from "../helpers/netdisk.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { TestAuthority } from "../helpers/test_authority.ts";

const right = await testIdentity();
const wrong = await testIdentity();

/** Takes every connection, and keeps what comes over it. */
class Recorder extends Loopback {
  readonly read: string[];

  constructor(identity: TestIdentity | undefined) {
    const read: string[] = [];
    super(async (connection) => {
      const buffer = new Uint8Array(4096);
      // Once is enough: whoever is waited for would wait as well.
      const count = await connection.read(buffer) ?? 0;
      if (count > 0) read.push(new TextDecoder().decode(buffer));
    }, { identity });
    this.read = read;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }
}

/** Somebody who has a session at `address`, whose certificate is pinned. */
function pinned(home: string, address: string): Client {
  const client = Client.at(home);
  new Config(client.config).update((data) => {
    data.server = address;
    const server = savedServer(data, address);
    const { fingerprint, certificate } = right;
    server.trust = { kind: "pin", fingerprint, certificate };
    server.user = SESSION.user;
    server.sessions = [SESSION];
  });
  client.write("file", "content");
  return client;
}

function configOf(client: Client): string {
  return Deno.readTextFileSync(join(client.config, "servers.json"));
}

/** A command line, `{}` being the address and `{link}` a link to the right server. */
type Row = [argv: string[], env?: Record<string, string>];

const KNOWN: Row[] = [
  [["login", "anna", "--password-stdin"]],
  [["register", "ben", "--password-stdin"]],
  [["ls"]],
  [["put", "file"]],
  [["get", "file"]],
  [["sync", ".", "d"]],
  [["logout"]],
  [["ls", "--accept-new"]],
  [["ls", "--retries", "3"]],
  [["login", "anna", "--password-stdin", "--accept-new"]],
  [["login", "anna", "--password-stdin", "--server", "{link}"]],
  [["login", "anna", "--password-stdin"], { NETDISK_SERVER: "{link}" }],
  [["ls", "--server", "{link}"]],
];

async function run(
  client: Client,
  [argv, env = {}]: Row,
  address: string,
  options: RunOptions = {},
) {
  const link = `netdisk://${address}#${right.fingerprint}`;
  const fill = (text: string) =>
    text.replace("{}", address).replace("{link}", link);
  const filled = Object.entries(env).map(([name, it]) => [name, fill(it)]);
  return await client.run(argv.map(fill), {
    stdin: `${PASSWORD}\n`,
    ...options,
    env: { ...options.env, ...Object.fromEntries(filled) },
  });
}

Deno.test("a man in the middle of a known server reads not a byte", async () => {
  await using middle = new Recorder(wrong);
  for (const row of KNOWN) {
    using home = tempFolder();
    const client = pinned(home.path, middle.address);
    const before = configOf(client);
    const { code, stdout, stderr } = await run(client, row, middle.address);
    const name = row[0].join(" ");
    assertEquals([code, stdout], [10, ""], `${name}: ${stderr}`);
    assertMatch(stderr, /THE SERVER'S IDENTITY HAS CHANGED/, name);
    assertEquals(configOf(client), before, name);
    assertEquals(middle.read, [], name);
  }
});

Deno.test("a man in the middle of a link's first use reads not a byte", async () => {
  await using middle = new Recorder(wrong);
  for (const command of ["login", "register"]) {
    using home = tempFolder();
    const client = Client.at(home.path);
    const argv = [command, "anna", "--password-stdin", "--server", "{link}"];
    const { code, stderr } = await run(client, [argv], middle.address);
    assertEquals(code, 10, stderr);
    assertMatch(stderr, /the server is not the one of the link/);
    assertEquals(middle.read, []);
  }
});

Deno.test("a pinned server is not talked to in plain, whoever asks for it", async () => {
  await using plain = new Recorder(undefined);
  using home = tempFolder();
  const client = pinned(home.path, plain.address);
  for (const argv of [["ls"], ["login", "anna", "--password-stdin"]]) {
    const refused = await run(client, [[...argv, "--plain"]], plain.address);
    assertEquals(refused.code, 10, refused.stderr);
    assertEquals(plain.accepted, 0);
  }
  const { code, stderr } = await run(client, [
    ["login", "anna", "--plain", "--password-stdin", "--server", "{link}"],
  ], plain.address);
  assertEquals(code, 2, stderr);
  assertEquals(plain.accepted, 0);
});

Deno.test("a pinned server that answers in plain gets the hello of TLS and no more", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<Uint8Array>();
  await using plain = new Loopback(async (connection) => {
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer) ?? 0;
    using server = new FakeServer(connection);
    await server.sayJson({ type: "hello", version: 1 });
    resolve(buffer.slice(0, count));
    await readAll(connection);
  });
  using home = tempFolder();
  const address = `127.0.0.1:${plain.port}`;
  const client = pinned(home.path, address);
  const { code, stderr } = await run(client, [["ls"]], address);
  assertEquals(code, 5, stderr);
  assertMatch(stderr, /no TLS handshake/);
  // A handshake record, whose first message is a ClientHello.
  const hello = await asked;
  assertEquals([hello[0], hello[5]], [22, 1]);
  assertEquals(new TextDecoder().decode(hello).includes(SESSION.token), false);
});

const CONTENT = new Uint8Array(3_000_000).fill(5);

/** What the right server does until its place is taken, in the middle of it. */
const MIDDLES: [
  name: string,
  argv: string[],
  (s: FakeServer) => Promise<void>,
][] = [
  ["get", ["get", "large"], async (server) => {
    await server.request("get");
    const size = CONTENT.length;
    await server.say(
      { type: "file", size, mtime: 0, executable: false, offset: 0 },
    );
    await server.sayData(CONTENT.subarray(0, size / 2));
  }],
  ["put", ["put", "large"], async (server) => {
    await server.request("put");
  }],
  ["sync", ["sync", ".", "d"], async (server) => {
    await server.next();
  }],
];

for (const [name, argv, half] of MIDDLES) {
  Deno.test(`${name}: whoever takes the server's place between two connections reads not a byte`, async () => {
    await using middle = new Recorder(wrong);
    await using server = new Loopback(async (connection) => {
      const fake = new FakeServer(connection);
      await fake.greet();
      await half(fake);
      gate.target = middle.port;
      fake.close();
    }, { identity: right });
    await using gate = new Gate(server.port);
    using home = tempFolder();
    const client = pinned(home.path, gate.address);
    if (name === "put") client.write("large", CONTENT);
    const { code, stderr } = await run(client, [argv], gate.address);
    assertEquals(code, 10, stderr);
    assertMatch(stderr, /THE SERVER'S IDENTITY HAS CHANGED/);
    assertEquals([server.greeted, middle.read], [1, []]);
    if (name === "get") {
      assertEquals(client.names().includes("large"), false);
    }
  });
}

Deno.test("an authority that this machine trusts cannot sign for a pinned server", async () => {
  const authority = await TestAuthority.make();
  const signed = await testIdentity(await authority.sign("netdisk"));
  await using middle = new Recorder(signed);
  using home = tempFolder();
  const client = pinned(home.path, middle.address);
  const ca = client.write("ca.pem", authority.certificate);
  const trusting: Record<string, string>[] = [
    { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: ca },
    { DENO_CERT: ca },
  ];
  for (const env of trusting) {
    const options = { env };
    const known = await run(client, [["ls"]], middle.address, options);
    assertEquals([middle.read, known.code], [[], 10], known.stderr);

    // The right one shows its certificate, and then another one is in its place:
    // the first connection only looks.
    await using shown = new Loopback(async (connection) => {
      await readAll(connection);
    }, { identity: right });
    await using gate = new Gate(shown.port);
    Object.defineProperty(gate, "target", {
      get: () => gate.sent.length < 1 ? shown.port : middle.port,
    });
    using home = tempFolder();
    const stranger = Client.at(home.path);
    const argv = ["login", "anna", "--password-stdin", "--server", "{link}"];
    const met = await run(stranger, [argv], gate.address, options);
    assertEquals(
      [shown.greeted, middle.read, met.code],
      [1, [], 10],
      met.stderr,
    );
  }
});

Deno.test("a certificate that nobody can read is a refusal, and no fault of ours", async () => {
  const der = pemBytes(pemBlocks(right.certificate)[0]!);
  const at = der.findIndex((_, index) => isTorn(flipped(der, index)));
  const base64 = btoa(String.fromCharCode(...flipped(der, at)));
  const lines = base64.match(/.{1,64}/g)!.join("\n");
  const torn = {
    ...right,
    certificate:
      `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
  await using server = new Recorder(torn);
  using home = tempFolder();
  const argv = ["ping", "-c", "1", "--accept-new", "--server", "{}"];
  const { code, stderr } = await run(
    Client.at(home.path),
    [argv],
    server.address,
  );
  const error = "the server's certificate cannot be read";
  assertEquals(
    [code, stderr, server.read],
    [10, `netdisk: error: ${server.address}: ${error}\n`, []],
  );
});

function flipped(der: Uint8Array, index: number): Uint8Array {
  return der.with(index, der[index]! ^ 0xff);
}

/** Its names make no sense; all that a handshake needs does. */
function isTorn(der: Uint8Array): boolean {
  try {
    seenCertificate(der);
    return false;
  } catch (error) {
    return `${error}`.includes("invalid attributes");
  }
}
