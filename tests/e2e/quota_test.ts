/** A quota: what its user sees of it. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { until } from "../helpers/deadline.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";

const MIB = 1024 * 1024;

const disk = sharedDisk(["--quota", "20M"]);

/** A user of one's own, with nothing stored. */
async function user(name: string): Promise<Client> {
  const client = disk.stranger();
  await client.register(name, disk.server.address);
  return client;
}

function zeros(size: number): Uint8Array {
  return new Uint8Array(size);
}

Deno.test("what does not fit is refused with the numbers: exit 6", async () => {
  const client = await user("bob");
  client.write("large", zeros(15 * MIB));
  client.write("small", zeros(200_000));
  assertOutcome(await client.run(["put", "-q", "large"]));
  assertOutcome(await client.run(["quota"]), {
    stdout: "15.0 MiB used of 20.0 MiB, 5.00 MiB free\n",
  });
  assertOutcome(await client.run(["put", "large", "--to", "more"]), {
    code: 6,
    stderr: "netdisk: error: large: needs 15 MiB, 5 MiB left of 20 MiB\n",
  });
  assertOutcome(
    await client.run(["put", "-", "--to", "pipe"], { stdin: zeros(6 * MIB) }),
    {
      code: 6,
      stderr: "netdisk: error: [..]: needs [..]iB, 5 MiB left of 20 MiB\n",
    },
  );
  assertOutcome(await client.run(["put", "-q", "large"]));
  assertEquals([...Deno.readDirSync(disk.server.file("bob"))].length, 1);
});

Deno.test("of several files those are told that do not fit: exit 8", async () => {
  const client = await user("carl");
  for (const name of ["a", "b", "c"]) {
    client.write(`folder/${name}`, zeros(9 * MIB));
  }
  const { code, stderr } = await client.run(["put", "-r", "folder"]);
  assertEquals(code, 8);
  assertEquals(
    stderr.match(/^netdisk: error: .*$/mg)?.[0],
    "netdisk: error: folder/c: needs 9 MiB, 2 MiB left of 20 MiB",
  );
  const again = await client.run(["sync", "folder", "folder"]);
  assertEquals(again.code, 8, again.stderr);
  assertEquals(
    again.stderr.match(/^netdisk: error: .*$/mg)?.[0],
    "netdisk: error: folder/c: needs 9 MiB, 2 MiB left of 20 MiB",
  );
});

Deno.test("rm -r makes room at once", async () => {
  const client = await user("dora");
  client.write("folder/file", zeros(12 * MIB));
  client.write("new", zeros(19 * MIB));
  assertOutcome(await client.run(["put", "-q", "-r", "folder"]));
  assertOutcome(await client.run(["rm", "-q", "-r", "folder"]));
  assertOutcome(await client.run(["put", "-q", "new"]));
});

Deno.test("an admin's change counts, below what is used as well", async () => {
  const client = await user("emil");
  client.write("file", zeros(MIB));
  assertOutcome(await client.run(["put", "-q", "file"]));
  const path = join(disk.server.root, ".netdisk", "netdisk.db");
  const database = new DatabaseSync(path, { timeout: 5000 });
  const set = (quota: number) =>
    database.prepare("UPDATE users SET quota = ? WHERE name = 'emil'")
      .run(quota);
  set(-1);
  assertOutcome(await client.run(["quota"]), {
    stdout: "1.00 MiB used, no limit\n",
  });
  set(MIB / 2);
  assertOutcome(await client.run(["quota", "--json"]), {
    stdout:
      '{"type":"quota","version":1,"used":1048576,"limit":524288,"free":0}\n[..]\n',
  });
  assertOutcome(await client.run(["put", "file", "--to", "other"]), {
    code: 6,
    stderr: "netdisk: error: file: needs 1 MiB, 0 B left of 512 KiB\n",
  });
  database.close();
});

Deno.test("a pipe counts as far as it came, until it breaks", async () => {
  const client = await user("fred");
  const content = zeros(16 * MIB);
  {
    await using process = client.start(["put", "-", "--to", "pipe"]);
    await process.write(content.subarray(0, 4 * MIB));
    await until("its bytes", async () => {
      const { stdout } = await client.run(["quota"]);
      return stdout === "4.00 MiB used of 20.0 MiB, 16.0 MiB free\n";
    });
    process.signal("SIGKILL");
    await process.outcome();
  }
  await until("nothing", async () => {
    const { stdout } = await client.run(["quota"]);
    return stdout === "0 B used of 20.0 MiB, 20.0 MiB free\n";
  });
});
