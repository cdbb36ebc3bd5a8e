/**
 * Ends connections that Deno cannot end (the main thread's side): `close()` of
 * one whose TLS handshake is unfinished, or that has a write under way, keeps
 * the socket and its descriptor until the peer leaves. `shutdown(2)` makes the
 * runtime's own read or write fail, and then it lets go.
 */

import { addressBytes, unmapped } from "./address.ts";
import type { Libc } from "./libc.ts";
import { errnoError } from "./os_errors.ts";
import { MAX_EVICTED, type SocketPeer } from "./privileged_calls.ts";

const AF_INET = 2;
const AF_INET6 = 10;

/** How many descriptors a process has room for, used or not (proc_pid_status(5)). */
const ROOM = /^FDSize:\s*(\d+)/m;

/** Connections of this process with strangers, by the addresses of those. */
export class NativeSockets {
  /** Where the server listens; nothing is touched before that is known. */
  port = 0;
  #libc: Libc;
  /** Two descriptors: the first holds a socket while it is looked at. */
  #holder: number;
  #rest: number;

  /** @throws Error with an errno */
  constructor(libc: Libc) {
    this.#libc = libc;
    this.#rest = libc.openFolder("/");
    this.#holder = libc.openFolder("/");
  }

  /**
   * Ends the connections of the server's port with these peers. What was not
   * sent yet is thrown away; whoever is not there any more is no error.
   *
   * @throws Error EINVAL for what is no list of peers
   */
  evict(peers: unknown): void {
    const wanted = readPeers(peers);
    const ports = new Set(wanted.map(({ port }) => port));
    const names = new Set(wanted.map(({ bytes, port }) => nameOf(bytes, port)));
    const room = ROOM.exec(Deno.readTextFileSync("/proc/self/status"));
    for (let fd = 0; fd < Number(room?.[1] ?? 0); fd++) {
      if (fd === this.#holder || !this.#isWanted(fd, ports, names)) continue;
      this.#end(fd, ports, names);
    }
    this.#libc.duplicate(this.#rest, this.#holder);
  }

  close(): void {
    this.#libc.close(this.#holder);
    this.#libc.close(this.#rest);
  }

  /**
   * The Worker's thread may close the descriptor at any time, and get another
   * socket or file with its number. So the socket is held by a descriptor of
   * our own, looked at once more, and ended by that one: whatever has the number
   * meanwhile is not touched. And a peer that has left cannot be mistaken for
   * another one, as address and port together name one connection of our port.
   */
  #end(fd: number, ports: Set<number>, names: Set<string>): void {
    try {
      this.#libc.duplicate(fd, this.#holder);
      if (!this.#isWanted(this.#holder, ports, names)) return;
      // Otherwise the system would go on trying to send for many minutes.
      this.#libc.setReset(this.#holder);
      this.#libc.shutdown(this.#holder);
    } catch {
      // It was closed, or its peer has left, in this moment.
    }
  }

  #isWanted(fd: number, ports: Set<number>, names: Set<string>): boolean {
    const peer = this.#libc.peerAddress(fd);
    // The cheapest question first: there may be thousands of others.
    if (!peer || !ports.has(peer.getUint16(2))) return false;
    const name = nameOfSocket(peer);
    if (name === undefined || !names.has(name)) return false;
    return this.#libc.ownAddress(fd)?.getUint16(2) === this.port;
  }
}

function readPeers(peers: unknown): { bytes: Uint8Array; port: number }[] {
  if (!Array.isArray(peers) || peers.length > MAX_EVICTED) {
    throw errnoError("EINVAL");
  }
  return peers.map((peer: Partial<SocketPeer> | null) => {
    const { hostname, port } = peer ?? {};
    const bytes = typeof hostname === "string" ? addressBytes(hostname) : null;
    const isPort = Number.isInteger(port) && port! > 0 && port! < 65536;
    if (!bytes || !isPort) throw errnoError("EINVAL");
    return { bytes, port: port! };
  });
}

/** `struct sockaddr_in` or `sockaddr_in6`; both have the port at the same place. */
function nameOfSocket(socket: DataView): string | undefined {
  const family = new Uint16Array(socket.buffer, 0, 1)[0];
  const at = family === AF_INET ? 4 : family === AF_INET6 ? 8 : undefined;
  if (at === undefined) return undefined;
  const bytes = new Uint8Array(socket.buffer, at, family === AF_INET ? 4 : 16);
  return nameOf(unmapped(bytes), socket.getUint16(2));
}

function nameOf(bytes: Uint8Array, port: number): string {
  return `${bytes.join(".")}:${port}`;
}
