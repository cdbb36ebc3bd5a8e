/**
 * Connections that were closed and may not have gone: gathered, and then ended
 * by the main thread (native_sockets.ts), which looks through all descriptors
 * once for all of them.
 */

import { MAX_EVICTED, type SocketPeer } from "./privileged_calls.ts";

/** How long the first one waits for others, in milliseconds. */
const GATHER_MS = 100;

/** Ends the connections with all these peers. */
export type EvictPeers = (peers: SocketPeer[]) => Promise<void>;

/** The connections of one Worker that are to be ended. */
export class Evictions {
  #evict: EvictPeers | undefined;
  #peers: SocketPeer[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: Promise<void> = Promise.resolve();

  /** @param evict undefined where nobody can: then peers leave when they like */
  constructor(evict: EvictPeers | undefined) {
    this.#evict = evict;
  }

  /** Ends the connection with a peer soon. */
  add(peer: SocketPeer): void {
    if (!this.#evict) return;
    this.#peers.push(peer);
    if (this.#peers.length === MAX_EVICTED) void this.settle();
    else this.#timer ??= setTimeout(() => void this.settle(), GATHER_MS);
  }

  /** Ends what was gathered now. Never throws. */
  async settle(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const peers = this.#peers;
    this.#peers = [];
    // What the main thread cannot do the end of the process does.
    if (peers.length > 0) this.#asking = this.#evict!(peers).catch(() => {});
    await this.#asking;
  }
}
