import { assert, assertEquals, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  formatAddress,
  formatServerLink,
  parseServerLink,
  type ServerLink,
} from "../../protocol/link.ts";
import { Random } from "../helpers/random.ts";
import file from "../vectors/links.json" with { type: "json" };

const pure = { permissions: "none" } as const;

interface LinkVector {
  name: string;
  text: string;
  expect: "ok" | "usage";
  fields?: {
    host: string;
    port: number;
    fingerprint: string | null;
    invite: string | null;
  };
  link?: string;
}

const vectors = file.vectors as LinkVector[];

Deno.test("parseServerLink() agrees with each vector", pure, () => {
  for (const { name, text, expect, fields } of vectors) {
    if (expect === "usage") {
      const error = assertThrows(
        () => parseServerLink(text),
        NetdiskError,
        "--server: ",
        name,
      );
      assertEquals(error.code, "usage", name);
      assert(error.hint?.includes("netdisk://"), name);
      continue;
    }
    const { host, port, fingerprint = null, invite = null } = parseServerLink(
      text,
    );
    assertEquals({ host, port, fingerprint, invite }, fields, name);
  }
});

Deno.test(
  "formatServerLink() writes each vector's link in full, and that parses to the same",
  pure,
  () => {
    for (const { name, text, link } of vectors) {
      if (link === undefined) continue;
      const parsed = parseServerLink(text);
      assertEquals(formatServerLink(parsed), link, name);
      assertEquals(parseServerLink(link), parsed, name);
    }
  },
);

Deno.test(
  "parseServerLink() leaves out what the link does not say",
  pure,
  () => {
    assertEquals(Object.keys(parseServerLink("a")), ["host", "port"]);
    assertEquals(Object.keys(parseServerLink("netdisk://a#")), [
      "host",
      "port",
    ]);
  },
);

Deno.test("parseServerLink() never shows an invite in its error", pure, () => {
  const invite = "0123456789-_AbCdEfGhIj";
  const fingerprint = "a".repeat(43);
  const bad = [
    `a#${fingerprint}.${invite}`,
    `a:6375#.${invite}`,
    `netdisk:/a#.${invite}`,
    `https://a#${fingerprint}.${invite}`,
    `netdisk://a b#${fingerprint}.${invite}`,
    `netdisk://a:0#${fingerprint}.${invite}`,
    `netdisk://a:99999#${fingerprint}.${invite}`,
    `netdisk://a#${fingerprint}x.${invite}`,
    `netdisk://a#${fingerprint}.${invite}x`,
    `netdisk://a#${fingerprint}.${invite}.`,
    `netdisk://a##.${invite}`,
  ];
  for (const text of bad) {
    const error = assertThrows(() => parseServerLink(text), NetdiskError);
    assert(!Deno.inspect(error).includes(invite), error.message);
  }
});

Deno.test(
  "parseServerLink() shows a bad address, which is no secret",
  pure,
  () => {
    assertThrows(
      () => parseServerLink("a b"),
      NetdiskError,
      "'a b' is not valid",
    );
    assertThrows(
      () => parseServerLink("a:0"),
      NetdiskError,
      "port 0 is not valid",
    );
  },
);

Deno.test("formatAddress() puts IPv6 in brackets", pure, () => {
  assertEquals(formatAddress("a", 1), "a:1");
  assertEquals(formatAddress("127.0.0.1", 6375), "127.0.0.1:6375");
  assertEquals(formatAddress("::1", 6375), "[::1]:6375");
});

Deno.test(
  "parseServerLink() gives back what formatServerLink() wrote",
  pure,
  () => {
    const random = new Random(1);
    const letters = [
      ..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
    ];
    const secret = (length: number) =>
      Array.from({ length }, () => random.pick(letters)).join("");
    for (let round = 0; round < 500; round++) {
      const link: ServerLink = {
        host: random.pick([
          "a",
          "disk.example.org",
          "10.0.0.1",
          "::1",
          "fe80::1%eth0",
        ]),
        port: random.between(1, 65535),
      };
      if (random.once(2)) link.fingerprint = secret(43);
      if (random.once(2)) link.invite = secret(22);
      assertEquals(parseServerLink(formatServerLink(link)), link);
    }
  },
);

Deno.test(
  "parseServerLink() makes of damaged links a server or a usage error",
  pure,
  () => {
    const random = new Random(2);
    const odd = [..."#.:/[]@%? \n\0é-_", "netdisk://", "6375", "99999"];
    for (let round = 0; round < 5000; round++) {
      const { text } = random.pick(vectors);
      const at = random.below(text.length + 1);
      const damaged = text.slice(0, at) + random.pick(odd) +
        text.slice(at + random.below(3));
      try {
        const { host, port } = parseServerLink(damaged);
        assert(/^[\w.:%-]+$/.test(host), damaged);
        assert(port >= 1 && port <= 65535, damaged);
      } catch (error) {
        if (!(error instanceof NetdiskError)) throw error;
        assertEquals(error.code, "usage");
      }
    }
  },
);
