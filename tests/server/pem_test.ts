import { assertEquals } from "@std/assert";
import { pemBlocks, pemBytes } from "../../server/pem.ts";

const none = { permissions: "none" } as const;

Deno.test("pemBlocks() finds the blocks among other text", none, () => {
  const a =
    "-----BEGIN CERTIFICATE-----\nAAEC\nAwQ=\n-----END CERTIFICATE-----";
  const b =
    "-----BEGIN EC PRIVATE KEY-----\nBQ==\n-----END EC PRIVATE KEY-----";
  const text = `subject: a\r\n${a.replaceAll("\n", "\r\n")}\r\n\n${b}`;
  const blocks = pemBlocks(text);
  assertEquals(blocks, [
    { label: "CERTIFICATE", text: a + "\n" },
    { label: "EC PRIVATE KEY", text: b + "\n" },
  ]);
  assertEquals(blocks.map((block) => [...pemBytes(block)]), [
    [0, 1, 2, 3, 4],
    [5],
  ]);
});

Deno.test("pemBlocks() passes over what is no whole block", none, () => {
  for (
    const text of [
      "",
      "hello",
      "-----BEGIN CERTIFICATE-----\nAAEC\n",
      "-----BEGIN CERTIFICATE-----\nAAEC\n-----END PRIVATE KEY-----",
      "-----BEGIN CERTIFICATE-----AAEC-----END CERTIFICATE-----",
    ]
  ) assertEquals(pemBlocks(text), [], text);
});
