/** Servers of a test on real sockets of this machine. */

import { createHash } from "node:crypto";
import { ALPN } from "../../protocol/version.ts";
import { makeCertificate } from "../../server/certificate.ts";
import { pemBlocks, pemBytes } from "../../server/pem.ts";
import { until, within } from "./deadline.ts";

/** A certificate and its key, as PEM. */
export interface TestIdentity {
  certificate: string;
  key: string;
  /** SHA-256 of the certificate in base64url. */
  fingerprint: string;
}

/** An identity as `netdisk serve` makes it, or from given files. */
export async function testIdentity(
  files?: { chain: string; key: string },
): Promise<TestIdentity> {
  const { certificate, key } = files
    ? { certificate: files.chain, key: files.key }
    : await makeCertificate();
  const der = pemBytes(pemBlocks(certificate)[0]!);
  const fingerprint = createHash("sha256").update(der).digest("base64url");
  return { certificate, key, fingerprint };
}

export interface LoopbackOptions {
  /** Speaks TLS with it. */
  identity?: TestIdentity | undefined;
  /** @default 127.0.0.1 */
  hostname?: string;
  /** @default ["netdisk/1"] */
  alpn?: string[];
}

/** Serves each connection after its handshake, until it is disposed. */
export class Loopback implements AsyncDisposable {
  /** How many connections came, and how many of them ended a handshake well. */
  accepted = 0;
  greeted = 0;
  readonly port: number;
  #listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>;
  #serve: (connection: Deno.Conn) => Promise<void>;
  #running: Promise<void>;
  #open = new Set<Deno.Conn>();

  constructor(
    serve: (connection: Deno.Conn) => Promise<void>,
    options: LoopbackOptions = {},
  ) {
    const { identity, alpn = [ALPN], hostname = "127.0.0.1" } = options;
    const address = { hostname, port: 0 };
    this.#listener = identity
      ? Deno.listenTls({
        ...address,
        cert: identity.certificate,
        key: identity.key,
        ...(alpn.length > 0 ? { alpnProtocols: alpn } : {}),
      })
      : Deno.listen(address);
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#serve = serve;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.accepted++;
      served.push(this.#welcome(connection));
    }
    await Promise.all(served);
  }

  async #welcome(connection: Deno.TcpConn | Deno.TlsConn): Promise<void> {
    this.#open.add(connection);
    try {
      if ("handshake" in connection) await connection.handshake();
      this.greeted++;
      await this.#serve(connection);
    } catch {
      // The client has hung up: what it did not say is the test's business.
    } finally {
      this.#close(connection);
    }
  }

  #close(connection: Deno.Conn): void {
    if (!this.#open.delete(connection)) return;
    // close() alone leaves a read under way, and with it both ends, open.
    connection.closeWrite().catch(() => {});
    try {
      connection.close();
    } catch {
      // A script has closed it.
    }
  }

  /** Waits until every connection that came has been served. */
  async served(): Promise<void> {
    await until("the end of all connections", () => this.#open.size === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of [...this.#open]) this.#close(connection);
    await within("the end of a loopback server", this.#running);
  }
}

/** All that comes over a connection until it ends. */
export async function readAll(connection: Deno.Conn): Promise<Uint8Array> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return Uint8Array.from(bytes);
    bytes.push(...buffer.subarray(0, count));
  }
}

/** How many sockets this process has. */
export function socketCount(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (target.startsWith("socket:")) count++;
    } catch {
      // The one with which the list itself was read.
    }
  }
  return count;
}

/** Waits until there are no more sockets than there were. */
export async function socketsClosed(before: number): Promise<void> {
  await until(`only ${before} sockets`, () => socketCount() <= before);
}
