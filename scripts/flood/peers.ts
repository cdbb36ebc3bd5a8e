/** Clients from any address of this machine: Deno's own sockets cannot choose theirs. */

import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import type { ByteConnection } from "../../protocol/channel.ts";
import { ALPN } from "../../protocol/version.ts";
import { HELLO, TestClient } from "../../tests/helpers/test_client.ts";

/** Where to connect to, and from where. */
export interface Route {
  port: number;
  certificate: string;
  /** One of 127.0.0.0/8. */
  from: string;
}

/** A connection that has been greeted. @throws Error when it is refused */
export async function greet(route: Route): Promise<TestClient> {
  const client = new TestClient(new SocketConnection(await dial(route)));
  await client.ask(HELLO, "hello");
  return client;
}

/** A connection that has a session. @throws Error when it is refused */
export async function enter(route: Route, token: string): Promise<TestClient> {
  const client = await greet(route);
  await client.ask({ type: "authenticate", token }, "session");
  return client;
}

async function dial({ port, certificate, from }: Route): Promise<TLSSocket> {
  const options = {
    host: "127.0.0.1",
    port,
    localAddress: from,
    ca: certificate,
    servername: "netdisk",
    ALPNProtocols: [ALPN],
  };
  const socket = connect(options);
  await once(socket, "secureConnect");
  // Whoever reads or writes hears of it.
  socket.on("error", () => {});
  return socket;
}

/** A socket of node as a channel wants it. */
class SocketConnection implements ByteConnection {
  #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  async read(target: Uint8Array): Promise<number | null> {
    const socket = this.#socket;
    for (;;) {
      const length = Math.min(target.length, socket.readableLength);
      const chunk: Uint8Array | null = length > 0 ? socket.read(length) : null;
      if (chunk) {
        target.set(chunk);
        return chunk.length;
      }
      if (socket.readableEnded || socket.destroyed) return null;
      await new Promise<void>((resolve) => {
        const events = ["readable", "end", "close"] as const;
        const done = () => {
          for (const event of events) socket.off(event, done);
          resolve();
        };
        for (const event of events) socket.on(event, done);
        // Starts it, as nobody has read yet.
        socket.read(0);
      });
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      // The channel uses its buffer again.
      this.#socket.write(bytes.slice(), (error) => {
        if (error) reject(error);
        else resolve(bytes.length);
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
