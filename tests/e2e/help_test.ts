/** What `netdisk help` shows, whole: the texts are in tests/e2e/golden. */

import { assertEquals, assertMatch } from "@std/assert";
import { HELP_TOPICS } from "../../client/commands/help.ts";
import { COMMANDS } from "../../main.ts";
import { VERSION } from "../../protocol/version.ts";
import { assertGolden, assertOutcome } from "../helpers/golden.ts";
import { Client } from "../helpers/netdisk.ts";
import type { Outcome } from "../helpers/process.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

/** Runs netdisk as somebody new, without any server. */
async function run(...args: string[]): Promise<Outcome> {
  using folder = tempFolder();
  return await Client.at(folder.path).run(args);
}

Deno.test("netdisk help, --help and -h show the overview", async () => {
  const outcome = await run("help");
  assertOutcome({ ...outcome, stdout: "" });
  assertGolden(outcome.stdout, "help");
  assertEquals(await run("--help"), outcome);
  assertEquals(await run("-h"), outcome);
});

for (const topic of HELP_TOPICS) {
  Deno.test(`netdisk help ${topic}`, async () => {
    const outcome = await run("help", topic);
    assertOutcome({ ...outcome, stdout: "" });
    assertGolden(outcome.stdout, `help_${topic}`);
  });
}

for (const { name } of COMMANDS) {
  Deno.test(`netdisk help ${name} begins with an example`, async () => {
    const outcome = await run("help", name);
    assertOutcome({ ...outcome, stdout: "" });
    assertMatch(
      outcome.stdout,
      new RegExp(`^Example:\n(  #.*\n)?  .*netdisk ${name}`),
    );
    assertGolden(outcome.stdout, `help_${name}`);
    // Whoever asks for help gets it, whatever else is missing or wrong.
    assertEquals(await run(name, "--help", "--what", "--server"), outcome);
  });
}

const GROUPS = await Promise.all(COMMANDS.map(({ load }) => load()));
for (const { name } of GROUPS.flatMap((group) => group.subcommands ?? [])) {
  const words = name.split(" ");
  Deno.test(`netdisk help ${name} begins with an example`, async () => {
    const outcome = await run("help", ...words);
    assertOutcome({ ...outcome, stdout: "" });
    assertMatch(
      outcome.stdout,
      new RegExp(`^Example:\n(  #.*\n)?  netdisk ${name}`),
    );
    assertGolden(outcome.stdout, `help_${name.replace(" ", "_")}`);
    assertEquals(await run(...words, "--help", "--what", "--server"), outcome);
  });
}

Deno.test("a command of a group: what is missing, unknown or misplaced", async () => {
  const cases: [args: string[], reason: string, topic: string][] = [
    [["admin"], "admin: a command is missing", "admin"],
    [["admin", "--root", "x"], "admin: a command is missing", "admin"],
    [
      ["admin", "user"],
      "admin: unknown command 'user', did you mean 'users'?",
      "admin",
    ],
    [
      ["help", "admin", "session"],
      "admin: unknown command 'session', did you mean 'sessions'?",
      "admin",
    ],
    [["help", "ls", "long"], "ls: unknown command 'long'", "ls"],
    [
      ["admin", "--rot", "x", "users"],
      "admin: unknown option --rot, did you mean --root?",
      "admin",
    ],
    [
      ["inbox", "--to", "x", "save", "1"],
      "inbox: unknown option --to",
      "inbox",
    ],
    [
      ["admin", "--rot", "users"],
      "admin users: unknown option --rot, did you mean --root?",
      "admin users",
    ],
    [["admin", "quota"], "admin quota: USER is missing", "admin quota"],
    [
      ["admin", "users", "anna"],
      "admin users: takes no arguments, 1 was given",
      "admin users",
    ],
  ];
  for (const [args, reason, topic] of cases) {
    assertOutcome(await run(...args), {
      code: 2,
      stderr:
        `netdisk: error: ${reason}\nnetdisk: hint: netdisk help ${topic}\n`,
    });
  }
});

Deno.test("netdisk --version and -V", async () => {
  for (const option of ["--version", "-V"]) {
    assertOutcome(await run(option), { stdout: `netdisk ${VERSION}\n` });
  }
  assertOutcome(await run("ls", "-V"), { stdout: `netdisk ${VERSION}\n` });
});

Deno.test("netdisk alone: exit 2, and where the help is", async () => {
  assertOutcome(await run(), {
    code: 2,
    stderr:
      "netdisk: error: a command is missing\nnetdisk: hint: netdisk help\n",
  });
});

Deno.test("an unknown command: exit 2 and the nearest guess", async () => {
  const cases: [typed: string, guess: string][] = [
    ["lst", ", did you mean 'ls'?"],
    ["gte", ", did you mean 'get'?"],
    ["regis", ", did you mean 'register'?"],
    ["upload", ""],
  ];
  for (const [typed, guess] of cases) {
    const unknown = {
      code: 2,
      stderr: `netdisk: error: unknown command '${typed}'${guess}\n` +
        "netdisk: hint: netdisk help\n",
    };
    assertOutcome(await run(typed), unknown);
    assertOutcome(await run("help", typed), unknown);
  }
});

Deno.test("an unknown option: exit 2 and the nearest guess", async () => {
  const cases: [args: string[], reason: string, topic: string][] = [
    [
      ["ls", "--lnog"],
      "ls: unknown option --lnog, did you mean --long?",
      " ls",
    ],
    [
      ["put", "a", "--too", "b"],
      "put: unknown option --too, did you mean --to?",
      " put",
    ],
    [["ls", "-x"], "ls: unknown option -x", " ls"],
    [
      ["--jason", "ls"],
      "unknown option --jason before the command, did you mean --json?",
      "",
    ],
    [["get", "a", "--to"], "get: --to needs a value (LOCAL)", " get"],
    [["get", "a", "--to="], "get: --to is empty", " get"],
    [["get", "a", "-tb", "-tc"], "get: -t is given twice", " get"],
    [["get"], "get: REMOTE is missing", " get"],
    [["put", ""], "put: LOCAL is empty", " put"],
    [["whoami", "a"], "whoami: takes no arguments, 1 was given", " whoami"],
    [["ls", "--long=yes"], "ls: --long takes no value", " ls"],
    [
      ["put", "a", "--progress", "maybe"],
      "put: --progress is one of auto, always, never, not 'maybe'",
      " put",
    ],
    [["ping", "-c", "0"], "ping: -c takes a number from 1 to 1000000", " ping"],
    [["ping", "-i", "x"], "ping: -i takes seconds, at most 3600", " ping"],
  ];
  for (const [args, reason, topic] of cases) {
    assertOutcome(await run(...args), {
      code: 2,
      stderr:
        `netdisk: error: ${reason}\nnetdisk: hint: netdisk help${topic}\n`,
    });
  }
});
