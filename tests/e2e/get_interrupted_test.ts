/** `netdisk get` that ends half-way, or takes long: what is there stays until all is. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";

const disk = sharedDisk();

/** More than all buffers between the server's disk and the client's. */
const LARGE_BYTES = 16 * 1024 * 1024;

Deno.test("the target is replaced only when the download is whole", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  disk.store("whole", new Uint8Array(LARGE_BYTES).fill(1));
  ann.write("whole", "old");
  gate.hold("down", 1024 * 1024);
  await using get = ann.start(["get", "whole"]);
  await gate.holds();
  assertEquals(ann.read("whole"), "old");
  gate.open();
  assertOutcome(await get.outcome());
  assertEquals(Deno.statSync(ann.path("whole")).size, LARGE_BYTES);
  assertEquals(ann.names(), ["whole"]);
});

for (
  const [signal, code, word] of [
    ["SIGINT", 130, "interrupted"],
    ["SIGTERM", 143, "terminated"],
  ] as const
) {
  Deno.test(`${signal} in the middle of a get: exit ${code}, nothing is left`, async () => {
    await using gate = new Gate(disk.server.port);
    const ann = disk.clientBehind(gate);
    disk.store("half", new Uint8Array(LARGE_BYTES));
    ann.write("half", "old");
    gate.hold("down", 1024 * 1024);
    await using get = ann.start(["get", "half"]);
    await gate.holds();
    get.signal(signal);
    assertOutcome(await get.outcome(), {
      code,
      stderr: `netdisk: ${word}\n`,
    });
    assertEquals([ann.names(), ann.read("half")], [["half"], "old"]);
  });
}

Deno.test("a connection lost in the middle of a get: exit 5, nothing is left", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  disk.store("lost", new Uint8Array(LARGE_BYTES));
  ann.write("lost", "old");
  gate.hold("down", 1024 * 1024);
  await using get = ann.start(["get", "lost"]);
  await gate.holds();
  await gate.cut();
  assertOutcome(await get.outcome(), {
    code: 5,
    stderr: "netdisk: error: [..]\n",
  });
  assertEquals([ann.names(), ann.read("lost")], [["lost"], "old"]);
});

Deno.test("a file that changes while it is sent: exit 1, nothing is replaced", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  ann.write("changing", "old");
  for (const change of ["shorter", new Uint8Array(LARGE_BYTES).fill(1)]) {
    disk.store("changing", new Uint8Array(LARGE_BYTES));
    gate.hold("down", 1024 * 1024);
    await using get = ann.start(["get", "changing"]);
    await gate.holds();
    disk.store("changing", change);
    gate.open();
    assertOutcome(await get.outcome(), {
      code: 1,
      stderr:
        "netdisk: error: changing: the file changed while it was being sent\n",
    });
    assertEquals([ann.names(), ann.read("changing")], [["changing"], "old"]);
  }
});
