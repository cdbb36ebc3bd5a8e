import { assertEquals, assertRejects } from "@std/assert";
import { dialPlain, dialTls, UntrustedCertificate } from "../../client/dial.ts";
import type { Trust } from "../../client/config.ts";
import type { CertificateFault } from "../../client/trust.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { replace } from "../helpers/faults.ts";
import { skipTimeout } from "../helpers/leap_clock.ts";
import {
  Loopback,
  readAll,
  socketCount,
  socketsClosed,
  type TestIdentity,
  testIdentity,
} from "../helpers/loopback.ts";
import { TestAuthority } from "../helpers/test_authority.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const HELLO = new TextEncoder().encode("hello");
const DAY_MS = 24 * 3600_000;
const authority = await TestAuthority.make();
const other = await TestAuthority.make();
const identity = await testIdentity();

function pinOf({ fingerprint, certificate }: TestIdentity): Trust {
  return { kind: "pin", fingerprint, certificate };
}

function signedBy({ certificate }: TestAuthority): Trust {
  return { kind: "authority", certificate };
}

Deno.test("dialPlain() reaches a server", strict, async () => {
  const before = socketCount();
  const said: string[] = [];
  {
    await using server = new Loopback(async (connection) => {
      said.push(new TextDecoder().decode(await readAll(connection)));
    });
    const connection = await dialPlain({
      host: "127.0.0.1",
      port: server.port,
    });
    await connection.write(HELLO);
    connection.close();
    await socketsClosed(before + 1);
  }
  assertEquals(said, ["hello"]);
});

Deno.test("dialPlain() says that nobody listens", strict, async () => {
  const { code, message, hint } = await assertRejects(
    () => dialPlain({ host: "127.0.0.1", port: 1 }),
    NetdiskError,
  );
  assertEquals(
    [code, message],
    ["unreachable", "127.0.0.1:1: cannot connect: nobody listens there"],
  );
  assertEquals(hint?.includes("netdisk serve"), true);
});

Deno.test(
  "dialPlain() does not wait for ever, and closes what comes too late",
  strict,
  async () => {
    const before = socketCount();
    {
      await using server = new Loopback(async (connection) => {
        await readAll(connection);
      });
      const late = Promise.withResolvers<void>();
      const connected = Promise.withResolvers<void>();
      {
        using _timeout = skipTimeout(10_000);
        using _late = replace(Deno, "connect", (original) => {
          const slow = async (options: Deno.ConnectOptions) => {
            const connection = await original(options);
            await late.promise;
            connected.resolve();
            return connection;
          };
          return slow as typeof Deno.connect;
        });
        const error = await assertRejects(
          () => dialPlain({ host: "127.0.0.1", port: server.port }),
          NetdiskError,
        );
        assertEquals(
          [error.code, error.message],
          [
            "unreachable",
            `127.0.0.1:${server.port}: cannot connect: no answer within 10 s`,
          ],
        );
      }
      late.resolve();
      await connected.promise;
      await socketsClosed(before + 1);
    }
    await socketsClosed(before);
  },
);

/** Reaches a server that reads until the end; tells what it heard, or the fault. */
async function reach(
  trust: Trust,
  shown: TestIdentity,
  host = "127.0.0.1",
): Promise<string> {
  const before = socketCount();
  const heard: string[] = [];
  let outcome: string;
  {
    await using server = new Loopback(async (connection) => {
      heard.push(new TextDecoder().decode(await readAll(connection)));
    }, { identity: shown });
    try {
      const connection = await dialTls({ host, port: server.port }, trust);
      await connection.write(HELLO);
      connection.close();
      outcome = "reached";
    } catch (error) {
      if (!(error instanceof UntrustedCertificate)) throw error;
      outcome = error.fault;
    }
    await socketsClosed(before + 1);
  }
  await socketsClosed(before);
  return [outcome, ...heard].join(": ");
}

Deno.test(
  "dialTls() reaches the server that is pinned, by any name",
  strict,
  async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      assertEquals(
        await reach(pinOf(identity), identity, host),
        "reached: hello",
      );
    }
  },
);

