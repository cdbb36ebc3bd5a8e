/** `netdisk admin`, mostly beside a running server that is told nothing. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { dialAs } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { MountSpace } from "../helpers/mount_space.ts";
import { MOUNTING, testWith } from "../helpers/needs.ts";
import { type Client, PASSWORD, type RunOptions } from "../helpers/netdisk.ts";
import type { Outcome } from "../helpers/process.ts";
import { Server } from "../helpers/server.ts";
import { hasTerminal, Terminal } from "../helpers/terminal.ts";

const disk = sharedDisk();
const NOBODY = 65534;
const onTerminal = { ignore: !hasTerminal };
const TIME = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d";

const DATABASE = () => `${disk.server.root}/.netdisk/netdisk.db`;

/** Runs an admin's command on the root of the shared server. */
function admin(args: readonly string[], options: RunOptions = {}) {
  const { root } = disk.server;
  return disk.stranger().run(["admin", ...args, "--root", root], options);
}

/** A new account with a client that is logged in to it. */
async function newUser(user: string): Promise<Client> {
  const client = disk.stranger();
  await client.register(user, disk.server.address);
  return client;
}

function login(user: string, password: string): Promise<Outcome> {
  const args = ["login", user, "--server", disk.server.address, "--quiet"];
  return disk.stranger().run([...args, "--accept-new", "--password-stdin"], {
    stdin: password,
  });
}

function noUser(user: string) {
  return {
    code: 3,
    stderr: `netdisk: error: there is no user '${user}'\n` +
      "netdisk: hint: netdisk admin users, with the same --root, lists them\n",
  };
}

