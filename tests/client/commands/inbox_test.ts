import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { subcommandOf } from "../../../client/command_list.ts";
import { command as inbox } from "../../../client/commands/inbox.ts";
import {
  block,
  blocked,
  unblock,
} from "../../../client/commands/inbox/block.ts";
import { deleteParcels } from "../../../client/commands/inbox/delete.ts";
import { get } from "../../../client/commands/inbox/get.ts";
import { read } from "../../../client/commands/inbox/read.ts";
import { save } from "../../../client/commands/inbox/save.ts";
import { localTime } from "../../../client/entry_view.ts";
import { NetdiskError } from "../../../protocol/errors.ts";
import type { Entry, ParcelInfo } from "../../../protocol/messages.ts";
import {
  MAX_INBOX_PARCELS,
  MAX_PAGE_PARCELS,
  PARCELS,
} from "../../../protocol/parcels.ts";
import type { FakeServer } from "../../helpers/fake_server.ts";
import { filesIn, play } from "../../helpers/play.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

const TIME = Date.UTC(2026, 0, 31, 12, 5);
const OPTIONS = { greeting: true } as const;

const CONTENT = new TextEncoder().encode("from ben");

async function greet(server: FakeServer): Promise<void> {
  await server.greet({ capabilities: [PARCELS] });
}

function info(number: number, fields: Partial<ParcelInfo> = {}): ParcelInfo {
  return {
    number,
    from: "ben",
    time: TIME,
    read: false,
    files: 0,
    bytes: 0,
    line: "",
    ...fields,
  };
}

function entry(name: string, fields: Partial<Entry> = {}): Entry {
  const size = CONTENT.length;
  return {
    name,
    kind: "file",
    size,
    mtime: TIME,
    executable: false,
    ...fields,
  };
}

/** Opens a parcel with such files. */
async function open(
  server: FakeServer,
  names: (string | Entry)[],
  message = "",
): Promise<void> {
  const { number } = await server.request("open");
  const from = "ben";
  await server.say({
    type: "parcel",
    number,
    from,
    time: TIME,
    read: false,
    message,
  });
  await server.request("list");
  const entries = names.map((name) =>
    typeof name === "string" ? entry(name) : name
  );
  await server.say({ type: "entries", entries, more: false });
}

/** Serves the gets of a parcel that is open. */
async function files(server: FakeServer, count: number): Promise<string[]> {
  const { number } = await server.request("open");
  const from = "ben";
  await server.say({
    type: "parcel",
    number,
    from,
    time: TIME,
    read: false,
    message: "",
  });
  const asked: string[] = [];
  for (let i = 0; i < count; i++) {
    asked.push((await server.request("get")).path);
    await server.sayFile(CONTENT, { mtime: TIME });
  }
  return asked;
}

/** Hears that a parcel is not new any more. */
async function noticed(server: FakeServer, number: number): Promise<void> {
  assertEquals((await server.request("read")).number, number);
  await server.say({ type: "ok" });
}

/** Tells all of the inbox. */
async function listed(
  server: FakeServer,
  parcels: ParcelInfo[],
): Promise<void> {
  await server.request("inbox");
  await server.say({ type: "parcels", parcels, more: false });
}

