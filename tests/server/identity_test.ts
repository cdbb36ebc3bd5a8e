import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { FINGERPRINT } from "../../protocol/credentials.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { makeCertificate } from "../../server/certificate.ts";
import {
  type Identity,
  loadIdentity,
  readIdentityFiles,
} from "../../server/identity.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const ALPN = ["netdisk/1"];
const YEAR_MS = 365 * 24 * 3600_000;

/** A certificate of another make: an authority's, an expired one, ... */
interface OtherCertificate {
  subject?: string;
  names?: string[];
  authority?: boolean;
  until?: number;
  issuer?: Issued;
}

interface Issued {
  subject: string;
  pem: string;
  key: string;
  keys: CryptoKeyPair;
}

async function issue(what: OtherCertificate): Promise<Issued> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const subject = what.subject ?? "CN=disk.example";
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: what.issuer?.subject ?? subject,
    notBefore: new Date("2000-01-01T00:00:00Z"),
    notAfter: new Date(what.until ?? Date.now() + YEAR_MS),
    publicKey: keys.publicKey,
    signingKey: (what.issuer?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(what.authority ?? false),
      new x509.SubjectAlternativeNameExtension(
        (what.names ?? ["netdisk"]).map((value) => ({
          type: "dns" as const,
          value,
        })),
      ),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    subject,
    pem: certificate.toString("pem"),
    key: x509.PemConverter.encode(key, "PRIVATE KEY"),
    keys,
  };
}

/** Whether a client that trusts `pin` reaches a server with this identity. */
async function handshakes(
  { certificate: cert, key }: Identity,
  pin: string,
  hostname = "netdisk",
): Promise<boolean> {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
    alpnProtocols: ALPN,
  });
  const serving = listener.accept().then(async (connection) => {
    await connection.handshake().catch(() => {});
    connection.close();
  });
  const raw = await Deno.connect({ port: listener.addr.port });
  try {
    using connection = await Deno.startTls(raw, {
      hostname,
      caCerts: [pin],
      alpnProtocols: ALPN,
    });
    return (await connection.handshake()).alpnProtocol === ALPN[0];
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) return false;
    throw error;
  } finally {
    await serving;
  }
}

async function failureOf(work: Promise<unknown>): Promise<NetdiskError> {
  const error = await assertRejects(() => work, NetdiskError);
  assertEquals(error.code, "local-io");
  return error;
}

