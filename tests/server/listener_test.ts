import { assert, assertEquals, assertRejects } from "@std/assert";
import type { RequestOf } from "../../protocol/messages.ts";
import { ALPN } from "../../protocol/version.ts";
import { ConnectionGuard, guardLimits } from "../../server/connection_guard.ts";
import { type Identity, loadIdentity } from "../../server/identity.ts";
import {
  ConnectionListener,
  type ListenerOptions,
} from "../../server/listener.ts";
import { Storage } from "../../server/storage.ts";
import { dataFolder } from "../../server/storage_path.ts";
import type { Registration } from "../../server/worker_messages.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, DiskRecorder, replace } from "../helpers/faults.ts";
import { memoryPair } from "../helpers/memory_conn.ts";
import { NOBODY } from "../helpers/nobody.ts";
import {
  HELLO,
  putRequest,
  sha256Of,
  TestClient,
} from "../helpers/test_client.ts";
import { Fixture, PASSWORD } from "./fixture.ts";

type Listener = Deno.Listener<Deno.TcpConn | Deno.TlsConn>;

const REGISTER: RequestOf<"register"> = {
  type: "register",
  user: "ann",
  password: PASSWORD,
  invite: null,
};

/** A server on a port of this machine, with a clock that a test moves. */
class Served extends Fixture {
  now = 1000;
  /** How often the time was asked for. */
  looks = 0;
  identity: Identity | undefined;
  listener!: ConnectionListener;
  running!: Promise<void>;
  #port = 0;
  #isStopped = false;
  #clients: TestClient[] = [];
  #sockets: Deno.Conn[] = [];

  /** Listens with TLS or without. */
  static async start(mode: "TLS" | "plain" = "plain"): Promise<Served> {
    const server = new Served();
    const address = { hostname: "127.0.0.1", port: 0 };
    if (mode === "plain") return server.run(Deno.listen(address));
    server.identity = await loadIdentity(dataFolder(server.root));
    const { certificate: cert, key } = server.identity;
    const alpnProtocols = [ALPN];
    return server.run(
      Deno.listenTls({ ...address, cert, key, alpnProtocols }),
    );
  }

  run(
    socket: Listener,
    registration: Registration = "open",
    more: ListenerOptions = {},
  ): Served {
    this.#port = (socket.addr as Deno.NetAddr).port;
    const now = () => (this.looks++, this.now);
    const options = { now, sweepMs: 5, ...more };
    this.listener = new ConnectionListener(socket, this, registration, options);
    this.running = this.listener.run();
    return this;
  }

  /** A connection without TLS, whatever the server speaks. */
  async dialPlain(): Promise<Deno.TcpConn> {
    const socket = await Deno.connect({
      hostname: "127.0.0.1",
      port: this.#port,
    });
    this.#sockets.push(socket);
    return socket;
  }

  async dial(): Promise<TestClient> {
    const tcp = await this.dialPlain();
    let socket: Deno.Conn = tcp;
    if (this.identity) {
      const tls = await Deno.startTls(tcp, {
        hostname: "netdisk",
        caCerts: [this.identity.certificate],
        alpnProtocols: [ALPN],
      });
      await within("the handshake", tls.handshake());
      socket = tls;
    }
    const client = new TestClient(socket);
    this.#clients.push(client);
    return client;
  }

  /** A client that has logged in as `ann`. */
  async user(): Promise<TestClient> {
    const client = await this.dial();
    await client.send(HELLO, REGISTER);
    await client.answer("hello");
    const answer = await client.next();
    if (answer && "type" in answer && answer.type === "error") {
      const { type: _, invite: __, ...names } = REGISTER;
      await client.ask({ type: "login", ...names }, "session");
    }
    return client;
  }

  /** Lets time pass, and the deadlines be looked at before and behind it. */
  async pass(ms: number): Promise<void> {
    for (const step of [0, ms]) {
      this.now += step;
      const looks = this.looks;
      await until("looks", () => this.looks >= looks + 2);
    }
  }