Deno.test("netdisk inbox lists parcels, page by page", strict, async () => {
  const script = async (server: FakeServer) => {
    await greet(server);
    assertEquals((await server.request("inbox")).before, null);
    const first = info(12, { line: "hello\u202e\tx" });
    await server.say({ type: "parcels", parcels: [first], more: true });
    assertEquals((await server.request("inbox")).before, 12);
    const last = info(3, { read: true, files: 2, bytes: 2048, line: "old" });
    await server.say({ type: "parcels", parcels: [last], more: false });
    await server.request("coming");
    await server.say({ type: "coming", users: ["dora", "e\x1bve"] });
  };
  const { stdout, stderr, error } = await play(inbox, [], script, OPTIONS);
  assertEquals([stderr, error], [
    "netdisk: not delivered yet, from: dora, e\\x1bve\n",
    undefined,
  ]);
  const date = localTime(TIME);
  assertEquals(
    stdout,
    "   NUMBER  DATE              FROM  FILES  SIZE      MESSAGE\n" +
      `*  12      ${date}  ben   -      -         hello\\u202e\\tx\n` +
      `   3       ${date}  ben   2      2.00 KiB  old\n`,
  );
  const { objects } = await play(inbox, ["--json"], script, OPTIONS);
  assertEquals(objects()[1], {
    type: "parcel",
    version: 1,
    ...info(3, { read: true, files: 2, bytes: 2048, line: "old" }),
    time: "2026-01-31T12:05:00.000Z",
  });
});

Deno.test("netdisk inbox says when it is full", strict, async () => {
  const all = Array.from({ length: MAX_INBOX_PARCELS }, (_, i) => info(i + 1))
    .reverse();
  for (const count of [all.length, all.length - 1]) {
    const { stderr } = await play(inbox, ["--json"], async (server) => {
      await greet(server);
      for (let at = 0; at < count; at += MAX_PAGE_PARCELS) {
        await server.request("inbox");
        const end = Math.min(count, at + MAX_PAGE_PARCELS);
        const parcels = all.slice(at, end);
        await server.say({ type: "parcels", parcels, more: end < count });
      }
      await server.request("coming");
      await server.say({ type: "coming", users: [] });
    }, OPTIONS);
    assertEquals(
      stderr,
      count === all.length
        ? "netdisk: the inbox is full, what others send to you is refused\n"
        : "",
    );
  }
});

Deno.test("netdisk inbox believes no endless listing", strict, async () => {
  const pages: ParcelInfo[][] = [
    [],
    [info(5), info(5)],
    [info(5), info(6)],
  ];
  for (const parcels of pages) {
    const { error } = await play(inbox, [], async (server) => {
      await greet(server);
      await server.request("inbox");
      await server.say({ type: "parcels", parcels, more: true });
    }, OPTIONS);
    assertEquals(error?.code, "protocol");
  }
  const { error } = await play(inbox, [], async (server) => {
    await greet(server);
    for (let number = 1_000_000;;) {
      await server.request("inbox");
      const parcels = Array.from({ length: 80 }, () => info(--number));
      await server.say({ type: "parcels", parcels, more: true });
    }
  }, OPTIONS);
  assertEquals(error?.code, "protocol");
});

Deno.test(
  "netdisk inbox read shows all of a message, and marks it",
  strict,
  async () => {
    const message = "one\ttwo\n\u202ethree";
    const script = async (server: FakeServer) => {
      await greet(server);
      await open(server, ["b\x1b.txt", "a.txt"], message);
      assertEquals((await server.request("read")).number, 7);
      await server.say({ type: "ok" });
    };
    const { stdout } = await play(read, ["7"], script, OPTIONS);
    const date = localTime(TIME);
    assertEquals(
      stdout,
      `From: ben\nDate: ${date}\n\none\ttwo\n\\u202ethree\n\n` +
        `-               8  ${date}  a.txt\n` +
        `-               8  ${date}  b\\x1b.txt\n`,
    );
    const { objects } = await play(read, ["7", "--json"], script, OPTIONS);
    const [object, ...entries] = objects();
    assertEquals([object!.text, object!.from], [message, "ben"]);
    assertEquals(entries.map(({ type, name }) => `${type} ${name}`), [
      "entry a.txt",
      "entry b\x1b.txt",
    ]);
  },
);

Deno.test("netdisk inbox get keeps to --limit-rate", strict, async () => {
  const argv = ["1", "--limit-rate", "1K"];
  const { error, connections } = await play(get, argv, async () => {});
  assertEquals([error?.code, connections], ["usage", 0]);
  assertMatch(error!.message, /64K or more$/);
});

