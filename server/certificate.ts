/**
 * X.509 as far as netdisk needs it: makes the server's self-signed certificate
 * and reads what another one says. Its library is only loaded for these two.
 */

/** A day of tolerance for clients whose clock is behind. */
const DAY_MS = 24 * 3600_000;

/** "No expiry" (RFC 5280, 4.1.2.5): the pin is what a client trusts. */
const NEVER = new Date("9999-12-31T23:59:59Z");

/** Key purpose "TLS server" (RFC 5280, 4.2.1.12). */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The name of a self-signed server (SPEC.md 1). */
export const SELF_SIGNED_NAME = "netdisk";

/** What a certificate says of itself. */
export interface CertificateFacts {
  selfSigned: boolean;
  /** True for one that signs others; TLS clients refuse it as a server's. */
  isAuthority: boolean;
  /** The DNS names in it. */
  names: string[];
  expires: Date;
}

/** A new P-256 key and a certificate that it signs, as PEM. */
export async function makeCertificate(): Promise<
  { certificate: string; key: string }
> {
  const x509 = await loadX509();
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${SELF_SIGNED_NAME}`,
    serialNumber: randomSerial(),
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: NEVER,
    signingAlgorithm: ECDSA,
    keys,
    extensions: [
      // rustls refuses a server whose certificate is an authority's.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: SELF_SIGNED_NAME },
      ]),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: certificate.toString("pem") + "\n",
    key: x509.PemConverter.encode(key, "PRIVATE KEY") + "\n",
  };
}

/** Reads a certificate. @throws Error when the bytes are none */
export async function readCertificate(
  der: Uint8Array<ArrayBuffer>,
): Promise<CertificateFacts> {
  // X509Certificate of node:crypto has no names in Deno 2.6.
  const x509 = await loadX509();
  const certificate = new x509.X509Certificate(der);
  const alternatives = certificate.getExtension(
    x509.SubjectAlternativeNameExtension,
  );
  const constraints = certificate.getExtension(x509.BasicConstraintsExtension);
  return {
    // Not every runtime can verify every algorithm; then the names have to do.
    selfSigned: await certificate.isSelfSigned()
      .catch(() => certificate.subject === certificate.issuer),
    isAuthority: constraints?.ca ?? false,
    names: (alternatives?.names.items ?? [])
      .filter((name) => name.type === "dns").map((name) => name.value),
    expires: certificate.notAfter,
  };
}

async function loadX509() {
  // x509 needs it to be there first.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(crypto);
  return x509;
}

/** 127 random bits as hexadecimal digits; the first bit would be a sign. */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = bytes[0]! & 0x7f | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
