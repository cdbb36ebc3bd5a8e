import { assertEquals } from "@std/assert";
import { command as put } from "../../../client/commands/put.ts";
import type { Entry } from "../../../protocol/messages.ts";
import { descriptorsBelow } from "../../helpers/faults.ts";
import { type FakeServer, receiptOf } from "../../helpers/fake_server.ts";
import { filesIn, play } from "../../helpers/play.ts";
import { sha256Of } from "../../helpers/test_client.ts";
import { TypedInput } from "../../helpers/typed_input.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** Takes uploads until the client leaves; tells `path: text` of each. */
async function takeAll(server: FakeServer): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const request = await server.next();
    if (request === null) return taken;
    if (request instanceof Uint8Array || request.type !== "put") {
      throw new Error("not a put");
    }
    if (request.ask) await server.say({ type: "continue", offset: 0 });
    const { bytes } = await server.uploaded(request);
    taken.push(`${request.path}: ${new TextDecoder().decode(bytes)}`);
    await server.say(receiptOf(bytes));
  }
}

/** Answers a `stat` of `path` with a kind; without one, it is not there. */
async function sayKind(
  server: FakeServer,
  path: string,
  kind?: Entry["kind"],
): Promise<void> {
  assertEquals((await server.request("stat")).path, path);
  if (!kind) return await server.refuse("not-found");
  await server.say({
    type: "entry",
    entry: { name: path, kind, size: 0, mtime: null, executable: false },
  });
}

/** Where files go: `--to`, what is there, and the paths. */
const PLACES: [
  string[],
  string | undefined,
  Entry["kind"] | undefined,
  string[],
][] = [
  [["a", "b"], undefined, undefined, ["a: 1", "b: 2"]],
  [["a"], "new", undefined, ["new: 1"]],
  [["a"], "/sub//new", undefined, ["sub/new: 1"]],
  [["a"], "old", "file", ["old: 1"]],
  [["a"], "sub", "folder", ["sub/a: 1"]],
  [["a", "b"], "sub", "folder", ["sub/a: 1", "sub/b: 2"]],
  [["a", "b"], "new/", undefined, ["new/a: 1", "new/b: 2"]],
  [["a", "b"], "/", undefined, ["a: 1", "b: 2"]],
  [["a"], ".", undefined, ["a: 1"]],
];

for (const [names, to, kind, expected] of PLACES) {
  const what = kind ?? (to === undefined ? "nothing" : "no such thing");
  Deno.test(
    `netdisk put ${names.join(" ")} --to ${to} where there is ${what}`,
    strict,
    async () => {
      using files = filesIn({ a: "1", b: "2" });
      let taken: string[] = [];
      const looks = to !== undefined && !/\/$|^\.$/.test(to);
      const { stderr, error } = await play(
        put,
        [...names.map(files.of), ...(to === undefined ? [] : ["--to", to])],
        async (server) => {
          const path = to?.split("/").filter(Boolean).join("/");
          if (looks) await sayKind(server, path!, kind);
          taken = await takeAll(server);
        },
      );
      assertEquals([taken, stderr, error], [expected, "", undefined]);
    },
  );
}

Deno.test(
  "netdisk put goes on when a local file is missing, and tells it in JSON",
  strict,
  async () => {
    using files = filesIn({ a: "1", c: "3" });
    const { stderr, error, objects } = await play(
      put,
      ["--json", files.of("a"), files.of("b"), files.of("c")],
      async (server) => void await takeAll(server),
    );
    const missing = `${files.of("b")}: no such file or folder`;
    assertEquals(stderr, `netdisk: error: ${missing}\n`);
    assertEquals(descriptorsBelow(files.path), []);
    assertEquals(
      [error?.code, error?.message],
      ["partial", "1 of 3 files were not uploaded"],
    );
    assertEquals(
      objects().map(({ type, name, message, sha256 }) => [
        type,
        name,
        message ?? sha256,
      ]),
      [
        ["error", files.of("b"), missing],
        ["receipt", "a", sha256Of("1")],
        ["receipt", "c", sha256Of("3")],
      ],
    );
  },
);

Deno.test(
  "netdisk put goes on when a name cannot be remote",
  strict,
  async () => {
    using files = filesIn({ "a\nb": "1", c: "3" });
    let taken: string[] = [];
    const { stderr, error } = await play(
      put,
      [files.of("a\nb"), files.of("c")],
      async (server) => {
        taken = await takeAll(server);
      },
    );
    assertEquals(taken, ["c: 3"]);
    assertEquals(
      stderr,
      "netdisk: error: a\\nb: the name has a control character\n",
    );
    assertEquals(error?.code, "partial");
    const alone = await play(put, [files.of("a\nb")], async (server) => {
      assertEquals(await takeAll(server), []);
    });
    assertEquals(alone.error?.code, "bad-name");
  },
);

