/** A certificate for the peers that use TLS: of the same kind as netdisk's own. */
import { join } from "@std/path";
import { makeCertificate } from "../../server/certificate.ts";

/** Writes both files into a folder; gives their paths. */
export async function writeCertificate(
  dir: string,
): Promise<{ certificate: string; key: string }> {
  const made = await makeCertificate();
  const paths = {
    certificate: join(dir, "certificate.pem"),
    key: join(dir, "key.pem"),
  };
  await Deno.writeTextFile(paths.certificate, made.certificate);
  await Deno.writeTextFile(paths.key, made.key, { mode: 0o600 });
  return paths;
}
