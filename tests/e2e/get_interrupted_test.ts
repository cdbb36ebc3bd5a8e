/** `netdisk get` that ends half-way, or takes long: what is there stays until all is. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { Random } from "../helpers/random.ts";

const disk = sharedDisk();

const MIB = 1024 * 1024;

/** More than all buffers between the server's disk and the client's. */
const LARGE_BYTES = 16 * MIB;

/** So much of it comes before something happens. */
const PASSING_BYTES = 4 * MIB;

const large = new Random(7).bytes(LARGE_BYTES);

const STAYS = "what has come stays here; ";
const GOES_ON = "the same command goes on where this one stopped";

/** The unfinished files of a client. */
function parts(client: Client): string[] {
  return client.names().filter((name) =>
    /^\.netdisk-[0-9a-f]{32}\.part$/.test(name)
  );
}

/** Stores a large file, and starts a get of it that is held in its middle. */
async function begin(gate: Gate, name: string, ...options: string[]) {
  const ann = disk.clientBehind(gate);
  disk.store(name, large);
  ann.write(name, "old");
  gate.hold("down", PASSING_BYTES);
  const get = ann.start(["get", name, ...options]);
  await gate.holds();
  if (!options.includes("-")) {
    // What has passed the gate may still be on its way.
    await until(
      "the first bytes on the disk",
      () => parts(ann).some((part) => Deno.statSync(ann.path(part)).size > 0),
    );
  }
  return { ann, get };
}

/** Kills a get of a large file in its middle. */
async function beginAndKill(gate: Gate, name: string): Promise<Client> {
  const { ann, get } = await begin(gate, name);
  get.signal("SIGKILL");
  await get.outcome();
  gate.open();
  assertEquals([parts(ann).length, ann.read(name)], [1, "old"]);
  return ann;
}

/** What a get has left, after the file is whole. */
function assertWhole(ann: Client, name: string, bytes = large): void {
  assertEquals(ann.names(), [name]);
  assert(
    equal(Deno.readFileSync(ann.path(name)), bytes),
    `${name} has other bytes`,
  );
}

