/** `netdisk sync` with a real server: what it makes, and that a second run does nothing. */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";

const disk = sharedDisk();

const WHEN = new Date("2001-02-03T04:05:06.789Z");

/** A tree with all that is kept of one. */
function plant(ann: Client, root: string): void {
  ann.write(`${root}/tool`, "run me");
  ann.write(`${root}/deep/er/file`, "x".repeat(700_000));
  ann.write(`${root}/deep/empty`, "");
  Deno.mkdirSync(ann.path(`${root}/none`));
  Deno.chmodSync(ann.path(`${root}/tool`), 0o755);
  for (const path of ["tool", "deep/er", "deep", "none", "."]) {
    Deno.utimeSync(ann.path(`${root}/${path}`), WHEN, WHEN);
  }
}

/** Paths with size, time and executable bit. */
function facts(root: string, path = "."): string[] {
  return [...Deno.readDirSync(join(root, path))].flatMap((entry) => {
    const name = join(path, entry.name);
    const { mtime, mode, size, isFile } = Deno.lstatSync(join(root, name));
    const kind = isFile ? `${size} ${(mode! & 0o100) !== 0}` : "folder";
    const own = `${name} ${mtime!.getTime()} ${kind}`;
    return entry.isDirectory ? [own, ...facts(root, name)] : [own];
  }).sort();
}

Deno.test("a tree that goes there and back is the same", async () => {
  const ann = disk.client();
  plant(ann, "a");
  assertOutcome(await ann.run(["sync", "a", "way/there"]), {
    stderr: "netdisk: 3 uploaded (684 KiB), 4 folders made, 0 unchanged\n",
  });
  assertOutcome(await ann.run(["sync", "--pull", "b", "way/there"]), {
    stderr: "netdisk: 3 downloaded (684 KiB), 4 folders made, 0 unchanged\n",
  });
  assertEquals(facts(ann.path("b")), facts(ann.path("a")));
  for (const args of [["sync", "a"], ["sync", "--pull", "b"]]) {
    const again = await ann.run([...args, "way/there", "--delete", "-v"]);
    assertOutcome(again, { stderr: "netdisk: 3 unchanged\n" });
  }
});

Deno.test("sync mends what somebody has changed", async () => {
  const ann = disk.client();
  plant(ann, "c");
  await ann.run(["sync", "c", "mend"]);
  const expected = facts(ann.path("c"));
  const there = disk.store("mend/deep/new", "of somebody else");
  const root = there.replace(/\/deep\/new$/, "");
  Deno.writeTextFileSync(join(root, "tool"), "changed");
  Deno.removeSync(join(root, "deep/er"), { recursive: true });
  assertOutcome(await ann.run(["sync", "c", "mend", "-n", "--delete"]), {
    stdout: "would mkdir mend/deep/er/\nwould upload mend/deep/er/file\n" +
      "would upload mend/tool\nwould delete mend/deep/new\n",
    stderr:
      "netdisk: would be: 2 uploaded (684 KiB), 1 folder made, 1 deleted, 1 unchanged\n",
  });
  const outcome = await ann.run(["sync", "c", "mend", "--delete"]);
  assertEquals(outcome.code, 0);
  assertEquals(facts(root), expected);
});

Deno.test("sync that fails in part: exit 8, and nothing is deleted", async () => {
  const ann = disk.client();
  ann.write("d/file", "mine");
  ann.write("d/way", "a file");
  disk.store("part/way/in", "a folder");
  disk.store("part/old", "old");
  const { code, stderr } = await ann.run(["sync", "d", "part"]);
  assertEquals(code, 8);
  assert(stderr.includes(
    "netdisk: error: part/way: it is a folder, and a file in the source\n" +
      "netdisk: hint: --delete replaces it\n",
  ));
  const { stdout } = await ann.run(["ls", "-R", "part"]);
  assertEquals(stdout, "part:\nfile\nold\nway/\n\npart/way:\nin\n");
  assertOutcome(await ann.run(["sync", "d/none", "part"]), {
    code: 3,
    stderr: "netdisk: error: d/none: no such file or folder\n",
  });
});
