import { assertEquals } from "@std/assert";
import { command as get } from "../../../client/commands/get.ts";
import { until } from "../../helpers/deadline.ts";
import { DiskRecorder } from "../../helpers/faults.ts";
import type { FakeServer } from "../../helpers/fake_server.ts";
import { filesIn, play } from "../../helpers/play.ts";
import { sha256Of } from "../../helpers/test_client.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** Answers each `get` with its path as the text, until the client leaves. */
async function giveAll(server: FakeServer): Promise<void> {
  for (;;) {
    const request = await server.next();
    if (request === null) return;
    if (request instanceof Uint8Array || request.type !== "get") {
      throw new Error("not a get");
    }
    if (request.path.startsWith("no")) await server.refuse("not-found");
    else await server.sayFile(new TextEncoder().encode(request.path));
  }
}

/** Runs a test in a folder, as a shell would. */
async function inside(path: string, work: () => Promise<void>): Promise<void> {
  const before = Deno.cwd();
  Deno.chdir(path);
  try {
    await work();
  } finally {
    Deno.chdir(before);
  }
}

/** Where files go, in a folder with the folder `sub` and the file `old`. */
const PLACES: [string[], Record<string, string>][] = [
  [["a"], { a: "a" }],
  [["/x//a", "y/b/"], { a: "x/a", b: "y/b" }],
  [["a", "--to", "new"], { new: "a" }],
  [["a", "--to", "old"], { old: "a" }],
  [["a", "b", "--to", "sub"], { "sub/a": "a", "sub/b": "b" }],
  [["a", "--to", "sub/"], { "sub/a": "a" }],
  [["a", "--to", "."], { a: "a" }],
  [["a", "--to", "sub/new"], { "sub/new": "a" }],
];

for (const [argv, expected] of PLACES) {
  Deno.test(`netdisk get ${argv.join(" ")}`, strict, async () => {
    using files = filesIn({ old: "old", "sub/": "" });
    await inside(files.path, async () => {
      const { error } = await play(get, argv, giveAll);
      assertEquals(error, undefined);
    });
    assertEquals(files.now(), { old: "old", ...expected });
  });
}

/** Command lines that are wrong before there is a connection. */
const REFUSED: [string[], string, string][] = [
  [["/"], "usage", "get: / is a folder"],
  [["a/../b"], "bad-name", "a/../b: '..' is not allowed in a path"],
  [["x/a", "y/a"], "usage", "get: x/a and y/a would get the same name"],
  [
    ["a", "b", "--to", "new"],
    "usage",
    "get: --to new is not a folder, and there are several files; make it first: mkdir new",
  ],
  [["a", "--to", "new/"], "not-found", "new/: no such folder"],
  [["a", "--to", "old/"], "not-folder", "old/: it is not a folder"],
  [
    ["a", "b", "--to", "-"],
    "usage",
    "get: only one file can go to standard output",
  ],
  [
    ["a", "--to", "-", "--json"],
    "usage",
    "get: --json and --to - both need standard output",
  ],
];

for (const [argv, code, message] of REFUSED) {
  Deno.test(`netdisk get ${argv.join(" ")} is refused`, strict, async () => {
    using files = filesIn({ old: "old" });
    await inside(files.path, async () => {
      const { error, connections } = await play(get, argv, async () => {});
      assertEquals([error?.code, error?.message], [code, message]);
      assertEquals(connections, 0);
    });
    assertEquals(files.now(), { old: "old" });
  });
}

Deno.test(
  "netdisk get of a missing file leaves nothing, and what was there",
  strict,
  async () => {
    using files = filesIn({ no2: "old" });
    await inside(files.path, async () => {
      for (const name of ["no1", "no2"]) {
        const { stderr, error } = await play(get, [name], giveAll);
        assertEquals(
          [stderr, error?.code, error?.message],
          ["", "not-found", `${name}: refused: not-found`],
        );
      }
    });
    assertEquals(files.now(), { no2: "old" });
  },
);

