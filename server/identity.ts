/**
 * The server's TLS identity: the key and certificate by which clients know it
 * again. It is made on the first start and then never changes by itself, or it
 * comes from the admin's own files. Main thread only.
 */

import { createHash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";
import {
  makeCertificate,
  readCertificate,
  SELF_SIGNED_NAME,
} from "./certificate.ts";
import { cannot } from "./os_errors.ts";
import { pemBlocks, pemBytes } from "./pem.ts";

/** What a server shows to its clients. */
export interface Identity {
  /** PEM, the server's own certificate first. */
  certificate: string;
  /** PEM. */
  key: string;
  /** SHA-256 of the certificate's DER bytes in base64url. */
  fingerprint: string;
  /** No authority vouches for it: clients have to pin the fingerprint. */
  selfSigned: boolean;
  /** The host names in it; none in one that netdisk made. */
  names: string[];
}

/**
 * Reads the identity of the server whose private folder is `dataDir`, which
 * exists, and makes it when there is none yet.
 *
 * @throws NetdiskError `local-io`
 */
export async function loadIdentity(
  dataDir: string,
  os: typeof Deno.build.os = Deno.build.os,
): Promise<Identity> {
  const path = `${dataDir}/identity.pem`;
  const text = readPrivateFile(path, os) ??
    await makeIdentityFile(path, dataDir);
  // A new one would lock out every client, so that is left to the admin.
  const hint = `restore '${path}' from a backup; without it the server ` +
    "makes a new identity, which every client has to accept again";
  const certificate = certificatesIn(text);
  const key = keyIn(text);
  if (!certificate || !key) {
    throw new NetdiskError("local-io", `'${path}' is damaged`, { hint });
  }
  const fault = pairFault(certificate, key);
  if (fault) {
    throw new NetdiskError("local-io", `'${path}' is damaged: ${fault}`, {
      hint,
    });
  }
  const fingerprint = fingerprintOf(certificate);
  return { certificate, key, fingerprint, selfSigned: true, names: [] };
}

/**
 * Reads a certificate, or several with the server's own first, and its private
 * key from the admin's PEM files. What clients would refuse, the start refuses.
 *
 * @throws NetdiskError `local-io`
 */
export async function readIdentityFiles(
  certificateFile: string,
  keyFile: string,
): Promise<Identity> {
  const certificate = certificatesIn(readPem(certificateFile, "certificate"));
  if (!certificate) throw noPem(certificateFile, "certificate");
  const keyText = readPem(keyFile, "key");
  const key = keyIn(keyText);
  if (!key) throw noPem(keyFile, "private key");
  if (key.includes("ENCRYPTED")) {
    throw new NetdiskError("local-io", `the key in '${keyFile}' is encrypted`, {
      hint: `openssl pkey -in '${keyFile}' -out plain-key.pem`,
    });
  }
  const { selfSigned, names } = await checkCertificate(
    certificateFile,
    certificate,
  );
  const fault = pairFault(certificate, key);
  if (fault) {
    throw new NetdiskError(
      "local-io",
      `cannot use '${certificateFile}' with '${keyFile}': ${fault}`,
    );
  }
  const fingerprint = fingerprintOf(certificate);
  return { certificate, key, fingerprint, selfSigned, names };
}

/** Refuses a certificate that every client would refuse. */
async function checkCertificate(
  file: string,
  pem: string,
): Promise<{ selfSigned: boolean; names: string[] }> {
  const facts = await readCertificate(pemBytes(pemBlocks(pem)[0]!))
    .catch((cause) => {
      throw new NetdiskError(
        "local-io",
        `the certificate in '${file}' is damaged`,
        { cause },
      );
    });
  const { selfSigned, isAuthority, names, expires } = facts;
  const unnamed = selfSigned && !names.includes(SELF_SIGNED_NAME);
  const fault = expires.getTime() <= Date.now()
    ? `expired on ${expires.toISOString().slice(0, 10)}`
    : isAuthority
    ? "is an authority's (CA:TRUE), not a server's"
    : unnamed
    ? `is self-signed, but not for the name '${SELF_SIGNED_NAME}'`
    : undefined;
  if (!fault) {
    return {
      selfSigned,
      names: names.filter((name) => name !== SELF_SIGNED_NAME),
    };
  }
  throw new NetdiskError(
    "local-io",
    `the certificate in '${file}' ${fault}`,
    selfSigned
      ? { hint: "without --tls-cert and --tls-key netdisk makes its own" }
      : {},
  );
}

/** The text of a file that nobody else may read; undefined when it is missing. */
function readPrivateFile(
  path: string,
  os: typeof Deno.build.os,
): string | undefined {
  let mode: number | null;
  let text: string;
  try {
    mode = Deno.statSync(path).mode;
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw cannot(`read '${path}'`, cause);
  }
  // Windows has none, but Deno makes one up.
  if (os === "windows" || ((mode ?? 0) & 0o077) === 0) return text;
  throw new NetdiskError(
    "local-io",
    `others may read '${path}', which holds the server's private key`,
    { hint: `chmod 600 '${path}'` },
  );
}

/** Makes an identity and returns what is now in the file at `path`. */
async function makeIdentityFile(
  path: string,
  folder: string,
): Promise<string> {
  const { certificate, key } = await makeCertificate();
  const text = key + certificate;
  const temporary = `${path}.new`;
  try {
    // What a crash left behind has a mode of its own.
    removeIfThere(temporary);
    writeNewFile(temporary, text);
    Deno.renameSync(temporary, path);
    syncFolder(folder);
  } catch (cause) {
    try {
      removeIfThere(temporary);
    } catch {
      // The first failure is the one to tell.
    }
    throw cannot(`write '${path}'`, cause);
  }
  return text;
}

function writeNewFile(path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  using file = Deno.openSync(path, {
    write: true,
    createNew: true,
    mode: 0o600,
  });
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  // A name must not come to the disk before the bytes.
  file.syncSync();
}

function syncFolder(path: string): void {
  // Windows cannot open a folder as a file.
  if (Deno.build.os === "windows") return;
  using folder = Deno.openSync(path);
  folder.syncSync();
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function readPem(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw cannot(`read the ${what} '${path}'`, cause);
  }
}

/** All certificates of a file, as one text. */
function certificatesIn(text: string): string | undefined {
  const blocks = pemBlocks(text).filter(({ label }) => label === "CERTIFICATE");
  return blocks.map((block) => block.text).join("") || undefined;
}

/** The first key of a file, in any of its three forms, or an encrypted one. */
function keyIn(text: string): string | undefined {
  return pemBlocks(text).find(({ label }) => label.endsWith("PRIVATE KEY"))
    ?.text;
}

/**
 * Why TLS cannot work with the two, if so. The runtime itself is asked, by a
 * listener that is closed at once: it alone knows which keys it can use, and
 * checkPrivateKey of node:crypto is missing in Deno 2.6.
 */
function pairFault(cert: string, key: string): string | undefined {
  try {
    Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }).close();
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason.includes("KeyMismatch")) {
      return "the key does not belong to the certificate";
    }
    if (reason.includes("private key")) {
      return "the key is of a kind that TLS cannot use here";
    }
    if (
      error instanceof Deno.errors.InvalidData || /certificate/.test(reason)
    ) {
      return "the certificate is damaged";
    }
    // What is not about the pair, such as no loopback, shows when we listen.
    return undefined;
  }
}

function fingerprintOf(certificate: string): string {
  return createHash("sha256").update(pemBytes(pemBlocks(certificate)[0]!))
    .digest("base64url");
}

function noPem(file: string, what: string): NetdiskError {
  return new NetdiskError("local-io", `'${file}' holds no ${what} (PEM)`);
}
