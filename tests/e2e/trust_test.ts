/** Which server a client talks to, and how it knows that it is that one. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { type Client, PASSWORD } from "../helpers/netdisk.ts";
import { Server } from "../helpers/server.ts";

const disk = sharedDisk();

/** One of this machine's addresses that is not loopback: nothing leaves it. */
const outside = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.")
)?.address;

/** Encrypted records, and the longest that a handshake ends with (SHA-384). */
const APPLICATION_DATA = 23;
const LONGEST_FINISHED = 69;

function fingerprintIn(link: string): string {
  return /#([\w-]{43})/.exec(link)?.[1] ?? "";
}

function configOf(client: Client) {
  const path = join(client.config, "servers.json");
  return JSON.parse(Deno.readTextFileSync(path));
}

/** Lengths of the encrypted records in what a client sent. */
function encryptedRecords(sent: Uint8Array): number[] {
  const lengths: number[] = [];
  for (let at = 0; at + 5 <= sent.length;) {
    const length = sent[at + 3]! << 8 | sent[at + 4]!;
    if (sent[at] === APPLICATION_DATA) lengths.push(length);
    at += 5 + length;
  }
  return lengths;
}

/** `login` with the password on stdin. */
function login(client: Client, server: string, ...options: string[]) {
  const args = ["login", "ann", "--server", server, "--password-stdin"];
  return client.run([...args, ...options], { stdin: PASSWORD });
}

Deno.test("the first contact on loopback is remembered, with a notice", async () => {
  const ann = disk.stranger();
  const { address, link } = disk.server;
  assertOutcome(await ann.run(["ping", "-c", "1", "--server", address]), {
    stdout: `answer 1 from ${address}: [..] ms\n1 answers, [..]\n`,
    stderr: `netdisk: ${address}: new server, its fingerprint ` +
      `${fingerprintIn(link)} is remembered\n`,
  });
  const [{ trust }] = configOf(ann).servers;
  assertEquals([trust.kind, trust.fingerprint], ["pin", fingerprintIn(link)]);
  // Nobody whom an admin should look for has come by.
  assert(!disk.server.log.includes("handshake-failed"), disk.server.log);
  assertOutcome(await ann.run(["ping", "-qc", "1", "--server", address]), {
    stdout: "[..]\n[..]\n",
  });
});

Deno.test("what is remembered is for its owner alone", async () => {
  const ann = disk.stranger();
  assertOutcome(await login(ann, disk.server.address, "--quiet"));
  assertEquals(Deno.statSync(ann.config).mode! & 0o777, 0o700);
  for (const { name } of Deno.readDirSync(ann.config)) {
    assertEquals(
      Deno.statSync(join(ann.config, name)).mode! & 0o777,
      0o600,
      name,
    );
  }
  const path = join(ann.config, "servers.json");
  for (const mode of [0o640, 0o604]) {
    Deno.chmodSync(path, mode);
    assertOutcome(await ann.run(["ls"]), {
      code: 1,
      stderr: `netdisk: error: ${path}: others can read it\n` +
        `netdisk: hint: chmod 600 ${path}\n`,
    });
  }
});

Deno.test("a link with the right fingerprint needs no notice", async () => {
  const ann = disk.stranger();
  const { link, address } = disk.server;
  assertOutcome(await login(ann, link), {
    stderr: `netdisk: logged in to ${address} as ann\n`,
  });
  assertOutcome(await ann.run(["whoami"]), { stdout: `ann@${address}\n` });
});

Deno.test("a link with a wrong fingerprint: exit 10, and no password is sent", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.stranger();
  const right = fingerprintIn(disk.server.link);
  const wrong = (right[0] === "A" ? "B" : "A") + right.slice(1);
  const before = disk.server.log.length;
  assertOutcome(await login(ann, `netdisk://${gate.address}#${wrong}`), {
    code: 10,
    stderr:
      `netdisk: error: ${gate.address}: the server is not the one of the link ` +
      `(its fingerprint is ${right})\n` +
      "netdisk: hint: ask whoever gave you the link for the server's current one\n",
  });
  assertNoSecret(gate, disk.server.log.slice(before));
});

