/**
 * A connection that can be closed for certain: where `close()` would leave it
 * until its peer goes, it is evicted (evictions.ts).
 */

import type { ByteConnection } from "../protocol/channel.ts";
import type { Evictions } from "./evictions.ts";

type Connection = Deno.TcpConn | Deno.TlsConn;

/** Owns a connection that was accepted. */
export class EvictableConnection implements ByteConnection {
  #connection: Connection;
  #evictions: Evictions;
  /** Handshakes and writes under way: these keep a closed connection open. */
  #pending = 0;
  #isClosed = false;

  constructor(connection: Connection, evictions: Evictions) {
    this.#connection = connection;
    this.#evictions = evictions;
  }

  /** Waits until the peer has shown that it speaks TLS, if that is spoken. @throws Error */
  async handshake(): Promise<void> {
    const connection = this.#connection;
    if ("handshake" in connection) {
      await this.#watch(connection.handshake());
    } else {
      connection.setNoDelay(true);
    }
  }

  read(target: Uint8Array): Promise<number | null> {
    return this.#connection.read(target);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#watch(this.#connection.write(bytes));
  }

  async closeWrite(): Promise<void> {
    await this.#connection.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#pending > 0) {
      this.#evictions.add(this.#connection.remoteAddr as Deno.NetAddr);
    }
    this.#connection.close();
  }

  /** Closes one with which nobody speaks. */
  refuse(): void {
    // The handshake begins by itself.
    if ("handshake" in this.#connection) this.#pending++;
    try {
      this.close();
    } catch {
      // The peer was quicker.
    }
  }

  async #watch<T>(work: Promise<T>): Promise<T> {
    this.#pending++;
    try {
      return await work;
    } finally {
      this.#pending--;
    }
  }
}
