/** A certificate authority of a test, and servers' certificates that it signs. */

import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOUR_MS = 3600_000;
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

x509.cryptoProvider.set(crypto);

/** PEM texts. */
export interface ServerFiles {
  /** The server's certificate, then that of the authority in between. */
  chain: string;
  key: string;
}

/** Whoever signs: a root, or one that a root has signed. */
interface Signer {
  certificate: x509.X509Certificate;
  keys: CryptoKeyPair;
}

/** A root with one authority below it, as real ones have. */
export class TestAuthority {
  readonly #root: Signer;
  readonly #intermediate: Signer;

  private constructor(root: Signer, intermediate: Signer) {
    this.#root = root;
    this.#intermediate = intermediate;
  }

  static async make(): Promise<TestAuthority> {
    const root = await makeSigner("Test Root");
    return new TestAuthority(root, await makeSigner("Test CA", root));
  }

  /** The root's certificate, which a client has to know. PEM. */
  get certificate(): string {
    return this.#root.certificate.toString("pem");
  }

  /** A key and certificate for a server called `name`, which ends at `expires`. */
  async sign(
    name: string,
    expires: Date = new Date(Date.now() + HOUR_MS),
  ): Promise<ServerFiles> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: this.#intermediate.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#intermediate.keys.privateKey,
      signingAlgorithm: ECDSA,
      notBefore: new Date(expires.getTime() - 24 * HOUR_MS),
      notAfter: expires,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
        new x509.SubjectAlternativeNameExtension([
          { type: "dns", value: name },
        ]),
      ],
    });
    const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    const chain = [certificate, this.#intermediate.certificate];
    return {
      chain: chain.map((one) => `${one.toString("pem")}\n`).join(""),
      key: x509.PemConverter.encode(key, "PRIVATE KEY"),
    };
  }
}

/** A new authority, signed by `parent` or by itself. */
async function makeSigner(name: string, parent?: Signer): Promise<Signer> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: parent?.certificate.subject ?? `CN=${name}`,
    publicKey: keys.publicKey,
    signingKey: (parent?.keys ?? keys).privateKey,
    signingAlgorithm: ECDSA,
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + HOUR_MS),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { certificate, keys };
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
}
