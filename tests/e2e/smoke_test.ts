/** The main job once through, each command as one would type it. */

import { assertEquals } from "@std/assert";
import { assertOutcome } from "../helpers/golden.ts";
import { Client, PASSWORD } from "../helpers/netdisk.ts";
import { Server } from "../helpers/server.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

Deno.test("serve, register, put, ls, get, ping, logout, login", async () => {
  using folder = tempFolder();
  await using server = await Server.start(folder.path);
  const { address } = server;
  const ann = Client.at(folder.path);
  ann.write("report.txt", "all is well\n");

  assertOutcome(
    await ann.run(
      ["register", "ann", "--server", address, "--password-stdin"],
      { stdin: PASSWORD },
    ),
    {
      stderr:
        `netdisk: ${address}: new server, its fingerprint [..] is remembered\n` +
        `netdisk: registered ann on ${address} and logged in\n`,
    },
  );
  assertOutcome(await ann.run(["whoami"]), { stdout: `ann@${address}\n` });
  assertOutcome(await ann.run(["put", "report.txt"]));
  assertOutcome(await ann.run(["ls"]), { stdout: "report.txt\n" });
  assertOutcome(await ann.run(["get", "report.txt", "--to", "copy.txt"]));
  assertEquals(ann.read("copy.txt"), "all is well\n");
  assertEquals(
    Deno.readTextFileSync(server.file("ann", "report.txt")),
    "all is well\n",
  );
  assertOutcome(await ann.run(["ping", "-c", "2", "-i", "0"]), {
    stdout: `answer 1 from ${address}: [..] ms\n` +
      `answer 2 from ${address}: [..] ms\n` +
      "2 answers, min/avg/max [..]/[..]/[..] ms\n",
  });

  assertOutcome(await ann.run(["logout"]), {
    stderr: `netdisk: logged out ann from ${address}\n`,
  });
  assertOutcome(await ann.run(["ls"]), {
    code: 4,
    stderr: `netdisk: error: not logged in to ${address}\n` +
      `netdisk: hint: netdisk login NAME --server ${address}\n`,
  });
  assertOutcome(
    await ann.run(["login", "ann", "--password-stdin"], { stdin: PASSWORD }),
    { stderr: `netdisk: logged in to ${address} as ann\n` },
  );
  assertOutcome(await ann.run(["ls"]), { stdout: "report.txt\n" });

  const stopped = await server.stop();
  assertOutcome({ ...stopped, stderr: "" }, {
    stdout: `netdisk [..] serving ${server.root} on ${address} (TLS)\n` +
      `From this machine:   netdisk register NAME --server localhost:${server.port}\n` +
      `Link:                netdisk register NAME --server 'netdisk://${address}#[..].[..]'\n`,
  });
});