  async stop(graceMs = 0): Promise<void> {
    this.#isStopped = true;
    await within("the stop", this.listener.stop(graceMs));
    await within("the end of accepting", this.running);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const socket of this.#sockets) {
      try {
        socket.close();
      } catch {
        // Closed by its client.
      }
    }
    if (!this.#isStopped) await this.stop();
    await super[Symbol.asyncDispose]();
  }
}

/** The bytes that unfinished uploads have, all together. */
function sizeOfUploads(server: Served): number {
  return server.uploads()
    .map((name) => `${server.root}/.netdisk/uploads/${name}`)
    .reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}

/** A listener that gives what a test hands out. */
class FakeListener {
  addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  #next: (Deno.Conn | Error)[] = [];
  #waiting = Promise.withResolvers<void>();

  add(...outcomes: (Deno.Conn | Error)[]): void {
    this.#next.push(...outcomes);
    this.#waiting.resolve();
  }

  async accept(): Promise<Deno.Conn> {
    while (this.#next.length === 0) {
      this.#waiting = Promise.withResolvers<void>();
      await this.#waiting.promise;
    }
    const outcome = this.#next.shift()!;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  close(): void {
    this.add(new Deno.errors.BadResource("closed"));
  }
}

/** A connection in memory from some address. */
function connectionFrom(hostname: string): [Deno.Conn, TestClient] {
  const [there, here] = memoryPair();
  const connection = Object.assign(there, {
    remoteAddr: { transport: "tcp", hostname, port: 5000 },
    setNoDelay() {},
  });
  return [connection as unknown as Deno.Conn, new TestClient(here)];
}

for (const mode of ["plain", "TLS"] as const) {
  Deno.test(`a client comes in over ${mode}, puts and gets`, async () => {
    await using server = await Served.start(mode);
    const client = await server.user();
    const content = "0123456789".repeat(50_000);
    await client.sendPut("a/file", content);
    await client.answer("receipt");
    assertEquals((await client.get("a/file")).length, content.length);
    assertEquals(server.read("a/file"), content);
    const [line] = server.log.lines("register");
    assert(/^register peer=127\.0\.0\.1:\d+ user=ann$/.test(line!), line);
  });

  Deno.test(`peers that are silent, slow or talk nonsense hold up nobody over ${mode}`, async () => {
    await using server = await Served.start(mode);
    await server.dialPlain();
    const half = await server.dialPlain();
    await half.write(new Uint8Array([0x16, 3, 1]));
    const nonsense = await server.dialPlain();
    await nonsense.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    const stuck = await server.user();
    Deno.writeFileSync(server.path("big"), new Uint8Array(20_000_000));
    await stuck.send({ type: "get", path: "big", prefix: null });
    const client = await server.user();
    for (let i = 0; i < 10; i++) {
      await client.sendPut("file", `${i}`);
      await client.answer("receipt");
    }
    const event = mode === "TLS" ? "handshake-failed" : "closed";
    await until("the log", () => server.log.lines(event).length === 1);
    const [line] = server.log.lines(event);
    assert(/ peer=127\.0\.0\.1:\d+ reason=/.test(line!), line);
  });
}

Deno.test("a TLS client on a plain port is told what it met", async () => {
  await using server = await Served.start("plain");
  const socket = await server.dialPlain();
  const client = new TestClient(socket);
  await client.sendRaw(new Uint8Array([0x16, 3, 1, 0, 200, 1, 0, 0, 196]));
  const { code, message } = await client.answer("error");
  assertEquals(code, "protocol");
  assert(message.includes("speaks TLS"), message);
  assertEquals(await client.rest(), []);
});

