/**
 * Asks the local network for servers by UDP (SPEC.md 10), over IPv4. Anybody there
 * may reply, and say anything: what is found is a list of candidates, each to be
 * pinned by the fingerprint that it gave.
 */

import {
  type Announcement,
  decodeReply,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  encodeQuestion,
  NONCE_BYTES,
  QUESTION_BYTES,
} from "../protocol/discovery.ts";
import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { ServerLink } from "../protocol/link.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { isLoopbackName } from "./trust.ts";

/**
 * All replies of a local network come within milliseconds; Wi-Fi may take longer.
 * With the start of the program it is less than a second.
 */
const LISTEN_MS = 700;

/** When it is asked again, should a datagram have been lost. */
const AGAIN_MS = 300;

/** Servers and addresses that are kept at most; a forger can make up any number. */
const MAX_REPLIES = 256;

/** ... and of one machine, so that a forger leaves room for the others. */
const MAX_REPLIES_FROM_ONE = 16;

/** Failures of a socket that are borne. */
const MAX_FAULTS = 100;

/** A server that replied. */
export interface FoundServer extends Announcement {
  /** Where it is reached, the best one first: loopback, then what came first. */
  hosts: string[];
}

/** One of the machine's addresses, as `Deno.networkInterfaces()` tells it. */
export type Interface = Pick<
  Deno.NetworkInterfaceInfo,
  "family" | "address" | "netmask"
>;

/** A reply, and from where it came. */
interface Reply {
  server: Announcement;
  hostname: string;
}

/**
 * Asks on all of the machine's networks at once, and listens for most of a second. The
 * servers are sorted by name.
 *
 * @throws NetdiskError `unreachable` when there is no IPv4 network to ask
 */
export async function discoverServers(
  interfaces: readonly Interface[] = Deno.networkInterfaces(),
): Promise<FoundServer[]> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  using search = new Search(nonce);
  for (const network of interfaces) {
    if (network.family === "IPv4") search.open(network);
  }
  const began = performance.now();
  await search.ask();
  await sleep(AGAIN_MS);
  await search.ask();
  search.checkAsked();
  await sleep(began + LISTEN_MS - performance.now());
  return mergeReplies(search.replies.all);
}

/** How to reach a server and know it again: what a link of its own would say. */
export function linkTo({ hosts, port, fingerprint }: FoundServer): ServerLink {
  return {
    host: hosts[0]!,
    port,
    ...(fingerprint === null ? {} : { fingerprint }),
  };
}

/** What came so far, as much of it as is believed. */
export class Replies {
  /** By what they say and from where, as each comes twice at least. */
  readonly #all = new Map<string, Reply>();
  /** How many came from an address. */
  readonly #counts = new Map<string, number>();

  /** In the order in which they came. */
  get all(): Reply[] {
    return [...this.#all.values()];
  }

  add(reply: Reply): void {
    const { server, hostname } = reply;
    const key = JSON.stringify([server, hostname]);
    if (this.#all.has(key) || this.#all.size === MAX_REPLIES) return;
    const count = (this.#counts.get(hostname) ?? 0) + 1;
    // Those of this machine are its own, however many.
    if (count > MAX_REPLIES_FROM_ONE && !isLoopbackName(hostname)) return;
    this.#counts.set(hostname, count);
    this.#all.set(key, reply);
  }
}

/** The sockets of one search, each bound to one of the machine's addresses. */
class Search implements Disposable {
  readonly replies = new Replies();
  readonly #nonce: Uint8Array;
  readonly #sockets: { socket: Deno.DatagramConn; targets: string[] }[] = [];
  #fault: unknown;
  #asked = false;
  #closed = false;

  constructor(nonce: Uint8Array) {
    this.#nonce = nonce;
  }

  open(network: Interface): void {
    try {
      const socket = Deno.listenDatagram({
        transport: "udp",
        // Says on which network the group is asked.
        hostname: network.address,
        port: 0,
        // Servers on this machine are asked as well.
        loopback: true,
      });
      this.#sockets.push({ socket, targets: targetsOn(network) });
      void this.#listen(socket);
    } catch (error) {
      // Such as an address that has just gone.
      this.#fault = error;
    }
  }

  /** Sends the question everywhere; what cannot be sent is none. */
  async ask(): Promise<void> {
    const question = encodeQuestion(this.#nonce);
    const sent = this.#sockets.flatMap(({ socket, targets }) =>
      targets.map(async (hostname) => {
        try {
          const to = {
            transport: "udp",
            hostname,
            port: DISCOVERY_PORT,
          } as const;
          await socket.send(question, to);
          this.#asked = true;
        } catch (error) {
          this.#fault = error;
        }
      })
    );
    await Promise.all(sent);
  }

  /** @throws NetdiskError when no question has left */
  checkAsked(): void {
    if (this.#asked) return;
    const cause = this.#fault;
    const reason = cause instanceof Error ? `: ${systemReason(cause)}` : "";
    throw new NetdiskError(
      "unreachable",
      `there is no IPv4 network to ask${reason}`,
      { cause },
    );
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const { socket } of this.#sockets) socket.close();
  }

  async #listen(socket: Deno.DatagramConn): Promise<void> {
    const buffer = new Uint8Array(QUESTION_BYTES + 1);
    for (let faults = 0; faults < MAX_FAULTS;) {
      try {
        const [datagram, source] = await socket.receive(buffer);
        const server = decodeReply(datagram, this.#nonce);
        const { hostname } = source as Deno.NetAddr;
        this.replies.add({ server, hostname });
      } catch (error) {
        if (this.#closed) return;
        // Windows tells a socket here that nobody listened where it sent to.
        if (!(error instanceof ProtocolError)) faults++;
      }
    }
  }
}

/** Each server once, though it was heard on several networks, and twice on each. */
export function mergeReplies(replies: readonly Reply[]): FoundServer[] {
  const found = new Map<string, FoundServer>();
  // What is said to loopback is meant for this machine: it may register freely.
  const nearest = replies.toSorted((a, b) => distance(a) - distance(b));
  for (const { server, hostname } of nearest) {
    // As a link has it, so that what is remembered of it is found.
    const address = server.host?.toLowerCase() ?? hostname;
    // Without a fingerprint nothing tells whether two addresses are one server.
    const key = `${server.fingerprint ?? address} ${server.port}`;
    const known = found.get(key);
    if (!known) found.set(key, { ...server, hosts: [address] });
    else if (!known.hosts.includes(address)) known.hosts.push(address);
  }
  return [...found.values()].toSorted((a, b) =>
    compare(a.name, b.name) || compare(a.hosts[0]!, b.hosts[0]!) ||
    a.port - b.port
  );
}

function distance({ hostname }: Reply): number {
  return isLoopbackName(hostname) ? 0 : 1;
}

/** Where a question reaches the servers of a network, whatever its switches let through. */
function targetsOn({ address, netmask }: Interface): string[] {
  const mask = netmask.split(".").map(Number);
  const bytes = address.split(".").map(Number);
  const last = bytes.map((byte, at) => byte | (~mask[at]! & 0xff));
  const broadcast = last.join(".");
  // Where loopback knows no broadcast, one server at least can be found.
  if (isLoopbackName(address)) return [broadcast, address];
  // A network of one or two machines has none.
  return mask[3]! >= 254 ? [DISCOVERY_GROUP] : [DISCOVERY_GROUP, broadcast];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