Deno.test("loadIdentity() makes an identity that TLS accepts, and keeps it", async () => {
  using folder = tempFolder();
  const identity = await loadIdentity(folder.path);
  assertMatch(identity.fingerprint, FINGERPRINT);
  assert(identity.selfSigned);
  assertEquals(identity.names, []);
  assert(await handshakes(identity, identity.certificate));
  assertEquals(await loadIdentity(folder.path), identity);

  const path = `${folder.path}/identity.pem`;
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("loadIdentity() makes another identity for another server", async () => {
  using one = tempFolder();
  using two = tempFolder();
  const first = await loadIdentity(one.path);
  const second = await loadIdentity(two.path);
  assertNotEquals(first.fingerprint, second.fingerprint);
  assert(!await handshakes(first, second.certificate));
});

Deno.test("the fingerprint is the SHA-256 of the certificate's DER bytes", async () => {
  using folder = tempFolder();
  const { certificate, fingerprint } = await loadIdentity(folder.path);
  const der = new x509.X509Certificate(certificate).rawData;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", der));
  const base64 = btoa(String.fromCharCode(...hash));
  assertEquals(
    fingerprint,
    base64.replaceAll("+", "-").replaceAll("/", "_").replace("=", ""),
  );
});

Deno.test("loadIdentity() starts anew after a crash before the rename", async () => {
  using folder = tempFolder();
  const left = `${folder.path}/identity.pem.new`;
  Deno.writeTextFileSync(left, "-----BEGIN PRIVATE KEY-----\nMIGH");
  const identity = await loadIdentity(folder.path);
  assert(await handshakes(identity, identity.certificate));
  const path = `${folder.path}/identity.pem`;
  assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("loadIdentity() refuses a key that others may read", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/identity.pem`;
  const identity = await loadIdentity(folder.path);
  for (const mode of [0o644, 0o640, 0o602]) {
    Deno.chmodSync(path, mode);
    const error = await failureOf(loadIdentity(folder.path));
    assertEquals(
      error.message,
      `others may read '${path}', which holds the server's private key`,
    );
    assertEquals(error.hint, `chmod 600 '${path}'`);
  }
  Deno.chmodSync(path, 0o400);
  assertEquals(await loadIdentity(folder.path), identity);
});

Deno.test("loadIdentity() believes no mode on Windows, where each file has 666", async () => {
  using folder = tempFolder();
  const identity = await loadIdentity(folder.path);
  Deno.chmodSync(`${folder.path}/identity.pem`, 0o666);
  assertEquals(await loadIdentity(folder.path, "windows"), identity);
});

Deno.test("loadIdentity() never replaces a damaged identity by a new one", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/identity.pem`;
  await loadIdentity(folder.path);
  const text = Deno.readTextFileSync(path);
  const other = await makeCertificate();
  const cases: [string, string][] = [
    ["", ""],
    [text.slice(0, 300), ""],
    [text.slice(0, text.indexOf("-----BEGIN CERT")), ""],
    [
      text.replace(/-----BEGIN CERT[^]*/, other.certificate),
      ": the key does not belong to the certificate",
    ],
    [
      text.replace("CERTIFICATE-----\nMIIB", "CERTIFICATE-----\nAAAA"),
      ": the certificate is damaged",
    ],
    [
      text.replace("KEY-----\nMIGH", "KEY-----\nAAAA"),
      ": the key is of a kind that TLS cannot use here",
    ],
  ];
  for (const [damaged, reason] of cases) {
    Deno.writeTextFileSync(path, damaged);
    const error = await failureOf(loadIdentity(folder.path));
    assertEquals(error.message, `'${path}' is damaged${reason}`);
    assertMatch(error.hint!, /restore '.*identity.pem' from a backup/);
    assertEquals(Deno.readTextFileSync(path), damaged);
  }
});

Deno.test("loadIdentity() says what it cannot write, and leaves nothing behind", async () => {
  using folder = tempFolder();
  const missing = await failureOf(loadIdentity(`${folder.path}/no`));
  assertEquals(
    missing.message,
    `cannot write '${folder.path}/no/identity.pem': no such file`,
  );
  const path = `${folder.path}/identity.pem`;
  Deno.mkdirSync(`${path}.new/full`, { recursive: true });
  const blocked = await failureOf(loadIdentity(folder.path));
  assertMatch(blocked.message, /^cannot write '.*\/identity.pem': /);
  assertEquals([...Deno.readDirSync(folder.path)].length, 1);
});

Deno.test("readIdentityFiles() takes a certificate of an authority, with its chain", async () => {
  using folder = tempFolder();
  const [cert, key] = [`${folder.path}/cert.pem`, `${folder.path}/key.pem`];
  const authority = await issue({ subject: "CN=Example CA", authority: true });
  const server = await issue({
    issuer: authority,
    names: ["disk.example", "files.example"],
  });
  const text = `subject=x\n${server.pem}\n\n${authority.pem}\n`;
  Deno.writeTextFileSync(cert, text.replaceAll("\n", "\r\n"));
  Deno.writeTextFileSync(key, server.key);
  const identity = await readIdentityFiles(cert, key);
  assert(!identity.selfSigned);
  assertEquals(identity.names, ["disk.example", "files.example"]);
  assertEquals(identity.certificate.match(/-----BEGIN/g)?.length, 2);
  assert(await handshakes(identity, authority.pem, "files.example"));

  const der = new x509.X509Certificate(server.pem);
  const hash = new Uint8Array(await der.getThumbprint("SHA-256"));
  const base64 = btoa(String.fromCharCode(...hash)).replace("=", "");
  assertEquals(
    identity.fingerprint,
    base64.replaceAll("+", "-").replaceAll("/", "_"),
  );
});

Deno.test("readIdentityFiles() is not misled by an authority of the same name", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/both.pem`;
  const authority = await issue({ authority: true });
  const server = await issue({ issuer: authority, names: ["disk.example"] });
  assertEquals(server.subject, authority.subject);
  Deno.writeTextFileSync(file, `${server.pem}\n${server.key}\n`);
  assert(!(await readIdentityFiles(file, file)).selfSigned);
});

