import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { command as get } from "../../../client/commands/get.ts";
import { partialPath } from "../../../client/partial_file.ts";
import { DiskRecorder } from "../../helpers/faults.ts";
import type { FakeServer } from "../../helpers/fake_server.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
import { sha256Of } from "../../helpers/test_client.ts";
import { below, MTIME, PHOTOS, Place, type Texts } from "../folders.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** Arguments, what is here, and what comes. */
const PLACES: [string[], Texts, Texts][] = [
  [["photos"], {}, { "photos/": null, ...below("photos/") }],
  [["photos/"], {}, below("")],
  [["/"], {}, { "photos/": null, ...below("photos/") }],
  [["photos", "--to", "pics"], {}, { "pics/": null, ...below("pics/") }],
  [["photos/", "--to", "pics"], {}, { "pics/": null, ...below("pics/") }],
  [
    ["photos", "--to", "pics"],
    { pics: null },
    { "pics/": null, "pics/photos/": null, ...below("pics/photos/") },
  ],
  [["photos/", "--to", "pics/"], { pics: null }, {
    "pics/": null,
    ...below("pics/"),
  }],
  [["photos", "--to", "pics/"], {}, {
    "pics/": null,
    "pics/photos/": null,
    ...below("pics/photos/"),
  }],
  [["photos/", "--to", "pics/"], {}, { "pics/": null, ...below("pics/") }],
  [["photos/a.jpg", "--to", "pics/"], {}, {
    "pics/": null,
    "pics/a.jpg": "1",
  }],
  [["photos/sub", "photos/a.jpg"], {}, {
    "a.jpg": "1",
    "sub/": null,
    "sub/b.txt": "22",
    "sub/deep/": null,
    "sub/deep/c": "",
  }],
  [["photos/a.jpg", "--to", "b.jpg"], {}, { "b.jpg": "1" }],
  [["photos/s*"], {}, {
    "sub/": null,
    "sub/b.txt": "22",
    "sub/deep/": null,
    "sub/deep/c": "",
  }],
];

for (const [argv, here, expected] of PLACES) {
  const kind = Object.keys(here).length > 0 ? ", which is a folder" : "";
  Deno.test(`netdisk get -r ${argv.join(" ")}${kind}`, strict, async () => {
    using place = new Place(here, PHOTOS);
    const { error, stderr } = await place.run(get, "-r", ...argv);
    assertEquals(error, undefined);
    assertMatch(stderr, /^(netdisk: [23] files downloaded\n)?$/);
    assertEquals(place.here(), expected);
  });
}

Deno.test(
  "netdisk get -r keeps times, those of folders included, and the executable bit",
  strict,
  async () => {
    using place = new Place({}, PHOTOS);
    const times: Record<string, number> = {};
    for (const [index, name] of ["sub/deep", "sub", "empty", ""].entries()) {
      const path = `photos/${name}`.replace(/\/$/, "");
      times[path] = MTIME - index * 1000;
      place.put(path, null, times[path]);
    }
    place.disk.get("photos/a.jpg")!.executable = true;
    await place.run(get, "-r", "photos");
    for (const [path, time] of Object.entries(times)) {
      assertEquals(Deno.statSync(path).mtime?.getTime(), time, path);
    }
    const { mtime, mode } = Deno.statSync("photos/a.jpg");
    assertEquals([mtime?.getTime(), mode! & 0o100], [MTIME, 0o100]);
    assertEquals(Deno.statSync("photos/sub/b.txt").mode! & 0o111, 0);
  },
);

Deno.test("netdisk get -r takes times before 1970", strict, async () => {
  using place = new Place({}, { "d/a": "1" });
  place.put("d", null, -1500);
  const { error } = await place.run(get, "-r", "d");
  assertEquals(error, undefined);
  // Deno sets whole seconds only then, and reads them without their sign.
  const seconds = Number(Deno.statSync("d").mtime) / 1000;
  assertEquals(Math.abs(seconds), 2);
});