Deno.test(
  "netdisk put tells the refusal of a single file as its own",
  strict,
  async () => {
    using files = filesIn({ a: "1" });
    const { stderr, error } = await play(
      put,
      [files.of("a")],
      async (server) => {
        await server.upload();
        await server.refuse("quota");
      },
    );
    assertEquals(stderr, "");
    assertEquals(
      [error?.code, error?.message],
      ["quota", `${files.of("a")}: refused: quota`],
    );
  },
);

Deno.test(
  "netdisk put tells the end of the connection, after what was refused before",
  strict,
  async () => {
    using files = filesIn({ a: "1", b: "2", c: "3" });
    const { stderr, error } = await play(
      put,
      ["a", "b", "c"].map(files.of),
      async (server) => {
        await server.upload();
        await server.refuse("quota");
        await server.upload();
        await server.refuse("stopping");
      },
    );
    assertEquals(stderr, `netdisk: error: ${files.of("a")}: refused: quota\n`);
    assertEquals([error?.code, error?.message], [
      "stopping",
      "refused: stopping",
    ]);
    assertEquals(descriptorsBelow(files.path), []);
  },
);

Deno.test("netdisk put -v shows the receipt", strict, async () => {
  using files = filesIn({ a: "1" });
  const { stdout, stderr } = await play(
    put,
    ["-v", files.of("a")],
    async (server) => void await takeAll(server),
  );
  assertEquals(
    [stdout, stderr],
    ["", `netdisk: a: 1 bytes, sha256 ${sha256Of("1")}\n`],
  );
});

Deno.test("netdisk put - uploads what a pipe gives", strict, async () => {
  let taken: string[] = [];
  const { error } = await play(
    put,
    ["-", "--to", "log"],
    async (server) => {
      await sayKind(server, "log");
      taken = await takeAll(server);
    },
    { stdin: new TypedInput(["hello ", "world"], false) },
  );
  assertEquals([taken, error], [["log: hello world"], undefined]);
});

Deno.test("netdisk put - needs a name, not a folder", strict, async () => {
  const { error } = await play(put, ["-", "--to", "sub"], async (server) => {
    await sayKind(server, "sub", "folder");
  });
  assertEquals(
    [error?.code, error?.message],
    ["usage", "put: standard input needs a name, and --to is a folder"],
  );
});

/** Command lines that are wrong before there is a connection. */
const USAGE: [string[], string][] = [
  [["-"], "put: standard input needs a name: put - --to NAME"],
  [["-", "--to", "sub/"], "put: standard input needs a name: put - --to NAME"],
  [
    ["-", "a", "--to", "b"],
    "put: standard input (-) cannot be put together with files",
  ],
];

for (const [argv, message] of USAGE) {
  Deno.test(`netdisk put ${argv.join(" ")} is refused`, strict, async () => {
    const { error, connections } = await play(put, argv, async () => {});
    assertEquals([error?.code, error?.message], ["usage", message]);
    assertEquals(connections, 0);
  });
}

Deno.test(
  "netdisk put refuses two files that would get the same name",
  strict,
  async () => {
    using one = filesIn({ a: "1" });
    using two = filesIn({ a: "2" });
    const { error } = await play(
      put,
      [one.of("a"), two.of("a")],
      async (server) => void await server.left(),
    );
    assertEquals(
      [error?.code, error?.message],
      [
        "usage",
        `put: ${one.of("a")} and ${two.of("a")} would get the same name`,
      ],
    );
  },
);

Deno.test(
  "netdisk put refuses several files for one new name",
  strict,
  async () => {
    using files = filesIn({ a: "1", b: "2" });
    const { error } = await play(
      put,
      [files.of("a"), files.of("b"), "--to", "new"],
      (server) => sayKind(server, "new"),
    );
    assertEquals(
      [error?.code, error?.message],
      [
        "usage",
        "put: --to new is not a folder, and there are several files; for a new folder write new/",
      ],
    );
  },
);

Deno.test(
  "netdisk put a b guesses what was meant when there is no b",
  strict,
  async () => {
    using files = filesIn({ a: "1" });
    // Nothing is sent: `a` may be the name of a file that is there.
    const { error, connections } = await play(
      put,
      [files.of("a"), files.of("b")],
      async () => {},
    );
    assertEquals(connections, 0);
    assertEquals(error?.message, `${files.of("b")}: no such file or folder`);
    assertEquals(
      error?.hint,
      `to upload under another name: netdisk put ${files.of("a")} --to ${
        files.of("b")
      }`,
    );
    assertEquals(error?.code, "not-found");
  },
);

Deno.test(
  "netdisk put needs a local file before it connects",
  strict,
  async () => {
    using files = filesIn({});
    const { error, connections } = await play(
      put,
      [files.of("a")],
      async () => {},
    );
    assertEquals([error?.code, connections], ["not-found", 0]);
  },
);
