import { assertEquals, assertMatch } from "@std/assert";
import { basename } from "@std/path";
import { command as get } from "../../../client/commands/get.ts";
import { partialPath } from "../../../client/partial_file.ts";
import { until } from "../../helpers/deadline.ts";
import { DiskRecorder } from "../../helpers/faults.ts";
import type { FakeServer } from "../../helpers/fake_server.ts";
import { filesIn, play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
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
  [["/x//a", "y/./b"], { a: "x/a", b: "y/b" }],
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
  [["/"], "is-folder", "/: it is a folder"],
  [["a/../b"], "bad-name", "a/../b: '..' is not allowed in a path"],
  [["x/a", "y/a"], "usage", "get: x/a and y/a would get the same name"],
  [
    ["a", "b", "--to", "new"],
    "usage",
    "get: --to new is not a folder, and there are several sources; make it first: mkdir new",
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
      ["partial", "1 of 3 files was not downloaded"],
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
        exitCode: 3,
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

const MIB = 1024 * 1024;

/** Names in a folder. */
function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

/** A file that is gone on with, and different all over. */
const LARGE = Uint8Array.from({ length: 3 * MIB }, (_, i) => i * 7 + i / 251);

const GOES_ON = "the same command goes on where this one stopped";

/** Answers a `get` up to the byte `to`, and ends the connection there. */
async function giveUntil(server: FakeServer, to: number): Promise<number> {
  const { prefix } = await server.request("get");
  const offset = prefix?.size ?? 0;
  await server.say({
    type: "file",
    size: LARGE.length,
    mtime: null,
    executable: false,
    offset,
  });
  await server.sayData(LARGE.subarray(offset, to));
  server.close();
  return offset;
}

/** Answers a `get` from its prefix on, which must be one of LARGE. */
async function giveRest(server: FakeServer): Promise<number> {
  const { prefix } = await server.request("get");
  const offset = prefix?.size ?? 0;
  const sha256 = sha256Of(LARGE.subarray(0, offset));
  if (prefix) assertEquals(prefix.sha256, sha256);
  await server.sayFile(LARGE, { offset });
  return offset;
}

Deno.test(
  "netdisk get goes on over another connection and names each file once",
  strict,
  async () => {
    using files = filesIn({ b: "old" });
    using waits = new RetryWaits();
    let offset: number | undefined;
    const { stderr, error, objects, connections, address } = await play(
      get,
      ["a", "b", "c", "no", "--to", files.path, "--json"],
      async (server, connection) => {
        if (connection === 1) {
          assertEquals((await server.request("get")).path, "a");
          await server.sayFile(new TextEncoder().encode("a"));
          await giveUntil(server, 2 * MIB);
        } else {
          offset = await giveRest(server);
          await giveAll(server);
        }
      },
    );
    assertEquals(offset, 2 * MIB);
    assertEquals([connections, waits.waits], [2, [500]]);
    assertEquals(
      objects().map(({ type, name }) => [type, name]),
      [["file", "a"], ["file", "b"], ["file", "c"], ["error", "no"]],
    );
    assertEquals(error?.code, "partial");
    assertEquals(
      stderr,
      `netdisk: ${address}: the server ended the connection, trying again in 0.5 s\n` +
        "netdisk: error: no: refused: not-found\n",
    );
    assertEquals(sha256Of(Deno.readFileSync(files.of("b"))), sha256Of(LARGE));
    assertEquals(namesIn(files.path), ["a", "b", "c"]);
  },
);

Deno.test(
  "netdisk get that gives up names another command where the same one would begin again",
  strict,
  async () => {
    const cases: [options: string[], names: string[], goesOn: string][] = [
      [[], ["a", "b"], "--update a b"],
      [["--restart"], ["b"], "--update b"],
      [["--no-clobber", "--restart"], ["b"], "--no-clobber b"],
    ];
    for (const [options, names, goesOn] of cases) {
      using files = filesIn({});
      const to = `${files.path}/`;
      const { error } = await play(
        get,
        [...options, ...names, "--to", to, "--retries", "0"],
        async (server) => {
          for (const name of names.slice(1)) {
            assertEquals((await server.request("get")).path, "a");
            await server.sayFile(new TextEncoder().encode(name));
          }
          await giveUntil(server, 2 * MIB + 5);
        },
      );
      assertEquals(
        [error?.code, error?.hint],
        [
          "connection-lost",
          `to go on where this one stopped: netdisk get ${goesOn} --to ${to} --plain`,
        ],
      );
    }
  },
);

Deno.test(
  "netdisk get that gives up keeps what there is, and the same command goes on",
  strict,
  async () => {
    using files = filesIn({ b: "old" });
    const argv = ["b", "--to", files.path, "--retries", "0"];
    const lost = await play(
      get,
      argv,
      async (server) => void await giveUntil(server, 2 * MIB + 5),
    );
    assertEquals(
      [lost.error?.code, lost.error?.hint],
      ["connection-lost", GOES_ON],
    );
    const part = basename(partialPath(files.of("b")));
    assertEquals(namesIn(files.path), [part, "b"]);
    assertEquals(Deno.readTextFileSync(files.of("b")), "old");

    let offset: number | undefined;
    const { stderr, error } = await play(
      get,
      [...argv, "--progress", "always"],
      async (server) => {
        offset = await giveRest(server);
      },
    );
    assertEquals([offset, error], [2 * MIB + 5, undefined]);
    assertMatch(
      stderr,
      /^b: 0 B, verifying\nb: 66%, 2\.00\/3\.00 MiB, resuming at 66%\n/,
    );
    assertEquals(Deno.readFileSync(files.of("b")), LARGE);
    assertEquals(namesIn(files.path), ["b"]);
  },
);

Deno.test(
  "netdisk get of less than 1 MiB that gives up leaves nothing",
  strict,
  async () => {
    using files = filesIn({ a: "old" });
    const { error } = await play(
      get,
      ["a", "--to", files.path, "--retries", "0"],
      async (server) => {
        await server.request("get");
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
    assertEquals([error?.code, error?.hint], ["connection-lost", undefined]);
    assertEquals(files.now(), { a: "old" });
  },
);

Deno.test(
  "netdisk get says that it starts again when what is there is of another file",
  strict,
  async () => {
    using files = filesIn({});
    Deno.writeFileSync(partialPath(files.of("a")), LARGE.subarray(1, MIB));
    const argv = ["a", "--to", files.path];
    const { stderr, error } = await play(get, argv, async (server) => {
      assertEquals((await server.request("get")).prefix?.size, MIB - 1);
      await server.say({ type: "verifying", done: 9 });
      await server.sayFile(LARGE);
    });
    assertEquals([stderr, error], [
      "netdisk: a: it has changed since it was interrupted, or what was kept is damaged, starting again\n",
      undefined,
    ]);
    assertEquals(Deno.readFileSync(files.of("a")), LARGE);
    assertEquals(namesIn(files.path), ["a"]);
  },
);

Deno.test(
  "netdisk get --restart has no use for what is there",
  strict,
  async () => {
    using files = filesIn({});
    Deno.writeFileSync(partialPath(files.of("a")), LARGE.subarray(0, MIB));
    const argv = ["a", "--to", files.path, "--restart"];
    const { stderr, error } = await play(get, argv, async (server) => {
      assertEquals(await giveRest(server), 0);
    });
    assertEquals([stderr, error], ["", undefined]);
    assertEquals(Deno.readFileSync(files.of("a")), LARGE);
    assertEquals(namesIn(files.path), ["a"]);
  },
);

Deno.test(
  "netdisk get reads nothing for hours to say then that nobody is logged in",
  strict,
  async () => {
    using files = filesIn({});
    Deno.writeFileSync(partialPath(files.of("a")), LARGE);
    const argv = ["a", "--to", files.path, "--progress", "always"];
    const { stderr, error } = await play(get, argv, async () => {}, {
      stranger: true,
    });
    assertEquals([stderr, error?.code], ["", "unauthenticated"]);
  },
);

Deno.test(
  "netdisk get --to - goes on over another connection",
  strict,
  async () => {
    using _waits = new RetryWaits();
    const text = "the whole text";
    const whole = new TextEncoder().encode(text);
    const { stdout, error } = await play(
      get,
      ["a", "--to", "-", "--quiet"],
      async (server, connection) => {
        const { prefix } = await server.request("get");
        if (connection === 2) {
          assertEquals(prefix, { size: 9, sha256: sha256Of("the whole") });
          await server.sayFile(whole, { offset: 9 });
          return;
        }
        assertEquals(prefix, null);
        await server.say({
          type: "file",
          size: whole.length,
          mtime: null,
          executable: false,
          offset: 0,
        });
        await server.sayData(whole.subarray(0, 9));
      },
    );
    assertEquals([stdout, error], [text, undefined]);
  },
);

Deno.test(
  "netdisk get --to - fails when the file has changed between two connections",
  strict,
  async () => {
    using _waits = new RetryWaits();
    const { stdout, error, connections } = await play(
      get,
      ["a", "--to", "-", "--quiet"],
      async (server, connection) => {
        await server.request("get");
        await server.say({
          type: "file",
          size: 9,
          mtime: null,
          executable: false,
          offset: 0,
        });
        if (connection === 1) {
          await server.sayData(new TextEncoder().encode("old"));
        }
      },
    );
    assertEquals([stdout, connections], ["old", 2]);
    assertEquals(
      [error?.code, error?.message],
      [
        "changed",
        "standard output: the file has changed meanwhile, what was written must not be used",
      ],
    );
  },
);

Deno.test(
  "netdisk get that never gets further gives up",
  strict,
  async () => {
    using files = filesIn({});
    using waits = new RetryWaits();
    const { error, connections } = await play(
      get,
      ["a", "--to", files.path, "--quiet", "--retries", "3"],
      async (server, connection) => {
        // Each time another file: what comes is not more than there was.
        const { prefix } = await server.request("get");
        await server.say({
          type: "file",
          size: LARGE.length + connection,
          mtime: null,
          executable: false,
          offset: 0,
        });
        assertEquals(prefix === null, connection === 1);
        await server.sayData(LARGE.subarray(0, MIB));
        server.close();
      },
    );
    assertEquals(error?.code, "connection-lost");
    // Only the first MiB of them all is progress.
    assertEquals([connections, waits.waits], [4, [500, 1000, 2000]]);
  },
);