Deno.test(
  "netdisk get -rn shows the folders that it would make",
  strict,
  async () => {
    using place = new Place({ "pics": null, "pics/sub": null }, PHOTOS);
    const dry = await place.run(get, "-rn", "photos/", "--to", "pics");
    assertEquals(
      dry.stdout.split("\n").filter((line) => line.startsWith("would mkdir"))
        .toSorted(),
      ["would mkdir pics/empty/", "would mkdir pics/sub/deep/"],
    );
    assertEquals(place.here(), { "pics/": null, "pics/sub/": null });
    const named = await place.run(get, "-rn", "photos", "--to", "new/");
    assertMatch(named.stdout, /^would mkdir new\/photos\/$/m);
  },
);

Deno.test(
  "netdisk get -r tries nothing more on a full disk",
  strict,
  async () => {
    const many = Object.fromEntries(
      Array.from({ length: 9 }, (_, i) => [`many/${i}`, "content"]),
    );
    using place = new Place({}, many);
    using disk = new DiskRecorder(Deno.cwd());
    disk.fail(/^rename TEMP many/, "ENOSPC", 5);
    const { error, stderr } = await place.run(get, "-r", "many");
    assertEquals(
      [error?.code, error?.message],
      ["disk-full", "the disk of this machine is full, the rest was not tried"],
    );
    assertMatch(error!.hint!, /netdisk get -r --update many/);
    assertEquals(stderr.match(/ENOSPC/g)?.length, 3);
    assertEquals(place.here(), { "many/": null });
  },
);

Deno.test("netdisk get of a folder says how", strict, async () => {
  using place = new Place({}, { "my photos/a": "1", b: "2" });
  for (const name of ["my photos", "my*"]) {
    const { error } = await place.run(get, name);
    assertEquals(
      [error?.code, error?.message, error?.hint],
      [
        "is-folder",
        "my photos: it is a folder",
        "netdisk get -r 'my photos'",
      ],
    );
    const there = await place.run(get, name, "--to", "new place");
    assertEquals(
      there.error?.hint,
      "netdisk get -r 'my photos' --to 'new place'",
    );
  }
  const piped = await place.run(get, "my photos", "--to", "-");
  assertEquals(piped.error?.hint, "netdisk get -r 'my photos'");
  const both = await place.run(get, "my photos", "b");
  assertEquals(both.error?.message, "1 of 2 files was not downloaded");
  assertEquals(place.here(), { b: "2" });
});

Deno.test(
  "netdisk get of a pattern puts each match beside the others",
  strict,
  async () => {
    using place = new Place({}, {
      "p/a.jpg": "1",
      "p/b.jpg": "2",
      "p/c.png": "3",
      "p/q/d.jpg": "4",
      "q/a.jpg": "5",
      "p/*": "6",
    });
    await place.run(get, "p/*.jpg");
    assertEquals(place.here(), { "a.jpg": "1", "b.jpg": "2" });
    await place.run(get, "p/**/d*");
    assertEquals(place.here()["q/d.jpg"], "4");
    await place.run(get, "p/\\*");
    assertEquals(place.here()["*"], "6");
    Deno.removeSync("a.jpg");
    const { error, stderr } = await place.run(get, "?/a.jpg");
    assertEquals(error?.message, "1 of 2 files was not downloaded");
    assertEquals(
      stderr,
      "netdisk: error: q/a.jpg: p/a.jpg gets the same name\n" +
        "netdisk: hint: netdisk get q/a.jpg --to NAME\n",
    );
    assertEquals(place.here()["a.jpg"], "1");
    const none = await place.run(get, "x*");
    assertEquals(
      [none.error?.code, none.error?.message],
      ["not-found", "x*: nothing matches"],
    );
  },
);

const TREE: Texts = {
  "c/a/x.jpg": "1",
  "c/b/x.jpg": "2",
  "c/x.jpg": "3",
  "c/a/deep/y.jpg": "4",
  "c/b/x.png": "5",
};

/** Patterns with `**`, options, and what comes of TREE. */
const DEEP: [string[], Texts][] = [
  [["c/**/*.jpg"], {
    "a/": null,
    "a/deep/": null,
    "a/deep/y.jpg": "4",
    "a/x.jpg": "1",
    "b/": null,
    "b/x.jpg": "2",
    "x.jpg": "3",
  }],
  [["c/a/**"], { "deep/": null, "deep/y.jpg": "4", "x.jpg": "1" }],
  [["**/*.png"], { "c/": null, "c/b/": null, "c/b/x.png": "5" }],
  [["c/**/*.png", "--to", "one.png"], { "one.png": "5" }],
  [["c/**/d*", "-r"], {
    "a/": null,
    "a/deep/": null,
    "a/deep/y.jpg": "4",
  }],
];

