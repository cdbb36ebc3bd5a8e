/** Making an account and logging in: names, passwords, and where those come from. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { dial } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { type Client, PASSWORD } from "../helpers/netdisk.ts";
import { HELLO } from "../helpers/test_client.ts";

const disk = sharedDisk();

const NAME_RULE =
  "a user name is 1 to 32 of a-z 0-9 . _ - and starts with a letter or a digit";

/** What a wrong name or password comes to, whatever the user gave for a name. */
function wrongFor(user: string): string {
  return "netdisk: error: wrong user name or password\n" +
    `netdisk: hint: netdisk register ${user} --server ${disk.server.address} makes an account; ` +
    `netdisk admin passwd ${user}, on the server's machine, sets a forgotten password anew\n`;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
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

Deno.test("where no session can be kept, no account is made and no password sent", async () => {
  const client = disk.client();
  // In the place of the file, it cannot be written.
  Deno.mkdirSync(join(client.config, "lock"));
  for (const words of [["register", "lost"], ["login", "nobody"]]) {
    assertOutcome(await enter(client, words), {
      code: 1,
      stderr: `netdisk: error: ${
        join(client.config, "servers.json")
      }: Is a directory\n`,
    });
  }
  assertEquals(exists(disk.server.file("lost")), false);
});

Deno.test("register with a name that is taken: exit 6", async () => {
  const folder = disk.server.file("ann");
  const before = Deno.statSync(folder).ino;
  assertOutcome(await enter(disk.stranger(), ["register", "ann"]), {
    code: 6,
    stderr: "netdisk: error: the user name 'ann' is taken\n" +
      `netdisk: hint: if it is yours: netdisk login ann --server ${disk.server.address}\n`,
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
  assertOutcome(wrong, { code: 4, stderr: wrongFor("ann") });
  const unknown = await enter(disk.stranger(), ["login", "nobody"], "not hers");
  assertOutcome(unknown, { code: 4, stderr: wrongFor("nobody") });
  const malformed = await enter(disk.stranger(), ["login", "ann"], "short");
  assertEquals(malformed, wrong);
  await disk.server.logs(/ login-failed peer=\S+ user=ann reason="wrong user/);
  await disk.server.logs(
    / login-failed peer=\S+ user=nobody reason="wrong user/,
  );
});

Deno.test("the password comes from a file, or one that is named in the environment", async () => {
  const file = disk.stranger().write("password", `${PASSWORD}\nsecond line\n`);
  Deno.chmodSync(file, 0o600);
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
