import { assertEquals, assertRejects } from "@std/assert";
import { fetchCertificate } from "../../client/certificate.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { pemBlocks, pemBytes } from "../../server/pem.ts";
import { skipTimeout } from "../helpers/leap_clock.ts";
import {
  Loopback,
  readAll,
  socketCount,
  socketsClosed,
  testIdentity,
} from "../helpers/loopback.ts";
import { TestAuthority } from "../helpers/test_authority.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const identity = await testIdentity();
const hasIpv6 = Deno.networkInterfaces().some(({ family }) =>
  family === "IPv6"
);

Deno.test(
  "fetchCertificate() sees the certificate and says nothing of its own",
  strict,
  async () => {
    const before = socketCount();
    const said: Uint8Array[] = [];
    {
      await using server = new Loopback(async (connection) => {
        said.push(await readAll(connection));
      }, { identity });
      const seen = await fetchCertificate("127.0.0.1", server.port);
      assertEquals(seen.fingerprint, identity.fingerprint);
      assertEquals(seen.pinnable, true);
      assertEquals(
        pemBytes(pemBlocks(seen.certificate)[0]!),
        pemBytes(pemBlocks(identity.certificate)[0]!),
      );
      await socketsClosed(before + 1);
    }
    assertEquals(said, [new Uint8Array(0)]);
  },
);

Deno.test(
  "fetchCertificate() works over IPv6",
  { ...strict, ignore: !hasIpv6 },
  async () => {
    await using server = new Loopback(async (connection) => {
      await readAll(connection);
    }, { identity, hostname: "::1" });
    const { fingerprint } = await fetchCertificate("::1", server.port);
    assertEquals(fingerprint, identity.fingerprint);
  },
);

Deno.test(
  "fetchCertificate() finds a certificate of an authority not pinnable",
  strict,
  async () => {
    const authority = await TestAuthority.make();
    for (const name of ["netdisk", "disk.example"]) {
      const signed = await testIdentity(await authority.sign(name));
      await using server = new Loopback(async (connection) => {
        await readAll(connection);
      }, { identity: signed });
      const seen = await fetchCertificate("127.0.0.1", server.port);
      assertEquals(seen.fingerprint, signed.fingerprint);
      assertEquals(seen.pinnable, false);
    }
  },
);

const HTTP = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");

/** What may answer instead of a netdisk server. */
const OTHERS: [string, (connection: Deno.Conn) => Promise<void>][] = [
  ["hangs up at once", async () => {}],
  ["hangs up after the hello", async (connection) => {
    await connection.read(new Uint8Array(9999));
  }],
  ["speaks HTTP", async (connection) => {
    await connection.read(new Uint8Array(9999));
    await connection.write(HTTP);
    await readAll(connection);
  }],
  ["refuses with an alert", async (connection) => {
    await connection.read(new Uint8Array(9999));
    await connection.write(Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40));
  }],
  ["is silent", async (connection) => void await readAll(connection)],
];

for (const [what, serve] of OTHERS) {
  Deno.test(
    `fetchCertificate() fails when the server ${what}`,
    // Deno 2.6 never lets go of a TLSSocket that was destroyed in its handshake.
    { ...strict, sanitizeResources: what !== "is silent" },
    async () => {
      using _timeout = skipTimeout(10_000);
      const before = socketCount();
      {
        await using server = new Loopback(serve);
        const { code, message, hint } = await assertRejects(
          () => fetchCertificate("127.0.0.1", server.port),
          NetdiskError,
        );
        assertEquals(code, "unreachable");
        assertEquals(
          message.startsWith(`127.0.0.1:${server.port}: no TLS handshake: `),
          true,
          message,
        );
        assertEquals(hint, "a server that serves plain TCP needs --plain");
      }
      await socketsClosed(before);
    },
  );
}

Deno.test("fetchCertificate() fails when nobody listens", strict, async () => {
  const error = await assertRejects(
    () => fetchCertificate("::1", 1),
    NetdiskError,
  );
  assertEquals(error.code, "unreachable");
  assertEquals(error.message.startsWith("[::1]:1: "), true);
});
