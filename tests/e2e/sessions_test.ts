/** What a session gives access to, where it is kept, and how it ends. */

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { PASSWORD } from "../helpers/netdisk.ts";

const disk = sharedDisk();

/** Everything that the server keeps beside the files, as text of single bytes. */
function serverData(): string {
  const folder = join(disk.server.root, ".netdisk");
  const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
  return files.map(({ name }) =>
    new TextDecoder("latin1").decode(Deno.readFileSync(join(folder, name)))
  ).join("");
}

Deno.test("two users never see each other's files", async () => {
  const ann = disk.client();
  const bob = disk.stranger();
  await bob.register("bob", disk.server.address);
  ann.write("secret", "ann's\n");
  bob.write("secret", "bob's\n");
  assertOutcome(await ann.run(["put", "secret", "--to", "both/secret"]));
  assertOutcome(await bob.run(["ls"]));
  assertOutcome(await bob.run(["get", "both/secret"]), {
    code: 3,
    stderr: "netdisk: error: both/secret: no such file or folder\n",
  });
  assertOutcome(await bob.run(["put", "secret", "--to", "both/secret"]));
  assertOutcome(await ann.run(["get", "both/secret", "--to", "-"]), {
    stdout: "ann's\n",
  });
  for (const path of ["../ann/both/secret", "both/../../ann/both/secret"]) {
    assertOutcome(await bob.run(["get", path]), {
      code: 6,
      stderr: `netdisk: error: ${path}: '..' is not allowed in a path\n`,
    });
  }
  assertOutcome(await bob.run(["get", "/users/ann/both/secret"]), {
    code: 3,
    stderr: "netdisk: error: /users/ann/both/secret: no such file or folder\n",
  });
});

Deno.test("several accounts in one config, chosen with --user", async () => {
  const both = disk.client();
  const { address } = disk.server;
  await both.register("carla", disk.server.address);
  assertOutcome(await both.run(["whoami"]), { stdout: `carla@${address}\n` });
  const asAnn = ["whoami", "--user", "ann"];
  assertOutcome(await both.run(asAnn), { stdout: `ann@${address}\n` });
  const env = { NETDISK_USER: "ann" };
  assertOutcome(await both.run(["whoami"], { env }), {
    stdout: `ann@${address}\n`,
  });
  assertOutcome(await both.run(["whoami", "--user", "dora"]), {
    code: 4,
    stderr: `netdisk: error: not logged in to ${address} as dora (there are ` +
      `sessions of: ann, carla; see --user)\n` +
      `netdisk: hint: netdisk login dora --server ${address}\n`,
  });
  assertOutcome(await both.run(["logout", "--quiet"]));
  // No other account takes its place: files would go where nobody meant them.
  assertOutcome(await both.run(["whoami"]), {
    code: 4,
    stderr: `netdisk: error: not logged in to ${address} ` +
      "(there are sessions of: ann; see --user)\n" +
      `netdisk: hint: netdisk login NAME --server ${address}\n`,
  });
  assertOutcome(await both.run(asAnn), { stdout: `ann@${address}\n` });
});

Deno.test("logout ends the session on the server, not only here", async () => {
  const dave = disk.stranger();
  await dave.register("dave", disk.server.address);
  const thief = disk.stranger();
  thief.copyConfig(dave);
  assertOutcome(await thief.run(["ls"]));
  assertOutcome(await dave.run(["logout", "--quiet"]));
  const { address } = disk.server;
  assertOutcome(await thief.run(["ls"]), {
    code: 4,
    stderr: `netdisk: error: the session of dave on ${address} has ended\n` +
      `netdisk: hint: netdisk login dave --server ${address}\n`,
  });
  await disk.server.logs(/ logout peer=\S+ user=dave\n/);
});

Deno.test("logout when nobody answers: exit 5, nothing is forgotten", async () => {
  const ann = disk.client();
  ann.readdress(disk.server.address, "127.0.0.1:1");
  const token = ann.token();
  assertOutcome(await ann.run(["logout"]), {
    code: 5,
    stderr:
      "netdisk: error: 127.0.0.1:1: cannot connect: nobody listens there\n" +
      "netdisk: hint: is `netdisk serve` running there? [..]\n",
  });
  assertEquals(ann.token(), token);
});

Deno.test("the server keeps no token and no password, only their hashes", async () => {
  const gina = disk.stranger();
  await gina.register("gina", disk.server.address);
  const data = serverData();
  const token = gina.token();
  const latin1 = new TextDecoder("latin1");
  const hash = latin1.decode(createHash("sha256").update(token).digest());
  assert(data.includes("gina"), "the database is what we look at");
  assert(data.includes(hash), "the hash is there");
  for (const secret of [token, PASSWORD]) {
    assertEquals(data.includes(secret), false, `${secret} is there`);
    assertEquals(disk.server.log.includes(secret), false, "it is in the log");
  }
  const config = Deno.readTextFileSync(join(gina.config, "servers.json"));
  assertEquals(config.includes(PASSWORD), false);
});
