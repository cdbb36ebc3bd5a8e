import { assertEquals } from "@std/assert";
import { command as ls } from "../../../client/commands/ls.ts";
import type { Entry } from "../../../protocol/messages.ts";
import {
  type FakeServer,
  SERVER_HELLO,
  SESSION,
} from "../../helpers/fake_server.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

function entry(name: string, change: Partial<Entry> = {}): Entry {
  return {
    name,
    kind: "file",
    size: 5,
    mtime: null,
    executable: false,
    ...change,
  };
}

const FOLDER = entry("", { kind: "folder", size: 0 });

/** Takes the two requests of one path. */
async function asked(server: FakeServer, path: string): Promise<void> {
  assertEquals((await server.request("stat")).path, path);
  assertEquals((await server.request("list")).path, path);
}

/** Answers a path that is a folder, in pages. */
async function sayFolder(
  server: FakeServer,
  ...pages: Entry[][]
): Promise<void> {
  await server.say({ type: "entry", entry: FOLDER });
  for (const [index, entries] of pages.entries()) {
    const more = index < pages.length - 1;
    await server.say({ type: "entries", entries, more });
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

Deno.test("netdisk ls asks for all in one trip", strict, async () => {
  const { stdout, error } = await play(ls, [], async (server) => {
    await server.request("hello");
    await server.request("authenticate");
    await asked(server, "");
    await server.say(SERVER_HELLO, {
      type: "session",
      user: SESSION.user,
      token: null,
      expires: 5,
    });
    await sayFolder(server, [entry("a")]);
  }, { greeting: true });
  assertEquals([stdout, error], ["a\n", undefined]);
});

Deno.test("netdisk ls sorts the names of all pages", strict, async () => {
  const { stdout } = await play(ls, ["/photos/"], async (server) => {
    await asked(server, "photos");
    await sayFolder(
      server,
      [entry("b"), entry("é"), entry("10")],
      [],
      [entry("sub", { kind: "folder" }), entry("B"), entry("9")],
    );
  });
  assertEquals(linesOf(stdout), ["10", "9", "B", "b", "sub/", "é"]);
});

Deno.test("netdisk ls of an empty folder prints nothing", strict, async () => {
  const { stdout, error } = await play(
    ls,
    [],
    (server) => sayFolder(server, []),
  );
  assertEquals([stdout, error], ["", undefined]);
});

Deno.test(
  "netdisk ls prints a long listing as it comes, and all of it",
  strict,
  async () => {
    const pages = Array.from(
      { length: 26 },
      (_, page) =>
        Array.from(
          { length: 450 },
          (_, i) => entry(`f${11_700 - page * 450 - i}`),
        ),
    );
    const { stdout } = await play(
      ls,
      [],
      (server) => sayFolder(server, ...pages),
    );
    assertEquals(
      linesOf(stdout),
      pages.flat().map(({ name }) => name),
    );
  },
);

Deno.test("netdisk ls sorts 4 000 names and no more", strict, async () => {
  for (const count of [4_000, 4_001]) {
    const names = Array.from({ length: count }, (_, i) => `f${count - i}`);
    const pages: Entry[][] = [];
    for (let at = 0; at < count; at += 500) {
      pages.push(names.slice(at, at + 500).map((name) => entry(name)));
    }
    const { stdout } = await play(
      ls,
      [],
      (server) => sayFolder(server, ...pages),
    );
    const expected = count === 4_000 ? names.toSorted() : names;
    assertEquals(linesOf(stdout), expected);
  }
});

Deno.test(
  "netdisk ls shows hostile names on one line, harmless",
  strict,
  async () => {
    const names = [
      "\x1b]0;owned\x07",
      "\x9b31mred",
      "a\nb",
      "\rgone",
      "evil\u202egpj.exe",
      "..",
      ".",
      "",
      "x".repeat(1024),
    ];
    const script = (server: FakeServer) =>
      sayFolder(server, names.map((name) => entry(name)));
    const { stdout } = await play(ls, [], script);
    assertEquals(linesOf(stdout).length, names.length);
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stdout), false);
    const json = await play(ls, ["--json"], script);
    const listed = json.objects().map(({ name }) => name).sort();
    assertEquals(listed, names.toSorted());
  },
);

