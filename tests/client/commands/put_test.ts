import { assertEquals } from "@std/assert";
import { command as put } from "../../../client/commands/put.ts";
import { runCleanups } from "../../../client/interrupt.ts";
import { GOES_ON } from "../../../client/retry.ts";
import type { Entry } from "../../../protocol/messages.ts";
import { descriptorsBelow } from "../../helpers/faults.ts";
import { type FakeServer, receiptOf } from "../../helpers/fake_server.ts";
import { filesIn, play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
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
      const summary = names.length > 1 ? "netdisk: 2 files uploaded\n" : "";
      assertEquals([taken, stderr, error], [expected, summary, undefined]);
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
      ["partial", "1 of 3 files was not uploaded"],
    );
    assertEquals(
      objects().map(({ type, name, path, message, sha256 }) => [
        type,
        name,
        path,
        message ?? sha256,
      ]),
      [
        ["error", undefined, files.of("b"), missing],
        ["receipt", "a", files.of("a"), sha256Of("1")],
        ["receipt", "c", files.of("c"), sha256Of("3")],
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
      ["--retries", "0", ...["a", "b", "c"].map(files.of)],
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
        "put: --to new is not a folder, and there are several sources; for a new folder write new/",
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
  "netdisk put a b guesses nothing when there is no a either, and quotes names",
  strict,
  async () => {
    using files = filesIn({ "my a": "1" });
    const guess = await play(
      put,
      [files.of("my a"), files.of("my b")],
      async () => {},
    );
    assertEquals(
      guess.error?.hint,
      `to upload under another name: netdisk put '${files.of("my a")}' --to '${
        files.of("my b")
      }'`,
    );
    const none = await play(
      put,
      [files.of("x"), files.of("y")],
      async (server) => void await server.left(),
    );
    assertEquals(none.error?.message, "2 of 2 files were not uploaded");
    assertEquals(none.stderr.includes("hint"), false);
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

const KIB = 1024;
const MIB = 1024 * KIB;

/** Such files are asked for. */
const LARGE = 9 * MIB;

/** Text of a file, other at each place. */
function textOf(length: number): string {
  let text = "";
  for (let i = 0; text.length < length; i++) text += `line ${i}\n`;
  return text.slice(0, length);
}

/** Takes a request and offers what there is of an earlier one. */
async function resumeAt(server: FakeServer, offset: number): Promise<{
  path: string;
  sha256: string | null;
  text: string;
}> {
  const put = await server.request("put");
  await server.say({ type: "continue", offset });
  const { sha256 } = await server.request("prefix");
  await server.say({ type: "continue", offset: sha256 === null ? 0 : offset });
  const { bytes } = await server.uploaded(put);
  const text = new TextDecoder().decode(bytes);
  return { path: put.path, sha256, text };
}

/** Takes a request, and the data until there is so much of it. */
async function takePart(server: FakeServer, length: number): Promise<void> {
  const { ask } = await server.request("put");
  if (ask) await server.say({ type: "continue", offset: 0 });
  for (let got = 0; got < length;) got += (await server.data()).length;
}

for (const last of ["the end", "stopping", "timeout"] as const) {
  Deno.test(
    `netdisk put goes on over a new connection after ${last}`,
    strict,
    async () => {
      using retries = new RetryWaits();
      const b = textOf(LARGE);
      using files = filesIn({ a: "1", b, c: "3", d: "4" });
      const kept = 400 * KIB;
      const taken: string[] = [];
      const { stderr, error, connections, objects } = await play(
        put,
        ["--json", ...["a", "d", "b", "c"].map(files.of)],
        async (server, connection) => {
          if (connection === 1) {
            const { bytes } = await server.upload();
            await server.say(receiptOf(bytes));
            await server.upload();
            await server.refuse("quota");
            await takePart(server, kept);
            if (last !== "the end") await server.refuse(last);
            return;
          }
          const { path, sha256, text } = await resumeAt(server, kept);
          assertEquals(path, "b");
          assertEquals(sha256, sha256Of(b.slice(0, kept)));
          assertEquals(text === b.slice(kept), true);
          await server.say(receiptOf(new TextEncoder().encode(b)));
          taken.push(...await takeAll(server));
        },
      );
      assertEquals(taken, ["c: 3"]);
      assertEquals([error?.code, connections], ["partial", 2]);
      assertEquals(retries.waits, [500]);
      assertEquals(
        objects().map(({ type, name, sha256 }) => [type, name, sha256]),
        [
          ["receipt", "a", sha256Of("1")],
          ["error", "d", undefined],
          ["receipt", "b", sha256Of(b)],
          ["receipt", "c", sha256Of("3")],
        ],
      );
      assertEquals(stderr.split("\n").length, 3, stderr);
      assertEquals(descriptorsBelow(files.path), []);
    },
  );
}

Deno.test(
  "netdisk put sends what has no receipt again, small files too",
  strict,
  async () => {
    using _retries = new RetryWaits();
    using files = filesIn({ a: "1", b: "2", c: "3" });
    const taken: string[] = [];
    const { error } = await play(
      put,
      ["a", "b", "c"].map(files.of),
      async (server, connection) => {
        if (connection > 1) return void taken.push(...await takeAll(server));
        const { bytes } = await server.upload();
        await server.upload();
        await server.say(receiptOf(bytes));
      },
    );
    assertEquals([taken, error], [["b: 2", "c: 3"], undefined]);
  },
);

Deno.test(
  "netdisk put asks again where files go when that answer was lost",
  strict,
  async () => {
    using _retries = new RetryWaits();
    using files = filesIn({ a: "1" });
    const { error } = await play(
      put,
      [files.of("a"), "--to", "sub"],
      async (server, connection) => {
        if (connection === 1) return void await server.request("stat");
        await sayKind(server, "sub", "folder");
        assertEquals(await takeAll(server), ["sub/a: 1"]);
      },
    );
    assertEquals(error, undefined);
  },
);

Deno.test(
  "netdisk put gives up after six losses without progress",
  strict,
  async () => {
    using retries = new RetryWaits();
    using files = filesIn({ big: textOf(12 * MIB) });
    const { error, connections } = await play(
      put,
      [files.of("big")],
      (server) => takePart(server, 10 * MIB),
    );
    assertEquals(connections, 7);
    assertEquals(retries.waits, [500, 1000, 2000, 4000, 8000, 16_000]);
    assertEquals(
      [error?.code, error?.hint],
      ["connection-lost", "the same command goes on where this one stopped"],
    );
  },
);

Deno.test(
  "netdisk put promises nothing of a file that the server does not keep in part",
  strict,
  async () => {
    using files = filesIn({ big: textOf(8 * MIB) });
    const { error } = await play(
      put,
      ["--retries", "0", files.of("big")],
      (server) => takePart(server, 300 * KIB),
    );
    assertEquals([error?.code, error?.hint], ["connection-lost", undefined]);
  },
);

Deno.test(
  "netdisk put never gives up as long as the server gets more",
  strict,
  async () => {
    using retries = new RetryWaits();
    const big = textOf(LARGE);
    using files = filesIn({ big });
    const { error, connections } = await play(
      put,
      [files.of("big")],
      async (server, connection) => {
        if (connection === 1) return await takePart(server, KIB);
        const offset = connection * 50 * KIB;
        if (connection === 12) {
          await resumeAt(server, offset);
          return await server.say(receiptOf(new TextEncoder().encode(big)));
        }
        await server.request("put");
        await server.say({ type: "continue", offset });
        await server.request("prefix");
        await server.say({ type: "continue", offset });
        await server.data();
      },
    );
    assertEquals([error, connections], [undefined, 12]);
    assertEquals(retries.waits, [500, ...Array(10).fill(500)]);
  },
);

Deno.test(
  "netdisk put says why it starts again",
  strict,
  async () => {
    const big = textOf(LARGE);
    using files = filesIn({ big });
    const { stderr, error } = await play(
      put,
      [files.of("big")],
      async (server) => {
        const put = await server.request("put");
        await server.say({ type: "continue", offset: 9 });
        await server.request("prefix");
        await server.say({ type: "continue", offset: 0 });
        const { bytes } = await server.uploaded(put);
        await server.say(receiptOf(bytes));
      },
    );
    assertEquals([error, stderr], [
      undefined,
      `netdisk: ${
        files.of("big")
      }: it has changed since it was interrupted, or what was kept is damaged, starting again\n`,
    ]);
  },
);

Deno.test(
  "netdisk put --restart wants nothing of an earlier put, but all of its own",
  strict,
  async () => {
    using _retries = new RetryWaits();
    const big = textOf(LARGE);
    using files = filesIn({ big });
    const { stderr, error } = await play(
      put,
      ["--restart", "--quiet", files.of("big")],
      async (server, connection) => {
        if (connection === 1) {
          await server.request("put");
          await server.say({ type: "continue", offset: 9 });
          assertEquals((await server.request("prefix")).sha256, null);
          await server.say({ type: "continue", offset: 0 });
          return void await server.data();
        }
        const { sha256 } = await resumeAt(server, 200);
        assertEquals(sha256, sha256Of(big.slice(0, 200)));
        await server.say(receiptOf(new TextEncoder().encode(big)));
      },
    );
    assertEquals([error, stderr], [undefined, ""]);
  },
);

Deno.test(
  "netdisk put --progress always says that it connects, compares and resumes",
  strict,
  async () => {
    using _retries = new RetryWaits();
    const big = textOf(LARGE);
    using files = filesIn({ a: textOf(LARGE), big });
    const { stderr, error } = await play(
      put,
      ["--progress", "always", files.of("a"), files.of("big")],
      async (server, connection) => {
        if (connection === 1) {
          const { bytes } = await server.upload();
          await server.say(receiptOf(bytes));
          return await takePart(server, MIB / 2);
        }
        await resumeAt(server, LARGE / 4);
        await server.say(receiptOf(new TextEncoder().encode(big)));
      },
    );
    assertEquals(error, undefined);
    const lines = stderr.split("\n").map((line) =>
      line.replace(/\d+%, [\d.]+(?=.*reconnecting)/, "SENT")
        .replace(/(?<=%, 18.0 MiB, ).*/, "TIME")
    );
    assertEquals(lines, [
      "1/2 files, big: SENT/18.0 MiB, reconnecting",
      "1/2 files, big: 62%, 11.3/18.0 MiB, verifying",
      "1/2 files, big: 62%, 11.3/18.0 MiB, resuming at 25%",
      "2/2 files, big: 100%, 18.0 MiB, TIME",
      "netdisk: 2 files uploaded",
      "",
    ]);
  },
);

Deno.test(
  "netdisk put - is not tried again when something of the pipe was read",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { error, connections } = await play(
      put,
      ["-", "--to", "log"],
      async (server) => {
        await sayKind(server, "log");
        await server.request("put");
        await server.say({ type: "continue", offset: 0 });
        await server.data();
      },
      { stdin: new TypedInput(["hello ", "world"], false) },
    );
    assertEquals([error?.code, connections], ["connection-lost", 1]);
    assertEquals(
      error?.hint,
      "what a pipe has given cannot be sent again: run the whole command line once more",
    );
    assertEquals(retries.waits, []);
  },
);

Deno.test(
  "netdisk put - is tried again when nothing of the pipe was read",
  strict,
  async () => {
    using retries = new RetryWaits();
    let taken: string[] = [];
    const { error } = await play(
      put,
      ["-", "--to", "log"],
      async (server, connection) => {
        if (connection === 1) {
          await sayKind(server, "log");
          return void await server.request("put");
        }
        taken = await takeAll(server);
      },
      { stdin: new TypedInput(["hello ", "world"], false) },
    );
    assertEquals([taken, error], [["log: hello world"], undefined]);
    assertEquals(retries.waits, [500]);
  },
);

Deno.test(
  "netdisk put --retries x is refused before it connects",
  strict,
  async () => {
    using files = filesIn({ a: "1" });
    const { error, connections } = await play(
      put,
      ["--retries", "x", files.of("a")],
      async () => {},
    );
    assertEquals([error?.code, connections], ["usage", 0]);
  },
);

const STAYS = "netdisk: what has arrived stays on the server; ";

/** What Ctrl-C says while so much of the last of these files was sent. */
const INTERRUPTED: [
  sizes: number[],
  options: string[],
  sent: number,
  expected: (...paths: string[]) => string,
][] = [
  // As little as that is quicker sent again than asked for.
  [[4 * MIB], [], 2 * MIB, () => ""],
  [[12 * MIB], [], 2 * MIB, () => `${STAYS}${GOES_ON}\n`],
  [
    [12 * MIB],
    ["--restart"],
    2 * MIB,
    (big) =>
      `${STAYS}to go on where this one stopped: netdisk put --update ${big} --plain\n`,
  ],
  [
    [2000, 4 * MIB],
    [],
    2 * MIB,
    (...both) =>
      `${STAYS}to go on where this one stopped: netdisk put --update ${
        both.join(" ")
      } --plain\n`,
  ],
  [[2000, 4 * MIB], ["--no-clobber"], 2 * MIB, () => `${STAYS}${GOES_ON}\n`],
];

for (const [sizes, options, sent, expected] of INTERRUPTED) {
  Deno.test(
    `netdisk put ${
      options.join(" ")
    } says how to go on when it is interrupted ${sent} bytes into the last of ${sizes}`,
    strict,
    async () => {
      const names = sizes.map((_, index) => `f${index}`);
      using files = filesIn(
        Object.fromEntries(names.map((name, i) => [name, textOf(sizes[i]!)])),
      );
      const paths = names.map(files.of);
      const { stderr } = await play(
        put,
        ["--retries", "0", ...options, ...paths],
        async (server) => {
          for (const _ of names.slice(1)) {
            await server.say(receiptOf((await server.upload()).bytes));
          }
          await takePart(server, sent);
          runCleanups();
        },
      );
      assertEquals(stderr, expected(...paths));
    },
  );
}
