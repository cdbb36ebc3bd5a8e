/**
 * A TCP proxy between clients and a server that can be told to let only so many
 * bytes through, so that a test may act in the middle of a transfer. It keeps
 * what clients sent first, to show what they did not.
 */

import { until, within } from "./deadline.ts";

/** What is kept of each connection: more than a handshake, less than a file. */
const KEPT_BYTES = 64 * 1024;
const BUFFER_BYTES = 64 * 1024;

type Direction = "up" | "down";

/** A proxy on a free port of 127.0.0.1; `up` is from client to server. */
export class Gate implements AsyncDisposable {
  /** Where connections lead; may be changed. */
  target: number;
  /** The first bytes of each client. */
  readonly sent: Uint8Array[] = [];
  /** Bytes that went on so far. */
  readonly passed: Record<Direction, number> = { up: 0, down: 0 };
  #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  #left: Record<Direction, number> = { up: Infinity, down: Infinity };
  #damage: { direction: Direction; left: number } | undefined;
  #held = 0;
  #opened = Promise.withResolvers<void>();
  #connections = new Set<Deno.Conn>();
  #ended: Promise<void>;

  constructor(target: number) {
    this.target = target;
    this.#ended = this.#accept();
  }

  get address(): string {
    const { hostname, port } = this.#listener.addr;
    return `${hostname}:${port}`;
  }

  /** From now on only `bytes` more pass in a direction. */
  hold(direction: Direction, bytes: number): void {
    this.#left[direction] = bytes;
  }

  /** Damages one bit of the byte that passes after `bytes` more in a direction. */
  damage(direction: Direction, bytes: number): void {
    this.#damage = { direction, left: bytes };
  }

  /** Waits until somebody wants to send more than may pass. */
  async holds(): Promise<void> {
    await until("bytes at the gate", () => this.#held > 0);
  }

  /** Everything passes. */
  open(): void {
    this.#left = { up: Infinity, down: Infinity };
    this.#opened.resolve();
    this.#opened = Promise.withResolvers<void>();
  }

  /** Ends every connection in both directions, without a word of TLS. */
  async cut(): Promise<void> {
    // close() alone would leave a read under way waiting for its peer.
    for (const connection of this.#connections) {
      await connection.closeWrite().catch(() => {});
    }
    this.open();
  }

  /**
   * Ends every connection as a failing network does. What is held back has not
   * been read to its end, and so the system resets the connection.
   */
  async reset(): Promise<void> {
    const ended = [...this.#connections];
    this.#connections.clear();
    for (const connection of ended) {
      // A read under way would keep it open.
      await connection.closeWrite().catch(() => {});
      connection.close();
    }
    this.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.cut();
    await within("the connections at the gate end", this.#ended);
  }

  async #accept(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const client of this.#listener) {
      served.push(this.#serve(client, this.sent.length));
      this.sent.push(new Uint8Array());
    }
    await Promise.all(served);
  }

  async #serve(client: Deno.Conn, index: number): Promise<void> {
    const server = await this.#connect();
    if (!server) return client.close();
    this.#connections.add(client);
    this.#connections.add(server);
    const up = this.#pump(client, server, "up", index);
    await Promise.all([up, this.#pump(server, client, "down", index)]);
    for (const connection of [client, server]) {
      if (this.#connections.delete(connection)) connection.close();
    }
  }

  /** Nothing when nobody listens there, as its clients would find. */
  async #connect(): Promise<Deno.Conn | undefined> {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port: this.target });
    } catch {
      return undefined;
    }
  }

  /** Passes bytes on until either side is gone. */
  async #pump(
    from: Deno.Conn,
    to: Deno.Conn,
    direction: Direction,
    index: number,
  ): Promise<void> {
    const buffer = new Uint8Array(BUFFER_BYTES);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        const bytes = buffer.subarray(0, count);
        if (direction === "up") this.#keep(index, bytes);
        this.#damageSome(direction, bytes);
        for (let at = 0; at < count;) {
          const allowed = await this.#allowed(direction, count - at);
          const written = await to.write(bytes.subarray(at, at + allowed));
          this.#left[direction] -= written;
          this.passed[direction] += written;
          at += written;
        }
      }
    } catch {
      // One side has gone: the other one is to learn of it.
    }
    await to.closeWrite().catch(() => {});
  }

  /** How many of so many bytes may pass, once any may. */
  async #allowed(direction: Direction, wanted: number): Promise<number> {
    while (this.#left[direction] <= 0) {
      this.#held++;
      await this.#opened.promise;
      this.#held--;
    }
    return Math.min(wanted, this.#left[direction]);
  }

  #damageSome(direction: Direction, bytes: Uint8Array): void {
    const damage = this.#damage;
    if (damage?.direction !== direction) return;
    if (damage.left < bytes.length) {
      bytes[damage.left]! ^= 1;
      this.#damage = undefined;
    } else damage.left -= bytes.length;
  }

  #keep(index: number, bytes: Uint8Array): void {
    const kept = this.sent[index]!;
    if (kept.length >= KEPT_BYTES) return;
    this.sent[index] = Uint8Array.of(...kept, ...bytes);
  }
}
