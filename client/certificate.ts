/**
 * Looks at the certificate of a server that is not known yet. `node:tls` is
 * used for this alone, since it hands out a certificate that it does not
 * trust; not a byte of ours goes over that connection. Loaded on demand: most
 * commands never need it.
 */

import { Buffer } from "node:buffer";
import { createHash, X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress } from "../protocol/link.ts";
import { ALPN } from "../protocol/version.ts";
import { type SeenCertificate, SELF_SIGNED_NAME } from "./trust.ts";

/** How long the handshake may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** How long a server may take to end a connection that was ended, in milliseconds. */
const END_MS = 1000;

/**
 * The certificate that answers at an IP address (a host name could lead the
 * runtime to another address half-way). @throws NetdiskError `unreachable`,
 * `identity`
 */
export async function fetchCertificate(
  ip: string,
  port: number,
): Promise<SeenCertificate> {
  const der = await fetchDer(ip, port);
  try {
    return seenCertificate(der);
  } catch (cause) {
    throw new NetdiskError(
      "identity",
      `${formatAddress(ip, port)}: the server's certificate cannot be read`,
      { cause },
    );
  }
}

/** What can be told from a certificate. @throws when it is none */
export function seenCertificate(der: Uint8Array): SeenCertificate {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  const certificate = "-----BEGIN CERTIFICATE-----\n" +
    `${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  const parsed = new X509Certificate(certificate);
  return {
    fingerprint: createHash("sha256").update(der).digest("base64url"),
    certificate,
    pinnable: parsed.subject === parsed.issuer &&
      parsed.checkHost(SELF_SIGNED_NAME) !== undefined,
  };
}

function fetchDer(ip: string, port: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: ip,
      port,
      servername: SELF_SIGNED_NAME,
      ALPNProtocols: [ALPN],
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => {
      fail(new Error("the server does not answer"));
    }, TIMEOUT_MS);
    function fail(cause: Error): void {
      clearTimeout(timer);
      socket.destroy();
      reject(
        new NetdiskError(
          "unreachable",
          `${formatAddress(ip, port)}: no TLS handshake: ${cause.message}`,
          { cause, hint: "a server that serves plain TCP needs --plain" },
        ),
      );
    }
    // Every time: an error that nobody listens for ends the program.
    socket.on("error", fail);
    socket.once("close", () => fail(new Error("the server hung up")));
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      const { raw } = socket.getPeerCertificate(true);
      if (raw) resolve(new Uint8Array(raw));
      else fail(new Error("the server shows no certificate"));
      // The server is to see a whole handshake and an end, not a failure.
      socket.end();
      const patience = setTimeout(() => socket.destroy(), END_MS);
      socket.once("close", () => clearTimeout(patience));
    });
  });
}
