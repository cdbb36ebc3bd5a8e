/** What a person sees and types: prompts, questions, colours, the progress line. */

import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import { Server } from "../helpers/server.ts";
import { hasTerminal, Terminal } from "../helpers/terminal.ts";

const disk = sharedDisk();
const onTerminal = { ignore: !hasTerminal };

/** One of this machine's addresses that is not loopback: nothing leaves it. */
const outside = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.")
)?.address;

Deno.test(
  "register asks twice for a password that nobody sees",
  onTerminal,
  async () => {
    const { address } = disk.server;
    const args = ["register", "bob", "--server", address];
    await using terminal = new Terminal(disk.stranger(), args);
    await terminal.shows(/New password for bob: $/);
    await terminal.types("hidden words\r");
    await terminal.shows(/The same again: $/);
    await terminal.types("hidden words\r");
    assertOutcome(await terminal.outcome(), {
      stderr: `netdisk: ${address}: new server, [..]\r\n` +
        "New password for bob: \r\n" +
        "The same again: \r\n" +
        `netdisk: registered bob on ${address} and logged in\r\n`,
    });
  },
);

Deno.test(
  "register refuses two passwords that differ: exit 2",
  onTerminal,
  async () => {
    const ann = disk.client();
    await using terminal = new Terminal(ann, ["register", "carl"]);
    await terminal.shows(/New password for carl: $/);
    await terminal.types("hidden words\r");
    await terminal.shows(/The same again: $/);
    await terminal.types("other words\r");
    const { code, stdout, stderr } = await terminal.outcome();
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /error:.* password: the two are not the same\r\n$/);
    assertEquals(/words/.test(stderr), false);
    assertEquals(disk.server.log.includes("carl"), false);
  },
);

Deno.test("login asks once; Ctrl-C there: exit 130", onTerminal, async () => {
  const ann = disk.client();
  const { address } = disk.server;
  await using terminal = new Terminal(ann, ["login", "ann"]);
  await terminal.shows(/Password for ann: $/);
  await terminal.types(`${PASSWORD}\r`);
  assertOutcome(await terminal.outcome(), {
    stderr: `Password for ann: \r\nnetdisk: logged in to ${address} as ann\r\n`,
  });
  await using second = new Terminal(ann, ["login", "ann"]);
  await second.shows(/Password for ann: $/);
  await second.types("half a pass\x03");
  assertOutcome(await second.outcome(), {
    code: 130,
    stderr: "Password for ann: \r\nnetdisk: interrupted\r\n",
  });
});

Deno.test(
  "serve says what Ctrl-C does; a second one ends it at once, transfers and all",
  onTerminal,
  async () => {
    const host = disk.stranger();
    const args = ["serve", "--listen", "127.0.0.1:0", "--plain"];
    await using terminal = new Terminal(host, args, { showsStdout: true });
    const [, address = ""] = await terminal.shows(
      /on (127\.0\.0\.1:\d+) \(plain\)/,
    );
    const eve = disk.stranger();
    await eve.register("eve", address, "--plain");
    // A transfer that is under way for as long as nobody ends it.
    await using put = eve.start(["put", "-", "--to", "pipe", "--plain"]);
    await put.write(new Uint8Array(700_000));
    const uploads = host.path("netdisk-data/.netdisk/uploads/eve");
    await until("an upload", () => {
      try {
        return [...Deno.readDirSync(uploads)].length > 0;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    });
    await terminal.types("\x03");
    await terminal.shows(
      /netdisk: stopping: running transfers get 5 seconds; Ctrl-C again ends them at once/,
    );
    await terminal.types("\x03");
    const { code, stderr } = await terminal.outcome();
    assertEquals([code, / stopped\r\n/.test(stderr)], [130, false], stderr);
  },
);

Deno.test(
  `a first contact beyond loopback is a question${
    outside ? "" : " (no such address here)"
  }`,
  { ignore: !hasTerminal || !outside },
  async () => {
    const listen = `${outside}:0`;
    const home = disk.folder("server");
    await using server = await Server.start(home, [], { listen });
    const { address, link } = server;
    const fingerprint = /#([\w-]{43})/.exec(link)![1];
    const eve = disk.stranger();
    const ping = ["ping", "-c", "1", "--server", address];
    const question = "Is it the one in the link that the server printed, " +
      "and shall it be remembered? [y/N] ";
    const intro =
      `netdisk: ${address} is not known yet; its fingerprint is ${fingerprint}\r\n`;

    await using no = new Terminal(eve, ping);
    await no.shows(/\[y\/N\] $/);
    await no.types("\r");
    const { code, stdout, stderr } = await no.outcome();
    assertEquals([code, stdout], [10, ""]);
    assertMatch(stderr, /error:.* the server was not accepted\r\n$/);

    await using yes = new Terminal(eve, ping);
    await yes.shows(/\[y\/N\] $/);
    await yes.types("yes\r");
    assertOutcome(await yes.outcome(), {
      stdout: `answer 1 from ${address}: [..]\n1 answers, [..]\n`,
      stderr: `${intro}${question}yes\r\n`,
    });
    assertOutcome(await eve.run(ping), {
      stdout: `answer 1 from ${address}: [..]\n1 answers, [..]\n`,
    });
  },
);

Deno.test(
  "colours are for terminals, unless NO_COLOR is set",
  onTerminal,
  async () => {
    Deno.mkdirSync(disk.server.file("ann", "folder"));
    const ann = disk.client();
    const [coloured, plain] = ["\x1b[34mfolder\x1b[0m/\r\n", "folder/\r\n"];
    for (
      const [env, shown] of [[{}, coloured], [
        { NO_COLOR: "1" },
        plain,
      ]] as const
    ) {
      await using terminal = new Terminal(ann, ["ls"], {
        env,
        showsStdout: true,
      });
      assertOutcome(await terminal.outcome(), { stderr: shown });
    }
    for (
      const [env, shown] of [
        [
          {},
          "netdisk: \x1b[31merror:\x1b[0m missing: no such file or folder\r\n",
        ],
        [
          { NO_COLOR: "1" },
          "netdisk: error: missing: no such file or folder\r\n",
        ],
      ] as const
    ) {
      await using terminal = new Terminal(ann, ["ls", "missing"], { env });
      assertOutcome(await terminal.outcome(), { code: 3, stderr: shown });
    }
  },
);
