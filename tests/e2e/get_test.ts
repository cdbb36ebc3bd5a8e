/** `netdisk get`: what comes, and where it goes. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { until } from "../helpers/deadline.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { Process } from "../helpers/process.ts";
import { sha256Of } from "../helpers/test_client.ts";

const disk = sharedDisk();

const isRoot = Deno.uid() === 0;
const NOBODY = 65534;
const SIGINT = 2;

Deno.test("get keeps bytes, time and the executable bit", async () => {
  const ann = disk.client();
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
  const path = disk.store("tool", bytes);
  const when = new Date("2001-02-03T04:05:06.789Z");
  Deno.chmodSync(path, 0o750);
  Deno.utimeSync(path, when, when);
  assertOutcome(await ann.run(["get", "tool"]));
  assertEquals(Deno.readFileSync(ann.path("tool")), bytes);
  const { mtime, mode } = Deno.statSync(ann.path("tool"));
  assertEquals(mtime, when);
  assertEquals(mode! & 0o100, 0o100);
});

Deno.test("get of a missing file: exit 3, one line, nothing is left", async () => {
  const ann = disk.client();
  assertOutcome(await ann.run(["get", "missing"]), {
    code: 3,
    stderr: "netdisk: error: missing: no such file or folder\n",
  });
  assertOutcome(await ann.run(["get", "missing", "--to", "-"]), {
    code: 3,
    stderr: "netdisk: error: missing: no such file or folder\n",
  });
  assertEquals(ann.names(), []);
});

Deno.test("get of a missing file leaves the one that has its name", async () => {
  const ann = disk.client();
  ann.write("missing", "mine");
  assertEquals((await ann.run(["get", "missing"])).code, 3);
  assertEquals([ann.names(), ann.read("missing")], [["missing"], "mine"]);
});

Deno.test("get of a folder: exit 6; and so of the whole disk", async () => {
  const ann = disk.client();
  disk.store("folder/file", "x");
  for (const name of ["folder", "/"]) {
    assertOutcome(await ann.run(["get", name]), {
      code: 6,
      stderr: `netdisk: error: ${name}: it is a folder\n` +
        `netdisk: hint: netdisk get -r ${name}\n`,
    });
  }
  assertEquals(ann.names(), []);
});

Deno.test("one of several files missing: the others arrive, exit 8", async () => {
  const ann = disk.client();
  for (const name of ["one", "three"]) disk.store(`many/${name}`, name);
  const args = ["get", "many/one", "many/two", "many/three"];
  assertOutcome(await ann.run(args), {
    code: 8,
    stderr: "netdisk: error: many/two: no such file or folder\n" +
      "netdisk: error: 1 of 3 files was not downloaded\n",
  });
  assertEquals(ann.names(), ["one", "three"]);
  assertEquals([ann.read("one"), ann.read("three")], ["one", "three"]);
});

Deno.test("--to is a folder with a slash or when it exists, else a name", async () => {
  const ann = disk.client();
  disk.store("deep/file", "x");
  Deno.mkdirSync(ann.path("folder"));
  for (const to of ["folder", "folder/", "name", "folder/name"]) {
    assertOutcome(await ann.run(["get", "deep/file", "--to", to]));
  }
  assertEquals(ann.names(), ["folder", "name"]);
  assertEquals(ann.names("folder"), ["file", "name"]);
  assertOutcome(await ann.run(["get", "deep/file", "--to", "name/"]), {
    code: 6,
    stderr: "netdisk: error: name/: it is not a folder\n",
  });
  assertOutcome(await ann.run(["get", "deep/file", "--to", "none/name"]), {
    code: 3,
    stderr: "netdisk: error: none: no such folder\n" +
      "netdisk: hint: mkdir -p none\n",
  });
  assertOutcome(await ann.run(["get", "deep/file", "tool", "--to", "none"]), {
    code: 2,
    stderr:
      "netdisk: error: get: --to none is not a folder, and there are several " +
      "sources; make it first: mkdir none\nnetdisk: hint: netdisk help get\n",
  });
});

Deno.test("--to - writes the very bytes to standard output", async () => {
  const ann = disk.client();
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => i * 7);
  disk.store("binary", bytes);
  await using process = ann.start(["get", "binary", "--to", "-"]);
  const { code, stderr } = await process.outcome();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(await process.stdoutBytes(), bytes);
  assertOutcome(await ann.run(["get", "binary", "--to", "-", "--json"]), {
    code: 2,
    stdout: "[..]\n",
    stderr:
      "netdisk: error: get: --json and --to - both need standard output\n" +
      "netdisk: hint: netdisk help get\n",
  });
});

// Not with /dev/null: a mistake would take it away from the whole machine.
Deno.test("a pipe or device is written to, not replaced", async () => {
  const ann = disk.client();
  disk.store("to-pipe", "through the pipe");
  const pipe = ann.path("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  await using reader = new Process(["cat", pipe], {
    cwd: ann.work,
    env: ann.environment(),
  });
  assertOutcome(await ann.run(["get", "to-pipe", "--to", pipe]));
  assertOutcome(await reader.outcome(), { stdout: "through the pipe" });
  assertEquals(Deno.lstatSync(pipe).isFifo, true);
});

Deno.test("Ctrl-C ends the wait for the reader of a pipe", async () => {
  const ann = disk.client();
  disk.store("to-nobody", "through the pipe");
  const pipe = ann.path("nobody");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  await using get = ann.start(["get", "to-nobody", "--to", pipe]);
  await until("it hears Ctrl-C", () => hears(get.pid, SIGINT));
  // Nobody sees when it waits; a get takes a tenth of that.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  get.signal("SIGINT");
  assertEquals((await get.outcome()).code, 130);
});

/** Whether a process has a handler for a signal. */
function hears(pid: number, signal: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, caught] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status)!;
  return (BigInt(`0x${caught}`) >> BigInt(signal - 1) & 1n) === 1n;
}

