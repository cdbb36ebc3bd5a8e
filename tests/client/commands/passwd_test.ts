import { assertEquals, assertMatch } from "@std/assert";
import { command as passwd } from "../../../client/commands/passwd.ts";
import type { ErrorCode } from "../../../protocol/errors.ts";
import { filesIn, play, type PlayOptions } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";
import { TypedInput } from "../../helpers/typed_input.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

const OLD = "correct horse";
const NEW = "battery staple";

/** Runs it with what a pipe gives, against a server that agrees. */
async function change(
  input: string,
  argv: string[] = ["--password-stdin"],
  options: PlayOptions = {},
) {
  const asked: unknown[] = [];
  const played = await play(passwd, argv, async (server) => {
    asked.push(await server.request("passwd"));
    await server.say({ type: "ok" });
  }, { stdin: new TypedInput([input], false), ...options });
  return { ...played, asked };
}

const REQUEST = { type: "passwd", old: OLD, new: NEW };

Deno.test(
  "netdisk passwd takes the old password and the new one from a pipe",
  strict,
  async () => {
    const { stdout, stderr, users, address, error, asked } = await change(
      `${OLD}\n${NEW}\n`,
    );
    assertEquals([asked, error, stdout], [[REQUEST], undefined, ""]);
    assertEquals(
      stderr,
      `netdisk: changed the password of anna on ${address}; all other sessions have ended\n`,
    );
    assertEquals(users, ["anna"], "the session goes on");
  },
);

Deno.test("netdisk passwd takes them from files", strict, async () => {
  using files = filesIn({ old: `${OLD}\n`, new: NEW });
  const byOption = ["--password-file", files.of("old")];
  const byNew = ["--new-password-file", files.of("new")];
  const one = await change("", [...byOption, ...byNew]);
  assertEquals([one.asked, one.error], [[REQUEST], undefined]);
  const env = { NETDISK_PASSWORD_FILE: files.of("old") };
  const two = await change("", byNew, { env });
  assertEquals([two.asked, two.error], [[REQUEST], undefined]);
});

Deno.test(
  "netdisk passwd asks a terminal, and keeps what was typed ahead",
  strict,
  async () => {
    const stdin = new TypedInput([`${OLD}\r${NEW}\r${NEW}\r`]);
    const { stderr, asked, error } = await change("", [], { stdin });
    assertEquals([asked, error], [[REQUEST], undefined]);
    assertMatch(
      stderr,
      /^Password for anna: \nNew password for anna: \nThe same again: \n/,
    );
    assertEquals(/horse|staple/.test(stderr), false);
    assertEquals(stdin.modes.at(-1), false);
    const differs = new TypedInput([`${OLD}\r${NEW}\rother words\r`]);
    const refused = await play(passwd, [], async () => {}, { stdin: differs });
    assertEquals(
      [refused.error?.code, refused.error?.message],
      ["usage", "password: the two are not the same"],
    );
  },
);

Deno.test("netdisk passwd says what is missing or wrong", strict, async () => {
  const stdin = ["--password-stdin"];
  const cases: [string, string[], ErrorCode, string][] = [
    ["", stdin, "usage", "password: standard input is empty"],
    [
      `${OLD}\n`,
      stdin,
      "usage",
      "password: the second line of standard input is empty",
    ],
    [`${OLD}\nshort\n`, stdin, "denied", "a password has at least 8 bytes"],
    [`short\n${NEW}\n`, stdin, "denied", "wrong password"],
    ["", [], "usage", "password: there is no terminal to ask"],
    [
      "",
      [...stdin, "--password-file", "x"],
      "usage",
      "password: --password-stdin and --password-file exclude each other",
    ],
    [
      "",
      [...stdin, "--new-password-file", "x"],
      "usage",
      "password: --password-stdin and --new-password-file exclude each other",
    ],
    [
      "",
      ["--password-file", "missing", "--new-password-file", "missing"],
      "not-found",
      "missing: no such password file",
    ],
  ];
  for (const [input, argv, code, message] of cases) {
    const { error } = await play(passwd, argv, async () => {}, {
      stdin: new TypedInput(input === "" ? [] : [input], false),
    });
    assertEquals([error?.code, error?.message], [code, message]);
  }
});

Deno.test("netdisk passwd passes on a refusal", strict, async () => {
  for (const code of ["denied", "throttled"] as const) {
    const { error, connections, users } = await play(
      passwd,
      ["--password-stdin"],
      async (server) => {
        await server.request("passwd");
        await server.refuse(code);
      },
      { stdin: new TypedInput([`${OLD}\n${NEW}\n`], false) },
    );
    assertEquals([error?.code, connections], [code, 1]);
    assertEquals(users, ["anna"]);
  }
});

Deno.test(
  "netdisk passwd does not ask twice when the answer was lost, but when the server was busy",
  strict,
  async () => {
    using _retries = new RetryWaits();
    const stdin = () => new TypedInput([`${OLD}\n${NEW}\n`], false);
    const lost = await play(passwd, ["--password-stdin"], async (server) => {
      await server.request("passwd");
    }, { stdin: stdin() });
    assertEquals([lost.error?.code, lost.connections], ["connection-lost", 1]);
    assertMatch(
      lost.error!.hint!,
      /not known whether the password was changed/,
    );
    const busy = await play(
      passwd,
      ["--password-stdin"],
      async (server, connection) => {
        await server.request("passwd");
        if (connection === 1) await server.refuse("busy");
        else await server.say({ type: "ok" });
      },
      { stdin: stdin() },
    );
    assertEquals([busy.error, busy.connections], [undefined, 2]);
  },
);
