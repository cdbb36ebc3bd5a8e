import { assert, assertEquals } from "@std/assert";
import {
  type Announcement,
  decodeReply,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  encodeQuestion,
  QUESTION_BYTES,
} from "../../protocol/discovery.ts";
import {
  type DatagramSocket,
  DiscoveryResponder,
  type DiscoverySystem,
} from "../../server/discovery_responder.ts";
import type { Interface } from "../../server/networks.ts";
import { LogRecorder } from "./fixture.ts";
import { settled } from "../helpers/settled.ts";

const NONCE = new Uint8Array(16).fill(7);
const QUESTION = encodeQuestion(NONCE);
const SERVER: Announcement = {
  name: "attic",
  port: 7000,
  plain: false,
  fingerprint: "f".repeat(43),
  host: null,
  registration: "invite",
  agent: "netdisk/0.1.0",
};

type Addressed = { bytes: Uint8Array; to: Deno.NetAddr };

/** A socket that hears what the test says. */
class FakeSocket implements DatagramSocket {
  readonly sent: Addressed[] = [];
  readonly joined: string[] = [];
  closed = false;
  reads = 0;
  fails = false;
  #heard: ([Uint8Array, Deno.NetAddr] | Error)[] = [];
  #waiting: (() => void) | undefined;

  constructor(readonly hostname: string, readonly port: number) {}

  async receive(
    into?: Uint8Array,
  ): Promise<[Uint8Array<ArrayBuffer>, Deno.Addr]> {
    this.reads++;
    while (this.#heard.length === 0) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
    const next = this.#heard.shift()!;
    if (next instanceof Error) throw next;
    const [bytes, from] = next;
    const part = bytes.subarray(0, into!.length);
    into!.set(part);
    return [into!.subarray(0, part.length) as Uint8Array<ArrayBuffer>, from];
  }

  send(bytes: Uint8Array, to: Deno.Addr): Promise<number> {
    if (this.fails) return Promise.reject(new Error("no such port"));
    this.sent.push({ bytes: bytes.slice(), to: to as Deno.NetAddr });
    return Promise.resolve(bytes.length);
  }

  joinMulticastV4(group: string, address: string) {
    assertEquals(group, DISCOVERY_GROUP);
    this.joined.push(address);
    return Promise.reject(new Error("no multicast here"));
  }

  close(): void {
    this.closed = true;
    this.hears(new Error("closed"));
  }

  hears(next: [Uint8Array, Deno.NetAddr] | Error): void {
    this.#heard.push(next);
    this.#waiting?.();
  }
}

const INTERFACES: Interface[] = [
  { family: "IPv4", address: "127.0.0.1", netmask: "255.0.0.0" },
  { family: "IPv4", address: "192.168.1.5", netmask: "255.255.255.0" },
  { family: "IPv6", address: "fd00::2", netmask: "ffff:ffff:ffff:ffff::" },
];

/** A responder in a world of the test's. */
class World implements AsyncDisposable {
  readonly sockets: FakeSocket[] = [];
  now = 0;
  readonly #responder: DiscoveryResponder;
  readonly #ended: Promise<void>;

  constructor(hostname: string, server: Partial<Announcement> = {}) {
    const system: DiscoverySystem = {
      open: (hostname, port) => {
        const socket = new FakeSocket(hostname, port);
        this.sockets.push(socket);
        return socket;
      },
      interfaces: () => INTERFACES,
      now: () => this.now,
      wait: (ms) => {
        this.now += ms;
        return Promise.resolve();
      },
    };
    const facts = { hostname, server: { ...SERVER, ...server } };
    this.#responder = new DiscoveryResponder(facts, system);
    this.#ended = this.#responder.run();
  }