Deno.test(
  "netdisk get goes on when some files are missing, and tells it in JSON",
  strict,
  async () => {
    using files = filesIn({});
    const { stderr, error, objects } = await play(
      get,
      ["a", "no", "b", "--json", "--to", files.path],
      giveAll,
    );
    assertEquals(files.now(), { a: "a", b: "b" });
    assertEquals(stderr, "netdisk: error: no: refused: not-found\n");
    assertEquals(
      [error?.code, error?.message],
      ["partial", "1 of 3 files were not downloaded"],
    );
    assertEquals(objects(), [
      {
        type: "file",
        version: 1,
        name: "a",
        path: files.of("a"),
        size: 1,
        sha256: sha256Of("a"),
        mtime: null,
      },
      {
        type: "error",
        version: 1,
        code: "not-found",
        message: "no: refused: not-found",
        name: "no",
      },
      {
        type: "file",
        version: 1,
        name: "b",
        path: files.of("b"),
        size: 1,
        sha256: sha256Of("b"),
        mtime: null,
      },
    ]);
  },
);

for (const step of [/^open TEMP/, /^write TEMP/, /^rename TEMP/]) {
  Deno.test(
    `netdisk get goes on when '${step.source}' fails for one of several`,
    strict,
    async () => {
      using files = filesIn({ b: "old" });
      using disk = new DiskRecorder(files.path);
      const { stderr, error } = await play(
        get,
        ["a", "b", "c", "--to", files.path],
        async (server) => {
          for (const name of ["a", "b", "c"]) {
            assertEquals((await server.request("get")).path, name);
            if (name === "b") {
              await until("the first file", () => "a" in files.now());
              disk.fail(step, "ENOSPC");
            }
            await server.sayFile(new TextEncoder().encode(name));
          }
        },
      );
      assertEquals(error?.code, "partial");
      assertEquals(
        stderr,
        `netdisk: error: ${files.of("b")}: injected (ENOSPC)\n`,
      );
      assertEquals(files.now(), { a: "a", b: "old", c: "c" });
    },
  );
}

Deno.test(
  "netdisk get --to - writes the bytes and nothing else",
  strict,
  async () => {
    const { stdout, stderr, error } = await play(
      get,
      ["a", "--to", "-"],
      giveAll,
    );
    assertEquals([stdout, stderr, error], ["a", "", undefined]);
  },
);

/** Answers a `get` with bytes that are not the ones of the hash. */
async function giveDamaged(server: FakeServer): Promise<void> {
  await server.request("get");
  await server.say({
    type: "file",
    size: 3,
    mtime: null,
    executable: false,
    offset: 0,
  });
  await server.sayData(new TextEncoder().encode("bad"));
  await server.say({ type: "done", sha256: sha256Of("good") });
}

Deno.test(
  "netdisk get keeps the old file when the new one is damaged",
  strict,
  async () => {
    using files = filesIn({ a: "old" });
    const { error } = await play(get, ["a", "--to", files.path], giveDamaged);
    assertEquals(
      [error?.code, error?.message],
      ["integrity", "a: checksum mismatch, nothing was replaced"],
    );
    assertEquals(files.now(), { a: "old" });
  },
);

Deno.test(
  "netdisk get --to - says that damaged bytes were written",
  strict,
  async () => {
    const { stdout, error } = await play(get, ["a", "--to", "-"], giveDamaged);
    assertEquals(
      [stdout, error?.code, error?.message],
      [
        "bad",
        "integrity",
        "a: checksum mismatch, what was written must not be used",
      ],
    );
  },
);

Deno.test(
  "netdisk get leaves nothing of a file whose connection ends",
  strict,
  async () => {
    using files = filesIn({ b: "old" });
    const { error } = await play(
      get,
      ["a", "b", "c", "--to", files.path],
      async (server) => {
        await server.sayFile(new TextEncoder().encode("a"));
        await server.say({
          type: "file",
          size: 9,
          mtime: null,
          executable: false,
          offset: 0,
        });
        await server.sayData(new TextEncoder().encode("half"));
      },
    );
    assertEquals(error?.code, "connection-lost");
    assertEquals(files.now(), { a: "a", b: "old" });
  },
);