for (const [argv, expected] of DEEP) {
  Deno.test(
    `netdisk get ${argv.join(" ")} keeps the paths`,
    strict,
    async () => {
      using place = new Place({}, TREE);
      const dry = await place.run(get, ...argv, "-n");
      assertEquals([dry.error, place.here()], [undefined, {}]);
      const { error, stderr } = await place.run(get, ...argv);
      assertEquals(error, undefined);
      assertMatch(stderr, /^(netdisk: \d files downloaded\n)?$/);
      assertEquals(place.here(), expected);
    },
  );
}

Deno.test(
  "netdisk get of ** tells of what is in the way, and follows no link",
  strict,
  async () => {
    using place = new Place({ b: "a file", outside: null }, TREE);
    Deno.symlinkSync("outside", "a");
    const { error, stderr } = await place.run(get, "c/**/x.*");
    assertEquals(error?.message, "3 of 4 files were not downloaded");
    assertMatch(stderr, /c\/a\/x\.jpg: a: a link is in the way of a folder/);
    assertMatch(stderr, /c\/b\/x\.jpg: b: a file is in the way of a folder/);
    assertEquals(place.here(), {
      b: "a file",
      "outside/": null,
      "x.jpg": "3",
    });
    const folders = await place.run(get, "c/**/d*");
    assertEquals(
      [folders.error?.code, folders.error?.message, folders.error?.hint],
      [
        "is-folder",
        "c/**/d*: only folders match",
        "netdisk get -r 'c/**/d*'",
      ],
    );
  },
);

Deno.test(
  "netdisk get -r writes into no pipe, be it behind a link",
  strict,
  async () => {
    using place = new Place({ src: null }, { "src/f": "1", "src/g": "2" });
    await new Deno.Command("mkfifo", { args: ["outside", "src/g"] }).output();
    Deno.symlinkSync("../outside", "src/f");
    const { error, stderr } = await place.run(get, "-r", "src");
    assertEquals(error?.message, "1 of 2 files was not downloaded");
    assertEquals(
      stderr,
      "netdisk: error: src/g: it is a device or pipe\nnetdisk: hint: netdisk get src/g --to NAME\n",
    );
    assertEquals(place.here(), { "src/": null, "src/f": "1" });
    assertEquals(Deno.lstatSync("src/g").isFifo, true);
  },
);

Deno.test(
  "netdisk get -r leaves what an interrupted sync has left, and tells it",
  strict,
  async () => {
    const id = ".netdisk-01234567-89ab-cdef-0123-456789abcdef";
    using place = new Place({}, {
      "d/a": "1",
      [`d/${id}`]: "x",
      [`d/sub/${id}/y`]: "x",
    });
    const { error, stderr } = await place.run(get, "-r", "d");
    assertEquals(error, undefined);
    const why = "an interrupted sync has left it, skipped";
    assertEquals(
      stderr,
      `netdisk: d/${id}: ${why}\nnetdisk: d/sub/${id}: ${why}\n` +
        "netdisk: 1 file downloaded, 2 skipped\n",
    );
    assertEquals(place.here(), { "d/": null, "d/a": "1", "d/sub/": null });
    // By its name it can be had, and looked at.
    await place.run(get, "-r", `d/sub/${id}`, "--to", "kept");
    assertEquals(place.here()["kept/y"], "x");
  },
);

/** What a server may say of names, and where that would lead. */
const ESCAPES = ["..", ".", "a\nb", "x".repeat(256)];

