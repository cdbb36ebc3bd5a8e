import { assertEquals } from "@std/assert";
import { command as mv } from "../../../client/commands/mv.ts";
import { FakeDisk } from "../../helpers/fake_disk.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const FILES = {
  "a.txt": "1",
  "b.txt": "22",
  "photos/a.txt": "333",
  "photos/x/y": "4444",
  "empty": null,
};

function run(disk: FakeDisk, ...argv: string[]) {
  return play(mv, argv, (server) => disk.serve(server));
}

/** Files and their texts. */
function texts(disk: FakeDisk): Record<string, string> {
  return Object.fromEntries(
    disk.paths().filter((path) => !path.endsWith("/")).map((path) => [
      path,
      new TextDecoder().decode(disk.get(path)!.bytes),
    ]),
  );
}

const ALL = texts(new FakeDisk(FILES));

const MOVES: [argv: string, after: Record<string, string | undefined>][] = [
  ["a.txt new.txt", { "a.txt": undefined, "new.txt": "1" }],
  ["a.txt b.txt", { "a.txt": undefined, "b.txt": "1" }],
  ["/a.txt ./photos/new", { "a.txt": undefined, "photos/new": "1" }],
  ["b.txt photos", { "b.txt": undefined, "photos/b.txt": "22" }],
  ["a.txt photos/", { "a.txt": undefined, "photos/a.txt": "1" }],
  ["photos/a.txt /", { "photos/a.txt": undefined, "a.txt": "333" }],
  [
    "photos empty",
    {
      "photos/a.txt": undefined,
      "photos/x/y": undefined,
      "empty/photos/a.txt": "333",
      "empty/photos/x/y": "4444",
    },
  ],
  ["photos/x new", { "photos/x/y": undefined, "new/y": "4444" }],
  ["photos/x new/", { "photos/x/y": undefined, "new/y": "4444" }],
  [
    "a.txt b.txt empty",
    {
      "a.txt": undefined,
      "b.txt": undefined,
      "empty/a.txt": "1",
      "empty/b.txt": "22",
    },
  ],
  [
    "?.txt photos/x empty/",
    {
      "a.txt": undefined,
      "b.txt": undefined,
      "photos/x/y": undefined,
      "empty/a.txt": "1",
      "empty/b.txt": "22",
      "empty/x/y": "4444",
    },
  ],
  ["--no-clobber a.txt b.txt", {}],
  ["--no-clobber a.txt photos", {}],
  ["--no-clobber a.txt new", { "a.txt": undefined, "new": "1" }],
];

for (const [argv, after] of MOVES) {
  Deno.test(`netdisk mv ${argv}`, async () => {
    const disk = new FakeDisk(FILES);
    const { stdout, stderr, error } = await run(disk, ...argv.split(" "));
    assertEquals([stdout, stderr, error], ["", "", undefined]);
    const expected = Object.entries({ ...ALL, ...after })
      .filter(([, text]) => text !== undefined);
    assertEquals(texts(disk), Object.fromEntries(expected));
  });
}

const FAULTS: [argv: string, code: string, message: string, hint?: string][] = [
  ["none b.txt", "not-found", "none: refused: not-found"],
  ["a.txt new/", "not-found", "new/: no such folder", "netdisk mkdir -p new/"],
  [
    "a.txt b.txt new",
    "not-found",
    "new: no such folder",
    "netdisk mkdir -p new",
  ],
  ["a.txt photos b.txt", "not-folder", "b.txt: it is not a folder"],
  ["a.txt b.txt/", "not-folder", "b.txt/: it is not a folder"],
  [
    "a.txt new/x",
    "not-found",
    "a.txt: it, or the folder above new/x, does not exist",
    "netdisk mkdir -p new",
  ],
  [
    "photos b.txt",
    "not-folder",
    "photos: b.txt, or something above it, is a file",
  ],
  ["photos photos", "exists", "photos: it has that name already"],
  ["none new/", "not-found", "none: refused: not-found"],
  ["photos photos/x", "denied", "photos: a folder cannot be moved into itself"],
  ["photos photos/z", "denied", "photos: a folder cannot be moved into itself"],
  ["a.txt a.txt", "exists", "a.txt: it has that name already"],
  ["a.txt /", "exists", "a.txt: it has that name already"],
  ["/ photos", "denied", "/: your own folder stays here"],
  ["*.gif photos", "not-found", "*.gif: nothing matches"],
  ["a.txt", "usage", "mv: TARGET is missing"],
  ["a.txt ..", "bad-name", "..: '..' is not allowed in a path"],
];

