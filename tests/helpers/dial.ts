/** A {@link TestClient} on a real connection to a server that runs as a process. */

import { join } from "@std/path";
import { ALPN } from "../../protocol/version.ts";
import { within } from "./deadline.ts";
import type { Client } from "./netdisk.ts";
import type { Server } from "./server.ts";
import { HELLO, TestClient } from "./test_client.ts";

/** Connects, with TLS where the server speaks it. */
export async function dial(server: Server): Promise<TestClient> {
  const { port, root, isPlain } = server;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
  if (isPlain) return new TestClient(tcp);
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
  return new TestClient(tls);
}

/** Connects and uses the session of `client`. */
export async function dialAs(
  server: Server,
  client: Client,
): Promise<TestClient> {
  const peer = await dial(server);
  await peer.ask(HELLO, "hello");
  await peer.ask({ type: "authenticate", token: client.token() }, "session");
  return peer;
}
