/**
 * Opens connections: TCP, then TLS to exactly the server that is trusted. The
 * only client file with sockets of its own (certificate.ts looks, but does not
 * talk; discovery.ts asks by UDP). What is trusted is trust.ts's decision.
 */

import type { ByteConnection } from "../protocol/channel.ts";
import { NetdiskError } from "../protocol/errors.ts";
import { formatAddress, type ServerLink } from "../protocol/link.ts";
import { systemReason } from "../protocol/system_reason.ts";
import { ALPN } from "../protocol/version.ts";
import type { Trust } from "./config.ts";
import { type CertificateFault, SELF_SIGNED_NAME } from "./trust.ts";

/** How long connecting and the TLS handshake may take, each, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** TLS refuses the certificate. */
export class UntrustedCertificate extends Error {
  readonly fault: CertificateFault;
  override name = "UntrustedCertificate";

  constructor(fault: CertificateFault, options: ErrorOptions) {
    super(`the certificate is refused: ${fault}`, options);
    this.fault = fault;
  }
}

/** Name authorities that the runtime trusts in addition to all others. */
const AUTHORITY_VARIABLES = [
  "DENO_TLS_CA_STORE",
  "DENO_CERT",
  "NODE_EXTRA_CA_CERTS",
];

/**
 * Trusts no authority but the public ones and that of `--cacert`: one that reads
 * along on a company's way out signs any name, that in a pinned certificate as
 * well. To be called before TLS is first used, as the runtime then looks.
 */
export function forgetAuthorities(): void {
  for (const name of AUTHORITY_VARIABLES) Deno.env.delete(name);
}

/** Opens a plain connection. @throws NetdiskError `unreachable` */
export async function dialPlain(link: ServerLink): Promise<Deno.TcpConn> {
  const { host: hostname, port } = link;
  const connecting = Deno.connect({ hostname, port });
  try {
    const connection = await within(connecting, "no answer");
    connection.setNoDelay(true);
    return connection;
  } catch (cause) {
    // One that comes after all is not left open.
    connecting.then((late) => late.close()).catch(() => {});
    throw unreachable(link, cause);
  }
}

/**
 * Opens an encrypted connection to the server that `trust` means.
 *
 * @throws UntrustedCertificate when another server answers
 * @throws NetdiskError `unreachable`
 */
export async function dialTls(
  link: ServerLink,
  trust: Trust,
): Promise<ByteConnection> {
  const tcp = await dialPlain(link);
  const pinned = trust.kind === "pin";
  const caCerts = trust.certificate === null ? [] : [trust.certificate];
  let tls: Deno.TlsConn | undefined;
  try {
    tls = await Deno.startTls(tcp, {
      hostname: pinned ? SELF_SIGNED_NAME : link.host,
      caCerts,
      alpnProtocols: [ALPN],
    });
    const handshake = tls.handshake();
    const { alpnProtocol } = await within(handshake, "no TLS handshake");
    if (alpnProtocol !== ALPN) throw new Error("this is no netdisk server");
    return tls;
  } catch (cause) {
    try {
      (tls ?? tcp).close();
    } catch {
      // startTls has taken the TCP connection with it.
    }
    const fault = certificateFault(cause);
    if (fault) throw new UntrustedCertificate(fault, { cause });
    throw handshakeFailed(link, cause);
  }
}

/** From the words of rustls; undefined if it is not about the certificate. */
function certificateFault(error: unknown): CertificateFault | undefined {
  const text = error instanceof Error ? error.message : "";
  if (!/invalid peer certificate/i.test(text)) return undefined;
  if (/not valid yet|NotValidYet/i.test(text)) return "not-yet-valid";
  if (/expired/i.test(text)) return "expired";
  if (/not valid for name|NotValidForName/i.test(text)) return "other-name";
  return "unknown-signer";
}

async function within<T>(work: Promise<T>, reason: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${reason} within ${TIMEOUT_MS / 1000} s`)),
      TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(link: ServerLink, cause: unknown): NetdiskError {
  const address = formatAddress(link.host, link.port);
  const reason = cause instanceof Deno.errors.ConnectionRefused
    ? "nobody listens there"
    : systemReason(cause);
  return new NetdiskError(
    "unreachable",
    `${address}: cannot connect: ${reason}`,
    {
      hint:
        "is `netdisk serve` running there? another server is named with --server HOST:PORT",
      cause,
    },
  );
}

function handshakeFailed(link: ServerLink, cause: unknown): NetdiskError {
  const address = formatAddress(link.host, link.port);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NetdiskError(
    "unreachable",
    `${address}: no TLS handshake: ${reason}`,
    { cause },
  );
}