Deno.test(
  "netdisk get -r writes nowhere but below its target, whatever names come",
  strict,
  async () => {
    using place = new Place({ "target": null });
    const entry = { size: 1, mtime: null, executable: false };
    const files = ESCAPES.map((name) => ({ name, kind: "file", ...entry }));
    const folders = ESCAPES.map((name) => ({ name, kind: "folder", ...entry }));
    const { error, stderr } = await play(
      get,
      ["-r", "d", "--to", "target"],
      async (server: FakeServer) => {
        await server.request("stat");
        await server.sayJson({
          type: "entry",
          entry: { name: "d", kind: "folder", ...entry },
        });
        await server.request("list");
        const fine = { name: "fine", kind: "file", ...entry };
        await server.sayJson({
          type: "entries",
          entries: [...files, ...folders, fine],
          more: false,
        });
        assertEquals((await server.request("get")).path, "d/fine");
        await server.sayFile(new TextEncoder().encode("1"));
        await server.left();
      },
    );
    assertEquals(error?.code, "partial");
    // Each name once, though it is that of a file and of a folder.
    assertEquals(error?.message, "4 of 5 files were not downloaded");
    assertMatch(stderr, /error: d\/\.\.: '\.\.' is not allowed in a path/);
    assertEquals(place.here(), {
      "target/": null,
      "target/d/": null,
      "target/d/fine": "1",
    });
  },
);

Deno.test(
  "netdisk get -r follows no link in its target, and fetches the rest",
  strict,
  async () => {
    using place = new Place({ "outside": null, "photos": null }, PHOTOS);
    Deno.symlinkSync("../outside", "photos/sub");
    const { error, stderr } = await place.run(get, "-r", "photos");
    assertEquals(error?.message, "1 of 2 files was not downloaded");
    assertEquals(
      stderr,
      "netdisk: error: photos/sub: a link is in the way of a folder, and is not followed\n" +
        "netdisk: hint: rm photos/sub\n",
    );
    assertEquals(place.here(), {
      "outside/": null,
      "photos/": null,
      "photos/a.jpg": "1",
      "photos/empty/": null,
    });
    Deno.removeSync("photos", { recursive: true });
    Deno.symlinkSync("outside", "photos");
    const top = await place.run(get, "-r", "photos");
    assertEquals(top.error?.code, "not-folder");
    assertEquals(place.here(), { "outside/": null });
  },
);

Deno.test(
  "netdisk get -r --to may be a link to a folder",
  strict,
  async () => {
    using place = new Place({ "outside": null }, { "d/a": "1" });
    Deno.symlinkSync("outside", "link");
    await place.run(get, "-r", "d/", "--to", "link");
    await place.run(get, "-r", "d", "--to", "link/");
    assertEquals(place.here(), {
      "outside/": null,
      "outside/a": "1",
      "outside/d/": null,
      "outside/d/a": "1",
    });
  },
);

/** Arguments of which nothing can come, and what is said. */
const UNFIT: [string[], string, string, string?][] = [
  [
    ["photos", "--to", "here"],
    "not-folder",
    "here: a file is in the way of a folder",
    "rm here",
  ],
  [
    ["photos/a.jpg", "--to", "here/x"],
    "not-folder",
    "here/x: a part of the path is not a folder",
  ],
  [
    ["photos", "--to", "here/x"],
    "not-folder",
    "here/x: a part of the path is not a folder",
  ],
  [
    ["photos", "--to", "z z/zz"],
    "not-found",
    "z z: no such folder",
    "mkdir -p 'z z'",
  ],
  [
    ["photos", "--to", "zz/zz/"],
    "not-found",
    "zz: no such folder",
    "mkdir -p zz",
  ],
  [
    ["photos", "photos/sub", "--to", "new"],
    "usage",
    "get: --to new is not a folder, and there are several sources; for a new folder write new/",
    "netdisk help get",
  ],
];

for (const [argv, code, message, hint] of UNFIT) {
  Deno.test(
    `netdisk get -r ${argv.join(" ")} fails as a whole, with -n as well`,
    strict,
    async () => {
      using place = new Place({ here: "a file" }, PHOTOS);
      for (const options of [[], ["-n"]]) {
        const { error, stderr } = await place.run(
          get,
          "-r",
          ...argv,
          ...options,
        );
        assertEquals(
          [error?.code, error?.message, error?.hint, stderr],
          [code, message, hint, ""],
        );
        assertEquals(place.here(), { here: "a file" });
      }
    },
  );
}

