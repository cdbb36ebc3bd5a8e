import { assert, assertEquals, assertThrows } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import {
  Config,
  type ConfigData,
  configFolder,
  findConfigFolder,
  nameServer,
  savedServer,
} from "../../client/config.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, DiskRecorder } from "../helpers/faults.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const WRITER = fromFileUrl(
  new URL("../helpers/config_writer.ts", import.meta.url),
);
const TOKEN = "t".repeat(43);
const EMPTY: ConfigData = { version: 1, server: null, servers: [] };

const FULL: ConfigData = {
  version: 1,
  server: "disk.example:6375",
  servers: [
    {
      address: "disk.example:6375",
      trust: {
        kind: "pin",
        fingerprint: "f".repeat(43),
        certificate: "-----BEGIN CERTIFICATE-----\n",
      },
      user: "anna",
      sessions: [
        { user: "anna", token: TOKEN, expires: 4_000_000_000_000 },
        { user: "ben", token: TOKEN, expires: -1 },
      ],
    },
    {
      address: "[::1]:7000",
      trust: { kind: "authority", certificate: null },
      user: null,
      sessions: [],
    },
    { address: "other:1", trust: null, user: null, sessions: [] },
  ],
};

function fill(data: ConfigData): void {
  Object.assign(data, structuredClone(FULL));
}

