import { assertEquals, assertThrows } from "@std/assert";
import { command as whoami } from "../../client/commands/whoami.ts";
import { Config, nameServer, savedServer } from "../../client/config.ts";
import {
  checkUserName,
  chooseServer,
  chooseSession,
} from "../../client/server_choice.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { invocationOf } from "../helpers/invocation.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const FINGERPRINT = "f".repeat(43);
const INVITE = "i".repeat(22);

/** A session of a user on a server, which is the last one. */
function save(folder: string, address: string, ...users: string[]): void {
  new Config(folder).update((data) => {
    const server = savedServer(data, address);
    server.sessions = users.map((user) => ({
      user,
      token: user[0]!.repeat(43),
      expires: 4_000_000_000_000,
    }));
    server.user = users[0] ?? null;
    data.server = address;
  });
}

function choose(
  folder: string,
  argv: readonly string[] = [],
  env: Record<string, string> = {},
) {
  const { invocation } = invocationOf(whoami, argv, {
    env: { NETDISK_CONFIG_DIR: folder, ...env },
  });
  const choice = chooseServer(invocation);
  return { invocation, choice };
}

Deno.test(
  "chooseServer(): option, then environment, then last login, then this machine",
  strict,
  () => {
    using folder = tempFolder();
    const env = { NETDISK_SERVER: "env.example" };
    const option = ["--server", "option.example:1"];
    const addressOf = (...args: Parameters<typeof choose>) =>
      choose(...args).choice.address;
    assertEquals(addressOf(folder.path), "localhost:6375");
    assertEquals(addressOf(folder.path, [], env), "env.example:6375");
    save(folder.path, "last.example:7", "anna");
    assertEquals(addressOf(folder.path), "last.example:7");
    assertEquals(addressOf(folder.path, [], env), "env.example:6375");
    assertEquals(addressOf(folder.path, option, env), "option.example:1");
    const unset = { NETDISK_SERVER: "" };
    assertEquals(addressOf(folder.path, [], unset), "last.example:7");
  },
);

Deno.test("chooseServer() finds what is saved by host and port", strict, () => {
  using folder = tempFolder();
  save(folder.path, "disk.example:6375", "anna");
  for (
    const [server, isSaved] of [
      ["disk.example", true],
      ["disk.example:6375", true],
      ["DISK.example:06375", true],
      ["netdisk://disk.example", true],
      ["netdisk://disk.example:6375/", true],
      [`netdisk://disk.example#${FINGERPRINT}.${INVITE}`, true],
      ["disk.example:6376", false],
      ["other.example", false],
    ] as const
  ) {
    const { choice } = choose(folder.path, ["--server", server]);
    assertEquals(choice.saved?.user, isSaved ? "anna" : undefined, server);
  }
});

Deno.test("chooseServer() takes short names, from everywhere", strict, () => {
  using folder = tempFolder();
  save(folder.path, "disk.example:7000", "anna");
  new Config(folder.path).update((data) => {
    nameServer(data, data.servers[0]!, "home");
    data.server = null;
  });
  const cases: [string[], Record<string, string>, string][] = [
    [["--server", "home"], {}, "disk.example:7000"],
    [[], { NETDISK_SERVER: "home" }, "disk.example:7000"],
    [["--server", "home:7000"], {}, "home:7000"],
    [["--server", "hom"], {}, "hom:6375"],
  ];
  for (const [argv, env, address] of cases) {
    const { choice } = choose(folder.path, argv, env);
    assertEquals(choice.address, address);
    const isSaved = address === "disk.example:7000";
    assertEquals(choice.saved?.user, isSaved ? "anna" : undefined);
  }
});

Deno.test(
  "chooseServer() takes a new name where a login saves it",
  strict,
  () => {
    using folder = tempFolder();
    const argv = ["--server", "home=disk.example"];
    const error = assertThrows(() => choose(folder.path, argv), NetdiskError);
    assertEquals(
      [error.code, error.message],
      [
        "usage",
        "--server: home=...: only login and register save a short name",
      ],
    );
    const { invocation } = invocationOf(whoami, argv, {
      env: { NETDISK_CONFIG_DIR: folder.path },
    });
    const { newName, address } = chooseServer(invocation, { mayName: true });
    assertEquals([newName, address], ["home", "disk.example:6375"]);
  },
);

