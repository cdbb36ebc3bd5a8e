import { assertEquals } from "@std/assert";
import { command as rm } from "../../../client/commands/rm.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const FILES = {
  "a.txt": "1",
  "b.txt": "2",
  "[a].txt": "3",
  "photos/x.jpg": "4",
  "photos/y.tmp": "5",
  "photos/old/z.tmp": "6",
};

function run(disk: FakeDisk, ...argv: string[]) {
  return play(rm, argv, (server) => disk.serve(server));
}

/** What is left of FILES. */
async function left(...argv: string[]): Promise<string[]> {
  const disk = new FakeDisk(FILES);
  const { stdout, stderr, error } = await run(disk, ...argv);
  assertEquals([stdout, stderr, error], ["", "", undefined]);
  return disk.paths();
}

Deno.test("netdisk rm removes files, silently", async () => {
  assertEquals(await left("/a.txt", "photos/x.jpg"), [
    "[a].txt",
    "b.txt",
    "photos/",
    "photos/old/",
    "photos/old/z.tmp",
    "photos/y.tmp",
  ]);
});

Deno.test("netdisk rm -r removes folders with all that is in them", async () => {
  assertEquals(await left("-r", "photos/", "a.txt"), ["[a].txt", "b.txt"]);
});

Deno.test("netdisk rm removes what a pattern matches", async () => {
  assertEquals(await left("**/*.tmp", "[b].txt"), [
    "[a].txt",
    "a.txt",
    "photos/",
    "photos/old/",
    "photos/x.jpg",
  ]);
  // The file of that name, not what it would match.
  assertEquals((await left("[a].txt")).includes("a.txt"), true);
});

Deno.test("netdisk rm -r removes nothing twice", async () => {
  const disk = new FakeDisk(FILES);
  const { error } = await run(disk, "-r", "**");
  assertEquals(error, undefined);
  assertEquals(disk.paths(), []);
  assertEquals(disk.count("remove"), 4);
});

Deno.test("netdisk rm -r '/*' empties all", async () => {
  assertEquals(await left("-r", "/*"), []);
});

Deno.test("netdisk rm -r '/{*,.*}' empties all, dot files included", async () => {
  const disk = new FakeDisk({ ...FILES, ".hidden/x": "1", ".y": "2" });
  const { error } = await run(disk, "-r", "/{*,.*}");
  assertEquals([error, disk.paths()], [undefined, []]);
});

Deno.test("netdisk rm never touches a folder without -r", async () => {
  const disk = new FakeDisk(FILES);
  const { error } = await run(disk, "photos");
  assertEquals(
    [error?.code, error?.message, error?.hint],
    ["is-folder", "photos: it is a folder", "netdisk rm -r photos"],
  );
  const many = await run(disk, "*");
  assertEquals(many.error?.message, "1 of 4 paths could not be removed");
  assertEquals(disk.paths().includes("photos/old/z.tmp"), true);
  assertEquals(disk.paths().includes("a.txt"), false);
});

for (const argv of [["-r", "/"], ["-r", "."], ["//", "a.txt"], ["-r", "./"]]) {
  Deno.test(`netdisk rm ${argv.join(" ")} is refused at once`, async () => {
    const { error, connections } = await run(new FakeDisk(FILES), ...argv);
    assertEquals([error?.code, connections], ["denied", 0]);
    assertEquals(error?.hint, "to empty it: netdisk rm -r '/{*,.*}'");
  });
}

Deno.test("netdisk rm says what is not there", async () => {
  const disk = new FakeDisk(FILES);
  const one = await run(disk, "none");
  assertEquals(one.error?.code, "not-found");
  assertEquals(one.error?.message, "none: refused: not-found");
  const pattern = await run(disk, "*.gif");
  assertEquals(pattern.error?.code, "not-found");
  assertEquals(pattern.error?.message, "*.gif: nothing matches");
  const { error, stderr, objects } = await run(
    disk,
    "--json",
    "*.gif",
    "a.txt",
    "none",
  );
  assertEquals(error?.message, "2 of 3 paths could not be removed");
  assertEquals(stderr.split("\n").length, 3);
  assertEquals(objects().map(({ type, name }) => [type, name]), [
    ["error", "*.gif"],
    ["removed", "a.txt"],
    ["error", "none"],
  ]);
});

Deno.test("netdisk rm -n only shows what would be removed", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout, error } = await run(disk, "-n", "-r", "photos", "*.txt");
  assertEquals(error, undefined);
  assertEquals(
    stdout,
    "would delete photos/\nwould delete [a].txt\nwould delete a.txt\nwould delete b.txt\n",
  );
  const { objects } = await run(disk, "-n", "--json", "a.txt");
  assertEquals(objects(), [
    { type: "plan", version: 1, action: "delete", kind: "file", name: "a.txt" },
  ]);
  const refused = await run(disk, "-n", "photos", "none");
  assertEquals(refused.error?.code, "partial");
  assertEquals(disk.paths().length, 8);
  assertEquals(disk.count("remove"), 0);
});

Deno.test("netdisk rm takes what is gone for removed when the answer was lost", async () => {
  using retries = new RetryWaits();
  const disk = new FakeDisk(FILES);
  let answers = 2;
  disk.after = ({ type }) => type !== "remove" || answers-- !== 0;
  const { error } = await run(disk, "-r", "a.txt", "photos", "b.txt");
  assertEquals(error, undefined);
  assertEquals(disk.paths(), ["[a].txt"]);
  assertEquals(retries.waits, [500]);
});

Deno.test("netdisk rm looks for a pattern once", async () => {
  using _retries = new RetryWaits();
  const disk = new FakeDisk(FILES);
  let answers = 0;
  disk.after = ({ type }) => type !== "remove" || answers++ !== 0;
  const { error } = await run(disk, "?.txt");
  assertEquals(error, undefined);
  assertEquals(disk.count("list"), 1);
});

Deno.test("netdisk rm does not take for removed what was never there", async () => {
  using _retries = new RetryWaits();
  const disk = new FakeDisk(FILES);
  let requests = 0;
  // The first answer is lost, and `none` was not sent before.
  disk.before = () => requests++ !== 1;
  const many = Array.from({ length: 500 }, (_, i) => `many/${i}`);
  for (const path of many) disk.set(path, path);
  const { error } = await run(disk, "a.txt", ...many, "none");
  assertEquals(error?.message, "1 of 502 paths could not be removed");
});

Deno.test("netdisk rm tells another failure of what it tries again", async () => {
  using _retries = new RetryWaits();
  const disk = new FakeDisk(FILES);
  disk.after = () => {
    if (disk.broken.size > 0) return true;
    disk.broken.set("a.txt", "denied");
    return false;
  };
  disk.set("a.txt", "again");
  const { error } = await run(disk, "a.txt");
  assertEquals(error?.code, "denied");
});