Deno.test(
  "netdisk get -r of a folder that cannot be listed fails as a whole",
  strict,
  async () => {
    using place = new Place({}, PHOTOS);
    place.disk.broken.set("photos", "io");
    const { error, stderr } = await place.run(get, "-r", "photos");
    assertEquals([error?.code, stderr], ["io", ""]);
    place.disk.broken.delete("photos");
    place.disk.broken.set("photos/a.jpg", "io");
    place.disk.broken.set("photos/sub", "io");
    const some = await place.run(get, "-r", "photos/a.jpg", "photos/sub");
    assertEquals(some.error?.message, "2 of 2 files were not downloaded");
  },
);

Deno.test(
  "netdisk get -r tells of files and folders that are in each other's way",
  strict,
  async () => {
    using place = new Place(
      { "d/sub": "a file", "d/a": null },
      { "d/sub/x": "1", "d/a": "2", "d/b": "3" },
    );
    const { error, stderr } = await place.run(get, "-r", "d");
    assertEquals(error?.message, "2 of 3 files were not downloaded");
    assertEquals(stderr.split("\n").sort(), [
      "",
      "netdisk: error: d/a: it is a folder",
      "netdisk: error: d/sub: a file is in the way of a folder",
      "netdisk: hint: rm d/sub",
    ]);
    assertEquals(place.here(), {
      "d/": null,
      "d/a/": null,
      "d/b": "3",
      "d/sub": "a file",
    });
  },
);

Deno.test(
  "netdisk get -r goes on when something cannot be listed or read",
  strict,
  async () => {
    using place = new Place({}, PHOTOS);
    place.disk.set("photos/link", { kind: "other" });
    place.disk.broken.set("photos/sub", "io");
    place.disk.broken.set("photos/a.jpg", "io");
    const { error, stderr } = await place.run(get, "-r", "photos");
    assertEquals(stderr.split("\n"), [
      "netdisk: photos/link: it is neither file nor folder, skipped",
      "netdisk: error: photos/sub: refused: io",
      "netdisk: error: photos/a.jpg: refused: io",
      "",
    ]);
    assertEquals(error?.message, "2 of 3 files were not downloaded, 1 skipped");
  },
);

Deno.test(
  "netdisk get -r of a name that is too long here offers another",
  strict,
  async () => {
    const name = "n".repeat(255);
    const path = Array(15).fill(name).join("/");
    const to = Array(2).fill(name).join("/");
    using place = new Place({ [to]: null }, { [`${path}/a`]: "1", b: "2" });
    const { error, stderr } = await place.run(get, "-r", "/", "--to", to);
    assertEquals(error?.code, "partial");
    assertMatch(stderr, /: File name too long\nnetdisk: hint: netdisk get /);
    assertEquals(Deno.readTextFileSync(`${to}/b`), "2");
  },
);

Deno.test(
  "netdisk get -r --exclude leaves out what .gitignore would",
  strict,
  async () => {
    using place = new Place({}, {
      "d/a.tmp": "1",
      "d/keep.tmp": "2",
      "d/build/x": "3",
      "d/sub/build/y": "4",
    });
    const patterns = ["*.tmp", "!keep.tmp", "/build"];
    const options = patterns.flatMap((pattern) => ["--exclude", pattern]);
    await place.run(get, "-r", "d", ...options);
    assertEquals(place.here(), {
      "d/": null,
      "d/keep.tmp": "2",
      "d/sub/": null,
      "d/sub/build/": null,
      "d/sub/build/y": "4",
    });
    const listed = place.disk.requests.flatMap((request) =>
      request.type === "list" ? [request.path] : []
    );
    assertEquals(listed.includes("d/build"), false);
  },
);