/** The objects that --json printed. */
function records({ stdout }: Outcome): Record<string, unknown>[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("admin users lists the accounts, admin sessions who is logged in", async () => {
  await newUser("lists");
  const users = await admin(["users"]);
  assertEquals([users.code, users.stderr], [0, ""]);
  assertMatch(users.stdout, /^NAME +CREATED +LAST USED +SESSIONS +QUOTA\nann /);
  assertMatch(
    users.stdout,
    new RegExp(`\nlists +${TIME}  ${TIME} +1  default\n`),
  );
  const sessions = await admin(["sessions", "lists"]);
  assertMatch(
    sessions.stdout,
    new RegExp(`^USER .*AGENT\nlists +(${TIME}  ){3}\\S+ +netdisk/.*\n$`),
  );
  const [session, result] = records(
    await admin(["sessions", "lists", "--json"]),
  );
  assertEquals([session!.type, session!.user], ["session", "lists"]);
  assertEquals(result!.exitCode, 0);
  const all = records(await admin(["--json", "users"]));
  const user = all.find(({ name }) => name === "lists")!;
  assertEquals([user.type, user.sessions, user.quota], ["user", 1, "default"]);
  assert(!Number.isNaN(Date.parse(`${user.created}`)));
  assertOutcome(await admin(["sessions", "nobody"]), noUser("nobody"));
});

Deno.test("what stands in the database cannot drive the admin's terminal", async () => {
  await newUser("driver");
  const agent = "evil\x1b[2J\u202e";
  const database = new DatabaseSync(DATABASE());
  database.prepare(
    `UPDATE sessions SET agent = ?, address = ? WHERE user_id =
       (SELECT id FROM users WHERE name = 'driver')`,
  ).run(agent, "\n");
  database.close();
  const { stdout } = await admin(["sessions", "driver"]);
  assert(stdout.endsWith("  \\n       evil\\x1b[2J\\u202e\n"), stdout);
  const [found] = records(await admin(["sessions", "driver", "--json"]));
  assertEquals(found!.agent, agent);
});

Deno.test("admin invite prints a link with which one registers, alone on stdout", async () => {
  const { code, stdout, stderr } = await admin(["invite"]);
  assertEquals(code, 0);
  const link = stdout.trimEnd();
  const [known, first] = splitLink(disk.server.link);
  const [server, invite] = splitLink(link);
  assertEquals(server, known);
  assertMatch(invite, /^[\w-]{22}$/);
  assert(invite !== first);
  assertMatch(
    stderr,
    new RegExp(
      `^netdisk: good until ${TIME}, for: netdisk register NAME --server 'LINK'\n$`,
    ),
  );
  const guest = disk.stranger();
  const args = ["register", "guest", "--server", link, "--password-stdin"];
  const { code: registered } = await guest.run(args, { stdin: PASSWORD });
  assertEquals(registered, 0);

  const named = ["invite", "-q", "--address", "disk.example.org:7000"];
  const other = await admin([...named, "--expires", "1"]);
  assertMatch(
    other.stdout,
    /^netdisk:\/\/disk\.example\.org:7000#[\w-]{43}\.[\w-]{22}\n$/,
  );
  assertEquals(other.stderr, "");
  const json = await admin(["invite", "--address", "[::1]", "--json"]);
  const [record] = records(json);
  assert(`${record!.link}`.startsWith(`netdisk://[::1]:${disk.server.port}#`));
});

/** All before the invite, and the invite. */
function splitLink(link: string): [string, string] {
  const at = link.lastIndexOf(".");
  return [link.slice(0, at), link.slice(at + 1)];
}

Deno.test("admin passwd ends the sessions, the old password and the live server's trust in both", async () => {
  const client = await newUser("forgetful");
  assertOutcome(
    await admin(["passwd", "forgetful", "--password-stdin"], {
      stdin: "another horse\n",
    }),
    { stderr: "netdisk: forgetful: new password, 1 session ended\n" },
  );
  assertEquals((await client.run(["ls"])).code, 4);
  assertEquals((await login("forgetful", PASSWORD)).code, 4);
  assertEquals((await login("forgetful", "another horse")).code, 0);

  const file = client.write("password", "a third horse\n");
  const args = ["passwd", "forgetful", "--password-file", file, "--json"];
  const [record] = records(await admin(args));
  assertEquals([record!.type, record!.sessionsEnded], ["password", 1]);
  assertEquals((await login("forgetful", "a third horse")).code, 0);
});

Deno.test("admin passwd refuses who is not there, what is none, and the admin's own password file", async () => {
  await newUser("kept");
  const stdin = "another horse";
  assertOutcome(
    await admin(["passwd", "nobody", "--password-stdin"], { stdin }),
    noUser("nobody"),
  );
  assertOutcome(
    await admin(["passwd", "kept", "--password-stdin"], { stdin: "short" }),
    {
      code: 4,
      stderr: "netdisk: error: a password has at least 8 bytes\n",
    },
  );
  const file = disk.stranger().write("password", stdin);
  const env = { NETDISK_PASSWORD_FILE: file };
  assertEquals((await admin(["passwd", "kept"], { env })).code, 2);
  assertEquals((await login("kept", PASSWORD)).code, 0);
});

Deno.test("admin passwd asks twice, hidden", onTerminal, async () => {
  await newUser("typed");
  const args = ["admin", "--root", disk.server.root, "passwd", "typed"];
  await using terminal = new Terminal(disk.stranger(), args);
  await terminal.shows(/New password for typed: $/);
  await terminal.types("hidden words\r");
  await terminal.shows(/The same again: $/);
  await terminal.types("hidden words\r");
  assertOutcome(await terminal.outcome(), {
    stderr: "New password for typed: \r\nThe same again: \r\n" +
      "netdisk: typed: new password, 1 session ended\r\n",
  });
  assertEquals((await login("typed", "hidden words")).code, 0);
});

Deno.test("admin quota sets and shows what a user may store", async () => {
  await newUser("stores");
  const shown = async () => (await admin(["quota", "stores"])).stdout;
  assertEquals(await shown(), "default\n");
  for (
    const [size, text, value] of [
      ["10G", "10.0 GiB", 10 * 1024 ** 3],
      ["0", "0 B", 0],
      ["none", "none", "none"],
      ["default", "default", "default"],
    ] as const
  ) {
    assertOutcome(await admin(["quota", "stores", size]), {
      stderr: `netdisk: stores: the quota is now ${text}\n`,
    });
    assertEquals(await shown(), `${text}\n`);
    const [record] = records(await admin(["quota", "stores", "--json"]));
    assertEquals([record!.type, record!.quota], ["quota", value]);
  }
  for (const size of ["5%", "much", "1.5.5G"]) {
    assertOutcome(await admin(["quota", "stores", size]), {
      code: 2,
      stderr:
        `netdisk: error: admin quota: '${size}' is no size such as 500M or 10G, nor 'none' or 'default'\n` +
        "netdisk: hint: netdisk help admin quota\n",
    });
  }
  assertOutcome(await admin(["quota", "nobody", "1G"]), noUser("nobody"));
});

Deno.test("admin sessions --end lets nobody in with an old session", async () => {
  const client = await newUser("leaver");
  assertOutcome(await client.run(["ls"]));
  assertOutcome(await admin(["sessions", "leaver", "--end"]), {
    stderr: "netdisk: leaver: 1 session ended\n",
  });
  assertEquals((await client.run(["ls"])).code, 4);
  assertOutcome(await admin(["sessions", "leaver"]), {
    stderr: "netdisk: nobody is logged in\n",
  });
  assertEquals((await login("leaver", PASSWORD)).code, 0);
  assertOutcome(await admin(["sessions", "--end"]), {
    code: 2,
    stderr: "netdisk: error: admin sessions: --end needs a USER\n" +
      "netdisk: hint: netdisk help admin sessions\n",
  });
});

Deno.test("admin remove keeps the files until --files, and the name for them", async () => {
  const client = await newUser("gone");
  client.write("report", "content");
  assertEquals((await client.run(["put", "report"])).code, 0);
  const home = disk.server.file("gone").replace(/\/\.$/, "");

  assertOutcome(await admin(["remove", "gone"]), {
    code: 2,
    stderr:
      "netdisk: error: admin remove: there is no terminal to ask, --yes is needed\n" +
      "netdisk: hint: netdisk help admin remove\n",
  });
  assertOutcome(await client.run(["ls"]), { stdout: "report\n" });

  assertOutcome(await admin(["remove", "gone", "--yes"]), {
    stderr: `netdisk: gone: removed; the files stay in '${home}'\n`,
  });
  assertEquals((await client.run(["ls"])).code, 4);
  assertEquals((await login("gone", PASSWORD)).code, 4);
  assertEquals(filesBelow(home), ["report"]);
  const again = ["register", "gone", "--server", disk.server.address];
  const options = { stdin: PASSWORD };
  const refused = await client.run([...again, "--password-stdin"], options);
  assertEquals(refused.code, 6);
  assertOutcome(await admin(["remove", "gone", "--yes"]), noUser("gone"));

  assertOutcome(await admin(["remove", "gone", "--files", "--yes"]), {
    stderr: "netdisk: gone: removed\n",
  });
  assertEquals(
    (await admin(["remove", "gone", "--files", "--yes"])).code,
    3,
  );
  const taken = await client.run([...again, "--password-stdin"], options);
  assertEquals(taken.code, 0, taken.stderr);
  assertOutcome(await client.run(["ls"]));
});

Deno.test("admin remove --files while the user is connected", async () => {
  const client = await newUser("online");
  const outside = disk.stranger().write("outside/file", "not theirs");
  client.write("report", "content");
  assertEquals((await client.run(["put", "report", "--to", "a/b/c/"])).code, 0);
  Deno.symlinkSync(
    outside.replace(/\/file$/, ""),
    disk.server.file("online", "a/link"),
  );
  using peer = await dialAs(disk.server, client);
  await peer.ask({ type: "stat", path: "a/b/c/report" }, "entry");

  const [record] = records(
    await admin(["remove", "online", "--files", "--yes", "--json"]),
  );
  assertEquals([record!.type, record!.withFiles], ["removed", true]);
  assertEquals(Deno.readTextFileSync(outside), "not theirs");
  assertEquals((await client.run(["ls"])).code, 4);
  const { root } = disk.server;
  const left = filesBelow(root).filter((path) => path.includes("online"));
  assertEquals(left, []);
  assertEquals([...Deno.readDirSync(`${root}/.netdisk/removed`)], []);
  assertOutcome(await disk.client().run(["ls"]));
});

Deno.test(
  "admin remove asks, and takes no for an answer",
  onTerminal,
  async () => {
    const client = await newUser("asked");
    const args = ["admin", "--root", disk.server.root, "remove", "asked"];
    const question = "Remove the account 'asked', without its files? [y/N] ";
    for (
      const [answer, stderr] of [["n", "nothing is removed"], [
        "y",
        "asked: removed",
      ]]
    ) {
      await using terminal = new Terminal(disk.stranger(), args);
      await terminal.shows(/\[y\/N\] $/);
      await terminal.types(`${answer}\r`);
      const outcome = await terminal.outcome();
      assertEquals(outcome.code, 0);
      assert(outcome.stderr.startsWith(question), outcome.stderr);
      assert(outcome.stderr.includes(`netdisk: ${stderr}`), outcome.stderr);
      const { code } = await client.run(["ls"]);
      assertEquals(code, answer === "n" ? 0 : 4);
    }
  },
);

testWith(
  [MOUNTING],
  "admin remove --files refuses where something is mounted, and removes nothing",
  async () => {
    await using space = await MountSpace.open();
    await newUser("mounted");
    const at = disk.server.file("mounted", "a b");
    Deno.mkdirSync(at);
    await space.mountMemory(at, 1);
    const remove = ["remove", "mounted", "--files", "--yes"];
    assertOutcome(await admin(remove, { via: space.enter }), {
      code: 1,
      stderr: `netdisk: error: ${at}: another file system is mounted there\n` +
        `netdisk: hint: umount '${at}'\n`,
    });
    assertEquals((await login("mounted", PASSWORD)).code, 0);
    assertEquals((await admin(remove)).code, 0);
  },
);

Deno.test("admin works without a server, and only where one has been", async () => {
  const home = disk.folder("server");
  const client = disk.stranger();
  const run = (root: string, ...args: string[]) =>
    client.run(["admin", "--root", root, ...args]);
  const server = await Server.start(home);
  const { root } = server;
  await client.register("ann", server.address);
  await server.stop();
  await server[Symbol.asyncDispose]();
  assertMatch((await run(root, "users")).stdout, /\nann /);
  assertEquals((await run(root, "invite")).code, 0);

  const before = client.names();
  for (const folder of ["missing", ".", client.write("file", "")]) {
    assertOutcome(await run(folder, "users"), {
      code: 3,
      stderr: `netdisk: error: ${folder}: no netdisk is here\n` +
        "netdisk: hint: name the folder that is served with --root DIR\n",
    });
  }
  assertEquals(
    (await client.run(["admin", "users"])).stderr,
    "netdisk: error: ./netdisk-data: no netdisk is here\n" +
      "netdisk: hint: name the folder that is served with --root DIR\n",
  );
  assertEquals(client.names(), [...before, "file"].sort());

  const link = `${home}/link`;
  Deno.symlinkSync("disk", link);
  assertOutcome(await run(link, "users"), {
    code: 1,
    stderr: `netdisk: error: ${link}: the root is a link\n` +
      `netdisk: hint: netdisk admin --root '${root}'\n`,
  });
  for (const suffix of ["-wal", "-shm"]) {
    try {
      Deno.removeSync(`${root}/.netdisk/netdisk.db${suffix}`);
    } catch {
      // The server has tidied up.
    }
  }
  Deno.writeTextFileSync(`${root}/.netdisk/netdisk.db`, "no ".repeat(2000));
  assertOutcome(await run(root, "users"), {
    code: 1,
    stderr:
      `netdisk: error: cannot open the account database '${root}/.netdisk/netdisk.db': file is not a database\n`,
  });
});

Deno.test({
  name: "admin is for the user who runs the server",
  ignore: Deno.uid() !== 0,
  async fn() {
    const { root } = disk.server;
    const stranger = disk.stranger();
    const args = ["admin", "users", "--root", root];
    assertOutcome(await stranger.run(args, { uid: NOBODY }), {
      code: 1,
      stderr: `netdisk: error: ${root}: permission denied\n` +
        "netdisk: hint: be the user who runs the server, or sudo netdisk admin ...\n",
    });
    const theirs = disk.folder("server");
    Deno.chownSync(theirs, NOBODY, NOBODY);
    const work = `${theirs}/work`;
    Deno.mkdirSync(work);
    Deno.chownSync(work, NOBODY, NOBODY);
    await using server = await Server.start(theirs, [], { uid: NOBODY });
    assertOutcome(
      await stranger.run(["admin", "users", "--root", server.root]),
      {
        code: 1,
        stderr:
          `netdisk: error: ${theirs}: a folder above the root belongs to another user (uid ${NOBODY})\n` +
          `netdisk: hint: sudo -u '#${NOBODY}' netdisk ..., or choose another folder with --root DIR\n`,
      },
    );
    const own = ["admin", "users", "--root", server.root];
    assertOutcome(await stranger.run(own, { uid: NOBODY, cwd: work }), {
      stderr: "netdisk: there are no accounts yet\n",
    });
  },
});

Deno.test("admin says when the accounts are locked, and changes nothing", async () => {
  await newUser("locked");
  const other = new DatabaseSync(DATABASE());
  other.exec("BEGIN IMMEDIATE");
  try {
    assertOutcome(await admin(["quota", "locked", "1G"]), {
      code: 5,
      stderr: "netdisk: error: the account database is busy, try again\n",
    });
  } finally {
    other.exec("ROLLBACK");
    other.close();
  }
  assertEquals((await admin(["quota", "locked"])).stdout, "default\n");
});
