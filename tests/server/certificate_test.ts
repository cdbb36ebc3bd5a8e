import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { makeCertificate, readCertificate } from "../../server/certificate.ts";
import { pemBlocks, pemBytes } from "../../server/pem.ts";

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return pemBytes(pemBlocks(pem)[0]!);
}

Deno.test("a certificate that netdisk makes is a server's and never expires", async () => {
  const { certificate } = await makeCertificate();
  assertEquals(await readCertificate(derOf(certificate)), {
    selfSigned: true,
    isAuthority: false,
    names: ["netdisk"],
    expires: new Date("9999-12-31T23:59:59Z"),
  });
});

Deno.test("every certificate has its own key and serial number", async () => {
  const one = await makeCertificate();
  const two = await makeCertificate();
  assertNotEquals(one.key, two.key);
  // The serial number follows version and its own tag in the DER bytes.
  const serial = (pem: string) => derOf(pem).slice(15, 31);
  assertNotEquals(serial(one.certificate), serial(two.certificate));
  assertEquals(derOf(one.certificate).slice(13, 15), new Uint8Array([2, 16]));
});

Deno.test("readCertificate() refuses bytes that are no certificate", async () => {
  for (const bytes of [[], [48, 0], [1, 2, 3]]) {
    await assertRejects(() => readCertificate(new Uint8Array(bytes)));
  }
});
