import { assertEquals } from "@std/assert";
import { command as du } from "../../../client/commands/du.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const FILES = {
  "a/1": "x",
  "a/2": "xx",
  "a/3": "xxx",
  "a/4": "xxxx",
  "a/b/5": "x".repeat(2000),
  "a/b/c": null,
  "a-b": "x",
  "d/e/f": "xx",
};

function run(disk: FakeDisk, ...argv: string[]) {
  return play(du, argv, (server) => disk.serve(server));
}

/** Lines without the spaces before them. */
function lines(stdout: string): string[] {
  return stdout.split("\n").slice(0, -1).map((line) => line.trimStart());
}

const WHOLE = [
  "0  a/b/c",
  "2000  a/b",
  "2010  a",
  "2  d/e",
  "2  d",
  "2013  /",
];

Deno.test("netdisk du adds up each folder", async () => {
  const { stdout, error } = await run(new FakeDisk(FILES));
  assertEquals([lines(stdout), error], [WHOLE, undefined]);
  assertEquals(/^ *\d+ {2}/.exec(stdout)?.[0].length, 17);
});

Deno.test("netdisk du -s has only the sums, -h in units", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout } = await run(disk, "-s", "a", "d/", "a-b");
  assertEquals(lines(stdout), ["2010  a", "2  d", "1  a-b"]);
  const human = await run(disk, "-sh");
  assertEquals(human.stdout, "1.97 KiB  /\n");
  const pattern = await run(disk, "-s", "*");
  assertEquals(lines(pattern.stdout), ["2010  a", "1  a-b", "2  d"]);
});

Deno.test("netdisk du --json counts files and folders as well", async () => {
  const { objects } = await run(new FakeDisk(FILES), "--json", "-s", "a");
  assertEquals(objects(), [{
    type: "usage",
    version: 1,
    name: "a",
    bytes: 2010,
    files: 5,
    folders: 2,
  }]);
});

Deno.test("netdisk du tells what it could not add, and goes on", async () => {
  const disk = new FakeDisk(FILES);
  disk.broken.set("a/b", "io");
  const { stdout, stderr, error } = await run(disk, "a", "none", "d");
  assertEquals(error?.message, "2 paths could not be read");
  assertEquals(
    stderr,
    "netdisk: error: a/b: refused: io\nnetdisk: error: none: refused: not-found\n",
  );
  assertEquals(lines(stdout), ["10  a", "2  d/e", "2  d"]);
});

for (const option of ["-s", "-v"]) {
  Deno.test(`netdisk du ${option} counts nothing twice when it goes on`, async () => {
    for (let requests = 0; requests < 7; requests++) {
      using _retries = new RetryWaits();
      const disk = new FakeDisk(FILES);
      disk.pageEntries = 1;
      let left = requests;
      disk.before = () => left-- !== 0;
      const { stdout, error } = await run(disk, option);
      assertEquals(error, undefined);
      assertEquals(lines(stdout), option === "-s" ? ["2013  /"] : WHOLE);
    }
  });
}