Deno.test("numbers are numbers", strict, async () => {
  for (const word of ["0", "1.5", "x", "9".repeat(16)]) {
    for (const command of [read, save, get, deleteParcels]) {
      const { error, connections } = await play(
        command,
        [word],
        async () => {},
      );
      assertEquals([error?.code, connections], ["usage", 0]);
    }
  }
});

Deno.test(
  "netdisk inbox get writes what is new, and nothing else",
  strict,
  async () => {
    using here = filesIn({ "kept.txt": "mine", "link": "mine as well" });
    const names = ["kept.txt", "new.txt", ".bashrc", "..", "a\x07b", "link"];
    const script = async (server: FakeServer) => {
      await greet(server);
      await open(server, [...names, entry("sub", { kind: "folder" })]);
      assertEquals(await files(server, 3), ["kept.txt", "link", "new.txt"]);
    };
    const { error, stderr } = await play(
      get,
      ["3", "--to", here.path],
      script,
      OPTIONS,
    );
    assertEquals(error?.code, "partial");
    assertMatch(stderr, /parcel 3: \.bashrc: the name begins with a dot/);
    assertMatch(stderr, /hint: netdisk inbox get 3 --hidden --to/);
    assertMatch(stderr, /parcel 3: \.\.: '\.\.' is not allowed in a path/);
    assertMatch(stderr, /parcel 3: a\\x07b: the name has a control character/);
    assertMatch(stderr, /parcel 3: sub: it is no file/);
    assertMatch(stderr, /kept\.txt: it is there already/);
    const way = `hint: netdisk inbox get 3 --to ${here.path}/parcel-3/\n`;
    assert(stderr.includes(way), stderr);
    assertEquals(here.now(), {
      "kept.txt": "mine",
      "link": "mine as well",
      "new.txt": "from ben",
    });

    // What is here with the same size and time is not asked for again.
    const again = await play(
      get,
      ["3", "--to", here.path, "--replace", "--hidden", "--json"],
      async (server) => {
        await greet(server);
        await open(server, ["kept.txt", "new.txt", ".bashrc"]);
        assertEquals(await files(server, 2), [".bashrc", "kept.txt"]);
        await noticed(server, 3);
      },
      OPTIONS,
    );
    assertEquals(again.error, undefined);
    assertEquals(again.objects().map(({ type, name }) => `${type} ${name}`), [
      "skipped new.txt",
      "file .bashrc",
      "file kept.txt",
    ]);
    assertEquals(here.now()["kept.txt"], "from ben");
  },
);

Deno.test(
  "netdisk inbox get takes each name once, with --replace as well",
  strict,
  async () => {
    using here = filesIn({});
    const to = `${here.path}/new/`;
    const { error, stderr } = await play(
      get,
      ["3", "4", "9", "--to", to, "--replace"],
      async (server) => {
        await greet(server);
        await open(server, ["a.txt"]);
        await open(server, ["a.txt", "b.txt"]);
        await server.request("open");
        await server.refuse("not-found");
        assertEquals(await files(server, 1), ["a.txt"]);
        await noticed(server, 3);
        // Of parcel 4 a file is left.
        assertEquals(await files(server, 1), ["b.txt"]);
      },
      OPTIONS,
    );
    assertEquals(error?.code, "partial");
    assertMatch(stderr, /parcel 4: a\.txt: parcel 3 has a file of that name/);
    assertMatch(stderr, /parcel 9: refused: not-found/);
    assertEquals(Object.keys(here.now()).sort(), ["new/a.txt", "new/b.txt"]);
  },
);

