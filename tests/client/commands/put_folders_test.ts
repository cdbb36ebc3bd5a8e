import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { command as put } from "../../../client/commands/put.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
import { below, MTIME, PHOTOS, Place, type Texts } from "../folders.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** Arguments, what the server has, and the folders that come into being. */
const PLACES: [string[], Texts, Texts][] = [
  [["photos"], {}, { "photos/": null, ...below("photos/") }],
  [["photos/"], {}, below("")],
  [["photos", "--to", "pics"], {}, { "pics/": null, ...below("pics/") }],
  [["photos/", "--to", "pics"], {}, { "pics/": null, ...below("pics/") }],
  [["photos/.", "--to", "pics"], {}, { "pics/": null, ...below("pics/") }],
  [
    ["photos", "--to", "pics/"],
    {},
    { "pics/": null, "pics/photos/": null, ...below("pics/photos/") },
  ],
  [
    ["photos", "--to", "pics"],
    { pics: null },
    { "pics/": null, "pics/photos/": null, ...below("pics/photos/") },
  ],
  [["."], {}, { "photos/": null, ...below("photos/") }],
  [
    ["photos/sub", "photos/a.jpg"],
    {},
    {
      "a.jpg": "1",
      "sub/": null,
      "sub/b.txt": "22",
      "sub/deep/": null,
      "sub/deep/c": "",
    },
  ],
];

for (const [argv, there, expected] of PLACES) {
  const kind = Object.keys(there).length > 0 ? ", which is a folder" : "";
  Deno.test(`netdisk put -r ${argv.join(" ")}${kind}`, strict, async () => {
    using place = new Place(PHOTOS, there);
    const { error, stderr } = await place.run(put, "-r", ...argv);
    assertEquals(
      [error, stderr],
      [undefined, "netdisk: 3 files uploaded\n"],
    );
    assertEquals(place.there(), expected);
    // The user's own folder is there, and its time is its own.
    const own = place.disk.requests.filter((request) =>
      request.type === "mkdir" && request.path === ""
    );
    assertEquals(own, []);
  });
}

Deno.test(
  "netdisk put -r keeps times, those of folders included, and the executable bit",
  strict,
  async () => {
    using place = new Place(PHOTOS);
    Deno.chmodSync("photos/a.jpg", 0o755);
    const times: Record<string, number> = {};
    for (const [index, name] of ["sub/deep", "sub", "empty", ""].entries()) {
      const time = MTIME - index * 1000;
      times[`photos/${name}`.replace(/\/$/, "")] = time;
      Deno.utimeSync(`photos/${name}`, new Date(time), new Date(time));
    }
    await place.run(put, "-r", "photos");
    for (const [path, time] of Object.entries(times)) {
      assertEquals(place.disk.get(path)?.mtime, time, path);
    }
    const { mtime, executable } = place.disk.get("photos/a.jpg")!;
    assertEquals([mtime, executable], [MTIME, true]);
    assertEquals(place.disk.get("photos/sub/b.txt")?.executable, false);
    // A folder's time stays only if nothing comes into it afterwards.
    const made: string[] = [];
    for (const request of place.disk.requests) {
      if (request.type === "mkdir") made.push(request.path);
      if (request.type !== "put") continue;
      const inMade = made.some((path) => request.path.startsWith(`${path}/`));
      assertEquals(inMade, false, request.path);
    }
    assertEquals(made.length, 4);
  },
);

Deno.test("netdisk put of a folder says how", strict, async () => {
  using place = new Place({ "my photos/a": "1", b: "2" });
  const { error } = await place.run(put, "my photos");
  assertEquals(
    [error?.code, error?.message, error?.hint],
    [
      "is-folder",
      "my photos: it is a folder",
      "netdisk put -r 'my photos'",
    ],
  );
  const there = await place.run(put, "my photos", "--to", "ab:c d/");
  assertEquals(
    there.error?.hint,
    "netdisk put -r 'my photos' --to './ab:c d/'",
  );
  const both = await place.run(put, "my photos", "b");
  assertEquals(both.error?.message, "1 of 2 files was not uploaded");
  assertMatch(both.stderr, /: it is a folder\nnetdisk: hint: .* put -r /);
  assertEquals(place.there(), { b: "2" });
});