Deno.test(
  "netdisk get --update fetches what is new, or has another size or time",
  strict,
  async () => {
    using place = new Place({}, PHOTOS);
    await place.run(get, "-r", "photos");
    const again = await place.run(get, "-r", "photos", "-u");
    assertEquals(again.stderr, "netdisk: 0 files downloaded, 3 skipped\n");
    assertEquals(place.disk.count("get"), 3);
    place.put("photos/a.jpg", "2");
    place.put("photos/sub/b.txt", "333");
    place.put("photos/sub/deep/c", "", MTIME + 1);
    place.put("photos/new", "x");
    await place.run(get, "-r", "photos", "--update");
    assertEquals(place.here()["photos/a.jpg"], "1", "looks the same");
    assertEquals(place.here()["photos/sub/b.txt"], "333");
    assertEquals(place.disk.count("get"), 6);
    const checked = await place.run(get, "-r", "photos", "--checksum");
    assertEquals(checked.stderr, "netdisk: 1 file downloaded, 3 skipped\n");
    assertEquals(place.here()["photos/a.jpg"], "2");
    const named = await place.run(get, "photos/new", "--update");
    assertEquals(named.stderr, "");
    const renamed = await place.run(get, "photos/new", "--update");
    assertEquals(renamed.stderr, "netdisk: 0 files downloaded, 1 skipped\n");
  },
);

Deno.test(
  "netdisk get --no-clobber replaces nothing, not even what comes meanwhile",
  strict,
  async () => {
    using place = new Place({ "d/a": "old" }, { "d/a": "1", "d/b": "2" });
    place.disk.before = ({ type }) => {
      if (type === "get") place.write("d/b", "came meanwhile");
      return true;
    };
    for (const argv of [["-r", "d"], ["d/a", "d/b", "--to", "d"]]) {
      const { error, objects } = await place.run(
        get,
        ...[...argv, "--no-clobber", "--json"],
      );
      assertEquals(error, undefined);
      assertEquals(
        objects().map(({ type, name }) => [type, name]),
        [["skipped", "d/a"], ["skipped", "d/b"]],
      );
      assertEquals(place.here(), {
        "d/": null,
        "d/a": "old",
        "d/b": "came meanwhile",
      });
      Deno.removeSync("d/b");
    }
  },
);

for (const option of [[], ["--update"], ["--no-clobber"], ["--checksum"]]) {
  Deno.test(
    `netdisk get -n ${option} changes nothing`,
    strict,
    async () => {
      using place = new Place({ "photos/a.jpg": "1" }, PHOTOS);
      const argv = ["-r", "photos", "-n", ...option];
      const { stdout } = await place.run(get, ...argv);
      assertEquals(place.here(), { "photos/": null, "photos/a.jpg": "1" });
      assertEquals(place.disk.count("get"), 0);
      const lines = stdout.split("\n");
      const first = option.length === 0
        ? "would download photos/a.jpg"
        : `would skip photos/a.jpg: it is there `;
      assertEquals(lines.filter((line) => line.startsWith(first)).length, 1);
      // Three files, three folders and the end of the last line.
      assertEquals(lines.length, 7, stdout);
    },
  );
}

/** Command lines that make no sense. */
const USAGE: [string[], string][] = [
  [
    ["a", "-u", "--checksum"],
    "get: --update and --checksum exclude each other",
  ],
  [["a", "--exclude", "x"], "get: --exclude is for folders, and needs -r"],
  [["a/**", "--exclude", "x"], "get: --exclude is for folders, and needs -r"],
  [["a", "--to", "-", "-r"], "get: - and -r exclude each other"],
  [
    ["a", "--to", "-", "--no-clobber"],
    "get: - and --no-clobber exclude each other",
  ],
  [["a*", "--to", "-"], "get: patterns and --to - exclude each other"],
];

for (const [argv, message] of USAGE) {
  Deno.test(`netdisk get ${argv.join(" ")} is refused`, strict, async () => {
    using place = new Place({});
    const { error, connections } = await place.run(get, ...argv);
    assertEquals([error?.code, error?.message], ["usage", message]);
    assertEquals(connections, 0);
  });
}

for (const options of [[], ["--update"], ["--checksum"]]) {
  Deno.test(
    `netdisk get -r ${options} goes on over another connection and tells each file once`,
    strict,
    async () => {
      const files: Texts = {};
      for (let i = 0; i < 40; i++) files[`d/${i % 4}/f${i}`] = `${i}`;
      using place = new Place({}, files);
      using _waits = new RetryWaits();
      let requests = 0;
      // In the middle of the listing, and of the files.
      const isLost = () => [3, 8, 30].includes(++requests);
      place.disk.before = () => !isLost();
      const { error, connections, objects } = await place.run(
        get,
        ...["-r", "d", "--json", ...options],
      );
      assertEquals(error, undefined);
      assertEquals(connections, 4);
      for (const [path, text] of Object.entries(files)) {
        assertEquals(place.here()[path], text);
      }
      const names = objects().filter(({ type }) => type !== "made")
        .map(({ name }) => name as string);
      assertEquals(names.sort(), Object.keys(files).sort());
    },
  );
}

