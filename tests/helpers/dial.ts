/** A {@link TestClient} on a real connection to a server that runs as a process. */

import { join } from "@std/path";
import { ALPN } from "../../protocol/version.ts";
import { within } from "./deadline.ts";
import type { Client } from "./netdisk.ts";
import type { Server } from "./server.ts";
import { HELLO, TestClient } from "./test_client.ts";

/** One end of a real connection. */
export class Peer extends TestClient {
  /** Its own port, by which the server's log names it. */
  readonly port: number;
  #socket: Deno.TcpConn | Deno.TlsConn;

  constructor(socket: Deno.TcpConn | Deno.TlsConn) {
    super(socket);
    this.port = (socket.localAddr as Deno.NetAddr).port;
    this.#socket = socket;
  }

  /** Sends no more, and goes on reading. */
  async end(): Promise<void> {
    await within("the end of what is sent", this.#socket.closeWrite());
  }
}

/** What must be known of a server to connect to it. */
export type Dialled = Pick<Server, "port" | "root" | "isPlain">;

/** Connects, with TLS where the server speaks it. */
export async function dial(server: Dialled): Promise<Peer> {
  const { port, root, isPlain } = server;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  if (isPlain) return new Peer(tcp);
  const identity = join(root, ".netdisk", "identity.pem");
  const [certificate = ""] = /-----BEGIN CERTIFICATE[^]*/.exec(
    Deno.readTextFileSync(identity),
  ) ?? [];
  const tls = await Deno.startTls(tcp, {
    hostname: "netdisk",
    caCerts: [certificate],
    alpnProtocols: [ALPN],
  });
  await within("a TLS handshake", tls.handshake());
  return new Peer(tls);
}

/** Connects and uses the session of `client`. */
export async function dialAs(
  server: Dialled,
  client: Client,
): Promise<Peer> {
  const peer = await dial(server);
  await peer.ask(HELLO, "hello");
  await peer.ask({ type: "authenticate", token: client.token() }, "session");
  return peer;
}
