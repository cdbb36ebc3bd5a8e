/** Registering, logging in and out, and who may see what. */

import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { dial } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { type Client, PASSWORD } from "../helpers/netdisk.ts";
import { HELLO } from "../helpers/test_client.ts";

const disk = sharedDisk();

const NAME_RULE =
  "a user name is 1 to 32 of a-z 0-9 . _ - and starts with a letter or a digit";
const WRONG = "netdisk: error: wrong user name or password\n";

/** Everything that the server keeps beside the files, as text of single bytes. */
function serverData(): string {
  const folder = join(disk.server.root, ".netdisk");
  const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
  return files.map(({ name }) =>
    new TextDecoder("latin1").decode(Deno.readFileSync(join(folder, name)))
  ).join("");
}

/** `register` or `login` with the password on stdin, at the shared server. */
function enter(
  client: Client,
  words: readonly string[],
  password: string = PASSWORD,
) {
  const { address } = disk.server;
  const args = [...words, "--server", address, "--password-stdin"];
  return client.run([...args, "--quiet"], { stdin: `${password}\n` });
}

Deno.test("register makes the user's folder, for the server alone", async () => {
  const eve = disk.stranger();
  assertOutcome(await enter(eve, ["register", "e.v_e-1"]));
  const { isDirectory, mode } = Deno.lstatSync(disk.server.file("e.v_e-1"));
  assertEquals([isDirectory, mode! & 0o777], [true, 0o700]);
  await disk.server.logs(/ register peer=127\.0\.0\.1:\d+ user=e\.v_e-1\n/);
  assertOutcome(await eve.run(["ls"]));
});

Deno.test("register with a name that is taken: exit 6", async () => {
  const folder = disk.server.file("ann");
  const before = Deno.statSync(folder).ino;
  assertOutcome(await enter(disk.stranger(), ["register", "ann"]), {
    code: 6,
    stderr: "netdisk: error: the user name 'ann' is taken\n",
  });
  assertEquals(Deno.statSync(folder).ino, before);
});

Deno.test("register with a name that is none: exit 6, nobody is asked", async () => {
  const names = [
    "Anna",
    ".hidden",
    "-x",
    "a/b",
    "..",
    "ä",
    "a b",
    "a".repeat(33),
  ];
  for (const name of names) {
    const args = ["register", "--quiet", "--password-stdin", "--", name];
    // Nobody listens there: the answer comes without a server.
    const env = { NETDISK_SERVER: "127.0.0.1:1" };
    assertOutcome(await disk.stranger().run(args, { env, stdin: PASSWORD }), {
      code: 6,
      stderr: `netdisk: error: '${name}': ${NAME_RULE}\n`,
    });
  }
});

Deno.test("the server refuses such names and passwords as well", async () => {
  const none = { type: "register", invite: null } as const;
  const cases: [user: string, password: string, code: string][] = [
    ["../ann", PASSWORD, "bad-name"],
    ["Ann", PASSWORD, "bad-name"],
    ["", PASSWORD, "bad-name"],
    ["a".repeat(33), PASSWORD, "bad-name"],
    ["harry", "1234567", "denied"],
  ];
  for (const [user, password, code] of cases) {
    using peer = await dial(disk.server);
    await peer.ask(HELLO, "hello");
    await peer.send({ ...none, user, password });
    assertEquals(await peer.error(), code, user);
  }
  assertEquals(
    [...Deno.readDirSync(join(disk.server.root, "users"))]
      .filter(({ name }) => !/^[a-z]/.test(name)),
    [],
  );
});

Deno.test("a password of 7 bytes is refused, and one of 1025", async () => {
  for (
    const [password, reason] of [
      ["1234567", "a password has at least 8 bytes"],
      ["ä".repeat(513), "a password has at most 1024 bytes"],
    ] as const
  ) {
    assertOutcome(
      await enter(disk.stranger(), ["register", "frank"], password),
      {
        code: 4,
        stderr: `netdisk: error: ${reason}\n`,
      },
    );
  }
  assertEquals(disk.server.log.includes("frank"), false, disk.server.log);
});

