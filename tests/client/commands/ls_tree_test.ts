/** `netdisk ls -R`, and with patterns. */

import { assertEquals } from "@std/assert";
import { command as ls } from "../../../client/commands/ls.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const FILES = {
  "a/b/1": "",
  "a/b/2": "",
  "a/c": "",
  "a.txt": "xx",
  "d/b.txt": "",
};

const WHOLE = `/:
a/
a.txt
d/

a:
b/
c

a/b:
1
2

d:
b.txt
`;

function run(disk: FakeDisk, ...argv: string[]) {
  return play(ls, argv, (server) => disk.serve(server));
}

Deno.test("netdisk ls -R lists what is below as well", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout, stderr, error } = await run(disk, "-R");
  assertEquals([stdout, stderr, error], [WHOLE, "", undefined]);
  const one = await run(disk, "-R", "/a/b/", "a.txt");
  assertEquals(one.stdout, "a/b:\n1\n2\na.txt\n");
  const long = await run(disk, "-Rl", "d");
  assertEquals(/^d:\n- +0 {20}b\.txt\n$/.test(long.stdout), true);
});

Deno.test("netdisk ls -R --json has whole paths", async () => {
  const { objects } = await run(new FakeDisk(FILES), "-R", "--json", "a");
  assertEquals(
    objects().map(({ name }) => name),
    ["a/b", "a/c", "a/b/1", "a/b/2"],
  );
});

Deno.test("netdisk ls -R goes on behind what cannot be listed", async () => {
  const disk = new FakeDisk(FILES);
  disk.broken.set("a/b", "denied");
  const { stdout, stderr, error } = await run(disk, "-R", "a");
  assertEquals(error?.code, "partial");
  assertEquals(error?.message, "1 path could not be listed");
  assertEquals(stderr, "netdisk: error: a/b: refused: denied\n");
  assertEquals(stdout, "a:\nb/\nc\n");
  const missing = await run(disk, "-R", "none");
  assertEquals(missing.error?.code, "not-found");
  assertEquals(missing.error?.message, "none: refused: not-found");
});

Deno.test("netdisk ls -R goes on after a lost connection", async () => {
  const { stdout: expected } = await run(new FakeDisk(FILES), "-R", "/", "d");
  for (let requests = 0; requests < 7; requests++) {
    using _retries = new RetryWaits();
    const disk = new FakeDisk(FILES);
    let left = requests;
    disk.before = () => left-- !== 0;
    const { stdout, error } = await run(disk, "-R", "/", "d");
    assertEquals([stdout, error], [expected, undefined]);
  }
});

Deno.test("netdisk ls lists what a pattern matches, files first", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout } = await run(disk, "*");
  assertEquals(stdout, "a.txt\n\na:\nb/\nc\n\nd:\nb.txt\n");
  const files = await run(disk, "**/*.txt");
  assertEquals(files.stdout, "a.txt\nd/b.txt\n");
  assertEquals(disk.count("list"), 3 + 4);
  const none = await run(disk, "*.gif", "a.txt");
  assertEquals(none.stderr, "netdisk: error: *.gif: nothing matches\n");
  assertEquals([none.stdout, none.error?.code], ["a.txt\n", "partial"]);
});