Deno.test(
  "netdisk put -r leaves out what is no file, and says so",
  strict,
  async () => {
    using place = new Place({ "d/a": "1" });
    Deno.symlinkSync("a", "d/link");
    Deno.symlinkSync(".", "d/loop");
    await new Deno.Command("mkfifo", { args: ["d/pipe"] }).output();
    const { error, stderr } = await place.run(put, "-r", "d");
    assertEquals(error, undefined);
    assertEquals(stderr.split("\n"), [
      "netdisk: d/link: it is a link, skipped",
      "netdisk: d/loop: it is a link, skipped",
      "netdisk: d/pipe: it is a pipe, skipped",
      "netdisk: 1 file uploaded, 3 skipped",
      "",
    ]);
    const quiet = await place.run(put, "-r", "d", "-q");
    assertEquals(quiet.stderr, "");
    const { objects } = await place.run(put, "-r", "d", "--json", "-q");
    assertEquals(
      objects().map(({ type, name, reason }) => [type, name, reason]),
      [
        ["skipped", "d/link", "it is a link"],
        ["skipped", "d/loop", "it is a link"],
        ["skipped", "d/pipe", "it is a pipe"],
        ["receipt", "d/a", undefined],
      ],
    );
  },
);

Deno.test(
  "netdisk put -r follows a link that is named itself",
  strict,
  async () => {
    using place = new Place({ "real/a": "1" });
    Deno.symlinkSync("real", "link");
    await place.run(put, "-r", "link");
    assertEquals(place.there(), { "link/": null, "link/a": "1" });
  },
);

Deno.test(
  "netdisk put -r goes on when names or files are refused",
  strict,
  async () => {
    using place = new Place({
      "d/a": "1",
      "d/b\nc": "2",
      "d/e\tf/g": "3",
      "d/h": "4",
    });
    place.disk.broken.set("d/h", "quota");
    const { error, stderr } = await place.run(put, "-r", "d");
    assertEquals(stderr.split("\n"), [
      "netdisk: error: d/b\\nc: the name has a control character",
      "netdisk: error: d/e\\tf: the name has a control character",
      "netdisk: error: d/h: refused: quota",
      "",
    ]);
    assertEquals(
      [error?.code, error?.message],
      ["partial", "3 of 4 files were not uploaded"],
    );
    assertEquals(place.there(), { "d/": null, "d/a": "1" });
  },
);

Deno.test(
  "netdisk put -r tells of names that are no text",
  { ...strict, ignore: Deno.build.os !== "linux" },
  async () => {
    using place = new Place({ "d/a": "1" });
    const args = [
      "-c",
      "touch d/$(printf 'bad\\377'); mkdir d/$(printf '\\376')",
    ];
    const { success } = await new Deno.Command("sh", { args }).output();
    assertEquals(success, true);
    const { error, stderr } = await place.run(put, "-r", "d");
    assertEquals(error?.message, "2 of 3 files were not uploaded");
    const lines = stderr.trim().split("\n").sort();
    assertEquals(lines, [
      "netdisk: error: d/bad\ufffd: its name is not valid UTF-8",
      "netdisk: error: d/\ufffd: its name is not valid UTF-8",
    ]);
  },
);

Deno.test("netdisk put -r tells once what lies too deep", strict, async () => {
  const top = Array(250).fill("d").join("/");
  const last = `${top}/1/2/3/4/5/6`;
  using place = new Place({
    [`${top}/a`]: "1",
    [`${last}/b`]: "2",
    [`${last}/c`]: "3",
    [`${last}/e/f/g`]: "4",
  });
  const { error, stderr } = await place.run(put, "-r", "d");
  assertEquals(error?.code, "partial");
  assertEquals(stderr.split("\n"), [
    `netdisk: error: ${last}: what is in it cannot be uploaded: the path is more than 256 folders deep`,
    "",
  ]);
  assertEquals(place.disk.count("put"), 1);
  assertEquals(place.there()[`${top}/a`], "1");
});