/** A config in a folder of its own, which is not there yet. */
function tempConfig() {
  const folder = tempFolder();
  const path = join(folder.path, "client", "netdisk");
  return {
    path,
    file: join(path, "servers.json"),
    config: new Config(path),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

function modeOf(path: string): string {
  return (Deno.statSync(path).mode! & 0o777).toString(8);
}

Deno.test("configFolder() takes the first that is set", strict, () => {
  const cases: [Record<string, string>, string][] = [
    [{ NETDISK_CONFIG_DIR: "/n", XDG_CONFIG_HOME: "/x", HOME: "/h" }, "/n"],
    [
      { NETDISK_CONFIG_DIR: "", XDG_CONFIG_HOME: "/x", HOME: "/h" },
      "/x/netdisk",
    ],
    [{ XDG_CONFIG_HOME: "", HOME: "/h" }, "/h/.config/netdisk"],
  ];
  for (const [env, folder] of cases) {
    assertEquals(configFolder((name) => env[name]), folder);
    const { path, variable } = findConfigFolder((name) => env[name]);
    assertEquals(path, folder);
    assert(env[variable] && folder.startsWith(env[variable]));
  }
  const windows = { APPDATA: "C:/a", XDG_CONFIG_HOME: "/x", HOME: "/h" };
  const nameIn = (env: Record<string, string>) =>
    configFolder((name) => env[name], "windows");
  assertEquals(nameIn(windows), "C:/a/netdisk");
  assertThrows(() => nameIn({ XDG_CONFIG_HOME: "/x", HOME: "/h" }));
  const error = assertThrows(() => configFolder(() => undefined), NetdiskError);
  assertEquals(
    [error.code, error.hint],
    ["local-io", "set NETDISK_CONFIG_DIR to a folder of yours"],
  );
});

Deno.test(
  "names of servers are kept, and only where there are some",
  strict,
  () => {
    using temp = tempConfig();
    temp.config.update(fill);
    const before = Deno.readTextFileSync(temp.file);
    // What netdisk wrote before there were names, it writes and reads still.
    assertEquals(before.includes('"name"'), false);
    temp.config.update((data) => {
      assertEquals(nameServer(data, data.servers[1]!, "six"), {
        before: undefined,
        lost: undefined,
      });
      assertEquals(nameServer(data, data.servers[1]!, "home"), {
        before: undefined,
        lost: "six",
      });
    });
    assertEquals(temp.config.read().servers.map(({ name }) => name), [
      undefined,
      "home",
      undefined,
    ]);
    temp.config.update((data) => {
      assertEquals(nameServer(data, data.servers[0]!, "home"), {
        before: "[::1]:7000",
        lost: undefined,
      });
    });
    assertEquals(temp.config.read().servers.map(({ name }) => name), [
      "home",
      undefined,
      undefined,
    ]);
    temp.config.update((data) => delete data.servers[0]!.name);
    assertEquals(Deno.readTextFileSync(temp.file), before);
  },
);

Deno.test("Config.update() writes no name that is none", strict, () => {
  using temp = tempConfig();
  temp.config.update(fill);
  const error = assertThrows(
    () => temp.config.update((data) => data.servers[0]!.name = "a.b"),
    NetdiskError,
  );
  assert(error.message.includes("servers[0].name is refused: a short name is"));
  assertEquals(temp.config.read(), FULL);
});

Deno.test("Config.read() without a file makes none", strict, () => {
  using temp = tempConfig();
  assertEquals(temp.config.read(), EMPTY);
  assertThrows(() => Deno.statSync(temp.path), Deno.errors.NotFound);
});

Deno.test(
  "Config.update() keeps all that is there, for its owner only",
  strict,
  () => {
    using temp = tempConfig();
    const umask = Deno.umask(0);
    try {
      temp.config.update(fill);
    } finally {
      Deno.umask(umask);
    }
    assertEquals(temp.config.read(), FULL);
    assertEquals(new Config(temp.path).read(), FULL);
    assertEquals(
      [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort(),
      [
        "lock",
        "servers.json",
      ],
    );
    assertEquals(modeOf(temp.path), "700");
    assertEquals(modeOf(temp.file), "600");
    assertEquals(modeOf(join(temp.path, "lock")), "600");
    assertEquals(descriptorsBelow(temp.path), []);
  },
);

Deno.test(
  "savedServer() makes an entry only where there is none",
  strict,
  () => {
    const data = structuredClone(FULL);
    assertEquals(savedServer(data, "other:1"), data.servers[2]!);
    assertEquals(savedServer(data, "new:1"), {
      address: "new:1",
      trust: null,
      user: null,
      sessions: [],
    });
    assertEquals(data.servers.length, 4);
  },
);

/** Damage, and what it is called. */
const DAMAGE: [string, string, string][] = [
  ["is empty", "", "the file is not JSON"],
  ["is cut short", JSON.stringify(FULL).slice(0, -9), "the file is not JSON"],
  ["is no object", "[]", "the file is not an object"],
  ["is of another version", json({ version: 2 }), "the file.version is not 1"],
  [
    "lacks a field",
    json({ servers: undefined }),
    "the file.servers is missing",
  ],
  ["has a field too many", json({ x: 1 }), 'the file has an unknown field "x"'],
  [
    "has a token of another form",
    json({
      servers: [{
        ...FULL.servers[0],
        sessions: [{ user: "anna", token: "secret", expires: 0 }],
      }],
    }),
    "the file.servers[0].sessions[0].token has the wrong form",
  ],
  [
    "has a trust of no known kind",
    json({
      servers: [{
        ...FULL.servers[0],
        trust: { kind: "hope", certificate: null },
      }],
    }),
    "the file.servers[0].trust.kind has an unknown value",
  ],
  [
    "has a trust of no kind at all",
    json({ servers: [{ ...FULL.servers[0], trust: 5 }] }),
    "the file.servers[0].trust is not an object",
  ],
];

function json(change: Record<string, unknown>): string {
  return JSON.stringify({ ...FULL, ...change });
}

for (const [what, text, reason] of DAMAGE) {
  Deno.test(
    `Config says that a file ${what}, and leaves it alone`,
    strict,
    () => {
      using temp = tempConfig();
      temp.config.update(() => {});
      Deno.writeTextFileSync(temp.file, text);
      for (
        const attempt of [
          () => temp.config.read(),
          () => temp.config.update(fill),
        ]
      ) {
        const error = assertThrows(attempt, NetdiskError);
        assertEquals(
          [error.code, error.message, error.hint],
          [
            "local-io",
            `${temp.file}: ${reason}`,
            (reason.endsWith("not JSON")
              ? ""
              : "a newer netdisk may have written it: use that one, or ") +
            "move the file away and log in again",
          ],
        );
        assert(!Deno.inspect(error).includes("secret"));
        assert(!Deno.inspect(error).includes("ttttt"));
      }
      assertEquals(Deno.readTextFileSync(temp.file), text);
    },
  );
}

for (const mode of [0o644, 0o640, 0o604, 0o660]) {
  Deno.test(`Config refuses a file of mode ${mode.toString(8)}`, strict, () => {
    using temp = tempConfig();
    temp.config.update(fill);
    Deno.chmodSync(temp.file, mode);
    const error = assertThrows(() => temp.config.read(), NetdiskError);
    assertEquals(
      [error.code, error.message, error.hint],
      [
        "local-io",
        `${temp.file}: others can read it`,
        `chmod 600 ${temp.file}`,
      ],
    );
  });
}

Deno.test("Config says what the system says, and the path once", strict, () => {
  using temp = tempConfig();
  Deno.writeTextFileSync(dirname(temp.path), "");
  const error = assertThrows(() => temp.config.read(), NetdiskError);
  assertEquals(error.message, `${temp.file}: Not a directory`);
});

Deno.test("Config reads a file that its owner cannot write", strict, () => {
  using temp = tempConfig();
  temp.config.update(fill);
  Deno.chmodSync(temp.file, 0o400);
  assertEquals(temp.config.read(), FULL);
});

Deno.test("Config does not read a file that fills the memory", strict, () => {
  using temp = tempConfig();
  temp.config.update(fill);
  Deno.truncateSync(temp.file, 17 * 1024 * 1024);
  const error = assertThrows(() => temp.config.read(), NetdiskError);
  assertEquals(error.message, `${temp.file}: the file is too large`);
});

Deno.test(
  "Config.update() writes nothing that it could not read",
  strict,
  () => {
    using temp = tempConfig();
    temp.config.update(fill);
    const spoilers: ((data: ConfigData) => void)[] = [
      (data) => void (data.servers[0]!.sessions[0]!.token = "short"),
      (data) => void (data.servers[0]!.user = "\ud800"),
      (data) => {
        for (let i = 0; i < 1000; i++) savedServer(data, `s${i}:1`);
      },
    ];
    for (const spoil of spoilers) {
      const error = assertThrows(() => temp.config.update(spoil), NetdiskError);
      assertEquals(error.code, "local-io");
      assertEquals(temp.config.read(), FULL);
    }
  },
);

Deno.test(
  "Config.update() changes nothing when the change throws",
  strict,
  () => {
    using temp = tempConfig();
    temp.config.update(fill);
    const fault = new NetdiskError("protocol", "no token");
    const thrown = assertThrows(() =>
      temp.config.update((data) => {
        data.servers = [];
        throw fault;
      })
    );
    assertEquals(thrown, fault);
    assertEquals(temp.config.read(), FULL);
    temp.config.update(() => {});
  },
);

for (
  const step of [/^mkdir/, /^open lock/, /^open .*new/, /^write/, /^rename/]
) {
  Deno.test(
    `Config.update() keeps the old file when '${step.source}' fails`,
    strict,
    () => {
      using temp = tempConfig();
      temp.config.update(fill);
      {
        using disk = new DiskRecorder(temp.path);
        disk.fail(step, "ENOSPC");
        const error = assertThrows(
          () => temp.config.update((data) => void (data.servers = [])),
          NetdiskError,
        );
        assertEquals(
          [error.code, error.message],
          ["local-io", `${temp.file}: injected (ENOSPC)`],
        );
      }
      assertEquals(temp.config.read(), FULL);
      const names = [...Deno.readDirSync(temp.path)].map(({ name }) => name);
      assertEquals(names.sort(), ["lock", "servers.json"]);
      assertEquals(descriptorsBelow(temp.path), []);
    },
  );
}

Deno.test("Config.update() goes on where a write was short", strict, () => {
  using temp = tempConfig();
  {
    using disk = new DiskRecorder(temp.path);
    disk.maxWrite = 10;
    temp.config.update(fill);
  }
  assertEquals(temp.config.read(), FULL);
});

Deno.test(
  "Config.update() clears away what a crash left behind",
  strict,
  () => {
    using temp = tempConfig();
    temp.config.update(fill);
    Deno.writeTextFileSync(`${temp.file}.new`, "half");
    Deno.chmodSync(`${temp.file}.new`, 0o666);
    temp.config.update(() => {});
    assertEquals(temp.config.read(), FULL);
    assertEquals(modeOf(temp.file), "600");
  },
);

function startWriter(folder: string, name: string, count: number) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", WRITER, folder, name, String(count)],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
}

Deno.test(
  "Config.update() of several processes at once loses nothing",
  strict,
  async () => {
    using temp = tempConfig();
    const names = ["a", "b", "c", "d"];
    const writers = names.map((name) => startWriter(temp.path, name, 25));
    const done = Promise.all(writers.map(({ status }) => status));
    for (const { success } of await within("the writers", done)) {
      assert(
        success,
      );
    }
    const saved = temp.config.read().servers.map(({ address }) => address);
    const expected = names.flatMap((name) =>
      Array.from({ length: 25 }, (_, i) => `${name}:${i + 1}`)
    );
    assertEquals(saved.sort(), expected.sort());
  },
);

Deno.test(
  "Config is old or new, never between, and unlocked, when a writer is killed",
  strict,
  async () => {
    using temp = tempConfig();
    for (let round = 1; round <= 3; round++) {
      // In all three rounds fewer than a config may have.
      const writer = startWriter(temp.path, `r${round}`, 300);
      await until("a first entry", () => {
        const { servers } = temp.config.read();
        return servers.some(({ address }) => address.startsWith(`r${round}:`));
      });
      for (let i = 0; i < 100; i++) temp.config.read();
      try {
        writer.kill("SIGKILL");
      } catch {
        // It was quicker, and has ended by itself.
      }
      await within("the end of the writer", writer.status);
      const before = temp.config.read().servers.length;
      temp.config.update((data) => savedServer(data, `ours:${round}`));
      assertEquals(temp.config.read().servers.length, before + 1);
    }
  },
);
