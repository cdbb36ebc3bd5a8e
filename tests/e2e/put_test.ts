/** `netdisk put`: what arrives, and what happens to what was there. */

import { assertEquals, assertMatch } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { sha256Of } from "../helpers/test_client.ts";

const disk = sharedDisk();

const isRoot = Deno.uid() === 0;
const NOBODY = 65534;

/** More than all buffers between the client's disk and the server's. */
const LARGE_BYTES = 16 * 1024 * 1024;

/** What the server's disk has. */
function stored(name: string): string {
  return Deno.readTextFileSync(disk.server.file("ann", name));
}

/** Runs `netdisk put`, which is to say nothing. */
async function put(client: Client, ...args: string[]): Promise<void> {
  assertOutcome(await client.run(["put", ...args]));
}

Deno.test("put keeps bytes, time and the executable bit", async () => {
  const ann = disk.client();
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
  const when = new Date("2001-02-03T04:05:06.789Z");
  Deno.chmodSync(ann.write("tool", bytes), 0o755);
  ann.write("note", "x");
  for (const name of ["tool", "note"]) {
    Deno.utimeSync(ann.path(name), when, when);
  }
  await put(ann, "-q", "tool", "note", "--to", "kept/");
  const [tool, note] = ["kept/tool", "kept/note"].map((name) =>
    disk.server.file("ann", name)
  );
  assertEquals(Deno.readFileSync(tool!), bytes);
  assertEquals(Deno.lstatSync(tool!).isFile, true);
  assertEquals(Deno.statSync(tool!).mtime, when);
  assertEquals(Deno.statSync(tool!).mode! & 0o111, 0o111);
  assertEquals(Deno.statSync(note!).mode! & 0o111, 0);
});

Deno.test("put replaces a file; the old one is served until the new one is whole", async () => {
  const ann = disk.client();
  ann.write("old", "the old bytes");
  await put(ann, "old", "--to", "swap");
  await using writer = ann.start(["put", "-", "--to", "swap"]);
  await writer.write(new Uint8Array(700_000).fill(0x6e));
  await disk.server.holdsPartial(1);
  const get = ["get", "swap", "--to", "-"];
  assertOutcome(await ann.run(get), { stdout: "the old bytes" });
  assertEquals(stored("swap"), "the old bytes");
  await writer.closeStdin();
  assertOutcome(await writer.outcome());
  assertOutcome(await ann.run(["get", "swap"]));
  assertEquals(ann.read("swap"), "n".repeat(700_000));
});

Deno.test("Ctrl-C in the middle of a put leaves the old file: exit 130", async () => {
  const ann = disk.client();
  ann.write("old", "the old bytes");
  await put(ann, "old", "--to", "stopped");
  await using writer = ann.start(["put", "-", "--to", "stopped"]);
  await writer.write(new Uint8Array(700_000));
  await disk.server.holdsPartial(1);
  writer.signal("SIGINT");
  assertOutcome(await writer.outcome(), {
    code: 130,
    stderr: "netdisk: interrupted\n",
  });
  await disk.server.noPartial();
  assertEquals(stored("stopped"), "the old bytes");
});

Deno.test("a file that changes while it is put: exit 1, the old one stays", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  ann.write("small", "the old bytes");
  await put(ann, "small", "--to", "changing");
  for (const change of ["grows", "shrinks"]) {
    ann.write("changing", new Uint8Array(LARGE_BYTES));
    gate.hold("up", 1024 * 1024);
    await using writer = ann.start(["put", "changing"]);
    await gate.holds();
    const size = change === "grows" ? LARGE_BYTES + 1 : 5;
    Deno.truncateSync(ann.path("changing"), size);
    gate.open();
    assertOutcome(await writer.outcome(), {
      code: 1,
      stderr:
        "netdisk: error: changing: it changed while it was read, nothing was replaced\n" +
        "netdisk: hint: upload it again when it is at rest[..]\n",
    });
    assertEquals(stored("changing"), "the old bytes");
  }
});

Deno.test("put of what is no file: what it is, and nothing is sent", async () => {
  const ann = disk.client();
  Deno.mkdirSync(ann.path("folder"));
  await new Deno.Command("mkfifo", { args: [ann.path("fifo")] }).output();
  assertOutcome(await ann.run(["put", "missing"]), {
    code: 3,
    stderr: "netdisk: error: missing: no such file or folder\n",
  });
  assertOutcome(await ann.run(["put", "folder"]), {
    code: 6,
    stderr: "netdisk: error: folder: it is a folder\n" +
      "netdisk: hint: netdisk put -r folder\n",
  });
  for (const name of ["fifo", "/dev/null"]) {
    assertOutcome(await ann.run(["put", name]), {
      code: 1,
      stderr: `netdisk: error: ${name}: it is not a file\n` +
        "netdisk: hint: to upload what a pipe or device gives: netdisk put - --to NAME\n",
    });
  }
});