Deno.test("login with a wrong password and of an unknown user look the same", async () => {
  const wrong = await enter(disk.stranger(), ["login", "ann"], "not hers");
  assertOutcome(wrong, { code: 4, stderr: WRONG });
  const unknown = await enter(disk.stranger(), ["login", "nobody"], "not hers");
  assertEquals(unknown, wrong);
  const malformed = await enter(disk.stranger(), ["login", "ann"], "short");
  assertEquals(malformed, wrong);
  await disk.server.logs(/ login-failed peer=\S+ user=ann reason="wrong user/);
  await disk.server.logs(
    / login-failed peer=\S+ user=nobody reason="wrong user/,
  );
});

Deno.test("the password comes from a file, or one that is named in the environment", async () => {
  const file = disk.stranger().write("password", `${PASSWORD}\nsecond line\n`);
  const server = ["--server", disk.server.address];
  const notice = `netdisk: logged in to ${disk.server.address} as ann\n`;
  const meets = `netdisk: ${disk.server.address}: new server, [..]\n`;

  const byOption = disk.stranger();
  const args = ["login", "ann", ...server];
  assertOutcome(await byOption.run([...args, "--password-file", file]), {
    stderr: meets + notice,
  });
  const env = { NETDISK_PASSWORD_FILE: file };
  assertOutcome(await byOption.run(args, { env }), { stderr: notice });
});

Deno.test("without a terminal and a password: exit 2, naming the options", async () => {
  const ann = disk.client();
  for (const command of ["login", "register"]) {
    assertOutcome(await ann.run([command, "bob"]), {
      code: 2,
      stderr: "netdisk: error: password: there is no terminal to ask\n" +
        "netdisk: hint: use --password-stdin or --password-file FILE\n",
    });
  }
});

Deno.test("a password that cannot be read: what is wrong with it", async () => {
  const ann = disk.client();
  const login = ["login", "ann"];
  const missing = [...login, "--password-file", "missing"];
  assertOutcome(await ann.run(missing), {
    code: 3,
    stderr: "netdisk: error: missing: no such password file\n",
  });
  assertOutcome(await ann.run([...login, "--password-stdin"]), {
    code: 2,
    stderr: "netdisk: error: password: standard input is empty\n",
  });
});

Deno.test("a password as an argument is refused, and not repeated", async () => {
  assertOutcome(await disk.client().run(["login", "ann", "s3cret-pass"]), {
    code: 2,
    stderr: "netdisk: error: login: takes 1 argument, 2 were given\n" +
      "netdisk: hint: netdisk help login\n",
  });
});

Deno.test("two users never see each other's files", async () => {
  const ann = disk.client();
  const bob = disk.stranger();
  assertOutcome(await enter(bob, ["register", "bob"]));
  ann.write("secret", "ann's\n");
  bob.write("secret", "bob's\n");
  assertOutcome(await ann.run(["put", "secret", "--to", "both/secret"]));
  assertOutcome(await bob.run(["ls"]));
  assertOutcome(await bob.run(["get", "both/secret"]), {
    code: 3,
    stderr: "netdisk: error: both/secret: no such file or folder\n",
  });
  assertOutcome(await bob.run(["put", "secret", "--to", "both/secret"]));
  assertOutcome(await ann.run(["get", "both/secret", "--to", "-"]), {
    stdout: "ann's\n",
  });
  for (const path of ["../ann/both/secret", "both/../../ann/both/secret"]) {
    assertOutcome(await bob.run(["get", path]), {
      code: 6,
      stderr: `netdisk: error: ${path}: '..' is not allowed in a path\n`,
    });
  }
  assertOutcome(await bob.run(["get", "/users/ann/both/secret"]), {
    code: 3,
    stderr: "netdisk: error: /users/ann/both/secret: no such file or folder\n",
  });
});

Deno.test("several accounts in one config, chosen with --user", async () => {
  const both = disk.client();
  const { address } = disk.server;
  assertOutcome(await enter(both, ["register", "carla"]));
  assertOutcome(await both.run(["whoami"]), { stdout: `carla@${address}\n` });
  const asAnn = ["whoami", "--user", "ann"];
  assertOutcome(await both.run(asAnn), { stdout: `ann@${address}\n` });
  const env = { NETDISK_USER: "ann" };
  assertOutcome(await both.run(["whoami"], { env }), {
    stdout: `ann@${address}\n`,
  });
  assertOutcome(await both.run(["whoami", "--user", "dora"]), {
    code: 4,
    stderr: `netdisk: error: not logged in to ${address} as dora\n` +
      `netdisk: hint: netdisk login dora --server ${address}\n`,
  });
  assertOutcome(await both.run(["logout", "--quiet"]));
  assertOutcome(await both.run(["whoami"]), { stdout: `ann@${address}\n` });
});

Deno.test("logout ends the session on the server, not only here", async () => {
  const dave = disk.stranger();
  assertOutcome(await enter(dave, ["register", "dave"]));
  const thief = disk.stranger();
  thief.copyConfig(dave);
  assertOutcome(await thief.run(["ls"]));
  assertOutcome(await dave.run(["logout", "--quiet"]));
  const { address } = disk.server;
  assertOutcome(await thief.run(["ls"]), {
    code: 4,
    stderr: `netdisk: error: the session of dave on ${address} has ended\n` +
      `netdisk: hint: netdisk login dave --server ${address}\n`,
  });
  await disk.server.logs(/ logout peer=\S+ user=dave\n/);
});

Deno.test("logout when nobody answers: exit 5, nothing is forgotten", async () => {
  const ann = disk.client();
  ann.readdress(disk.server.address, "127.0.0.1:1");
  const token = ann.token();
  assertOutcome(await ann.run(["logout"]), {
    code: 5,
    stderr:
      "netdisk: error: 127.0.0.1:1: cannot connect: nobody listens there\n" +
      "netdisk: hint: is `netdisk serve` running there? [..]\n",
  });
  assertEquals(ann.token(), token);
});

Deno.test("the server keeps no token and no password, only their hashes", async () => {
  const gina = disk.stranger();
  assertOutcome(await enter(gina, ["register", "gina"], "tell-nobody-42"));
  const data = serverData();
  const token = gina.token();
  const latin1 = new TextDecoder("latin1");
  const hash = latin1.decode(createHash("sha256").update(token).digest());
  assert(data.includes("gina"), "the database is what we look at");
  assert(data.includes(hash), "the hash is there");
  for (const secret of [token, "tell-nobody-42"]) {
    assertEquals(data.includes(secret), false, `${secret} is there`);
    assertEquals(disk.server.log.includes(secret), false, "it is in the log");
  }
  const config = Deno.readTextFileSync(join(gina.config, "servers.json"));
  assertEquals(config.includes("tell-nobody-42"), false);
});
