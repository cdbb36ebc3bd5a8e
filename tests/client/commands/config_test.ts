import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Command } from "../../../client/command.ts";
import { command as config } from "../../../client/commands/config.ts";
import { Config, type SavedServer } from "../../../client/config.ts";
import { localTime } from "../../../client/entry_view.ts";
import { invoke } from "../../helpers/invocation.ts";
import { tempFolder } from "../../helpers/temp_folder.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const FINGERPRINT = "f".repeat(43);
const TOKEN = "t".repeat(43);
const LATER = 4_000_000_000_000;

const SERVERS: readonly SavedServer[] = [
  {
    address: "disk.example:7000",
    name: "home",
    trust: { kind: "pin", fingerprint: FINGERPRINT, certificate: "PEM" },
    user: "ben",
    sessions: [
      { user: "anna", token: TOKEN, expires: 5 },
      { user: "ben", token: TOKEN, expires: LATER },
    ],
  },
  {
    address: "nas.example:6375",
    trust: { kind: "authority", certificate: null },
    user: null,
    sessions: [],
  },
  { address: "localhost:6375", trust: null, user: null, sessions: [] },
];

/** A config folder with these servers, the first one that of the last login. */
function saved() {
  const folder = tempFolder();
  const file = new Config(folder.path);
  Deno.chmodSync(folder.path, 0o700);
  file.update((data) => {
    data.servers = structuredClone([...SERVERS]);
    data.server = SERVERS[0]!.address;
  });
  return {
    folder: folder.path,
    path: join(folder.path, "servers.json"),
    read: () => file.read(),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** The subcommand of a word, or the group itself. */
function sub(word: string): Command {
  return config.subcommands!.find(({ name }) => name === `config ${word}`)!;
}

function run(
  folder: string,
  argv: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const [word = "", ...rest] = argv;
  const command = sub(word);
  return invoke(command ?? config, command ? rest : argv, {
    env: { NETDISK_CONFIG_DIR: folder, ...env },
  });
}

/** The settings that a run shows, by name: value, origin, source. */
async function settings(...args: Parameters<typeof run>) {
  const [folder, argv = [], env] = args;
  const { stdout, error } = await run(folder, [...argv, "--json"], env);
  const records = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const shown = new Map<string, unknown>();
  for (const { type, key, value, origin, source } of records) {
    if (type === "setting") shown.set(key, [value, origin, source]);
  }
  return { shown, error };
}

Deno.test(
  "netdisk config shows settings and servers in columns",
  strict,
  async () => {
    using home = saved();
    const { stdout, stderr, error } = await run(home.folder);
    assertEquals([stderr, error], ["", undefined]);
    const lines = stdout.split("\n").map((line) =>
      line.replaceAll(home.folder, "/FOLDER").trimEnd().replace(/ {2,}/g, " | ")
    );
    const pin = `fingerprint ${FINGERPRINT}`;
    assertEquals(lines, [
      "SETTING | VALUE | FROM",
      "config-folder | /FOLDER | environment NETDISK_CONFIG_DIR",
      "config-file | /FOLDER/servers.json | environment NETDISK_CONFIG_DIR",
      "server | disk.example:7000 | last login",
      "user | ben | last login",
      "accept-new | no | default",
      "cacert | - | default",
      "plain | no | default",
      "retries | 6 | default",
      "progress | auto | default",
      "password-file | - | default",
      "colour | auto | default",
      "",
      " | NAME | ADDRESS | USER | SESSION UNTIL | KNOWN BY",
      `* | home | disk.example:7000 | ben | ${localTime(LATER)} | ${pin}`,
      " | anna | expired",
      " | - | nas.example:6375 | - | - | a public authority",
      " | - | localhost:6375 | - | - | -",
      "",
    ]);
  },
);

Deno.test("netdisk config --json has a record for each", strict, async () => {
  using home = saved();
  const { stdout } = await run(home.folder, ["--json"]);
  const records = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(records.slice(-3), [
    {
      type: "server",
      version: 1,
      server: "disk.example:7000",
      shortName: "home",
      used: true,
      user: "ben",
      trust: "pin",
      fingerprint: FINGERPRINT,
      sessions: [
        { user: "anna", expires: "1970-01-01T00:00:00.005Z" },
        { user: "ben", expires: new Date(LATER).toISOString() },
      ],
    },
    {
      type: "server",
      version: 1,
      server: "nas.example:6375",
      shortName: null,
      used: false,
      user: null,
      trust: "authority",
      fingerprint: null,
      sessions: [],
    },
    {
      type: "server",
      version: 1,
      server: "localhost:6375",
      shortName: null,
      used: false,
      user: null,
      trust: null,
      fingerprint: null,
      sessions: [],
    },
  ]);
  assertEquals(stdout.includes(TOKEN), false);
});

Deno.test("netdisk config says what set a value", strict, async () => {
  using home = saved();
  const env = {
    NETDISK_SERVER: "nas.example",
    NETDISK_USER: "carl",
    NETDISK_PASSWORD_FILE: "/run/secret",
    NO_COLOR: "1",
  };
  const { shown: fromEnv } = await settings(home.folder, [], env);
  assertEquals(fromEnv.get("server"), [
    "nas.example:6375",
    "environment",
    "NETDISK_SERVER",
  ]);
  assertEquals(fromEnv.get("user"), ["carl", "environment", "NETDISK_USER"]);
  assertEquals(fromEnv.get("password-file"), [
    "/run/secret",
    "environment",
    "NETDISK_PASSWORD_FILE",
  ]);
  assertEquals(fromEnv.get("colour"), ["never", "environment", "NO_COLOR"]);
  const argv = ["--server", "home", "--user", "dora", "--retries", "3"];
  const { shown: fromOptions } = await settings(
    home.folder,
    [...argv, "--plain", "--progress=never"],
    env,
  );
  assertEquals(
    ["server", "user", "retries", "plain", "progress"].map((name) =>
      fromOptions.get(name)
    ),
    [
      ["disk.example:7000", "option", "--server"],
      ["dora", "option", "--user"],
      [3, "option", "--retries"],
      [true, "option", "--plain"],
      ["never", "option", "--progress"],
    ],
  );
});

Deno.test("netdisk config shows no invite", strict, async () => {
  using home = saved();
  const invite = "i".repeat(22);
  const env = {
    NETDISK_SERVER: `netdisk://nas.example:7#${FINGERPRINT}.${invite}`,
  };
  const { stdout } = await run(home.folder, [], env);
  assert(stdout.includes("nas.example:7 "));
  assertEquals(stdout.includes(invite), false);
});

Deno.test(
  "netdisk config without a file, and without a home",
  strict,
  async () => {
    using folder = tempFolder();
    const none = join(folder.path, "none");
    const { shown, error } = await settings(none);
    assertEquals(error, undefined);
    assertEquals(shown.get("server"), ["localhost:6375", "default", null]);
    assertEquals(shown.get("user"), [null, "default", null]);
    const homeless = await settings("");
    assertEquals(homeless.shown.has("config-file"), false);
    assertEquals(homeless.shown.get("retries"), [6, "default", null]);
    assertEquals(
      homeless.error?.message,
      "there is no home folder to keep sessions in",
    );
    const { shown: usual } = await settings("", [], { HOME: "/home/anna" });
    assertEquals(usual.get("config-folder"), [
      "/home/anna/.config/netdisk",
      "default",
      null,
    ]);
  },
);

Deno.test(
  "netdisk config shows where a file is that cannot be used",
  strict,
  async () => {
    using home = saved();
    const check = async (fault: string) => {
      const { shown, error } = await settings(home.folder);
      assertEquals(shown.get("config-file")?.constructor, Array);
      assertEquals(shown.has("server"), false);
      assertEquals(shown.get("retries"), [6, "default", null]);
      assertEquals(
        [error?.code, error?.message],
        ["local-io", `${home.path}: ${fault}`],
      );
    };
    Deno.writeTextFileSync(home.path, "{");
    await check("the file is not JSON");
    Deno.chmodSync(home.path, 0o644);
    await check("others can read it");
  },
);

Deno.test(
  "netdisk config says which variable names no server",
  strict,
  async () => {
    using home = saved();
    const env = { NETDISK_SERVER: "a b" };
    const { shown, error } = await settings(home.folder, [], env);
    assertEquals(shown.has("config-file"), true);
    assertEquals([error?.code, error?.message], [
      "usage",
      "NETDISK_SERVER: 'a b' is not valid",
    ]);
  },
);

Deno.test(
  "netdisk config name gives names, and takes them over",
  strict,
  async () => {
    using home = saved();
    const named = await run(home.folder, ["name", "nas.example", "nas"]);
    assertEquals(
      [named.stderr, named.error],
      ["netdisk: nas is nas.example:6375 from now on\n", undefined],
    );
    const moved = await run(home.folder, ["name", "nas", "home"]);
    assertEquals(
      moved.stderr,
      "netdisk: home is nas.example:6375 (nas until now) from now on, and no longer disk.example:7000\n",
    );
    assertEquals(home.read().servers.map(({ name }) => name), [
      undefined,
      "home",
      undefined,
    ]);
  },
);

Deno.test("netdisk config unname takes only the name", strict, async () => {
  using home = saved();
  const { error } = await run(home.folder, ["unname", "home"]);
  assertEquals(error, undefined);
  const { name: _, ...rest } = SERVERS[0]!;
  assertEquals(home.read().servers[0], rest);
});

Deno.test(
  "netdisk config forget takes all, and says what that means",
  strict,
  async () => {
    using home = saved();
    const { stderr, error } = await run(home.folder, ["forget", "home"]);
    assertEquals(error, undefined);
    assertEquals(stderr.split("\n"), [
      "netdisk: forgot home (disk.example:7000)",
      "netdisk: the server still has the sessions of: ben; who has a copy of the config file can use them " +
      "until they expire (netdisk logout --all after a new login ends them)",
      `netdisk: its fingerprint was ${FINGERPRINT}; compare it when the server is met again`,
      "netdisk: without --server commands now go to localhost",
      "",
    ]);
    assertEquals(home.read(), {
      version: 1,
      server: null,
      servers: SERVERS.slice(1),
    });
    const other = await run(home.folder, ["forget", "nas.example:6375"]);
    assertEquals(other.stderr, "netdisk: forgot nas.example:6375\n");
    assertEquals(home.read().servers, SERVERS.slice(2));
  },
);

Deno.test("what is not saved is not changed", strict, async () => {
  using home = saved();
  const invite = "i".repeat(22);
  const cases: [argv: string[], code: string, message: string][] = [
    [
      ["forget", "hoem"],
      "not-found",
      "hoem: no such server is saved, did you mean 'home'?",
    ],
    [
      ["unname", "x.example"],
      "not-found",
      "x.example: no such server is saved",
    ],
    [
      ["forget", `netdisk://x.example#${FINGERPRINT}.${invite}`],
      "not-found",
      "x.example:6375: no such server is saved",
    ],
    [
      ["name", "x.example", "home"],
      "not-found",
      "x.example: no such server is saved",
    ],
    [
      ["forget", "home=nas.example"],
      "usage",
      "config: 'home=nas.example' is no server",
    ],
    [
      ["name", "home", "localhost"],
      "usage",
      "'localhost': localhost is always this machine",
    ],
  ];
  const before = Deno.readTextFileSync(home.path);
  for (const [argv, code, message] of cases) {
    const { error } = await run(home.folder, argv);
    assertEquals([error?.code, error?.message], [code, message]);
  }
  assertEquals(Deno.readTextFileSync(home.path), before);
});

Deno.test("nothing is made where nothing is saved", strict, async () => {
  using folder = tempFolder();
  const none = join(folder.path, "none");
  for (const argv of [[], ["forget", "home"]]) await run(none, argv);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});
