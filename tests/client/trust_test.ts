import { assertEquals, assertRejects } from "@std/assert";
import {
  certificateRefused,
  decideFirstContact,
  type FirstContact,
  identityChanged,
  isLoopbackName,
  linkDiffers,
  type SeenCertificate,
} from "../../client/trust.ts";
import { NetdiskError } from "../../protocol/errors.ts";

const pure = { permissions: "none" } as const;
const PRINT = "f".repeat(43);
const OTHER = "o".repeat(43);
const SEEN: SeenCertificate = {
  fingerprint: PRINT,
  certificate: "PEM",
  pinnable: true,
};
const PIN = { kind: "pin", fingerprint: PRINT, certificate: "PEM" } as const;

/** A first contact, and what was said and asked. */
function contact(
  change: Partial<FirstContact> = {},
): FirstContact & { said: string[] } {
  const said: string[] = [];
  return {
    said,
    link: { host: "disk.example", port: 6375 },
    acceptNew: false,
    confirm: undefined,
    notice: (text) => void said.push(text),
    ...change,
  };
}

function linkTo(host: string, fingerprint?: string) {
  return { host, port: 6375, ...(fingerprint ? { fingerprint } : {}) };
}

Deno.test(
  "decideFirstContact() pins what a link names, without a word",
  pure,
  async () => {
    const first = contact({ link: linkTo("disk.example", PRINT) });
    assertEquals(await decideFirstContact(SEEN, first), PIN);
    assertEquals(first.said, []);
  },
);

Deno.test(
  "decideFirstContact() refuses what is not the server of the link",
  pure,
  async () => {
    const answers = { acceptNew: true, confirm: () => Promise.resolve(true) };
    for (const host of ["disk.example", "localhost"]) {
      for (const pinnable of [true, false]) {
        const error = await assertRejects(
          () =>
            decideFirstContact(
              { ...SEEN, pinnable },
              contact({ link: linkTo(host, OTHER), ...answers }),
            ),
          NetdiskError,
        );
        assertEquals(
          [error.code, error.message],
          [
            "identity",
            `${host}:6375: the server is not the one of the link (its fingerprint is ${PRINT})`,
          ],
        );
      }
    }
  },
);

for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"]) {
  Deno.test(
    `decideFirstContact() takes ${host} with a notice`,
    pure,
    async () => {
      const first = contact({ link: linkTo(host) });
      assertEquals(await decideFirstContact(SEEN, first), PIN);
      assertEquals(first.said.length, 1);
      assertEquals(first.said[0]!.includes(PRINT), true);
    },
  );
}

Deno.test(
  "decideFirstContact() takes what --accept-new accepts, with a notice",
  pure,
  async () => {
    const first = contact({ acceptNew: true });
    assertEquals(await decideFirstContact(SEEN, first), PIN);
    assertEquals(first.said, [
      `disk.example:6375: new server, its fingerprint ${PRINT} is remembered`,
    ]);
  },
);

Deno.test("decideFirstContact() asks on a terminal", pure, async () => {
  for (const yes of [true, false]) {
    const first = contact({ confirm: () => Promise.resolve(yes) });
    const decision = decideFirstContact(SEEN, first);
    if (yes) {
      assertEquals(await decision, PIN);
    } else {
      const error = await assertRejects(() => decision, NetdiskError);
      assertEquals(
        [error.code, error.message],
        ["identity", "disk.example:6375: the server was not accepted"],
      );
    }
    assertEquals(first.said.join().includes(PRINT), true);
  }
});

Deno.test(
  "decideFirstContact() refuses without a terminal and says what to do",
  pure,
  async () => {
    const error = await assertRejects(
      () => decideFirstContact(SEEN, contact()),
      NetdiskError,
    );
    assertEquals(error.code, "identity");
    assertEquals(error.message.includes(PRINT), true);
    assertEquals(error.hint?.includes("--accept-new"), true);
    assertEquals(error.hint?.includes("netdisk://"), true);
  },
);

Deno.test(
  "decideFirstContact() pins nothing that is signed by others",
  pure,
  async () => {
    for (
      const change of [
        { acceptNew: true },
        { link: linkTo("disk.example", PRINT) },
        { link: linkTo("localhost") },
      ]
    ) {
      const error = await assertRejects(
        () => decideFirstContact({ ...SEEN, pinnable: false }, contact(change)),
        NetdiskError,
      );
      assertEquals(error.code, "identity");
      assertEquals(error.hint?.includes("--cacert"), true);
    }
  },
);

Deno.test(
  "isLoopbackName() knows this machine, and no name that looks like it",
  pure,
  () => {
    for (const host of ["localhost", "127.0.0.1", "127.255.1.2", "::1"]) {
      assertEquals(isLoopbackName(host), true, host);
    }
    for (
      const host of [
        "127.0.0.1.evil.example",
        "127.evil.example",
        "localhost.evil.example",
        "128.0.0.1",
        "0.0.0.0",
        "::",
        "::ffff:1.2.3.4",
      ]
    ) {
      assertEquals(isLoopbackName(host), false, host);
    }
  },
);

Deno.test(
  "Every refusal of an identity exits with 10 and names the server",
  pure,
  () => {
    const refusals = [
      identityChanged("a:1", PRINT, OTHER),
      linkDiffers("a:1", PRINT, OTHER),
      certificateRefused("a:1", "unknown-signer"),
      certificateRefused("a:1", "other-name"),
      certificateRefused("a:1", "expired"),
      certificateRefused("a:1", "not-yet-valid"),
    ];
    for (const { code, message, hint } of refusals) {
      assertEquals(code, "identity");
      assertEquals(message.startsWith("a:1: "), true);
      assertEquals(hint === undefined, false);
    }
    assertEquals(new Set(refusals.map(({ message }) => message)).size, 6);
  },
);
