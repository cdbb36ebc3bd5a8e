/** Passwords, tokens and invites turn up nowhere but where they belong. */

import { assert, assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import type { Client, RunOptions } from "../helpers/netdisk.ts";
import { Server } from "../helpers/server.ts";

const disk = sharedDisk();

const RIGHT = "right-password-Zq7";
const WRONG = "wrong-password-Xk9";
const BAD_INVITE = "B".repeat(22);

/** All that is said and shown about some commands. */
class Witness {
  #said = "";

  /** Runs a command, with a look at what other users see of it. */
  async run(client: Client, argv: string[], options: RunOptions = {}) {
    const { stdin, ...rest } = options;
    await using process = client.start(argv, rest);
    const shown = Deno.readTextFileSync(`/proc/${process.pid}/cmdline`);
    await process.write(`${stdin ?? ""}`);
    await process.closeStdin();
    const outcome = await process.outcome();
    this.#said += [shown, outcome.stdout, outcome.stderr].join("\n");
    return outcome;
  }

  assertNone(secrets: readonly string[], log: string): void {
    for (const secret of secrets) {
      assert(!this.#said.includes(secret), `said: ${secret}`);
      assert(!log.includes(secret), `logged: ${secret}`);
    }
  }
}

Deno.test("no password or token is shown, logged, or seen in the arguments", async () => {
  const witness = new Witness();
  const tokens: string[] = [];
  const user = disk.stranger();
  const { address } = disk.server;
  const file = user.write("password", `${WRONG}\n`);
  const from = ["--server", address, "--password-stdin"];
  const runs: [argv: string[], stdin: string | undefined, code: number][] = [
    [["register", "zoe", ...from], RIGHT, 0],
    [["register", "zoe", ...from], WRONG, 6],
    [["register", "no", ...from], "short-7", 4],
    [["login", "zoe", ...from], RIGHT, 0],
    [["login", "zoe", ...from], WRONG, 4],
    [["login", "nobody", ...from], WRONG, 4],
    [["login", "zoe", "--password-file", file], undefined, 4],
    [["whoami"], undefined, 0],
    [["ls"], undefined, 0],
    [["put", "password"], undefined, 0],
    [["get", "missing"], undefined, 3],
  ];
  for (const [index, [argv, stdin, code]] of runs.entries()) {
    const more = index % 2 === 0 ? ["-v"] : ["--json", "-v"];
    const outcome = await witness.run(user, [...argv, ...more], {
      ...(stdin === undefined ? {} : { stdin: `${stdin}\n` }),
      env: { NETDISK_DEBUG: "1" },
    });
    assertEquals(outcome.code, code, outcome.stderr);
    if (code === 0) tokens.push(user.token());
  }
  assertEquals((await witness.run(user, ["logout"])).code, 0);
  // A damaged config is told of without what it has.
  const path = `${user.config}/servers.json`;
  for (const text of [`{"token":"${tokens[0]}"`, `{"${tokens[0]}":1}`]) {
    Deno.writeTextFileSync(path, text);
    assertEquals((await witness.run(user, ["ls", "--json"])).code, 1);
  }
  await disk.server.logs(/ put /);
  witness.assertNone([RIGHT, WRONG, "short-7", ...tokens], disk.server.log);
});

Deno.test("an invite that is refused, or has no place, is not repeated", async () => {
  await using server = await Server.start(disk.folder("server"), [
    "--registration",
    "closed",
  ]);
  const witness = new Witness();
  const user = disk.stranger();
  const link = server.link.replace(/\.[\w-]{22}$/, "") + `.${BAD_INVITE}`;
  const options = {
    stdin: `${RIGHT}\n`,
    env: { NETDISK_SERVER: link, NETDISK_DEBUG: "1" },
  };
  for (const [command, json] of [["register", "-v"], ["login", "--json"]]) {
    const argv = [command!, "zoe", "--password-stdin", json!];
    const { code } = await witness.run(user, argv, options);
    assertEquals(code, 4);
  }
  const torn = { env: { NETDISK_SERVER: `${link}.again` } };
  assertEquals((await witness.run(user, ["ls"], torn)).code, 2);
  const config = Deno.readTextFileSync(`${user.config}/servers.json`);
  assertEquals(config.includes(BAD_INVITE), false);
  witness.assertNone([BAD_INVITE, RIGHT], server.log);
});
