import { assertEquals, assertMatch } from "@std/assert";
import { command as stat } from "../../../client/commands/stat.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
import { sha256Of } from "../../helpers/test_client.ts";

const MTIME = Date.UTC(2026, 0, 31, 13, 5, 9, 7);
const FILES = {
  "a": { bytes: new TextEncoder().encode("x".repeat(2000)), mtime: MTIME },
  "b/c": "",
  "b/d": { executable: true },
};

function run(disk: FakeDisk, ...argv: string[]) {
  return play(stat, argv, (server) => disk.serve(server));
}

Deno.test("netdisk stat shows all of a file", async () => {
  const { stdout, error } = await run(new FakeDisk(FILES), "/a");
  assertEquals(error, undefined);
  const [name, kind, size, time, executable] = stdout.split("\n");
  assertEquals(name, "a");
  assertEquals(kind, "  kind:        file");
  assertEquals(size, "  size:        2 000 bytes (1.95 KiB)");
  const text = /^ {2}modified: {4}(\S+ \S+) ([+-]\d\d)(\d\d)$/.exec(time!)!;
  assertMatch(text[1]!, /:09\.007$/);
  const iso = `${text[1]!.replace(" ", "T")}${text[2]}:${text[3]}`;
  assertEquals(Date.parse(iso), MTIME);
  assertEquals(executable, "  executable:  no");
});

Deno.test("netdisk stat of folders, patterns and one's own folder", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout } = await run(disk, "/", "b/*");
  const kinds = stdout.split("\n").filter((line) => /^\S|exec/.test(line));
  assertEquals(kinds, [
    "/",
    "b/c",
    "  executable:  no",
    "b/d",
    "  executable:  yes",
  ]);
});

Deno.test("netdisk stat --checksum has the SHA-256 of files", async () => {
  const disk = new FakeDisk(FILES);
  const paths = ["b", "a", "none", "b/c", "/"];
  const { objects, error } = await run(disk, "--checksum", "--json", ...paths);
  assertEquals(error?.message, "1 of 5 paths could not be shown");
  assertEquals(
    objects().map(({ type, name, sha256 }) => [type, name, sha256]),
    [
      ["entry", "b", undefined],
      ["entry", "a", sha256Of("x".repeat(2000))],
      ["error", "none", undefined],
      ["entry", "b/c", sha256Of("")],
      ["entry", "", undefined],
    ],
  );
  const text = await run(disk, "--checksum", "b/c");
  assertEquals(
    text.stdout.split("\n").at(-2),
    `  sha256:      ${sha256Of("")}`,
  );
});

Deno.test("netdisk stat of one that is not there", async () => {
  const { error } = await run(new FakeDisk(FILES), "none");
  assertEquals(error?.code, "not-found");
  assertEquals(error?.message, "none: refused: not-found");
});

Deno.test("netdisk stat shows nothing twice when it goes on", async () => {
  const argv = ["--checksum", "a", "b", "none", "b/c", "b/d"];
  const { stdout: expected, stderr: errors } = await run(
    new FakeDisk(FILES),
    ...argv,
  );
  for (let requests = 0; requests < 8; requests++) {
    using _retries = new RetryWaits();
    const disk = new FakeDisk(FILES);
    let left = requests;
    disk.before = () => left-- !== 0;
    const { stdout, stderr } = await run(disk, ...argv);
    assertEquals(stdout, expected);
    assertEquals(stderr.includes(errors), true);
  }
});