Deno.test(
  "netdisk inbox get goes on over another connection",
  strict,
  async () => {
    using here = filesIn({});
    const { error } = await play(
      get,
      ["3", "--to", here.path],
      async (server, connection) => {
        await greet(server);
        if (connection === 1) {
          await open(server, ["a.txt", "b.txt"]);
          await files(server, 1);
          return server.close();
        }
        assertEquals(await files(server, 1), ["b.txt"]);
        await noticed(server, 3);
      },
      OPTIONS,
    );
    assertEquals(error, undefined);
    assertEquals(Object.keys(here.now()).sort(), ["a.txt", "b.txt"]);
  },
);

Deno.test(
  "netdisk inbox get of one parcel ends as that does",
  strict,
  async () => {
    for (const names of [undefined, []]) {
      const { error } = await play(get, ["3"], async (server) => {
        await greet(server);
        if (names) return await open(server, names);
        await server.request("open");
        await server.refuse("not-found");
      }, OPTIONS);
      assertEquals(error?.code, "not-found");
    }
    const { error } = await play(get, ["3", "--to", "/gone"], async () => {});
    assertEquals([error?.code, error?.hint], ["not-found", "mkdir -p /gone"]);
  },
);

Deno.test(
  "a parcel that is deleted while it is read was read all the same",
  strict,
  async () => {
    const script = async (server: FakeServer) => {
      await greet(server);
      await open(server, ["a.txt"], "hello");
      await server.request("read");
      await server.refuse("not-found");
    };
    const seen = await play(read, ["3"], script, OPTIONS);
    assertEquals(seen.error, undefined);
    assertMatch(seen.stdout, /\nhello\n/);
    using here = filesIn({});
    const got = await play(
      get,
      ["3", "--to", here.path],
      async (server) => {
        await greet(server);
        await open(server, ["a.txt"]);
        await files(server, 1);
        await server.request("read");
        await server.refuse("not-found");
      },
      OPTIONS,
    );
    assertEquals(got.error, undefined);
  },
);

Deno.test("netdisk inbox save moves files on the server", strict, async () => {
  const { stderr, objects, error } = await play(
    save,
    ["3", "--to", "/from/ben/", "--json"],
    async (server, connection) => {
      await greet(server);
      if (connection === 1) await open(server, ["a.txt", "b.txt"]);
      const request = await server.request("save");
      assertEquals([request.number, request.to], [3, "from/ben"]);
      // The answer is lost, and the parcel has no files any more.
      if (connection === 1) return server.close();
      await server.say({ type: "ok" });
      await noticed(server, 3);
    },
    OPTIONS,
  );
  assertEquals(error, undefined);
  assertEquals(objects().map(({ name }) => name), [
    "from/ben/a.txt",
    "from/ben/b.txt",
  ]);
  assertMatch(
    stderr,
    /netdisk: 2 files saved in '\/from\/ben' on the server\n$/,
  );
});

Deno.test(
  "netdisk inbox save says what to do about a name that is taken",
  strict,
  async () => {
    const { error } = await play(save, ["3"], async (server) => {
      await greet(server);
      await open(server, ["a.txt"]);
      await server.request("save");
      await server.refuse("exists");
    }, OPTIONS);
    assertEquals([error?.code, error?.message, error?.hint], [
      "exists",
      "parcel 3: refused: exists",
      "netdisk inbox save 3 --to parcel-3",
    ]);
    const { error: empty } = await play(save, ["3"], async (server) => {
      await greet(server);
      await open(server, []);
    }, OPTIONS);
    assertEquals(empty?.message, "parcel 3: it has no files");
  },
);