for (const [argv, code, message, hint] of FAULTS) {
  Deno.test(`netdisk mv ${argv} is refused`, async () => {
    const disk = new FakeDisk(FILES);
    let error;
    try {
      ({ error } = await run(disk, ...argv.split(" ")));
    } catch (thrown) {
      error = thrown as { code: string; message: string; hint: string };
    }
    assertEquals([error?.code, error?.message], [code, message]);
    if (hint !== undefined) assertEquals(error?.hint, hint);
    assertEquals(texts(disk), ALL);
  });
}

Deno.test("netdisk mv of a folder onto one that is not empty", async () => {
  const disk = new FakeDisk({ ...FILES, "to/x/old": "" });
  const { error } = await run(disk, "photos/x", "to");
  assertEquals(
    error?.message,
    "photos/x: to/x is a folder that is not empty",
  );
});

Deno.test("netdisk mv of a file onto a folder in the folder", async () => {
  const disk = new FakeDisk({ ...FILES, "empty/a.txt/old": "" });
  const { error } = await run(disk, "a.txt", "empty");
  assertEquals(error?.code, "is-folder");
});

Deno.test("netdisk mv of several goes on, and tells all", async () => {
  const disk = new FakeDisk(FILES);
  const { error, stderr, objects } = await run(
    disk,
    "--json",
    "a.txt",
    "none",
    "photos/a.txt",
    "b.txt",
    "empty",
  );
  assertEquals(error?.message, "2 of 4 paths could not be moved");
  assertEquals(stderr.split("\n").length, 4);
  assertEquals(
    objects().map(({ type, name, to }) => [type, name, to]),
    [
      ["error", "none", undefined],
      ["error", "photos/a.txt", undefined],
      ["moved", "a.txt", "empty/a.txt"],
      ["moved", "b.txt", "empty/b.txt"],
    ],
  );
});

Deno.test("netdisk mv -n only shows", async () => {
  const disk = new FakeDisk(FILES);
  const { stdout, error } = await run(
    disk,
    "-n",
    "photos",
    "a.txt",
    "empty",
  );
  assertEquals(error, undefined);
  assertEquals(
    stdout,
    "would move photos/ to empty/photos/\nwould move a.txt to empty/a.txt\n",
  );
  assertEquals(texts(disk), ALL);
});

Deno.test("netdisk mv --no-clobber tells what it left alone", async () => {
  const disk = new FakeDisk(FILES);
  const { stderr } = await run(disk, "--no-clobber", "-v", "a.txt", "b.txt");
  assertEquals(stderr, "netdisk: a.txt: b.txt is there already, not moved\n");
  const { objects } = await run(
    disk,
    "--no-clobber",
    "--json",
    "a.txt",
    "b.txt",
  );
  assertEquals(objects().map(({ type }) => type), ["skipped"]);
});

for (const argv of ["a.txt b.txt", "photos empty", "photos new"]) {
  Deno.test(`netdisk mv ${argv}, whose answer is lost`, async () => {
    using retries = new RetryWaits();
    const disk = new FakeDisk(FILES);
    const whole = new FakeDisk(FILES);
    await run(whole, ...argv.split(" "));
    let moves = 0;
    disk.after = ({ type }) => type !== "move" || moves++ > 0;
    const { error } = await run(disk, ...argv.split(" "));
    assertEquals(error, undefined);
    assertEquals(texts(disk), texts(whole));
    assertEquals([retries.waits, disk.count("move")], [[500], 1]);
  });

  Deno.test(`netdisk mv ${argv}, whose request is lost`, async () => {
    using _retries = new RetryWaits();
    const disk = new FakeDisk(FILES);
    const whole = new FakeDisk(FILES);
    await run(whole, ...argv.split(" "));
    let moves = 0;
    disk.before = ({ type }) => type !== "move" || moves++ > 0;
    const { error } = await run(disk, ...argv.split(" "));
    assertEquals(error, undefined);
    assertEquals(texts(disk), texts(whole));
    assertEquals(disk.count("move"), 2);
  });
}

Deno.test("netdisk mv does not move what somebody put in the place of the source", async () => {
  using _retries = new RetryWaits();
  const disk = new FakeDisk(FILES);
  let moves = 0;
  disk.after = ({ type }) => {
    if (type !== "move" || moves++ > 0) return true;
    disk.set("a.txt", "another one");
    return false;
  };
  const { error } = await run(disk, "a.txt", "b.txt");
  assertEquals(error, undefined);
  assertEquals(texts(disk), { ...ALL, "a.txt": "another one", "b.txt": "1" });
});

Deno.test("netdisk mv does not take another file at the target for its own", async () => {
  using _retries = new RetryWaits();
  const disk = new FakeDisk(FILES);
  const gone = new FakeDisk({ "b.txt": "22" });
  const { error } = await play(mv, ["a.txt", "b.txt"], (server, connection) => {
    disk.before = ({ type }) => type !== "move";
    return (connection === 1 ? disk : gone).serve(server);
  });
  assertEquals(error?.code, "not-found");
});