Deno.test(
  "netdisk get -r goes on with what an earlier one has left of a file",
  strict,
  async () => {
    const text = "x".repeat(2 * 1024 * 1024);
    using place = new Place({ d: null }, { "d/big": text });
    const here = text.slice(0, 1_500_000);
    Deno.writeTextFileSync(partialPath(join("d", "big")), here);
    const prefixes: unknown[] = [];
    place.disk.before = (request) => {
      if (request.type === "get") prefixes.push(request.prefix);
      return true;
    };
    await place.run(get, "-r", "d");
    assertEquals(prefixes, [{ size: here.length, sha256: sha256Of(here) }]);
    assertEquals(place.here(), { "d/": null, "d/big": text });
  },
);

Deno.test(
  "netdisk get -r to a new name goes on with the command of its hint",
  strict,
  async () => {
    for (const name of ["photos", "ph*"]) {
      using place = new Place({}, PHOTOS);
      let gets = 0;
      place.disk.before = ({ type }) => type !== "get" || ++gets !== 2;
      const argv = ["-r", name, "--to", "pics", "--retries", "0"];
      const { error } = await place.run(get, ...argv);
      assertEquals(
        error?.hint,
        "to go on where this one stopped: netdisk get -r --update photos/ --to pics --plain",
      );
      await place.run(get, "-r", "--update", "photos/", "--to", "pics");
      assertEquals(place.here(), { "pics/": null, ...below("pics/") });
    }
  },
);

for (const to of ["all/", "./all", "."]) {
  Deno.test(`netdisk get -r --to ${to} refuses the second file of a name`, async () => {
    using place = new Place({ all: null }, {
      "a/f": "1",
      "a/b/g": "2",
      "b/f": "3",
      "b/g": "4",
      "b/h": "5",
      "c/x/f": "6",
    });
    const { error, stderr } = await place.run(
      get,
      ...["-r", "a/", "b/", "b", "c/", "--to", to],
    );
    const lines = stderr.split("\n").filter((line) => line.includes("error"));
    assertEquals(lines, [
      "netdisk: error: b/f: a/f gets the same name",
      "netdisk: error: b/g: a/b/g gets the same name",
    ]);
    assertEquals(error?.code, "partial");
    const all = place.here(to === "." ? "" : "all/");
    const files = Object.entries(all).filter(([, text]) => text !== null);
    const base = to === "." ? "" : "all/";
    assertEquals(Object.fromEntries(files), {
      [`${base}b/f`]: "3",
      [`${base}b/g`]: "2",
      [`${base}b/h`]: "5",
      [`${base}f`]: "1",
      [`${base}g`]: "4",
      [`${base}h`]: "5",
      [`${base}x/f`]: "6",
    });
  });
}

Deno.test("netdisk get takes a file that two patterns match once", async () => {
  using place = new Place({ o: null }, { "g/a.jpg": "1", "g/b.jpg": "2" });
  const { error, stderr } = await place.run(
    get,
    ...["g/*.jpg", "g/**/a.jpg", "--to", "o"],
  );
  assertEquals([error, stderr], [
    undefined,
    "netdisk: 2 files downloaded\n",
  ]);
  assertEquals(place.here("o/"), { "o/a.jpg": "1", "o/b.jpg": "2" });
});

Deno.test("netdisk get of a pattern whose connection is lost goes on with --update", async () => {
  using _retries = new RetryWaits();
  using place = new Place({}, { "g/a.jpg": "1", "g/b.jpg": "2" });
  place.disk.before = ({ type }) => type !== "get";
  const { error } = await place.run(get, "g/*", "--retries", "0");
  assertEquals(
    error?.hint,
    "to go on where this one stopped: netdisk get --update 'g/*' --plain",
  );
});