for (const name of ["a/b", "a\0b", "\ud800", "x".repeat(1025)]) {
  Deno.test(
    `netdisk ls refuses a name that no disk has: ${
      JSON.stringify(name.slice(0, 9))
    }`,
    strict,
    async () => {
      const { error } = await play(
        ls,
        [],
        (server) => sayFolder(server, [entry(name)]),
      );
      assertEquals(error?.code, "protocol");
    },
  );
}

Deno.test("netdisk ls -l shows kind, size and time", strict, async () => {
  const mtime = new Date(2026, 0, 31, 14, 5).getTime();
  const { stdout } = await play(ls, ["-l"], (server) =>
    sayFolder(server, [
      entry("a", { size: 12345, mtime }),
      entry("b", { executable: true, size: 2 ** 53 - 1 }),
      entry("c", { kind: "folder", size: 0, mtime }),
      entry("d", { kind: "other", size: 0 }),
    ]));
  assertEquals(linesOf(stdout), [
    "-           12345  2026-01-31 14:05  a",
    "x 9007199254740991                    b",
    "d               -  2026-01-31 14:05  c/",
    "?               -                    d",
  ]);
});

Deno.test(
  "netdisk ls takes every time that the protocol has",
  strict,
  async () => {
    for (const mtime of [-8.64e15, 8.64e15, -1]) {
      for (const option of ["-l", "--json"]) {
        const { error } = await play(
          ls,
          [option],
          (server) => sayFolder(server, [entry("a", { mtime })]),
        );
        assertEquals(error, undefined);
      }
    }
  },
);

/** Answers that the path is a file; a server lists no file. */
async function sayFile(server: FakeServer, name: string): Promise<void> {
  await server.say({ type: "entry", entry: entry(name) });
  await server.refuse("not-folder");
}

Deno.test("netdisk ls of a file shows it by its path", strict, async () => {
  const script = async (server: FakeServer) => {
    await asked(server, "photos/a.jpg");
    await sayFile(server, "a.jpg");
  };
  const { stdout } = await play(ls, ["photos/a.jpg"], script);
  assertEquals(stdout, "photos/a.jpg\n");
  const json = await play(ls, ["photos/a.jpg", "--json"], script);
  assertEquals(json.objects(), [{
    type: "entry",
    version: 1,
    name: "photos/a.jpg",
    kind: "file",
    size: 5,
    mtime: null,
    executable: false,
  }]);
});

Deno.test(
  "netdisk ls of a path that does not exist names it as it was typed",
  strict,
  async () => {
    const { stdout, error } = await play(ls, ["/no//such/"], async (server) => {
      await asked(server, "no/such");
      await server.refuse("not-found");
      await server.refuse("not-found");
    });
    assertEquals(
      [stdout, error?.code, error?.message],
      ["", "not-found", "/no//such/: refused: not-found"],
    );
  },
);

Deno.test(
  "netdisk ls of several paths goes on after a failure",
  strict,
  async () => {
    const { stdout, stderr, error } = await play(
      ls,
      ["a", "b", "c", "d"],
      async (server) => {
        await asked(server, "a");
        await sayFolder(server, [entry("1")]);
        await asked(server, "b");
        await server.refuse("not-found");
        await server.refuse("not-found");
        await asked(server, "c");
        await sayFile(server, "c");
        await asked(server, "d");
        await sayFolder(server, [entry("2")]);
      },
    );
    assertEquals(stdout, "a:\n1\nc\n\nd:\n2\n");
    assertEquals(stderr, "netdisk: error: b: refused: not-found\n");
    assertEquals(
      [error?.code, error?.message],
      ["partial", "1 of 4 paths could not be listed"],
    );
  },
);

/** Answers to `stat` and `list` that do not agree, as something changed in between. */
const RACES: [string, (server: FakeServer) => Promise<void>, boolean][] = [
  ["it appears", async (server) => {
    await server.refuse("not-found");
    await server.say(
      { type: "entries", entries: [entry("x")], more: true },
      { type: "entries", entries: [entry("y")], more: false },
    );
  }, true],
  ["a file becomes a folder", async (server) => {
    await server.say(
      { type: "entry", entry: entry("a") },
      { type: "entries", entries: [entry("x")], more: true },
      { type: "entries", entries: [entry("y")], more: true },
    );
    await server.refuse("io");
  }, false],
  ["a folder disappears", async (server) => {
    await server.say({ type: "entry", entry: FOLDER });
    await server.refuse("not-found");
  }, true],
  ["a folder disappears in the middle", async (server) => {
    await server.say(
      { type: "entry", entry: FOLDER },
      { type: "entries", entries: [entry("x")], more: true },
    );
    await server.refuse("not-found");
  }, true],
];