Deno.test("a file that is replaced keeps its mode; a link is replaced", async () => {
  const ann = disk.client();
  disk.store("modes", "new");
  Deno.chmodSync(ann.write("modes", "old"), 0o646);
  assertOutcome(await ann.run(["get", "modes"]));
  assertEquals(ann.read("modes"), "new");
  assertEquals(Deno.statSync(ann.path("modes")).mode! & 0o777, 0o646);

  ann.write("elsewhere", "stays");
  Deno.symlinkSync("elsewhere", ann.path("link"));
  assertOutcome(await ann.run(["get", "modes", "--to", "link"]));
  assertEquals(Deno.lstatSync(ann.path("link")).isFile, true);
  assertEquals([ann.read("link"), ann.read("elsewhere")], ["new", "stays"]);
});

Deno.test("a folder that may not be written: exit 1, nothing is left", async () => {
  const ann = disk.client();
  disk.store("for-nobody", "x");
  Deno.mkdirSync(ann.path("closed"));
  Deno.chmodSync(ann.path("closed"), 0o555);
  for (const path of [ann.config, `${ann.config}/servers.json`]) {
    if (isRoot) Deno.chownSync(path, NOBODY, NOBODY);
  }
  const args = ["get", "for-nobody", "--to", "closed/"];
  assertOutcome(await ann.run(args, isRoot ? { uid: NOBODY } : {}), {
    code: 1,
    stderr: "netdisk: error: closed/for-nobody: Permission denied\n",
  });
  assertEquals(ann.names("closed"), []);
});

Deno.test("-v and --json tell size and SHA-256", async () => {
  const ann = disk.client();
  Deno.utimeSync(disk.store("facts", "hello"), 1_000_000_000, 1_000_000_000);
  const sha256 = sha256Of("hello");
  assertOutcome(await ann.run(["get", "-v", "facts"]), {
    stderr: `netdisk: facts: 5 bytes, sha256 ${sha256}\n`,
  });
  const outcome = await ann.run(["get", "--json", "facts", "--to", "here"]);
  assertOutcome(outcome, { stdout: "[..]\n[..]\n" });
  assertEquals(outcome.stdout.trim().split("\n").map((l) => JSON.parse(l)), [
    {
      type: "file",
      version: 1,
      name: "facts",
      path: "here",
      size: 5,
      sha256,
      mtime: "2001-09-09T01:46:40.000Z",
    },
    {
      type: "result",
      version: 1,
      exitCode: 0,
      files: 1,
      skipped: 0,
      failed: 0,
      bytes: 5,
      dryRun: false,
    },
  ]);
});