/** assertEquals() would take minutes to say how 16 MiB differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

Deno.test("the target is replaced only when the download is whole", async () => {
  await using gate = new Gate(disk.server.port);
  const { ann, get } = await begin(gate, "whole");
  await using _get = get;
  assertEquals([parts(ann).length, ann.read("whole")], [1, "old"]);
  gate.open();
  assertOutcome(await get.outcome());
  assertWhole(ann, "whole");
});

for (
  const [signal, code, said] of [
    ["SIGINT", 130, `netdisk: interrupted\nnetdisk: ${STAYS}${GOES_ON}\n`],
    ["SIGTERM", 143, `netdisk: terminated\nnetdisk: ${STAYS}${GOES_ON}\n`],
    ["SIGKILL", "SIGKILL", ""],
    ["SIGHUP", "SIGHUP", ""],
  ] as const
) {
  Deno.test(`${signal} in the middle of a get: exit ${code}, and the same command goes on`, async () => {
    await using gate = new Gate(disk.server.port);
    const name = `half-${signal}`;
    const { ann, get } = await begin(gate, name);
    await using _get = get;
    get.signal(signal);
    assertOutcome(await get.outcome(), { code, stderr: said });
    const [part = "?", ...others] = parts(ann);
    assertEquals([others, ann.read(name)], [[], "old"]);
    const { size } = Deno.statSync(ann.path(part));
    assert(size > 0 && size <= PASSING_BYTES, `${size} bytes are there`);
    gate.open();
    // Who holds more back than that would hold it for ever.
    gate.hold("down", LARGE_BYTES - size + MIB);
    const again = await ann.run(["get", name, "--progress", "always"]);
    const percent = Math.floor(100 * size / LARGE_BYTES);
    assertEquals(again.code, 0);
    assertMatch(again.stderr, /: 0 B, verifying\n/);
    assertMatch(again.stderr, new RegExp(`, resuming at ${percent}%\n`));
    assertWhole(ann, name);
  });
}

Deno.test("a connection lost in the middle of a get: it goes on by itself", async () => {
  await using gate = new Gate(disk.server.port);
  const { ann, get } = await begin(gate, "lost", "--progress", "always");
  await using _get = get;
  await gate.cut();
  const { code, stderr } = await get.outcome();
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /, reconnecting\n/);
  assertMatch(stderr, /, resuming at \d+%\n/);
  assertWhole(ann, "lost");
});

Deno.test("a connection lost with --retries 0: exit 5, and the same command goes on", async () => {
  await using gate = new Gate(disk.server.port);
  const { ann, get } = await begin(gate, "gone", "--retries", "0");
  await using _get = get;
  await gate.cut();
  assertOutcome(await get.outcome(), {
    code: 5,
    stderr: `netdisk: error: [..]\nnetdisk: hint: ${GOES_ON}\n`,
  });
  assertEquals([parts(ann).length, ann.read("gone")], [1, "old"]);
  assertOutcome(await ann.run(["get", "gone"]));
  assertWhole(ann, "gone");
});

Deno.test("a connection lost in the middle of a get to stdout: the bytes come once", async () => {
  await using gate = new Gate(disk.server.port);
  const { ann, get } = await begin(gate, "stream", "--to", "-", "--quiet");
  await using _get = get;
  await gate.cut();
  assertOutcome({ ...await get.outcome(), stdout: "" });
  assert(equal(await get.stdoutBytes(), large), "stdout has other bytes");
  assertEquals([ann.names(), ann.read("stream")], [["stream"], "old"]);
});

Deno.test("a file that has changed since the interruption: it starts again and says so", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = await beginAndKill(gate, "renewed");
  const renewed = large.toReversed();
  disk.store("renewed", renewed);
  assertOutcome(await ann.run(["get", "renewed"]), {
    stderr:
      "netdisk: renewed: it has changed since it was interrupted, or what was kept is damaged, starting again\n",
  });
  assertWhole(ann, "renewed", renewed);
});

Deno.test("a damaged beginning: it starts again and says so", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = await beginAndKill(gate, "damaged");
  const path = ann.path(parts(ann)[0]!);
  const bytes = Deno.readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  Deno.writeFileSync(path, bytes);
  assertOutcome(await ann.run(["get", "damaged"]), {
    stderr:
      "netdisk: damaged: it has changed since it was interrupted, or what was kept is damaged, starting again\n",
  });
  assertWhole(ann, "damaged");
});

Deno.test("--restart starts again without a word", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = await beginAndKill(gate, "again");
  const { code, stderr } = await ann.run(
    ["get", "again", "--restart", "--progress", "always"],
  );
  assertEquals([code, /resuming|verifying/.test(stderr)], [0, false], stderr);
  assertWhole(ann, "again");
});

Deno.test("two gets of one target at a time: both end, and it is whole", async () => {
  await using gate = new Gate(disk.server.port);
  const { ann, get } = await begin(gate, "both");
  await using _get = get;
  const server = ["--server", disk.server.address];
  ann.copyConfig(disk.client());
  assertOutcome(await ann.run(["get", "both", ...server]));
  assertEquals(parts(ann).length, 1);
  assert(equal(Deno.readFileSync(ann.path("both")), large));
  gate.open();
  assertOutcome(await get.outcome());
  assertWhole(ann, "both");
});

Deno.test("a link where the beginning belongs is not followed", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = await beginAndKill(gate, "linked");
  const part = ann.path(parts(ann)[0]!);
  const victim = ann.write("elsewhere", "precious");
  Deno.removeSync(part);
  Deno.symlinkSync(victim, part);
  assertOutcome(await ann.run(["get", "linked"]));
  assertEquals(Deno.readLinkSync(part), victim);
  assertEquals(ann.read("elsewhere"), "precious");
  assert(equal(Deno.readFileSync(ann.path("linked")), large));
});

Deno.test("a file that changes while it is sent: exit 1, nothing is replaced", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  ann.write("changing", "old");
  for (const change of ["shorter", new Uint8Array(LARGE_BYTES).fill(1)]) {
    disk.store("changing", new Uint8Array(LARGE_BYTES));
    gate.hold("down", MIB);
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
