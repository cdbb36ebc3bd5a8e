import { assertEquals } from "@std/assert";
import { command as tree } from "../../../client/commands/tree.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const FILES = {
  "a/x/1": "",
  "a/x/2": "",
  "a/z": "",
  "b": "",
  "c/y": null,
  "d\x1b": "",
};

const WHOLE = `/
├── a/
│   ├── x/
│   │   ├── 1
│   │   └── 2
│   └── z
├── b
├── c/
│   └── y/
└── d\\x1b

4 folders, 5 files
`;

function run(disk: FakeDisk, ...argv: string[]) {
  return play(tree, argv, (server) => disk.serve(server));
}

Deno.test("netdisk tree", async () => {
  const { stdout, stderr, error } = await run(new FakeDisk(FILES));
  assertEquals([stdout, stderr, error], [WHOLE, "", undefined]);
});

Deno.test("netdisk tree of a folder, and to a depth", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout } = await run(disk, "/a/");
  assertEquals(
    stdout,
    "a\n├── x/\n│   ├── 1\n│   └── 2\n└── z\n\n1 folder, 3 files\n",
  );
  const one = await run(disk, "-L", "1", "a");
  assertEquals(one.stdout, "a\n├── x/\n└── z\n\n1 folder, 1 file\n");
  const two = await run(disk, "-L2");
  assertEquals(two.stdout.includes("x/\n"), true);
  assertEquals(two.stdout.includes("1\n"), false);
  const empty = await run(disk, "c/y");
  assertEquals(empty.stdout, "y\n\n0 folders, 0 files\n");
});

Deno.test("netdisk tree --json has an object for each, and the sums", async () => {
  const { objects, error } = await run(new FakeDisk(FILES), "--json", "a");
  assertEquals(error, undefined);
  assertEquals(
    objects().map(({ type, name }) => `${type} ${name}`),
    ["entry a/x", "entry a/x/1", "entry a/x/2", "entry a/z"],
  );
});

Deno.test("netdisk tree shows what cannot be listed, and goes on", async () => {
  const disk = new FakeDisk(FILES);
  disk.broken.set("a/x", "denied");
  const { stdout, stderr, error } = await run(disk);
  assertEquals(error?.code, "partial");
  assertEquals(stderr, "netdisk: error: a/x: refused: denied\n");
  const expected = WHOLE.replace(/│ {3}│.*\n/g, "").replace(
    "5 files",
    "3 files",
  );
  assertEquals(stdout, expected);
});

Deno.test("netdisk tree of what is no folder", async () => {
  const disk = new FakeDisk(FILES);
  const missing = await run(disk, "/none/");
  assertEquals(missing.error?.message, "/none/: refused: not-found");
  const file = await run(disk, "b");
  assertEquals(file.error?.code, "not-folder");
  const depth = await run(disk, "-L", "0");
  assertEquals(depth.error?.code, "usage");
});

Deno.test("netdisk tree goes on after a lost connection", async () => {
  for (let requests = 0; requests < 5; requests++) {
    using _retries = new RetryWaits();
    const disk = new FakeDisk(FILES);
    let left = requests;
    disk.before = () => left-- !== 0;
    const { stdout, error } = await run(disk);
    assertEquals([stdout, error], [WHOLE, undefined]);
  }
});
