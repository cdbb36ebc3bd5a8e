import { assertEquals } from "@std/assert";
import { command as mkdir } from "../../../client/commands/mkdir.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

function run(disk: FakeDisk, ...argv: string[]) {
  return play(mkdir, argv, (server) => disk.serve(server));
}

Deno.test("netdisk mkdir makes folders, silently", async () => {
  const disk = new FakeDisk({ "photos": null });
  const { stdout, stderr, error } = await run(disk, "/a/", "photos/2026");
  assertEquals([stdout, stderr, error], ["", "", undefined]);
  assertEquals(disk.paths(), ["a/", "photos/", "photos/2026/"]);
});

Deno.test("netdisk mkdir -p makes those above, and takes what is there", async () => {
  const disk = new FakeDisk({ "photos": null });
  const { error } = await run(disk, "-p", "photos/2026/may", "photos", "/");
  assertEquals(error, undefined);
  assertEquals(disk.paths(), ["photos/", "photos/2026/", "photos/2026/may/"]);
});

Deno.test("netdisk mkdir says what is in the way", async () => {
  const disk = new FakeDisk({ "file": "x", "folder": null });
  const cases: [string[], string, string, string?][] = [
    [
      ["/new/a b/"],
      "not-found",
      "/new/a b/: the folder above it does not exist",
      "netdisk mkdir -p '/new/a b/'",
    ],
    [["folder"], "exists", "folder: it exists already"],
    [["file"], "exists", "file: it exists already"],
    [
      ["-p", "file/a"],
      "not-folder",
      "file/a: it, or something above it, is a file",
    ],
    [["/"], "exists", "/: your own folder is there"],
    [["a/../b"], "bad-name", "a/../b: '..' is not allowed in a path"],
  ];
  for (const [argv, code, message, hint] of cases) {
    const { error } = await run(disk, ...argv);
    assertEquals([error?.code, error?.message, error?.hint], [
      code,
      message,
      hint,
    ]);
  }
});

Deno.test("netdisk mkdir of several goes on, with an error line for each", async () => {
  const disk = new FakeDisk({ "b": null });
  const { stderr, error, objects } = await run(disk, "--json", "a", "b", "c");
  assertEquals(error?.code, "partial");
  assertEquals(error?.message, "1 of 3 paths could not be made");
  assertEquals(stderr, "netdisk: error: b: it exists already\n");
  assertEquals(objects().map(({ type, name }) => [type, name]), [
    ["made", "a"],
    ["error", "b"],
    ["made", "c"],
  ]);
});

Deno.test("netdisk mkdir takes a folder for its own whose answer was lost", async () => {
  using retries = new RetryWaits();
  const disk = new FakeDisk();
  let isLost = false;
  disk.after = () => isLost || !(isLost = true);
  const { error } = await run(disk, "a", "b");
  assertEquals(error, undefined);
  assertEquals(disk.paths(), ["a/", "b/"]);
  assertEquals(retries.waits, [500]);
});

Deno.test("netdisk mkdir does not take a file for its own folder", async () => {
  using _retries = new RetryWaits();
  const disk = new FakeDisk();
  disk.before = () => disk.get("a") !== undefined;
  const { error } = await play(mkdir, ["a"], async (server, connection) => {
    if (connection === 2) disk.set("a", "of somebody else");
    await disk.serve(server);
  });
  assertEquals(error?.code, "exists");
});
