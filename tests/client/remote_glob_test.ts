import { assertEquals, assertRejects } from "@std/assert";
import { expandGlob, hasGlob, outermost } from "../../client/remote_glob.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { FakeDisk } from "../helpers/fake_disk.ts";
import { talk } from "../helpers/fake_server.ts";

const FILES = {
  "a.jpg": "",
  "b.jpg": "",
  "b.png": "",
  ".hidden.jpg": "",
  "a[1].jpg": "",
  "a1.jpg": "",
  "photos/2025/x.jpg": "",
  "photos/2025/raw/x.raw": "",
  "photos/2026/y.jpg": "",
  "photos/2026/.cache/y.jpg": "",
  "photos/cover.jpg": "",
  "star*": "",
  "starfish": "",
  "é\u2028😀": "",
};

function expand(text: string, disk = new FakeDisk(FILES)) {
  return talk((s) => disk.serve(s), (c) => expandGlob(c, text));
}

async function paths(text: string, disk?: FakeDisk): Promise<string[]> {
  const { matches, failures } = await expand(text, disk);
  assertEquals(failures, []);
  return matches.map(({ path }) => path);
}

const MATCHES: Record<string, string[]> = {
  "*.jpg": ["a.jpg", "a1.jpg", "a[1].jpg", "b.jpg"],
  "/*.jpg": ["a.jpg", "a1.jpg", "a[1].jpg", "b.jpg"],
  "./?.jpg": ["a.jpg", "b.jpg"],
  "[ab].jpg": ["a.jpg", "b.jpg"],
  "[!a].jpg": ["b.jpg"],
  "[^a].jpg": ["b.jpg"],
  "[a-b].???": ["a.jpg", "b.jpg", "b.png"],
  ".*": [".hidden.jpg"],
  "\\.h*": [".hidden.jpg"],
  "{.h,a.}*": [".hidden.jpg", "a.jpg"],
  "{b,a}.{png,jpg}": ["a.jpg", "b.jpg", "b.png"],
  "{b.png,photos/{2025,2027}/*}": [
    "b.png",
    "photos/2025/raw",
    "photos/2025/x.jpg",
  ],
  "a[1].jpg": ["a[1].jpg"],
  "a[12].jpg": ["a1.jpg"],
  "a\\[1\\].jpg": ["a[1].jpg"],
  "star*": ["star*"],
  "sta*": ["star*", "starfish"],
  "star\\*": ["star*"],
  "é*": ["é\u2028😀"],
  "é???": ["é\u2028😀"],
  "*/": ["photos"],
  "photos/*/": ["photos/2025", "photos/2026"],
  "photos/*/*.jpg": ["photos/2025/x.jpg", "photos/2026/y.jpg"],
  "*/*/*/*": ["photos/2025/raw/x.raw"],
  "*/2025/raw": ["photos/2025/raw"],
  "**/*.jpg": [
    "a.jpg",
    "a1.jpg",
    "a[1].jpg",
    "b.jpg",
    "photos/2025/x.jpg",
    "photos/2026/y.jpg",
    "photos/cover.jpg",
  ],
  "photos/**": [
    "photos/2025",
    "photos/2025/raw",
    "photos/2025/raw/x.raw",
    "photos/2025/x.jpg",
    "photos/2026",
    "photos/2026/y.jpg",
    "photos/cover.jpg",
  ],
  "**/raw/**": ["photos/2025/raw/x.raw"],
  "**/.cache/*": ["photos/2026/.cache/y.jpg"],
  "photos/**/y.jpg": ["photos/2026/y.jpg"],
  "**/**/cover.jpg": ["photos/cover.jpg"],
  "phot**/cover.jpg": ["photos/cover.jpg"],
  "p*/c*": ["photos/cover.jpg"],
};

for (const [text, expected] of Object.entries(MATCHES)) {
  Deno.test(`the pattern ${text}`, async () => {
    assertEquals(hasGlob(text), true);
    assertEquals(await paths(text), expected);
  });
}

Deno.test("a name is a pattern only with what patterns have", () => {
  for (const name of ["a.jpg", "a/b", "{a}", "{a", "a,b}", "a]b", "a^!-b"]) {
    assertEquals(hasGlob(name), false, name);
  }
});

const MISSES = ["*.gif", "none/*", "a.jpg/*", "[", "{c,d}.jpg", "*.jpg/"];
for (const text of MISSES) {
  Deno.test(`the pattern ${text} matches nothing`, async () => {
    const error = await assertRejects(() => expand(text), NetdiskError);
    assertEquals(error.code, "not-found");
    assertEquals(error.message, `${text}: nothing matches`);
  });
}

const WRONG = {
  "[b-a]": "usage",
  "*/../a": "bad-name",
  "../*": "bad-name",
  "{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}": "usage",
};
for (const [text, code] of Object.entries(WRONG)) {
  Deno.test(`the pattern ${text} is refused`, async () => {
    const error = await assertRejects(() => expand(text), NetdiskError);
    assertEquals(error.code, code);
  });
}

Deno.test("a pattern lists only the folders that it needs", async () => {
  const cases: [string, string[]][] = [
    ["photos/*.jpg", ["photos"]],
    ["photos/202?/x*", ["photos", "photos/2025", "photos/2026"]],
    ["photos/2025/**", ["photos/2025", "photos/2025/raw"]],
    ["{a,b}.jpg", []],
  ];
  for (const [text, folders] of cases) {
    const disk = new FakeDisk(FILES);
    await expand(text, disk);
    const listed = disk.requests.flatMap((request) =>
      request.type === "list" ? [request.path] : []
    );
    assertEquals(listed.sort(), folders, text);
  }
});

Deno.test("a pattern tells where it could not be looked", async () => {
  const disk = new FakeDisk(FILES);
  disk.broken.set("photos/2025", "denied");
  disk.broken.set("photos/2026", "not-found");
  const { matches, failures } = await expand("photos/**/*.jpg", disk);
  assertEquals(matches.map(({ path }) => path), ["photos/cover.jpg"]);
  assertEquals(
    failures.map(({ path, error }) => [path, error.code]),
    [["photos/2025", "denied"]],
  );
});

Deno.test("a pattern does not match what cannot be a path", async () => {
  const names = ["..", "a\x1b.jpg", "x".repeat(300), "b.jpg"];
  const { matches, failures } = await talk(async (server) => {
    await server.request("stat");
    await server.refuse("not-found");
    await server.request("list");
    const entries = names.map((name) => ({
      name,
      kind: "file" as const,
      size: 0,
      mtime: null,
      executable: false,
    }));
    await server.say({ type: "entries", entries, more: false });
  }, (connection) => expandGlob(connection, "*"));
  assertEquals(matches.map(({ path }) => path), ["b.jpg"]);
  assertEquals(failures.map(({ error }) => error.code), [
    "bad-name",
    "bad-name",
  ]);
});

Deno.test("of matches in matched folders only the folders are outermost", async () => {
  const { matches } = await expand("{photos/**,b.*,photos/2025/raw/x.raw}");
  assertEquals(outermost(matches).map(({ path }) => path), [
    "b.jpg",
    "b.png",
    "photos/2025",
    "photos/2026",
    "photos/cover.jpg",
  ]);
});
