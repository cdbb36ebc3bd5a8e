/** `serve --tls-cert --tls-key`: a certificate that an authority signed. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { Server } from "../helpers/server.ts";
import { TestAuthority } from "../helpers/test_authority.ts";

const disk = sharedDisk();
const authority = await TestAuthority.make();
const HINT =
  "netdisk: hint: give the authority's certificate with --cacert FILE\n";

/** Writes a certificate for `name`, and gives the options to serve with it. */
async function certified(
  client: Client,
  name: string,
  expires?: Date,
): Promise<string[]> {
  const { chain, key } = await authority.sign(name, expires);
  const [cert, keyFile] = [
    client.write("cert.pem", chain),
    client.write("key.pem", key),
  ];
  return ["--tls-cert", cert, "--tls-key", keyFile];
}

Deno.test("clients that know the authority trust the name, and remember", async () => {
  const eve = disk.stranger();
  const options = await certified(eve, "localhost");
  await using server = await Server.start(disk.folder("server"), options);
  const local = `localhost:${server.port}`;
  const ca = eve.write("ca.pem", authority.certificate);
  const ping = ["ping", "-c", "1", "--server"];
  const pong = { stdout: `answer 1 from ${local}: [..]\n1 answers, [..]\n` };

  const unknown = {
    code: 10,
    stderr:
      `netdisk: error: ${local}: the server's certificate is signed by an ` +
      `authority that is not known\n${HINT}`,
  };
  assertOutcome(await eve.run([...ping, local]), unknown);
  assertOutcome(await eve.run([...ping, local, "--accept-new"]), unknown);
  assertOutcome(await eve.run([...ping, local, "--cacert", ca]), pong);
  assertOutcome(await eve.run([...ping, local]), pong);
  await eve.register("eve", local);
  assertOutcome(await eve.run(["whoami"]), { stdout: `eve@${local}\n` });

  // By its address the same server is not the one of that name.
  const other = server.address;
  assertOutcome(await eve.run([...ping, other, "--cacert", ca]), {
    code: 10,
    stderr:
      `netdisk: error: ${other}: the server's certificate is for another name\n[..]\n`,
  });

  // The name stays the server's own when the certificate is renewed.
  const renewed = await certified(eve, "localhost");
  assertEquals((await server.stop()).code, 0);
  const listen = server.address;
  await using again = await Server.start(disk.folder("server"), renewed, {
    listen,
    root: server.root,
  });
  assertEquals(again.port, server.port);
  assertOutcome(await eve.run(["whoami"]), { stdout: `eve@${local}\n` });
});

Deno.test("the authority of somebody else is no authority", async () => {
  const eve = disk.stranger();
  const options = await certified(eve, "localhost");
  await using server = await Server.start(disk.folder("server"), options);
  const local = `localhost:${server.port}`;
  const stranger = await TestAuthority.make();
  const ca = eve.write("ca.pem", stranger.certificate);
  const args = ["ping", "--server", local, "--cacert", ca];
  assertOutcome(await eve.run(args), {
    code: 10,
    stderr:
      `netdisk: error: ${local}: the server's certificate is signed by an ` +
      `authority that is not known\n${HINT}`,
  });
});

Deno.test("a certificate that clients would refuse is refused at the start", async () => {
  const eve = disk.stranger();
  const expired = await certified(eve, "localhost", new Date("2020-02-02"));
  const serve = ["serve", "--root", "disk", "--listen", "127.0.0.1:0"];
  assertOutcome(await eve.run([...serve, ...expired]), {
    code: 1,
    stderr: "netdisk: error: the certificate in '[..]' expired on 2020-02-02\n",
  });
  await certified(eve, "localhost");
  const ca = eve.write("ca.pem", authority.certificate);
  const key = eve.path("key.pem");
  assertOutcome(await eve.run([...serve, "--tls-cert", ca, "--tls-key", key]), {
    code: 1,
    stderr:
      "netdisk: error: the certificate in '[..]' is an authority's [..]\n" +
      "netdisk: hint: without --tls-cert and --tls-key netdisk makes its own\n",
  });
  const cert = eve.path("cert.pem");
  const other = eve.write("other.pem", (await authority.sign("localhost")).key);
  assertOutcome(
    await eve.run([...serve, "--tls-cert", cert, "--tls-key", other]),
    {
      code: 1,
      stderr: `netdisk: error: cannot use '${cert}' with '${other}': ` +
        "the key does not belong to the certificate\n",
    },
  );
  assertOutcome(
    await eve.run([...serve, "--tls-cert", "no", "--tls-key", key]),
    {
      code: 1,
      stderr:
        "netdisk: error: cannot read the certificate 'no': no such file\n",
    },
  );
});