Deno.test(
  "netdisk put -r tells once what has too long a path",
  strict,
  async () => {
    const top = Array(16).fill("d".repeat(250)).join("/");
    const last = `${top}/${"e".repeat(100)}`;
    using place = new Place({ [`${top}/a`]: "1" });
    Deno.chdir(top);
    Deno.mkdirSync("e".repeat(100));
    Deno.chdir("e".repeat(100));
    Deno.writeTextFileSync("b", "");
    Deno.writeTextFileSync("c", "");
    Deno.chdir(place.path);
    const { error, stderr } = await place.run(put, "-r", "d".repeat(250));
    assertEquals(error?.code, "partial");
    assertEquals(stderr.split("\n"), [
      `netdisk: error: ${last}: the path is longer than 4096 bytes`,
      "",
    ]);
    assertEquals(place.disk.count("put"), 1);
  },
);

Deno.test(
  "netdisk put -r --exclude leaves out what .gitignore would",
  strict,
  async () => {
    using place = new Place({
      "d/a.tmp": "1",
      "d/keep.tmp": "2",
      "d/build/x": "3",
      "d/sub/build/y": "4",
      "d/sub/a.tmp": "5",
      "d/node/sub/z": "6",
      "d/sub/node": "7",
    });
    const patterns = ["*.tmp", "!keep.tmp", "/build", "node/"];
    const options = patterns.flatMap((pattern) => ["--exclude", pattern]);
    await place.run(put, "-r", "d", ...options);
    assertEquals(place.there(), {
      "d/": null,
      "d/keep.tmp": "2",
      "d/sub/": null,
      "d/sub/build/": null,
      "d/sub/build/y": "4",
      "d/sub/node": "7",
    });
  },
);

Deno.test(
  "netdisk put -r into a file of the server is one error",
  strict,
  async () => {
    using place = new Place(PHOTOS, { photos: "file" });
    const { error } = await place.run(put, "-r", "photos");
    assertEquals(
      [error?.code, error?.message, error?.hint],
      [
        "not-folder",
        "photos: it is a folder, and photos on the server is a file",
        "netdisk put -r photos --to NAME",
      ],
    );
    place.write("b", "2");
    const both = await place.run(put, "-r", "photos", "b");
    assertEquals(both.error?.message, "1 of 2 files was not uploaded");
    assertEquals(place.there(), { photos: "file", b: "2" });
  },
);

Deno.test(
  "netdisk put says what is in the way, and that it is on the server",
  strict,
  async () => {
    using place = new Place(
      { "s/x": "1", "s/d/y": "2", "s/z": "3" },
      { "la/x": null, "la/d": "file" },
    );
    const { stderr } = await place.run(put, "-r", "s/", "--to", "la");
    assertEquals(stderr.split("\n"), [
      "netdisk: error: s/d/y: a folder above la/d/y on the server is a file",
      "netdisk: error: s/d: la/d on the server, or a folder above it, is a file",
      "netdisk: error: s/x: la/x on the server is a folder",
      "",
    ]);
    const one = await place.run(put, "s/x", "--to", "la/");
    assertEquals(
      [one.error?.code, one.error?.message],
      ["is-folder", "s/x: la/x on the server is a folder"],
    );
  },
);