Deno.test("chooseServer() takes links and IPv6 in all forms", strict, () => {
  using folder = tempFolder();
  const cases: [string, string, object][] = [
    ["[::1]", "[::1]:6375", { host: "::1", port: 6375 }],
    ["[2001:DB8::1]:7000", "[2001:db8::1]:7000", {
      host: "2001:db8::1",
      port: 7000,
    }],
    ["[fe80::1%eth0]:7000", "[fe80::1%eth0]:7000", {
      host: "fe80::1%eth0",
      port: 7000,
    }],
    [`netdisk://[::1]:7000#${FINGERPRINT}.${INVITE}`, "[::1]:7000", {
      host: "::1",
      port: 7000,
      fingerprint: FINGERPRINT,
      invite: INVITE,
    }],
    [`netdisk://10.0.0.1#.${INVITE}`, "10.0.0.1:6375", {
      host: "10.0.0.1",
      port: 6375,
      invite: INVITE,
    }],
  ];
  for (const [server, address, link] of cases) {
    const { choice } = choose(folder.path, ["--server", server]);
    assertEquals([choice.address, choice.link as object], [address, link]);
  }
});

Deno.test(
  "chooseServer() refuses what is no address and shows no secret",
  strict,
  () => {
    using folder = tempFolder();
    for (
      const server of [
        "::1",
        "a b",
        "host:0",
        "host:65536",
        "host:port",
        `host#${FINGERPRINT}.${INVITE}`,
        `netdisk://host#${FINGERPRINT}.${INVITE}.x`,
        `netdisk://host#${FINGERPRINT}.${INVITE}x`,
        `netdisk://ho st#${FINGERPRINT}.${INVITE}`,
        "https://host",
      ]
    ) {
      const error = assertThrows(
        () => choose(folder.path, ["--server", server]),
        NetdiskError,
      );
      assertEquals(error.code, "usage", server);
      assertEquals(error.message.includes(INVITE), false);
    }
  },
);

Deno.test(
  "chooseSession(): option, then environment, then last login",
  strict,
  () => {
    using folder = tempFolder();
    save(folder.path, "disk.example:6375", "anna", "ben", "carl");
    const userOf = (argv: string[], env: Record<string, string> = {}) => {
      const { invocation, choice } = choose(folder.path, argv, env);
      const { user, token } = chooseSession(invocation, choice);
      assertEquals(token, user[0]!.repeat(43));
      return user;
    };
    assertEquals(userOf([]), "anna");
    assertEquals(userOf([], { NETDISK_USER: "" }), "anna");
    assertEquals(userOf([], { NETDISK_USER: "ben" }), "ben");
    assertEquals(userOf(["--user", "carl"], { NETDISK_USER: "ben" }), "carl");
  },
);

Deno.test("chooseSession() says how to log in", strict, () => {
  using folder = tempFolder();
  save(folder.path, "disk.example:6375", "anna");
  const cases: [string[], string, string][] = [
    [
      ["--user", "ben"],
      "not logged in to disk.example:6375 as ben (there are sessions of: anna; see --user)",
      "netdisk login ben --server disk.example:6375",
    ],
    [
      ["--server", `netdisk://new.example#${FINGERPRINT}.${INVITE}`],
      "not logged in to new.example:6375",
      "netdisk login NAME --server new.example:6375",
    ],
    [
      ["--server", "[::1]", "--user", "anna"],
      "not logged in to [::1]:6375 as anna",
      "netdisk login anna --server [::1]:6375",
    ],
  ];
  for (const [argv, message, hint] of cases) {
    const { invocation, choice } = choose(folder.path, argv);
    const error = assertThrows(
      () => chooseSession(invocation, choice),
      NetdiskError,
    );
    assertEquals(
      [error.code, error.message, error.hint],
      ["unauthenticated", message, hint],
    );
  }
});

Deno.test(
  "chooseSession() guesses the short name that was meant",
  strict,
  () => {
    using folder = tempFolder();
    save(folder.path, "disk.example:6375", "anna");
    new Config(folder.path).update((data) => {
      nameServer(data, data.servers[0]!, "home");
    });
    const { invocation, choice } = choose(folder.path, ["--server", "hoem"]);
    const error = assertThrows(
      () => chooseSession(invocation, choice),
      NetdiskError,
    );
    assertEquals(
      [error.message, error.hint],
      ["not logged in to hoem:6375", "did you mean --server home?"],
    );
  },
);

Deno.test("chooseSession() refuses what is no user name", strict, () => {
  using folder = tempFolder();
  const { invocation, choice } = choose(folder.path, ["--user", "../anna"]);
  const error = assertThrows(
    () => chooseSession(invocation, choice),
    NetdiskError,
  );
  assertEquals(error.code, "bad-name");
});

Deno.test("checkUserName() says what a user name is", strict, () => {
  for (const user of ["a", "0", "anna.b_c-d", "a".repeat(32)]) {
    checkUserName(user);
  }
  for (const user of ["", "A", ".a", "-a", "ä", "a b", "a/b", "a".repeat(33)]) {
    const error = assertThrows(() => checkUserName(user), NetdiskError);
    assertEquals(error.code, "bad-name");
    assertEquals(
      error.message,
      `'${user}': a user name is 1 to 32 of a-z 0-9 . _ - and starts with a letter or a digit`,
    );
  }
});
