/**
 * Replies to those who look for servers by UDP (SPEC.md 10). Looks at nothing of
 * a datagram but its size, beginning and nonce, replies only to addresses of the
 * machine's own networks, and not more often than question_limits.ts allows.
 */

import {
  type Announcement,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  encodeReply,
  nonceOf,
  QUESTION_BYTES,
} from "../protocol/discovery.ts";
import { isLoopback } from "./address.ts";
import { EventDigest, type LineRate } from "./event_digest.ts";
import {
  type Interface,
  isAnyAddress,
  isOnNetwork,
  networksReaching,
} from "./networks.ts";
import { QuestionLimits } from "./question_limits.ts";

/** How often the machine's networks are looked at: a laptop moves, in milliseconds. */
const NETWORKS_MS = 10_000;

/** Whoever writes what nobody can reply to, as a port 0, can make each reply fail. */
const FAILURES: LineRate = { burst: 3, periodMs: 60_000 };

/** What the server may tell about itself. */
export interface DiscoveryFacts {
  /** The address that the server listens on, IPv4 or `::`. */
  hostname: string;
  /** With the `registration` that the server was started with. */
  server: Announcement;
}

/** What is used here of a `Deno.DatagramConn`; a test fakes it. */
export type DatagramSocket = Pick<
  Deno.DatagramConn,
  "receive" | "send" | "close" | "joinMulticastV4"
>;

/** What the responder needs of the world. */
export interface DiscoverySystem {
  open(hostname: string, port: number): DatagramSocket;
  interfaces(): readonly Interface[];
  /** A clock in milliseconds. */
  now(): number;
  wait(ms: number): Promise<void>;
}

const DENO_SYSTEM: DiscoverySystem = {
  // Several servers on a machine share the port, and each hears what is sent to
  // a group or a broadcast address.
  open: (hostname, port) =>
    Deno.listenDatagram({
      transport: "udp",
      hostname,
      port,
      reuseAddress: true,
    }),
  interfaces: () => Deno.networkInterfaces(),
  now: () => performance.now(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Replies until it is closed. */
export class DiscoveryResponder implements Disposable {
  readonly #facts: DiscoveryFacts;
  readonly #system: DiscoverySystem;
  readonly #limits: QuestionLimits;
  readonly #socket: DatagramSocket;
  /** Its address is the one at which the server is reached. */
  readonly #replies: DatagramSocket;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #failures = new EventDigest("discovery-failed", FAILURES);
  #networks: readonly Interface[] = [];
  #joined = new Set<string>();
  #closed = false;

  /** @throws Error when the port cannot be opened */
  constructor(
    facts: DiscoveryFacts,
    system: DiscoverySystem = DENO_SYSTEM,
  ) {
    const { hostname } = facts;
    this.#facts = facts;
    this.#system = system;
    this.#limits = new QuestionLimits(system.now());
    this.#socket = system.open(hearingAddress(hostname), DISCOVERY_PORT);
    this.#replies = isAnyAddress(hostname)
      ? this.#socket
      : system.open(hostname, 0);
    this.#lookAround();
    this.#timer = setInterval(() => this.#lookAround(), NETWORKS_MS);
  }

  /** Never throws: a network that fails is tried again. */
  async run(): Promise<void> {
    const buffer = new Uint8Array(QUESTION_BYTES + 1);
    while (!this.#closed) {
      const waitMs = this.#limits.look(this.#system.now());
      if (waitMs > 0) {
        // What comes meanwhile fills the socket's buffer, and no processor.
        await this.#system.wait(waitMs);
        continue;
      }
      try {
        const [datagram, source] = await this.#socket.receive(buffer);
        await this.#answer(datagram, source as Deno.NetAddr);
      } catch (error) {
        if (this.#closed) return;
        this.#failures.note({ reason: String(error) }, this.#system.now());
      }
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#socket.close();
    if (this.#replies !== this.#socket) this.#replies.close();
  }

  async #answer(datagram: Uint8Array, source: Deno.NetAddr): Promise<void> {
    const nonce = nonceOf(datagram);
    const { hostname } = source;
    if (!nonce || !this.#isNear(hostname)) return;
    if (!this.#limits.admits(hostname, this.#system.now())) return;
    const { server } = this.#facts;
    const isOpen = server.registration === "invite" && isLoopback(hostname);
    const reply = encodeReply(nonce, {
      ...server,
      registration: isOpen ? "open" : server.registration,
    });
    await this.#replies.send(reply, source);
  }

  /**
   * Beyond the machine's own networks nobody can have heard the question, and
   * whoever is named as its sender there did not send it.
   */
  #isNear(address: string): boolean {
    return this.#networks.some((network) => isOnNetwork(address, network));
  }

  #lookAround(): void {
    this.#failures.settle(this.#system.now());
    const { hostname } = this.#facts;
    this.#networks = networksReaching(hostname, this.#system.interfaces());
    const present = new Set(this.#networks.map(({ address }) => address));
    for (const address of present) {
      if (this.#joined.has(address)) continue;
      // Where there is no multicast, broadcast still comes.
      this.#socket.joinMulticastV4(DISCOVERY_GROUP, address).catch(() => {});
    }
    this.#joined = present;
  }
}

/**
 * A server for this machine alone opens no port to others: on Linux it hears what
 * is sent to all of loopback, elsewhere what is sent to it.
 */
function hearingAddress(hostname: string): string {
  if (!isLoopback(hostname)) return "0.0.0.0";
  return Deno.build.os === "linux" ? "127.255.255.255" : hostname;
}