/** Nothing that clients sent can have been a token or password. */
function assertNoSecret(gate: Gate, log: string): void {
  const records = gate.sent.flatMap(encryptedRecords);
  assert(records.every((length) => length <= LONGEST_FINISHED), `${records}`);
  const events = log.trim().split("\n").filter(Boolean)
    .map((line) => line.split(" ")[1]);
  const allowed = ["sandbox", "handshake-failed", "lost"];
  assertEquals(events.filter((event) => !allowed.includes(event!)), []);
}

Deno.test("a changed identity: exit 10, before any secret is sent", async () => {
  await using other = await Server.start(disk.folder("server"));
  await disk.stranger().register("ann", other.address);
  await other.logs(/ register .*\n/);
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  ann.write("file", "secret");
  assertOutcome(await ann.run(["whoami"]), { stdout: `ann@${gate.address}\n` });
  assert(
    gate.sent.flatMap(encryptedRecords).some((size) => size > LONGEST_FINISHED),
    "a token that is sent shows",
  );

  gate.target = other.port;
  gate.sent.length = 0;
  const before = other.log.length;
  const config = configOf(ann);
  const loud = {
    code: 10,
    stderr:
      `netdisk: error: ${gate.address}: THE SERVER'S IDENTITY HAS CHANGED, ` +
      `or somebody is in between: ${
        fingerprintIn(disk.server.link)
      } is remembered, ` +
      `it shows ${fingerprintIn(other.link)}\n` +
      "netdisk: hint: only if you know why: netdisk login NAME --server 'LINK', " +
      "with the link that the server prints now\n",
  };
  assertOutcome(await ann.run(["whoami"]), loud);
  assertOutcome(await ann.run(["put", "file"]), loud);
  assertOutcome(await ann.run(["ls", "--accept-new"]), loud);
  assertOutcome(await login(ann, gate.address), loud);
  assertNoSecret(gate, other.log.slice(before));
  assertEquals(configOf(ann), config);

  // Whoever knows why gives the new link, and the old session is not used there.
  const link = other.link.replace(other.address, gate.address);
  const { code } = await ann.run(["ls", "--server", link]);
  assertEquals(code, 10, "only a login may do so");
  assertOutcome(await login(ann, link, "--quiet"));
  assertOutcome(await ann.run(["ls"]));
  assertNotEquals(ann.token(), disk.client().token());
  assertEquals(configOf(ann).servers[0].sessions.length, 1);
});

Deno.test(
  "a first contact beyond loopback is refused without --accept-new or a link",
  { ignore: outside === undefined },
  async () => {
    await using server = await Server.start(disk.folder("server"), [], {
      listen: `${outside}:0`,
    });
    const { address, link } = server;
    const eve = disk.stranger();
    assertOutcome(await eve.run(["ping", "-c", "1", "--server", address]), {
      code: 10,
      stderr: `netdisk: error: ${address}: the server is not known yet ` +
        `(its fingerprint is ${fingerprintIn(link)})\n` +
        "netdisk: hint: give the netdisk:// link that the server printed as " +
        "--server, or accept it unseen with --accept-new\n",
    });
    const args = ["register", "eve", "--password-stdin", "--server"];
    const stdin = PASSWORD;
    assertOutcome(
      await eve.run([...args, address, "--accept-new"], { stdin }),
      {
        code: 4,
        stderr:
          `netdisk: ${address}: new server, its fingerprint [..] is remembered\n` +
          `netdisk: error: ${address}: the server registers by invite only\n` +
          "netdisk: hint: give the whole link that the server printed: " +
          "netdisk register USER --server 'netdisk://...'\n",
      },
    );
    const forged = link.replace(/\.[\w-]+$/, `.${"A".repeat(22)}`);
    assertOutcome(await eve.run([...args, forged], { stdin }), {
      code: 4,
      stderr:
        "netdisk: error: the invite is not valid or has expired, ask for a new link\n",
    });
    assertOutcome(await eve.run([...args, link], { stdin }), {
      stderr: `netdisk: registered eve on ${address} and logged in\n`,
    });
    await server.logs(/ register-failed peer=\S+ user=eve reason="the invite/);
  },
);

Deno.test("nobody registers where registration is closed, on loopback neither", async () => {
  const args = ["--registration", "closed"];
  await using server = await Server.start(disk.folder("server"), args);
  const register = ["register", "eve", "-q", "--server", server.link];
  assertOutcome(await disk.stranger().run(register), {
    code: 4,
    stderr:
      `netdisk: error: ${server.address}: the server takes no registrations\n`,
  });
});
