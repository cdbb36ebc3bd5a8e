/** Changing the password, and what guessing it comes to. */

import { assertEquals, assertMatch } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { type Client, PASSWORD } from "../helpers/netdisk.ts";
import { hasTerminal, Terminal } from "../helpers/terminal.ts";

const disk = sharedDisk();

const NEW = "battery staple";

/** A new user, logged in. */
async function newUser(name: string): Promise<Client> {
  const client = disk.stranger();
  await client.register(name, disk.server.address);
  return client;
}

function login(client: Client, user: string, password: string) {
  const { address } = disk.server;
  const args = ["login", user, "--server", address, "--password-stdin", "-q"];
  return client.run(args, { stdin: password });
}

/** What a wrong name or password comes to, whatever the user gave for a name. */
function wrongFor(user: string): string {
  return "netdisk: error: wrong user name or password\n" +
    `netdisk: hint: netdisk register ${user} --server ${disk.server.address} makes an account; ` +
    `netdisk admin passwd ${user}, on the server's machine, sets a forgotten password anew\n`;
}

function changed(user: string): string {
  return `netdisk: changed the password of ${user} on ${disk.server.address}; ` +
    "all other sessions have ended\n";
}

Deno.test("passwd in a pipe: all other sessions end, the old password too", async () => {
  const bob = await newUser("bob");
  const other = disk.stranger();
  assertOutcome(await login(other, "bob", PASSWORD));
  const args = ["passwd", "--password-stdin"];
  assertOutcome(await bob.run(args, { stdin: `${PASSWORD}\n${NEW}\n` }), {
    stderr: changed("bob"),
  });
  assertOutcome(await bob.run(["ls"]));
  const { address } = disk.server;
  assertOutcome(await other.run(["ls"]), {
    code: 4,
    stderr: `netdisk: error: the session of bob on ${address} has ended\n` +
      `netdisk: hint: netdisk login bob --server ${address}\n`,
  });
  assertOutcome(await login(other, "bob", PASSWORD), {
    code: 4,
    stderr: wrongFor("bob"),
  });
  assertOutcome(await login(other, "bob", NEW));
  await disk.server.logs(/ passwd peer=\S+ user=bob\n/);
  for (const secret of [PASSWORD, NEW]) {
    assertEquals(disk.server.log.includes(secret), false);
  }
});

Deno.test("passwd with files; a wrong or bad one changes nothing: exit 4", async () => {
  const carl = await newUser("carl");
  const old = carl.write("old", PASSWORD);
  const next = carl.write("next", NEW);
  const wrong = carl.write("wrong", "not his own");
  const short = carl.write("short", "short");
  for (const path of [old, next, wrong, short]) Deno.chmodSync(path, 0o600);
  const passwd = (first: string, second: string) => [
    ...["passwd", "--password-file", first],
    ...["--new-password-file", second],
  ];
  assertOutcome(await carl.run(passwd(wrong, next)), {
    code: 4,
    stderr: "netdisk: error: wrong password\n",
  });
  assertOutcome(await carl.run(passwd(old, short)), {
    code: 4,
    stderr: "netdisk: error: a password has at least 8 bytes\n",
  });
  assertOutcome(await login(disk.stranger(), "carl", PASSWORD));
  assertOutcome(await carl.run(passwd(old, next)), { stderr: changed("carl") });
  assertOutcome(await login(disk.stranger(), "carl", NEW));
});

Deno.test("passwd without a terminal and passwords: exit 2, naming the options", async () => {
  assertOutcome(await disk.client().run(["passwd"]), {
    code: 2,
    stderr: "netdisk: error: password: there is no terminal to ask\n" +
      "netdisk: hint: use --password-stdin, or --password-file FILE and --new-password-file FILE\n",
  });
  assertOutcome(await disk.stranger().run(["passwd"], { stdin: "x" }), {
    code: 4,
    stderr: "netdisk: error: not logged in to localhost:6375\n" +
      "netdisk: hint: netdisk login NAME --server localhost:6375\n",
  });
});

Deno.test(
  "passwd on a terminal asks for the old one, and twice for the new one",
  { ignore: !hasTerminal },
  async () => {
    const dora = await newUser("dora");
    await using terminal = new Terminal(dora, ["passwd"]);
    await terminal.shows(/^Password for dora: $/m);
    await terminal.types(`${PASSWORD}\r`);
    await terminal.shows(/New password for dora: $/);
    await terminal.types(`${NEW}\r`);
    await terminal.shows(/The same again: $/);
    await terminal.types(`${NEW}\r`);
    assertOutcome(await terminal.outcome(), {
      stderr: "Password for dora: \r\nNew password for dora: \r\n" +
        "The same again: \r\n" + changed("dora").replace("\n", "\r\n"),
    });
    assertOutcome(await login(disk.stranger(), "dora", NEW));
  },
);

Deno.test("guessing is throttled: exit 4, and when to try again; a session goes on", async () => {
  const emil = await newUser("emil");
  const answers: string[] = [];
  // The wait doubles, so that it is longer than a process takes to start.
  for (let n = 0; n < 16; n++) {
    const { code, stderr } = await login(
      disk.stranger(),
      "emil",
      "not his own",
    );
    assertEquals(code, 4);
    answers.push(stderr);
    if (stderr.includes("too many")) break;
  }
  assertEquals(answers.slice(0, 4), new Array(4).fill(wrongFor("emil")));
  assertMatch(
    answers.at(-1)!,
    /^netdisk: error: too many failed attempts, try again in \d+ s\n$/,
  );
  assertOutcome(await emil.run(["ls"]));
  // Who is nobody is told the same.
  const nobody: string[] = [];
  for (let n = 0; n < 5; n++) {
    const stranger = disk.stranger();
    nobody.push((await login(stranger, "nobody", "not his own")).stderr);
  }
  assertEquals(nobody.slice(0, 4), new Array(4).fill(wrongFor("nobody")));
});

Deno.test("sessions shows where one is logged in", async () => {
  const fred = await newUser("fred");
  assertOutcome(await login(disk.stranger(), "fred", PASSWORD));
  const { stdout, stderr, code } = await fred.run(["sessions"]);
  assertEquals([code, stderr], [0, ""]);
  const [titles, ...rows] = stdout.trimEnd().split("\n");
  assertMatch(
    titles!,
    /^ +AGENT +ADDRESS +LAST USED +CREATED +EXPIRES$/,
  );
  const time = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d";
  const row = (mark: string) =>
    new RegExp(
      `^${mark} +netdisk/\\S+ +127\\.0\\.0\\.1 +${time} +${time} +${time}$`,
    );
  assertEquals(rows.length, 2);
  assertEquals(rows.filter((line) => row("\\*").test(line)).length, 1);
  assertEquals(rows.filter((line) => row(" ").test(line)).length, 1);
  const json = await fred.run(["sessions", "--json"]);
  const records = json.stdout.trimEnd().split("\n").map((s) => JSON.parse(s));
  assertEquals(
    records.map(({ type, current }) => `${type} ${current}`).sort(),
    ["result undefined", "session false", "session true"],
  );
});
