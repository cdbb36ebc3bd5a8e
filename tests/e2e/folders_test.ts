/** `netdisk mkdir`, `mv`, `rm`, `tree`, `du`, `stat` and `ls -R` on a real server. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { sha256Of } from "../helpers/test_client.ts";

const disk = sharedDisk();

const TREE = `garden
├── empty/
├── old/
│   └── rose.txt
├── tulip.txt
└── weed.txt

2 folders, 3 files
`;

Deno.test("what folders are made of is made, moved, shown and removed", async () => {
  const ann = disk.client();
  assertOutcome(await ann.run(["mkdir", "-p", "garden/empty", "garden/new"]));
  disk.store("garden/tulip.txt", "red");
  disk.store("garden/rose.txt", "x".repeat(2000));
  disk.store("garden/weed.txt", "");
  assertOutcome(await ann.run(["mv", "garden/rose.txt", "garden/new"]));
  assertOutcome(await ann.run(["mv", "garden/new", "garden/old"]));
  assertOutcome(await ann.run(["tree", "garden"]), { stdout: TREE });
  assertOutcome(await ann.run(["ls", "-R", "garden"]), {
    stdout: "garden:\nempty/\nold/\ntulip.txt\nweed.txt\n\ngarden/empty:\n\n" +
      "garden/old:\nrose.txt\n",
  });
  assertOutcome(await ann.run(["du", "-h", "garden"]), {
    stdout: "     0 B  garden/empty\n1.95 KiB  garden/old\n1.96 KiB  garden\n",
  });
  assertOutcome(await ann.run(["rm", "garden/*e*.txt", "-n"]), {
    stdout: "would delete garden/weed.txt\n",
  });
  assertOutcome(await ann.run(["rm", "garden/w*", "garden/**/rose.txt"]));
  assertOutcome(await ann.run(["ls", "garden/**/*.txt"]), {
    stdout: "garden/tulip.txt\n",
  });
  assertOutcome(await ann.run(["rm", "garden"]), {
    code: 6,
    stderr: "netdisk: error: garden: it is a folder\n" +
      "netdisk: hint: netdisk rm -r garden\n",
  });
  assertOutcome(await ann.run(["rm", "-r", "garden"]));
  assertOutcome(await ann.run(["ls", "garden"]), {
    code: 3,
    stderr: "netdisk: error: garden: no such file or folder\n",
  });
});

Deno.test("stat --checksum tells what is on the server's disk", async () => {
  const ann = disk.client();
  const path = disk.store("facts/tool", "content");
  const when = new Date("2001-02-03T04:05:06.789Z");
  Deno.chmodSync(path, 0o750);
  Deno.utimeSync(path, when, when);
  const { stdout } = await ann.run(["stat", "--json", "--checksum", "facts/*"]);
  assertEquals(JSON.parse(stdout.split("\n")[0]!), {
    type: "entry",
    version: 1,
    folder: "facts",
    name: "tool",
    kind: "file",
    size: 7,
    mtime: when.toISOString(),
    executable: true,
    sha256: sha256Of("content"),
  });
});

Deno.test("names that look like patterns stay within reach", async () => {
  const ann = disk.client();
  for (const name of ["a[1].txt", "a1.txt", "*", "{x,y}"]) {
    disk.store(`odd/${name}`, name);
  }
  assertOutcome(await ann.run(["rm", "odd/a[1].txt", "odd/*", "odd/{x,y}"]));
  assertOutcome(await ann.run(["ls", "odd"]), { stdout: "a1.txt\n" });
});

Deno.test("what is not there: exit 3; what is there already: exit 6", async () => {
  const ann = disk.client();
  disk.store("there/file", "");
  const cases: [string[], number, string, string?][] = [
    [["rm", "none"], 3, "none: no such file or folder"],
    [["rm", "no*ne"], 3, "no*ne: nothing matches"],
    [["mv", "none", "x"], 3, "none: no such file or folder"],
    [["stat", "none"], 3, "none: no such file or folder"],
    [["tree", "none"], 3, "none: no such file or folder"],
    [["du", "none"], 3, "none: no such file or folder"],
    [["mkdir", "there"], 6, "there: it exists already"],
    [["tree", "there/file"], 6, "there/file: it is not a folder"],
    [
      ["rm", "-r", "/"],
      4,
      "/: your own folder cannot be removed",
      "to empty it: netdisk rm -r '/*'",
    ],
  ];
  for (const [args, code, message, hint] of cases) {
    const more = hint === undefined ? "" : `netdisk: hint: ${hint}\n`;
    const outcome = await ann.run(args);
    assertOutcome(outcome, {
      code,
      stderr: `netdisk: error: ${message}\n${more}`,
    });
  }
});