Deno.test("put of a file that may not be read: exit 1", async () => {
  const ann = disk.client();
  Deno.chmodSync(ann.write("closed", "x"), 0);
  for (const path of [ann.config, `${ann.config}/servers.json`]) {
    if (isRoot) Deno.chownSync(path, NOBODY, NOBODY);
  }
  const nobody = isRoot ? { uid: NOBODY } : {};
  assertOutcome(await ann.run(["put", "closed"], nobody), {
    code: 1,
    stderr: "netdisk: error: closed: Permission denied\n",
  });
});

Deno.test("one of several files missing: the others arrive, exit 8", async () => {
  const ann = disk.client();
  ann.write("first", "1");
  ann.write("last", "3");
  const args = ["put", "first", "missing", "last", "--to", "several/"];
  assertOutcome(await ann.run(args), {
    code: 8,
    stderr: "netdisk: error: missing: no such file or folder\n" +
      "netdisk: error: 1 of 3 files was not uploaded\n",
  });
  assertEquals([stored("several/first"), stored("several/last")], ["1", "3"]);
});

Deno.test("one of several files refused by the server: the others arrive, exit 8", async () => {
  const ann = disk.client();
  for (const name of ["a", "taken", "z"]) ann.write(name, name);
  Deno.mkdirSync(disk.server.file("ann", "refusing/taken"), {
    recursive: true,
  });
  const args = ["put", "a", "taken", "z", "--to", "refusing"];
  assertOutcome(await ann.run(args), {
    code: 8,
    stderr:
      "netdisk: error: taken: refusing/taken on the server is a folder\n" +
      "netdisk: error: 1 of 3 files was not uploaded\n",
  });
  assertEquals([stored("refusing/a"), stored("refusing/z")], ["a", "z"]);
});

Deno.test("put - takes standard input, of any length", async () => {
  const ann = disk.client();
  for (const length of [0, 1, 256 * 1024, 3_000_001]) {
    const stdin = new Uint8Array(length).fill(length & 0xff);
    assertOutcome(await ann.run(["put", "-", "--to", "piped"], { stdin }));
    assertEquals(Deno.readFileSync(disk.server.file("ann", "piped")), stdin);
  }
});

Deno.test("put - without a name, or with other files: exit 2", async () => {
  const ann = disk.client();
  ann.write("a", "x");
  const needs = "standard input needs a name: put - --to NAME";
  const cases: [args: string[], reason: string][] = [
    [["-"], needs],
    [["-", "--to", "folder/"], needs],
    [["-", "a"], "standard input (-) cannot be put together with files"],
  ];
  for (const [args, reason] of cases) {
    assertOutcome(await ann.run(["put", ...args], { stdin: "x" }), {
      code: 2,
      stderr:
        `netdisk: error: put: ${reason}\nnetdisk: hint: netdisk help put\n`,
    });
  }
});

Deno.test("-v and --json show the receipt: size and SHA-256", async () => {
  const ann = disk.client();
  ann.write("receipt", "hello");
  Deno.utimeSync(ann.path("receipt"), 1_000_000_000, 1_000_000_000);
  const sha256 = sha256Of("hello");
  assertOutcome(await ann.run(["put", "-v", "receipt"]), {
    stderr: `netdisk: receipt: 5 bytes, sha256 ${sha256}\n`,
  });
  const outcome = await ann.run(["put", "--json", "receipt"]);
  assertOutcome(outcome, { stdout: "[..]\n[..]\n" });
  const [receipt, result] = outcome.stdout.split("\n").slice(0, 2).map((line) =>
    JSON.parse(line)
  );
  assertMatch(receipt.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals({ ...receipt, time: "" }, {
    type: "receipt",
    version: 1,
    name: "receipt",
    path: "receipt",
    size: 5,
    sha256,
    mtime: "2001-09-09T01:46:40.000Z",
    time: "",
  });
  const counts = { files: 1, skipped: 0, failed: 0, bytes: 5, dryRun: false };
  assertEquals(result, { type: "result", version: 1, exitCode: 0, ...counts });
});