Deno.test("a TLS client of another protocol gets no connection", async () => {
  await using server = await Served.start("TLS");
  const tls = await Deno.startTls(await server.dialPlain(), {
    hostname: "netdisk",
    caCerts: [server.identity!.certificate],
    alpnProtocols: ["h2"],
  });
  await assertRejects(() => within("the handshake", tls.handshake()));
  tls.close();
  await until("the log", () => server.log.lines("handshake").length === 1);
  await server.user();
});

Deno.test("a stranger that does not log in is dropped after 20 s", async () => {
  await using server = await Served.start("plain");
  const silent = await server.dial();
  const busy = await server.dial();
  await busy.ask(HELLO, "hello");
  const user = await server.user();
  server.now += 20_000;
  await busy.ask({ type: "ping" }, "pong");
  server.now += 1;
  for (const client of [silent, busy]) {
    assertEquals(
      (await client.answer("error")).message,
      "no login within 20 s",
    );
    assertEquals(await client.rest(), []);
  }
  await user.ask({ type: "ping" }, "pong");
});

Deno.test("a handshake that does not end is dropped after 10 s", async () => {
  await using server = await Served.start("TLS");
  await server.dialPlain();
  const client = await server.user();
  server.now += 10_001;
  await until("the log", () => server.log.lines("handshake").length === 1);
  const [line] = server.log.lines("handshake");
  assert(line!.endsWith('reason="no TLS handshake within 10 s"'), line);
  await client.ask({ type: "ping" }, "pong");
});

Deno.test("an idle client is dropped after 90 s, one that pings is not", async () => {
  await using server = await Served.start("plain");
  const idle = await server.user();
  const awake = await server.user();
  for (let i = 0; i < 3; i++) {
    server.now += 30_000;
    await awake.ask({ type: "ping" }, "pong");
  }
  assertEquals(server.log.lines("dropped"), []);
  // The look that saw its last byte may have come later than that.
  await until("the drop", async () => {
    server.now += 10_000;
    await awake.ask({ type: "ping" }, "pong");
    return server.log.lines("dropped").length === 1;
  });
  // It may have been asked before whether it is still there.
  const last = (await idle.rest()).at(-1);
  assertEquals(last, {
    type: "error",
    code: "timeout",
    message: "idle for 90 s",
  });
  await awake.ask({ type: "ping" }, "pong");
});

Deno.test("a download that nobody reads is dropped after 60 s, and its file closed", async () => {
  await using server = await Served.start("plain");
  const client = await server.user();
  Deno.writeFileSync(server.path("big"), new Uint8Array(20_000_000));
  await client.send({ type: "get", path: "big", prefix: null });
  await client.answer("file");
  const open = () =>
    descriptorsBelow(server.root).filter((p) => p.startsWith("users/"));
  assert(open().length > 0);
  // As long as bytes move it goes on.
  server.now += 60_000;
  await client.next();
  assertEquals(server.log.lines("dropped"), []);
  await until("the drop", () => {
    server.now += 10_000;
    return server.log.lines("dropped").length === 1;
  });
  await until("the end of the download", () => open().length === 0);
});

Deno.test("an upload that does not go on is dropped after 60 s", async () => {
  await using server = await Served.start("plain");
  const client = await server.user();
  await client.send(putRequest("file", null));
  await client.sendData("x".repeat(100_000));
  await until("the upload", () => server.uploads().length === 1);
  await until("the drop", () => {
    server.now += 10_000;
    return server.log.lines("dropped").length === 1;
  });
  assertEquals(
    (await client.answer("error")).message,
    "no byte moved for 60 s",
  );
  await until("the end of the upload", () => server.uploads().length === 0);
});