Deno.test("readIdentityFiles() takes a self-signed one for 'netdisk', and one file for both", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/both.pem`;
  const server = await issue({ names: ["netdisk", "disk.example"] });
  Deno.writeTextFileSync(file, `${server.pem}\n${server.key}\n`);
  const identity = await readIdentityFiles(file, file);
  assert(identity.selfSigned);
  assertEquals(identity.names, ["disk.example"]);
  assert(await handshakes(identity, identity.certificate));
});

Deno.test("readIdentityFiles() says what is wrong with the files", async () => {
  using folder = tempFolder();
  const write = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder.path}/${name}`, text);
    return `${folder.path}/${name}`;
  };
  const own = "without --tls-cert and --tls-key netdisk makes its own";
  const good = await issue({});
  const cert = write("cert.pem", good.pem);
  const key = write("key.pem", good.key);
  const text = write("text", "hello");
  const empty = write("empty", "");
  const missing = `${folder.path}/missing`;
  const broken = write(
    "broken",
    good.pem.replace("-----\nMIIB", "-----\nAAAA"),
  );
  const unknown = write(
    "unknown",
    good.key.replace("-----\nMIGH", "-----\nAAAA"),
  );
  const locked = write(
    "locked",
    good.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
  );
  const other = write("other.pem", (await issue({})).key);
  const chain = write("chain.pem", (await issue({})).pem + "\n" + good.pem);
  const expired = write(
    "expired.pem",
    (await issue({ until: Date.UTC(2001, 0, 31) })).pem,
  );
  const ca = write("ca.pem", (await issue({ authority: true })).pem);
  const named = write("named.pem", (await issue({ names: ["a.example"] })).pem);
  const mismatch = "the key does not belong to the certificate";
  const cases: [string, string, string, string?][] = [
    [missing, key, `cannot read the certificate '${missing}': no such file`],
    [cert, missing, `cannot read the key '${missing}': no such file`],
    [text, key, `'${text}' holds no certificate (PEM)`],
    [empty, key, `'${empty}' holds no certificate (PEM)`],
    [key, key, `'${key}' holds no certificate (PEM)`],
    [cert, text, `'${text}' holds no private key (PEM)`],
    [cert, cert, `'${cert}' holds no private key (PEM)`],
    [
      cert,
      locked,
      `the key in '${locked}' is encrypted`,
      `openssl pkey -in '${locked}' -out plain-key.pem`,
    ],
    [broken, key, `the certificate in '${broken}' is damaged`],
    [
      cert,
      unknown,
      `cannot use '${cert}' with '${unknown}': the key is of a kind that TLS cannot use here`,
    ],
    [cert, other, `cannot use '${cert}' with '${other}': ${mismatch}`],
    [chain, key, `cannot use '${chain}' with '${key}': ${mismatch}`],
    [
      expired,
      key,
      `the certificate in '${expired}' expired on 2001-01-31`,
      own,
    ],
    [
      ca,
      key,
      `the certificate in '${ca}' is an authority's (CA:TRUE), not a server's`,
      own,
    ],
    [
      named,
      key,
      `the certificate in '${named}' is self-signed, but not for the name 'netdisk'`,
      own,
    ],
  ];
  for (const [certFile, keyFile, message, hint] of cases) {
    const error = await failureOf(readIdentityFiles(certFile, keyFile));
    assertEquals([error.message, error.hint], [message, hint]);
  }
});