for (const [what, script, fails] of RACES) {
  Deno.test(
    `netdisk ls keeps its place when ${what} between two requests`,
    strict,
    async () => {
      const { stdout, error } = await play(ls, ["a", "b"], async (server) => {
        await asked(server, "a");
        await script(server);
        await asked(server, "b");
        await sayFolder(server, [entry("2")]);
      });
      assertEquals(stdout.endsWith("b:\n2\n"), true, stdout);
      assertEquals(stdout.includes("x"), false);
      assertEquals(error?.code, fails ? "partial" : undefined);
    },
  );
}

/** What ends the command at once, without waiting for anything more. */
const ENDS: [string, string, (server: FakeServer) => Promise<void>][] = [
  ["another answer", "protocol", (server) => server.say({ type: "pong" })],
  [
    "pages before the entry",
    "protocol",
    (server) => server.say({ type: "entries", entries: [], more: false }),
  ],
  [
    "another answer than pages",
    "protocol",
    (server) => server.say({ type: "entry", entry: FOLDER }, { type: "ok" }),
  ],
  ["another answer behind an error", "protocol", async (server) => {
    await server.refuse("not-found");
    await server.say({ type: "ok" });
  }],
  [
    "another answer behind a file",
    "protocol",
    (server) =>
      server.say({ type: "entry", entry: entry("a") }, { type: "ok" }),
  ],
  ["that it stops", "stopping", (server) => server.refuse("stopping")],
  [
    "that the session is over",
    "unauthenticated",
    (server) => server.refuse("unauthenticated"),
  ],
];

for (const [what, code, script] of ENDS) {
  Deno.test(
    `netdisk ls ends when the server says ${what}`,
    strict,
    async () => {
      const argv = ["a", "b", "--retries", "0"];
      const { error } = await play(ls, argv, async (server) => {
        await asked(server, "a");
        await script(server);
        await server.left();
      });
      assertEquals(error?.code, code);
    },
  );
}

Deno.test("netdisk ls refuses a path before it connects", strict, async () => {
  const { error, connections } = await play(ls, ["a/../b"], async () => {});
  assertEquals([error?.code, connections], ["bad-name", 0]);
});

Deno.test(
  "netdisk ls goes on with the path whose listing was lost",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { stdout, error } = await play(
      ls,
      ["a", "b", "c"],
      async (server, connection) => {
        if (connection === 1) {
          await asked(server, "a");
          await sayFolder(server, [entry("1")]);
          await asked(server, "b");
          await server.say({ type: "entry", entry: FOLDER }, {
            type: "entries",
            entries: [entry("2")],
            more: true,
          });
          return;
        }
        await asked(server, "b");
        await sayFolder(server, [entry("2")], [entry("3")]);
        await asked(server, "c");
        await server.refuse("not-found");
        await server.refuse("not-found");
        await server.left();
      },
    );
    assertEquals(error?.code, "partial");
    assertEquals(stdout, "a:\n1\n\nb:\n2\n3\n");
    assertEquals(retries.waits, [500]);
  },
);

Deno.test(
  "netdisk ls does not print the beginning of a long listing twice",
  strict,
  async () => {
    using retries = new RetryWaits();
    const names = Array.from({ length: 6_000 }, (_, i) => `f${i}`);
    const { stdout, error } = await play(ls, [], async (server) => {
      await asked(server, "");
      await server.say({ type: "entry", entry: FOLDER });
      for (let at = 0; at < names.length; at += 500) {
        const entries = names.slice(at, at + 500).map((name) => entry(name));
        await server.say({ type: "entries", entries, more: true });
      }
    });
    assertEquals(error?.code, "connection-lost");
    assertEquals(linesOf(stdout), names);
    assertEquals(retries.waits, []);
  },
);
