/** Two servers under short names, and servers with their options in a file. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import { Server } from "../helpers/server.ts";

const disk = sharedDisk();
const HELP = "netdisk: hint: netdisk help serve\n";

Deno.test("two servers under short names", async () => {
  await using other = await Server.start(disk.folder("server"));
  const client = disk.stranger();
  const { address } = disk.server;
  const stdin = PASSWORD;
  const enter = (...args: string[]) =>
    client.run([...args, "--password-stdin"], { stdin });

  // Logged in to the one, registered at the other, which the last login is at.
  assertOutcome(await enter("login", "ann", "--server", `home=${address}`), {
    stderr: "netdisk: [..]new server[..]\n" +
      `netdisk: logged in to ${address} as ann\n` +
      `netdisk: home is ${address} from now on\n`,
  });
  assertOutcome(
    await enter("register", "bob", "--server", `work=${other.link}`),
    {
      stderr: `netdisk: registered bob on ${other.address} and logged in\n` +
        `netdisk: work is ${other.address} from now on\n`,
    },
  );
  const whoami = ["whoami", "--server"];
  const atHome = { stdout: `ann@${address}\n` };
  assertOutcome(await client.run([...whoami, "home"]), atHome);
  assertOutcome(await client.run([...whoami, "work"]), {
    stdout: `bob@${other.address}\n`,
  });
  const env = { NETDISK_SERVER: "home" };
  assertOutcome(await client.run(["whoami"], { env }), atHome);

  // Every command that takes remote paths, on the server that is not the last.
  client.write("report.txt", "report\n");
  client.write("dir/a", "a\n");
  const quiet = async (...args: string[]) =>
    assertOutcome(await client.run([...args, "-q"]));
  await quiet("put", "report.txt", "--to", "home:");
  await quiet("mkdir", "-p", "home:x/y");
  await quiet("mv", "home:report.txt", "home:x/");
  await quiet("sync", "dir", "home:dir");
  await quiet("sync", "--pull", "back", "home:dir");
  assertEquals(client.read("back/a"), "a\n");
  await quiet("get", "home:x/*.txt", "--to", "got.txt");
  assertEquals(client.read("got.txt"), "report\n");
  assertOutcome(
    await client.run(["put", "-", "--to", "home:in"], { stdin: "in\n" }),
  );
  assertOutcome(await client.run(["get", "home:in", "--to", "-"]), {
    stdout: "in\n",
  });
  assertOutcome(await client.run(["ls", "home:"]), {
    stdout: "dir/\nin\nx/\n",
  });
  assertOutcome(await client.run(["ls"]));
  assertOutcome(await client.run(["ls", "work:"]));
  for (const command of ["stat", "du", "tree"]) {
    const { code, stdout } = await client.run([command, "home:x"]);
    assertEquals(code, 0);
    assert(stdout !== "");
  }
  await quiet("rm", "-r", "home:x", "home:dir");
  assertOutcome(await client.run(["ls", "home:"]), { stdout: "in\n" });

  // A file that is called so.
  await quiet("put", "report.txt", "--to", "./home:x");
  assertOutcome(await client.run(["ls"]), { stdout: "home:x\n" });
  const typed = ["complete", "fish", "rm", "ho"];
  assertOutcome(await client.run(typed), {
    stdout: "remote\nhome:\n./home:x\n",
  });
  // Short names are there without a server.
  const nowhere = { NETDISK_SERVER: "127.0.0.1:1" };
  assertOutcome(await client.run(typed, { env: nowhere }), {
    stdout: "remote\nhome:\n",
  });
  await quiet("get", "./home:x");
  assertEquals(client.read("home:x"), "report\n");
  await quiet("rm", "/home:x");

  // What goes wrong.
  assertOutcome(await client.run(["mv", "home:in", "work:in"]), {
    code: 2,
    stderr:
      "netdisk: error: mv: 'home:in' is on home and 'work:in' on work, but a command works on one server\n" +
      "netdisk: hint: netdisk help mv\n",
  });
  assertOutcome(await client.run(["get", "hoem:in"]), {
    code: 3,
    stderr: "netdisk: error: hoem:in: no such file or folder\n" +
      "netdisk: hint: did you mean home:in?\n",
  });
  assertOutcome(await client.run(["put", "report.txt", "--to", "hoem:in"]), {
    stderr:
      "netdisk: hoem:in was taken for a plain name; did you mean home:in?\n",
  });
  // Another server is set, in vain or wrongly.
  const wrong = { NETDISK_SERVER: "a b" };
  assertEquals((await client.run(["ls", "home:"], { env: wrong })).code, 0);
  assertOutcome(await client.run(["mv", "home:in", "x"], { env: wrong }), {
    code: 2,
    stderr: "netdisk: error: NETDISK_SERVER: 'a b' is not valid\n" +
      "netdisk: hint: [..]\n",
  });
  assertOutcome(await client.run(["put", "report.txt", "--to", "nobody:"]), {
    stderr:
      "netdisk: nobody: was taken for a plain name, as no server is called nobody here\n",
  });
  assertOutcome(await client.run(["ls", "--retries", "x"]), {
    code: 2,
    stderr: "netdisk: error: --retries takes a number from 0 to 999999\n" +
      "netdisk: hint: netdisk help ls\n",
  });
  // The command of a hint goes to the same server.
  assertOutcome(await client.run(["mkdir", "home:a/b"]), {
    code: 3,
    stderr: "netdisk: error: [..]\n" +
      "netdisk: hint: netdisk mkdir --server home -p a/b\n",
  });
  // As cp has it, which put has not.
  assertOutcome(await client.run(["put", "report.txt", "home:"]), {
    code: 3,
    stderr: "netdisk: error: home:: no such file or folder\n" +
      "netdisk: hint: to upload under another name: netdisk put report.txt --to home:\n",
  });
  assertOutcome(await client.run(["ls", "--server", "new=localhost"]), {
    code: 2,
    stderr:
      "netdisk: error: --server: new=...: only login and register save a short name\n" +
      "netdisk: hint: [..]\n",
  });

  // The name moves to where it is given next.
  const moved = await enter("login", "bob", "--server", "home=work");
  assertOutcome(moved, {
    stderr: `netdisk: logged in to ${other.address} as bob\n` +
      `netdisk: home is ${other.address} (work until now) from now on, and no longer ${address}\n`,
  });
  assertOutcome(await client.run([...whoami, "home"]), {
    stdout: `bob@${other.address}\n`,
  });
  const { stdout } = await client.run(["config"]);
  assertMatch(stdout, new RegExp(`^\\*  home  ${other.address}  bob `, "m"));
  assertMatch(stdout, new RegExp(`^   -     ${address} +ann `, "m"));
  await quiet("config", "forget", address);
  assertOutcome(await client.run([...whoami, address]), {
    code: 4,
    stderr: "netdisk: error: not logged in to [..]\nnetdisk: hint: [..]\n",
  });
  await quiet("logout", "--server", "home");
});

Deno.test("serve --config takes its options from a file, and paths from its folder", async () => {
  const home = disk.folder("server");
  const config = join(home, "disk.conf");
  Deno.writeTextFileSync(
    config,
    '# a test\nroot = "other disk"\nlisten = 127.0.0.1:0\n' +
      "registration = closed   # at first\nplain = no\nquota = 1K\n",
  );
  const client = disk.stranger();
  await using process = client.start(
    ["serve", "--config", config, "--registration", "open"],
  );
  const [, root, address] = await process.says(
    "stdout",
    /serving (.+) on (\S+) \(TLS\)\n/,
  );
  assertEquals(root, join(home, "other disk"));
  await client.register("eve", address!);
  client.write("large", "x".repeat(5000));
  const { code } = await client.run(["put", "large"]);
  assertEquals(code, 6);
  process.signal("SIGTERM");
  assertEquals((await process.outcome()).code, 0);
});

for (
  const [name, text, fault] of [
    [
      "an unknown key",
      "rot = x",
      "rot: there is no such setting, did you mean root?",
    ],
    [
      "a key twice",
      "root = a\nroot = b",
      "root: it is given on line 1 already",
    ],
    ["no value", "root =", "root: the value is missing"],
    ["no key", "root", "root: the line is not of the form key = value"],
    [
      "a quote",
      'root = "a',
      "root: quotes are allowed around the whole value only",
    ],
    ["a wrong flag", "plain = on", "plain: 'on' is not yes or no"],
    [
      "a wrong choice",
      "registration = all",
      "registration: 'all' is not one of invite, open, closed",
    ],
    [
      "a wrong value",
      "quota = lots",
      "quota: 'lots' is no size such as 500M or 10G, and not none",
    ],
    ["a half", "tls-key = a", "tls-key: it needs tls-cert as well"],
    [
      "a control character",
      "root = a\x1b[2J",
      "root: there is a control character",
    ],
  ] as const
) {
  Deno.test(`serve --config with ${name}: exit 2, with file, line and key`, async () => {
    const client = disk.stranger();
    client.write("disk.conf", text);
    const line = text.split("\n").length;
    assertOutcome(await client.run(["serve", "--config", "disk.conf"]), {
      code: 2,
      stderr: `netdisk: error: disk.conf:${line}: ${fault}\n${HELP}`,
    });
    assertEquals(client.names(), ["disk.conf"]);
  });
}

Deno.test("serve --config without the file: exit 1", async () => {
  assertOutcome(await disk.stranger().run(["serve", "--config", "none.conf"]), {
    code: 1,
    stderr:
      "netdisk: error: cannot read the config file 'none.conf': no such file\n",
  });
});