  /** What is replied to a datagram from an address. */
  async ask(from: string, datagram = QUESTION): Promise<Addressed[]> {
    const hearing = this.sockets[0]!;
    const before = this.sockets.map(({ sent }) => sent.length);
    const addr = { transport: "udp", hostname: from, port: 4000 } as const;
    const reads = hearing.reads;
    hearing.hears([datagram, addr]);
    await settled(3);
    assert(hearing.reads > reads, "it listens on");
    return this.sockets.flatMap(({ sent }, at) => sent.slice(before[at]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#responder[Symbol.dispose]();
    await this.#ended;
    assert(this.sockets.every(({ closed }) => closed));
  }
}

Deno.test("a question of the machine's networks gets one reply, to its sender", async () => {
  await using world = new World("0.0.0.0");
  const [socket] = world.sockets;
  assertEquals([socket!.hostname, socket!.port], ["0.0.0.0", DISCOVERY_PORT]);
  assertEquals(socket!.joined, ["127.0.0.1", "192.168.1.5"]);
  const [reply, ...more] = await world.ask("192.168.1.77");
  assertEquals(more, []);
  assertEquals([reply!.to.hostname, reply!.to.port], ["192.168.1.77", 4000]);
  assertEquals(decodeReply(reply!.bytes, NONCE), SERVER);
  assert(reply!.bytes.length <= QUESTION_BYTES);
});

Deno.test("who is not near, and what is no question, gets no reply", async () => {
  await using world = new World("0.0.0.0");
  for (const address of ["192.168.2.77", "203.0.113.1", "fd00::7"]) {
    assertEquals(await world.ask(address), [], address);
  }
  const datagrams = [
    new Uint8Array(0),
    new Uint8Array(QUESTION_BYTES),
    QUESTION.subarray(1),
    QUESTION.subarray(0, 25),
    Uint8Array.of(...QUESTION, 0),
    Uint8Array.of(...QUESTION, ...QUESTION),
  ];
  for (const datagram of datagrams) {
    assertEquals(await world.ask("192.168.1.77", datagram), []);
  }
  assertEquals((await world.ask("192.168.1.77")).length, 1);
});

Deno.test("from this machine one may register without an invite, and is told so", async () => {
  const registrationFor = async (world: World, from: string) => {
    const [reply] = await world.ask(from);
    return decodeReply(reply!.bytes, NONCE).registration;
  };
  await using world = new World("0.0.0.0");
  assertEquals(await registrationFor(world, "127.0.0.1"), "open");
  assertEquals(await registrationFor(world, "192.168.1.5"), "invite");
  await using closed = new World("0.0.0.0", { registration: "closed" });
  assertEquals(await registrationFor(closed, "127.0.0.1"), "closed");
});

Deno.test("a server on one address replies from there, and to its network only", async () => {
  await using world = new World("192.168.1.5");
  const [hearing, replying] = world.sockets;
  assertEquals([hearing!.hostname, hearing!.port], ["0.0.0.0", DISCOVERY_PORT]);
  assertEquals([replying!.hostname, replying!.port], ["192.168.1.5", 0]);
  assertEquals(hearing!.joined, ["192.168.1.5"]);
  assertEquals((await world.ask("192.168.1.77")).length, 1);
  assertEquals(replying!.sent.length, 1);
  assertEquals(await world.ask("127.0.0.1"), []);
});

Deno.test("a server for this machine opens no port to others", async () => {
  await using world = new World("127.0.0.1");
  for (const { hostname } of world.sockets) assert(hostname.startsWith("127."));
  assertEquals(await world.ask("192.168.1.5"), []);
  assertEquals((await world.ask("127.0.0.1")).length, 1);
});

Deno.test("an address that asks without end gets few replies", async () => {
  await using world = new World("0.0.0.0");
  let replies = 0;
  for (let n = 0; n < 100; n++) {
    replies += (await world.ask("192.168.1.77")).length;
  }
  assertEquals(replies, 20);
  assertEquals((await world.ask("192.168.1.78")).length, 1);
});

Deno.test("a flood is looked at slowly, whatever is in it", async () => {
  await using world = new World("0.0.0.0");
  const junk = new Uint8Array(10);
  const from = { transport: "udp", hostname: "192.168.1.77", port: 4 } as const;
  for (let n = 0; n < 1000; n++) world.sockets[0]!.hears([junk, from]);
  await settled();
  // 200 at once, the others at 200 a second.
  assert(world.now >= 3900, `a thousand in ${world.now} ms`);
  assertEquals((await world.ask("192.168.1.77")).length, 1);
});

Deno.test("a network that fails for a while is listened to again", async () => {
  await using world = new World("0.0.0.0");
  const [socket] = world.sockets;
  for (let n = 0; n < 3; n++) socket!.hears(new Error("the network is down"));
  await settled();
  assertEquals((await world.ask("192.168.1.77")).length, 1);
});

Deno.test("replies that fail by turns fill no log", async () => {
  using log = new LogRecorder();
  await using world = new World("0.0.0.0");
  const [socket] = world.sockets;
  for (let n = 0; n < 50; n++) {
    socket!.fails = true;
    await world.ask(`192.168.1.${n}`);
    socket!.fails = false;
    await world.ask("192.168.1.77", new Uint8Array(0));
  }
  assertEquals(
    log.lines("discovery-failed"),
    Array(3).fill('discovery-failed reason="Error: no such port"'),
  );
});