Deno.test(
  "netdisk put --update sends what is new, or has another size or time",
  strict,
  async () => {
    using place = new Place(PHOTOS);
    await place.run(put, "-r", "photos");
    place.disk.requests.length = 0;
    const again = await place.run(put, "-r", "photos", "-u");
    assertEquals(again.stderr, "netdisk: 0 files uploaded, 3 skipped\n");
    assertEquals(place.disk.count("put"), 0);
    assertEquals(place.disk.count("list"), 3, "one for each folder");
    // One stat of the folder that is named.
    assertEquals(place.disk.count("stat"), 1);
    place.write("photos/a.jpg", "2");
    place.write("photos/sub/b.txt", "333", MTIME);
    place.write("photos/sub/new", "x");
    Deno.utimeSync(
      "photos/sub/deep/c",
      new Date(MTIME + 1),
      new Date(MTIME + 1),
    );
    place.disk.requests.length = 0;
    await place.run(put, "-r", "photos", "--update");
    const sent = place.disk.requests.flatMap((request) =>
      request.type === "put" ? [request.path] : []
    );
    // Same size and time: that a.jpg has other bytes is not seen.
    assertEquals(sent, [
      "photos/sub/b.txt",
      "photos/sub/deep/c",
      "photos/sub/new",
    ]);
  },
);

Deno.test(
  "netdisk put --update and --checksum of named files ask for these only",
  strict,
  async () => {
    using place = new Place({ a: "1", b: "2" }, { a: "1", b: "x" });
    for (const option of ["--update", "--checksum"]) {
      place.put("b", "x", MTIME - 5000);
      place.disk.requests.length = 0;
      const { stderr } = await place.run(put, "a", "b", option);
      assertEquals(stderr, "netdisk: 1 file uploaded, 1 skipped\n");
      assertEquals([place.disk.count("stat"), place.disk.count("list")], [
        2,
        0,
      ]);
      assertEquals(place.there(), { a: "1", b: "2" });
    }
    assertEquals(place.disk.count("digest"), 2);
  },
);

Deno.test(
  "netdisk put --checksum sends what has another SHA-256, whatever its time",
  strict,
  async () => {
    using place = new Place(PHOTOS);
    await place.run(put, "-r", "photos");
    place.write("photos/a.jpg", "2");
    place.write("photos/sub/b.txt", "22", MTIME + 60_000);
    place.disk.requests.length = 0;
    const { stderr } = await place.run(put, "-r", "photos", "--checksum", "-v");
    assertMatch(stderr, /^netdisk: photos\/a\.jpg: 1 bytes, sha256 /m);
    assertMatch(stderr, /b\.txt: it is there with the same SHA-256, skipped/);
    assertMatch(stderr, /^netdisk: 1 file uploaded, 2 skipped$/m);
    assertEquals(place.disk.count("put"), 1);
  },
);

Deno.test(
  "netdisk put --no-clobber replaces nothing",
  strict,
  async () => {
    using place = new Place(PHOTOS, { "photos/a.jpg": "old" });
    const { error, objects } = await place.run(
      put,
      "-r",
      "photos",
      "--no-clobber",
      "--json",
    );
    assertEquals(error, undefined);
    assertEquals(place.there()["photos/a.jpg"], "old");
    assertEquals(place.there()["photos/sub/b.txt"], "22");
    assertEquals(objects().map(({ type, name }) => [type, name]), [
      ["skipped", "photos/a.jpg"],
      ["receipt", "photos/sub/b.txt"],
      ["receipt", "photos/sub/deep/c"],
    ]);
  },
);

Deno.test(
  "netdisk put -r tells of folders only when it has made them",
  strict,
  async () => {
    using place = new Place({ "d/e/f": null, "x/e/f": null });
    const told = async (...argv: string[]) => {
      const run = await place.run(put, "-r", ...argv, "--json");
      assertEquals(run.error, undefined);
      if (run.stdout === "") return [];
      return run.objects().map(({ type, name }) => `${type} ${name}`);
    };
    assertEquals(await told("d", "-n"), ["plan d/e/f"]);
    const made = ["made d/e/f", "made d/e", "made d"];
    assertEquals(await told("d"), made);
    assertEquals(await told("d"), []);
    assertEquals(await told("d", "-n"), []);
    // Of what comes together the first makes it.
    const both = await told("d/", "x/", "--to", "both/");
    assertEquals(both, made.map((line) => line.replace(/ d/, " both")));
    place.write("d/new", null);
    assertEquals(await told("d", "-n"), ["plan d/new"]);
    const { stderr } = await place.run(put, "-r", "d", "--to", "other");
    assertEquals(stderr, "netdisk: 4 folders made\n");
  },
);

