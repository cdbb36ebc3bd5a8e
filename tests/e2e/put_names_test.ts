/** `netdisk put`: under which name a file arrives, and which names are refused. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";

const disk = sharedDisk();

/** What the server's disk has. */
function stored(name: string): string {
  return Deno.readTextFileSync(disk.server.file("ann", name));
}

/** Runs `netdisk put`, which is to say nothing. */
async function put(client: Client, ...args: string[]): Promise<void> {
  assertOutcome(await client.run(["put", ...args]));
}

Deno.test("put a b, meant as cp a b, tells about --to", async () => {
  const ann = disk.client();
  ann.write("a", "x");
  assertOutcome(await ann.run(["put", "a", "b"]), {
    code: 3,
    stderr: "netdisk: error: b: no such file or folder\n" +
      "netdisk: hint: to upload under another name: netdisk put a --to b\n",
  });
  assertEquals([...Deno.readDirSync(disk.server.file("ann"))], []);
});

Deno.test("--to is a folder with a slash or when it exists, else a name", async () => {
  const ann = disk.client();
  ann.write("dir/file", "x");
  await put(ann, "dir/file", "--to", "to/new/folder/");
  assertEquals(stored("to/new/folder/file"), "x");
  await put(ann, "dir/file", "--to", "to/new");
  assertEquals(stored("to/new/file"), "x");
  await put(ann, "dir/file", "--to", "/to/name");
  assertEquals(stored("to/name"), "x");
  await put(ann, "-t", "to/made/name", "dir/file");
  assertEquals(stored("to/made/name"), "x");
  assertOutcome(await ann.run(["put", "dir/file", "--to", "to/name/"]), {
    code: 6,
    stderr:
      "netdisk: error: dir/file: a folder above to/name/file on the server is a file\n",
  });
});

Deno.test("several sources and a --to that is no folder: exit 2, nothing is put", async () => {
  const ann = disk.client();
  for (const name of ["a", "b"]) ann.write(name, name);
  assertOutcome(await ann.run(["put", "a", "b", "--to", "no-folder"]), {
    code: 2,
    stderr:
      "netdisk: error: put: --to no-folder is not a folder, and there are " +
      "several sources; for a new folder write no-folder/\n" +
      "netdisk: hint: netdisk help put\n",
  });
  const { stdout } = await ann.run(["ls"]);
  assertEquals(stdout.includes("no-folder"), false);
});

Deno.test("two sources of the same name: exit 2, nothing is put", async () => {
  const ann = disk.client();
  for (const name of ["1/same", "2/same"]) ann.write(name, name);
  assertOutcome(await ann.run(["put", "1/same", "2/same"]), {
    code: 2,
    stderr: "netdisk: error: put: 1/same and 2/same would get the same name\n" +
      "netdisk: hint: netdisk help put\n",
  });
  const { stdout } = await ann.run(["ls"]);
  assertEquals(stdout.includes("same"), false);
});

Deno.test("names with spaces, dashes, other scripts and 255 bytes", async () => {
  const ann = disk.client();
  const names = [
    "two words.txt",
    "-dash",
    "报告.pdf",
    "naïve e\u0301 ☕.txt",
    "'quoted' \"twice\"",
    ".hidden",
    "back\\slash",
    "ä".repeat(127) + "x",
  ];
  for (const name of names) ann.write(name, name);
  await put(ann, "-q", "--to", "names/", "--", ...names);
  assertEquals(names.map((name) => stored(`names/${name}`)), names);
  const back = names.map((name) => `names/${name}`);
  assertOutcome(await ann.run(["get", "--to", "back/", ...back]), {
    code: 3,
    stderr:
      "netdisk: error: back/: no such folder\nnetdisk: hint: mkdir -p back/\n",
  });
  Deno.mkdirSync(ann.path("back"));
  assertOutcome(await ann.run(["get", "-q", "--to", "back/", ...back]));
  assertEquals(ann.names("back"), [...names].sort());
});

Deno.test("a remote name that cannot be stored: exit 6, nothing is sent", async () => {
  const ann = disk.client();
  ann.write("file", "x");
  const long = "x".repeat(256);
  const cases: [to: string, reason: string][] = [
    [long, `${long}: the name is longer than 255 bytes`],
    ["a/../b", "a/../b: '..' is not allowed in a path"],
    ["a\tb", "a\\tb: the name has a control character"],
    [
      `${"a/".repeat(2048)}b`,
      `${"a/".repeat(2048)}b: the path is longer than 4096 bytes`,
    ],
  ];
  for (const [to, reason] of cases) {
    assertOutcome(await ann.run(["put", "file", "--to", to]), {
      code: 6,
      stderr: `netdisk: error: ${reason}\n`,
    });
  }
});