Deno.test("an upload that creeps is dropped, and goes on where it was", async () => {
  await using server = await Served.start("plain");
  const content = "0123456789".repeat(30_000);
  const client = await server.user();
  const request = putRequest("file", content.length, { ask: true });
  await client.ask(request, "continue");
  await client.sendData(content.slice(0, 100_000));
  let sent = 100_000;
  while (server.log.lines("dropped").length === 0) {
    await client.sendData(content.slice(sent, ++sent));
    await server.pass(1000);
    assert(sent < 100_200, "it is never dropped");
  }
  const { code, message } = await client.answer("error");
  assertEquals(code, "timeout");
  assertEquals(message, "slower than 1024 bytes a second");
  const next = await server.user();
  const { offset } = await next.ask(request, "continue");
  assert(offset >= 100_000 && offset <= sent, `${offset}`);
  const sha256 = sha256Of(content.slice(0, offset));
  await next.ask({ type: "prefix", sha256 }, "continue");
  await next.sendData(content.slice(offset));
  await next.send({
    ...{ type: "commit", size: content.length, sha256: sha256Of(content) },
  });
  await next.answer("receipt");
  assertEquals(server.read("file"), content);
});

Deno.test("'waiting' keeps a pipe, and no upload of a known size", async () => {
  for (const size of [null, 1_000_000]) {
    await using server = await Served.start("plain");
    const client = await server.user();
    await client.send(putRequest("file", size));
    await client.sendData("x".repeat(1000));
    let seconds = 0;
    while (seconds < 600 && server.log.lines("dropped").length === 0) {
      await client.send({ type: "waiting" }).catch(() => {});
      await server.pass(20_000);
      seconds += 20;
    }
    assertEquals(server.log.lines("dropped").length, size === null ? 0 : 1);
    if (size === null) await client.ask({ type: "cancel" }, "cancelled");
    else assert(seconds <= 120, `after ${seconds} s`);
  }
});

Deno.test("a request that comes byte by byte is dropped", async () => {
  await using server = await Served.start("plain");
  const client = await server.user();
  await client.sendRaw(Uint8Array.of(0, 0, 255, 0, 1));
  for (let second = 0; server.log.lines("dropped").length === 0; second++) {
    await client.sendRaw(Uint8Array.of(0x7b));
    await server.pass(1000);
    assert(second < 120, "it is never dropped");
  }
  assertEquals((await client.answer("error")).code, "timeout");
});

Deno.test("with --min-rate 0 a transfer may creep", async () => {
  await using server = new Served();
  const address = { hostname: "127.0.0.1", port: 0 };
  server.run(Deno.listen(address), "open", { minRate: 0 });
  const client = await server.user();
  await client.send(putRequest("file", 1000));
  for (let i = 0; i < 20; i++) {
    await client.sendData("x");
    await server.pass(30_000);
  }
  await client.ask({ type: "cancel" }, "cancelled");
});

Deno.test("a stranger does not pay for the time that its password takes", async () => {
  await using server = await Served.start("plain");
  const gate = Promise.withResolvers<void>();
  using _slow = replace(server.accounts, "register", (original) => {
    return async (...args) => {
      await gate.promise;
      return await original.apply(server.accounts, args);
    };
  });
  const client = await server.dial();
  await client.ask(HELLO, "hello");
  await client.send(REGISTER);
  for (let i = 0; i < 30; i++) await server.pass(1000);
  assertEquals(server.log.lines("dropped"), []);
  gate.resolve();
  await client.answer("session");
});

Deno.test("whoever is too many is sent away, and of a flood of them one line a second tells", async () => {
  await using server = new Served();
  const address = { hostname: "127.0.0.1", port: 0 };
  const guard = new ConnectionGuard({ ...guardLimits(100), perAddress: 1 });
  server.run(Deno.listen(address), "open", { guard });
  const inside = await server.dial();
  await inside.ask(HELLO, "hello");
  for (let i = 0; i < 109; i++) {
    assertEquals(await (await server.dial()).rest(), []);
  }
  const refused = () =>
    server.log.lines("refused").map((line) => line.replace(/:\d+/, ""));
  const line = "refused peer=127.0.0.1" +
    ' reason="too many connections from this address"';
  assertEquals(refused(), new Array(100).fill(line));
  server.now += 1000;
  await until("the others", () => refused().length === 101);
  assertEquals(refused()[100], `${line} count=9`);
  await inside.ask({ type: "ping" }, "pong");
  inside.close();
  await until("room", () => guard.total === 0);
  await (await server.dial()).ask(HELLO, "hello");
});