for (const option of [[], ["--update"], ["--no-clobber"], ["--checksum"]]) {
  Deno.test(
    `netdisk put -n ${option} changes nothing`,
    strict,
    async () => {
      using place = new Place(PHOTOS, { "photos/a.jpg": "1" });
      const argv = ["-r", "photos", "-n", ...option];
      const before = place.there();
      const { stdout } = await place.run(put, ...argv);
      assertEquals(place.there(), before);
      const changing = ["put", "mkdir", "touch"] as const;
      assertEquals(changing.map((type) => place.disk.count(type)), [0, 0, 0]);
      const lines = stdout.split("\n").sort();
      const first = option.length === 0
        ? "would upload photos/a.jpg"
        : `would skip photos/a.jpg: it is there `;
      assertEquals(lines.filter((line) => line.startsWith(first)).length, 1);
      assertEquals(lines.includes("would mkdir photos/empty/"), true);
      assertEquals(lines.length, 5, stdout);
      const { objects } = await place.run(put, ...argv, "--json");
      assertEquals(
        objects().map(({ type, action, name }) => [type, action, name]).sort(),
        [
          ["plan", option.length === 0 ? "upload" : "skip", "photos/a.jpg"],
          ["plan", "mkdir", "photos/empty"],
          ["plan", "upload", "photos/sub/b.txt"],
          ["plan", "upload", "photos/sub/deep/c"],
        ].sort(),
      );
    },
  );
}

/** Command lines that make no sense. */
const USAGE: [string[], string][] = [
  [
    ["a", "-u", "--checksum"],
    "put: --update and --checksum exclude each other",
  ],
  [
    ["a", "--no-clobber", "-u"],
    "put: --no-clobber and --update exclude each other",
  ],
  [["a", "--exclude", "x"], "put: --exclude is for folders, and needs -r"],
  [["-", "--to", "x", "-n"], "put: - and --dry-run exclude each other"],
  [["-", "--to", "x", "-u"], "put: - and --update exclude each other"],
];

for (const [argv, message] of USAGE) {
  Deno.test(`netdisk put ${argv.join(" ")} is refused`, strict, async () => {
    using place = new Place({ a: "1" });
    const { error, connections } = await place.run(put, ...argv);
    assertEquals([error?.code, error?.message], ["usage", message]);
    assertEquals(connections, 0);
  });
}

for (const options of [[], ["--update"], ["--checksum"]]) {
  Deno.test(
    `netdisk put -r ${options} goes on over another connection and tells each file once`,
    strict,
    async () => {
      const files: Texts = {};
      for (let i = 0; i < 40; i++) files[`d/${i % 4}/f${i}`] = `${i}`;
      using place = new Place(files);
      using _waits = new RetryWaits();
      let requests = 0;
      const isLost = () => ++requests === 30 || requests === 60;
      place.disk.before = () => !isLost();
      place.disk.after = () => !isLost();
      const { error, connections, objects } = await place.run(
        put,
        ...["-r", "d", "--json", ...options],
      );
      assertEquals(error, undefined);
      assertEquals(connections, 3);
      const there = place.there();
      for (const [path, text] of Object.entries(files)) {
        assertEquals(there[path], text);
      }
      const names = objects().filter(({ type }) => type !== "made")
        .map(({ name }) => name as string);
      assertEquals(names.sort(), Object.keys(files).sort());
      // What has its receipt is not sent again.
      assertLess(place.disk.count("put"), 60);
    },
  );
}