Deno.test("netdisk inbox delete, block, unblock, blocked", strict, async () => {
  const deleted = await play(deleteParcels, ["3", "4", "3"], async (server) => {
    await greet(server);
    for (const number of [3, 4]) {
      assertEquals((await server.request("discard")).number, number);
    }
    await server.say({ type: "ok" });
    await server.refuse("not-found");
  }, OPTIONS);
  assertEquals(deleted.error?.message, "1 of 2 parcels could not be deleted");
  for (const command of [block, unblock]) {
    const { stderr } = await play(command, ["ben"], async (server) => {
      await greet(server);
      const { user, blocked } = await server.request("block");
      assertEquals([user, blocked], ["ben", command === block]);
      await server.say({ type: "ok" });
      if (command === block) await listed(server, [info(3, { from: "eve" })]);
    }, OPTIONS);
    assertEquals(
      stderr,
      command === block
        ? "netdisk: ben: blocked\n"
        : "netdisk: ben: not blocked any more\n",
    );
  }
  const { stdout } = await play(blocked, [], async (server) => {
    await greet(server);
    await server.request("blocked");
    await server.say({ type: "blocked", users: ["ben", "c\x1b"] });
  }, OPTIONS);
  assertEquals(stdout, "ben\nc\\x1b\n");
});

Deno.test(
  "netdisk inbox block says how to delete what is there",
  strict,
  async () => {
    const { stderr } = await play(
      block,
      ["ben", "--server", "{address}"],
      async (server) => {
        await greet(server);
        await server.request("block");
        await server.say({ type: "ok" });
        await listed(server, [info(5), info(4, { from: "eve" }), info(3)]);
      },
      OPTIONS,
    );
    assertMatch(
      stderr,
      /^netdisk: ben: blocked\nnetdisk: 2 parcels from ben in your inbox: netdisk inbox delete .*--from ben\n$/,
    );
  },
);

Deno.test(
  "netdisk inbox delete --from deletes what was there from these, once",
  strict,
  async () => {
    const parcels = [
      info(9),
      info(8, { from: "eve" }),
      info(3, { from: "dan" }),
    ];
    const { stderr, objects, error } = await play(
      deleteParcels,
      ["--from", "ben", "--json", "--from", "dan"],
      async (server, connection) => {
        await greet(server);
        // What came since is not among what the user wanted to be gone.
        if (connection === 1) await listed(server, parcels);
        for (const number of connection === 1 ? [9, 3] : [3]) {
          assertEquals((await server.request("discard")).number, number);
          if (connection === 1 && number === 3) return;
          await server.say({ type: "ok" });
        }
      },
      OPTIONS,
    );
    assertEquals(error, undefined);
    assertMatch(stderr, /\nnetdisk: 2 parcels deleted\n$/);
    assertEquals(objects().map(({ number }) => number), [9, 3]);

    const none = await play(
      deleteParcels,
      ["--from", "dora"],
      async (server) => {
        await greet(server);
        await listed(server, parcels);
      },
      OPTIONS,
    );
    assertEquals(
      [none.error?.code, none.error?.message],
      ["not-found", "there is nothing from dora in the inbox"],
    );
    for (
      const [argv, code] of [
        [["3", "--from", "ben"], "usage"],
        [[], "usage"],
        [["--from", "Ben"], "bad-name"],
      ] as const
    ) {
      const { error, connections } = await play(
        deleteParcels,
        argv,
        () => Promise.resolve(),
      );
      assertEquals([error?.code, connections], [code, 0]);
    }
  },
);

Deno.test("a number alone is no command, and the hint says which was meant", () => {
  const { hint } = assertThrows(
    () => subcommandOf(inbox, "2"),
    NetdiskError,
    "inbox: unknown command '2'",
  );
  assertEquals(hint, "netdisk inbox read 2");
  const other = assertThrows(() => subcommandOf(inbox, "2x"), NetdiskError);
  assertEquals(other.hint, "netdisk help inbox");
});

Deno.test(
  "all of netdisk inbox says of an old server that it is one",
  strict,
  async () => {
    const lines = [
      [inbox],
      [read, "1"],
      [save, "1"],
      [get, "1"],
      [deleteParcels, "1"],
      [block, "ben"],
      [unblock, "ben"],
      [blocked],
    ] as const;
    for (const [command, ...argv] of lines) {
      const { error } = await play(command, argv, async (server) => {
        await server.left();
      });
      assertEquals(error?.code, "version", command.name);
    }
  },
);