Deno.test("a user with too many connections is told so, and others are not", async () => {
  await using server = new Served();
  const address = { hostname: "127.0.0.1", port: 0 };
  const guard = new ConnectionGuard({ ...guardLimits(100), perUser: 1 });
  server.run(Deno.listen(address), "open", { guard });
  const first = await server.user();
  assertEquals([guard.total, guard.strangers], [1, 0]);
  const second = await server.dial();
  await second.ask(HELLO, "hello");
  const { type: _, invite: __, ...names } = REGISTER;
  await second.send({ type: "login", ...names });
  assertEquals(await second.error(), "busy");
  await second.ask({ ...REGISTER, user: "bob" }, "session");
  first.close();
  await until("room", () => guard.total === 1);
  await server.user();
});

Deno.test("a client is not dropped for a slow disk", async () => {
  await using server = await Served.start("plain");
  const client = await server.user();
  using disk = new DiskRecorder(server.root);
  const gate = Promise.withResolvers<void>();
  disk.hold(/^sync TEMP/, gate.promise);
  await client.sendPut("file", "content", { mtime: 0 });
  await until("the commit", () => disk.count(/^utime TEMP/) === 1);
  for (let i = 0; i < 10; i++) {
    server.now += 60_000;
    // Let the deadlines be looked at, by way of another client.
    const other = await server.user();
    await other.ask({ type: "ping" }, "pong");
    other.close();
  }
  assertEquals(server.log.lines("dropped"), []);
  gate.resolve();
  await client.answer("receipt");
});

Deno.test("accepting goes on after it failed, and says so once", async () => {
  await using server = new Served();
  const socket = new FakeListener();
  server.run(socket as unknown as Listener);
  const emfile = () => Object.assign(new Error("too many"), { code: "EMFILE" });
  const [connection, client] = connectionFrom("192.0.2.1");
  socket.add(emfile(), emfile(), connection);
  await client.ask(HELLO, "hello");
  assertEquals(server.log.lines("accept-failed").length, 1);
  const [another, later] = connectionFrom("192.0.2.1");
  socket.add(emfile(), another);
  await later.ask(HELLO, "hello");
  assertEquals(server.log.lines("accept-failed").length, 2);
  client.close();
  later.close();
});

Deno.test("accepting that fails again and again fills no log", async () => {
  await using server = new Served();
  const socket = new FakeListener();
  server.run(socket as unknown as Listener, "open", { retryMs: 0 });
  for (let i = 0; i < 150; i++) {
    const [connection, client] = connectionFrom("192.0.2.1");
    socket.add(new Error("too many"), connection);
    await client.ask(HELLO, "hello");
    client.close();
  }
  assertEquals(server.log.lines("accept-failed").length, 100);
});

Deno.test("with invites, this machine registers freely and nobody else does", async () => {
  const cases: [hostname: string, policy: Registration, hello: Registration][] =
    [
      ["127.0.0.1", "invite", "open"],
      ["127.8.9.1", "invite", "open"],
      ["::1", "invite", "open"],
      ["::ffff:127.0.0.1", "invite", "open"],
      ["192.0.2.1", "invite", "invite"],
      ["::ffff:192.0.2.1", "invite", "invite"],
      ["1127.0.0.1", "invite", "invite"],
      ["127.0.0.1", "closed", "closed"],
      ["192.0.2.1", "closed", "closed"],
      ["192.0.2.1", "open", "open"],
    ];
  for (const [hostname, policy, expected] of cases) {
    await using server = new Served();
    const socket = new FakeListener();
    server.run(socket as unknown as Listener, policy);
    const [connection, client] = connectionFrom(hostname);
    socket.add(connection);
    const { registration } = await client.ask(HELLO, "hello");
    assertEquals(registration, expected, `${hostname} ${policy}`);
    client.close();
  }
});