Deno.test(
  "netdisk put -r says how to go on when the server does not come back",
  strict,
  async () => {
    const stopped = "to go on where this one stopped: netdisk put -r";
    for (
      const [argv, hint] of [
        [["photos"], `${stopped} --update photos --plain`],
        // By then there is a folder of the new name.
        [
          ["photos", "--to", "my pics"],
          `${stopped} --update photos/ --to 'my pics' --plain`,
        ],
        [
          ["photos", "--to", "pics", "--checksum", "--exclude=*.tmp"],
          `${stopped} --checksum --exclude='*.tmp' photos/ --to pics --plain`,
        ],
        [
          ["photos", "--to", "pics/"],
          `${stopped} --update photos --to pics/ --plain`,
        ],
        [
          ["photos", "-u"],
          "the same command goes on where this one stopped",
        ],
      ] as [string[], string][]
    ) {
      using place = new Place(PHOTOS);
      place.disk.before = ({ type }) => type !== "put";
      const { error } = await place.run(put, "-r", ...argv, "--retries", "0");
      assertEquals([error?.code, error?.hint], ["connection-lost", hint]);
    }
  },
);

Deno.test(
  "netdisk put -r to a new name goes on with the command of its hint",
  strict,
  async () => {
    using place = new Place(PHOTOS);
    let puts = 0;
    place.disk.before = ({ type }) => type !== "put" || ++puts !== 2;
    const argv = ["-r", "photos", "--to", "pics"];
    const { error } = await place.run(put, ...argv, "--retries", "0");
    const [, line] = error!.hint!.split(": netdisk put ");
    const again = await place.run(
      put,
      ...line!.split(" ").filter((word) => word !== "--plain"),
    );
    assertEquals(again.error, undefined);
    assertEquals(place.there(), { "pics/": null, ...below("pics/") });
  },
);

Deno.test(
  "netdisk put -r of a folder that cannot be named fails as a whole",
  strict,
  async () => {
    using place = new Place({ "d\n/a": "1", "e/a": "1" });
    const { error, stderr } = await place.run(put, "-r", "d\n");
    assertEquals([error?.code, stderr], ["bad-name", ""]);
    place.disk.broken.set("e/a", "quota");
    const one = await place.run(put, "-r", "e");
    assertEquals(
      [one.error?.code, one.error?.message],
      ["partial", "1 file was not uploaded"],
    );
  },
);

Deno.test("netdisk put -r refuses the second file of a name", async () => {
  using place = new Place({
    "a/f": "1",
    "a/b/g": "2",
    "b/f": "3",
    "b/g": "4",
    "b/h": "5",
    "c/x/f": "6",
    f: "7",
  });
  const { error, stderr } = await place.run(
    put,
    ...["-r", "a/", "b/", "b", "c/", "f", "--to", "all/"],
  );
  const lines = stderr.split("\n").filter((line) => line.includes("error"));
  assertEquals(lines, [
    "netdisk: error: b/f: a/f gets the same name",
    "netdisk: error: b/g: a/b/g gets the same name",
    "netdisk: error: f: a/f gets the same name",
  ]);
  assertEquals(error?.code, "partial");
  assertEquals(place.there(), {
    "all/": null,
    "all/b/": null,
    "all/b/f": "3",
    "all/b/g": "2",
    "all/b/h": "5",
    "all/f": "1",
    "all/g": "4",
    "all/h": "5",
    "all/x/": null,
    "all/x/f": "6",
  });
});

Deno.test("netdisk put -r below a file is one error for the folder", async () => {
  using place = new Place({ "a/b": "1", "a/c": "2" }, { "g/f": "a file" });
  const { error, stderr } = await place.run(put, "-r", "a", "--to", "g/f/");
  assertEquals(
    [error?.code, error?.message, stderr],
    [
      "not-folder",
      "a: it is a folder, and g/f/a on the server is below a file",
      "",
    ],
  );
});