Deno.test(
  "dialTls() reaches a server that its authority vouches for",
  strict,
  async () => {
    const signed = await testIdentity(await authority.sign("localhost"));
    assertEquals(
      await reach(signedBy(authority), signed, "localhost"),
      "reached: hello",
    );
  },
);

/** Certificates that are refused; the server hears nothing. */
const REFUSED: [
  string,
  CertificateFault,
  () => Promise<[Trust, TestIdentity, string]>,
][] = [
  ["another pin", "unknown-signer", async () => [
    pinOf(await testIdentity()),
    identity,
    "localhost",
  ]],
  ["a pin that is no certificate", "unknown-signer", () =>
    Promise.resolve([
      { kind: "pin", fingerprint: "", certificate: "nonsense" },
      identity,
      "localhost",
    ])],
  ["a certificate of an authority for a pin", "unknown-signer", async () => [
    pinOf(identity),
    await testIdentity(await authority.sign("netdisk")),
    "localhost",
  ]],
  [
    "a self-signed one where public authorities are trusted",
    "unknown-signer",
    () =>
      Promise.resolve([
        { kind: "authority", certificate: null },
        identity,
        "localhost",
      ]),
  ],
  ["another authority", "unknown-signer", async () => [
    signedBy(other),
    await testIdentity(await authority.sign("localhost")),
    "localhost",
  ]],
  ["another name", "other-name", async () => [
    signedBy(authority),
    await testIdentity(await authority.sign("disk.example")),
    "localhost",
  ]],
  ["a name instead of an address", "other-name", async () => [
    signedBy(authority),
    await testIdentity(await authority.sign("localhost")),
    "127.0.0.1",
  ]],
  ["one that has expired", "expired", async () => {
    const expires = new Date(Date.now() - DAY_MS);
    return [
      signedBy(authority),
      await testIdentity(await authority.sign("localhost", expires)),
      "localhost",
    ];
  }],
  ["one that is not valid yet", "not-yet-valid", async () => {
    const expires = new Date(Date.now() + 5 * DAY_MS);
    return [
      signedBy(authority),
      await testIdentity(await authority.sign("localhost", expires)),
      "localhost",
    ];
  }],
];

for (const [what, fault, make] of REFUSED) {
  Deno.test(
    `dialTls() refuses ${what} before a byte is said`,
    strict,
    async () => {
      assertEquals(await reach(...await make()), fault);
    },
  );
}

Deno.test(
  "dialTls() refuses a server that does not speak netdisk",
  strict,
  async () => {
    for (const alpn of [[], ["h2"]]) {
      const before = socketCount();
      const heard: Uint8Array[] = [];
      {
        await using server = new Loopback(async (connection) => {
          heard.push(await readAll(connection));
        }, { identity, alpn });
        const { code, message } = await assertRejects(
          () =>
            dialTls({ host: "127.0.0.1", port: server.port }, pinOf(identity)),
          NetdiskError,
        );
        assertEquals(code, "unreachable");
        const reason = alpn.length === 0
          ? "this is no netdisk server"
          : "received fatal alert: NoApplicationProtocol";
        assertEquals(
          message,
          `127.0.0.1:${server.port}: no TLS handshake: ${reason}`,
        );
        await socketsClosed(before + 1);
      }
      assertEquals(heard, alpn.length === 0 ? [new Uint8Array(0)] : []);
    }
  },
);

const HTTP = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");

const OTHERS: [string, (connection: Deno.Conn) => Promise<void>][] = [
  ["hangs up at once", async () => {}],
  ["speaks HTTP", async (connection) => {
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
  Deno.test(`dialTls() fails when the server ${what}`, strict, async () => {
    // The handshake has no time; connecting, which comes before, has it all.
    using _timeout = skipTimeout(10_000, 1);
    const before = socketCount();
    {
      await using server = new Loopback(serve);
      const { code, message, hint } = await assertRejects(
        () =>
          dialTls({ host: "127.0.0.1", port: server.port }, pinOf(identity)),
        NetdiskError,
      );
      assertEquals(code, "unreachable");
      assertEquals(
        message.startsWith(`127.0.0.1:${server.port}: no TLS handshake: `),
        true,
        message,
      );
      // Whoever breaks the handshake must not talk anybody into plain text.
      assertEquals(hint, undefined);
    }
    await socketsClosed(before);
  });
}