for (const mode of ["plain", "TLS"] as const) {
  Deno.test(`stop() tells clients over ${mode}, waits for nobody who is idle, and is final`, async () => {
    await using server = await Served.start(mode);
    const client = await server.user();
    const stranger = await server.dial();
    await stranger.ask(HELLO, "hello");
    await server.dialPlain();
    await client.ask({ type: "ping" }, "pong");
    // Far longer than a test may take.
    await server.stop(600_000);
    for (const peer of [client, stranger]) {
      assertEquals((await peer.answer("error")).code, "stopping");
      assertEquals(await peer.rest(), []);
    }
    await until("the closed port", () =>
      server.dialPlain().then(
        () => false,
        (error) => error instanceof Deno.errors.ConnectionRefused,
      ));
  });
}

Deno.test("stop() lets an upload finish and get its receipt", async () => {
  await using server = await Served.start("plain");
  const client = await server.user();
  await client.send(putRequest("file", null));
  await client.sendData("con");
  await until("the upload", () => server.uploads().length === 1);
  const stopping = server.stop(600_000);
  await client.sendData("tent");
  const sha256 =
    "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";
  await client.send({ type: "commit", size: 7, sha256 });
  await client.answer("receipt");
  await stopping;
  assertEquals((await client.answer("error")).code, "stopping");
  assertEquals(server.read("file"), "content");
});

Deno.test("stop() cuts off what takes too long, and leaves nothing of it", async () => {
  await using server = await Served.start("plain");
  const clients = [await server.user(), await server.user()];
  Deno.writeFileSync(server.path("big"), new Uint8Array(20_000_000));
  await clients[0]!.send(putRequest("file", null));
  await clients[0]!.sendData("content");
  await clients[1]!.send({ type: "get", path: "big", prefix: null });
  await clients[1]!.answer("file");
  await until("the upload", () => server.uploads().length === 1);
  await server.stop(10);
  // It does not wait long for a disk that is slow to close things.
  await until("the end of the upload", () => server.uploads().length === 0);
  await until("the end of all files", () =>
    descriptorsBelow(server.root)
      .every((path) => path.startsWith(".netdisk/netdisk.db")));
});

Deno.test("stop() keeps of a put what came before the end, and the next server goes on with it", async () => {
  const content = "0123456789".repeat(30_000);
  const half = content.slice(0, 100_000);
  await using server = await Served.start("plain");
  const clients = [await server.user(), await server.user()];
  const request = putRequest("file", content.length, { ask: true });
  await clients[0]!.ask(request, "continue");
  await clients[0]!.sendData(half);
  // One that waits for the other is cut off as well.
  await clients[1]!.send(request);
  await until("the data", () => sizeOfUploads(server) === half.length);
  await server.stop(10);
  assertEquals(sizeOfUploads(server), half.length);
  assertEquals((await clients[0]!.rest()).length, 0);
  const next = new Storage(server.root);
  next.prepare();
  await next.sweep();
  const user = await next.openUser("ann");
  const upload = await user.beginPut(request, NOBODY);
  assertEquals(upload.offset, half.length);
  await upload.verify(() => Promise.resolve());
  assertEquals(await upload.resume(sha256Of(half)), half.length);
  upload.abort();
  await until("no upload", () => server.uploads().length === 0);
});

Deno.test("a client that resets its connection is forgotten", async () => {
  await using server = await Served.start("plain");
  const client = await server.user();
  Deno.writeFileSync(server.path("big"), new Uint8Array(20_000_000));
  await client.send({ type: "get", path: "big", prefix: null });
  await client.answer("file");
  // With unread bytes, closing resets.
  client.close();
  await until("the log", () => server.log.lines("lost").length === 1);
  await server.stop(600_000);
});
