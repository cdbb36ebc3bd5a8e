import { assertEquals, assertThrows } from "@std/assert";
import {
  findCommand,
  findSubcommand,
  parseArguments,
} from "../../client/arguments.ts";
import {
  type ArgumentSpec,
  type Command,
  defineCommand,
  defineGroup,
  type OptionSpec,
} from "../../client/command.ts";
import { NetdiskError } from "../../protocol/errors.ts";

const NO_IO = { permissions: "none" } as const;

const OPTIONS = [
  { name: "to", short: "t", value: "REMOTE", description: "" },
  { name: "long", short: "l", description: "" },
  { name: "no-clobber", description: "" },
  { name: "exclude", value: "PATTERN", repeat: true, description: "" },
] as const satisfies readonly OptionSpec[];

function command(
  args: readonly ArgumentSpec[] = [{ name: "LOCAL", repeat: true }],
) {
  return defineCommand({
    name: "put",
    summary: "",
    usage: [],
    examples: [],
    description: "",
    options: OPTIONS,
    args,
    exitStatus: "",
    run() {},
  });
}

/** The values that differ from their defaults, and the arguments. */
function parse(...argv: string[]): Record<string, unknown> {
  const { options, args } = parseArguments(command(), argv);
  const given = Object.entries(options).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value
  );
  return { ...Object.fromEntries(given), args };
}

Deno.test(
  "what names local files may have backslashes on Windows, and nothing else",
  NO_IO,
  () => {
    const options = [
      { name: "to", value: "LOCAL", names: "local", description: "" },
      {
        name: "from",
        value: "LOCAL",
        names: "local",
        repeat: true,
        description: "",
      },
      { name: "title", value: "TEXT", description: "" },
    ] as const satisfies readonly OptionSpec[];
    const get = defineCommand({
      ...{ name: "get", summary: "", usage: [], examples: [], description: "" },
      options,
      args: [
        { name: "REMOTE", names: "remote" },
        { name: "LOCAL", names: "local", repeat: true },
      ],
      exitStatus: "",
      run() {},
    });
    const argv = ["--to", "a\\b", "--from", "c\\", "--title", "d\\e"];
    argv.push("f\\g", "h\\i", "j\\k");
    const parsed = (os: typeof Deno.build.os) => {
      const { options, args } = parseArguments(get, argv, os);
      const { to, from, title } = options as unknown as Record<string, unknown>;
      return [to, from, title, args];
    };
    assertEquals(parsed("windows"), [
      "a/b",
      ["c/"],
      "d\\e",
      ["f\\g", "h/i", "j/k"],
    ]);
    assertEquals(parsed("linux"), [
      "a\\b",
      ["c\\"],
      "d\\e",
      ["f\\g", "h\\i", "j\\k"],
    ]);
  },
);

function refusal(argv: string[], of: Command = command()): string {
  const error = assertThrows(() => parseArguments(of, argv), NetdiskError);
  assertEquals(error.code, "usage");
  assertEquals(error.hint, "netdisk help put");
  return error.message;
}

Deno.test(
  "parseArguments() takes options before and after arguments",
  NO_IO,
  () => {
    const expected = { to: "x", long: true, args: ["a", "b"] };
    assertEquals(parse("--to", "x", "-l", "a", "b"), expected);
    assertEquals(parse("a", "--to=x", "b", "--long"), expected);
    assertEquals(parse("a", "b", "-lt", "x"), expected);
    assertEquals(parse("a", "-tx", "b", "-l"), expected);
  },
);

Deno.test("parseArguments() takes values as they are", NO_IO, () => {
  assertEquals(parse("--to", "-", "-"), { to: "-", args: ["-"] });
  assertEquals(parse("-t", "-", "a"), { to: "-", args: ["a"] });
  assertEquals(parse("-t-", "a"), { to: "-", args: ["a"] });
  assertEquals(parse("--to=-x", "a"), { to: "-x", args: ["a"] });
  assertEquals(parse("--to=a=b", "a"), { to: "a=b", args: ["a"] });
  assertEquals(parse("--to", "007", "1e3", "true"), {
    to: "007",
    args: ["1e3", "true"],
  });
  assertEquals(parse("--long", "true", "false"), {
    long: true,
    args: ["true", "false"],
  });
  assertEquals(parse("a.b=c", "x\ny"), { args: ["a.b=c", "x\ny"] });
});

Deno.test("parseArguments() ends options at --", NO_IO, () => {
  assertEquals(parse("-l", "--", "--to", "-l", "--", "-"), {
    long: true,
    args: ["--to", "-l", "--", "-"],
  });
});

Deno.test(
  "parseArguments() knows shared options, repetitions and names with dashes",
  NO_IO,
  () => {
    assertEquals(
      parse("--exclude", "a", "--exclude=b", "--no-clobber", "-qv", "-q", "x"),
      {
        exclude: ["a", "b"],
        noClobber: true,
        quiet: true,
        verbose: true,
        args: ["x"],
      },
    );
    assertEquals(parse("--accept-new", "--progress", "never", "x"), {
      acceptNew: true,
      progress: "never",
      args: ["x"],
    });
  },
);

Deno.test("parseArguments() gives every option a value", NO_IO, () => {
  const { options } = parseArguments(command(), ["x"]);
  assertEquals(options as unknown, {
    to: undefined,
    long: false,
    noClobber: false,
    exclude: [],
    server: undefined,
    user: undefined,
    acceptNew: false,
    cacert: undefined,
    plain: false,
    progress: undefined,
    quiet: false,
    retries: undefined,
    verbose: false,
    json: false,
    help: false,
    version: false,
  });
});

Deno.test(
  "parseArguments() refuses what it does not know, with a guess",
  NO_IO,
  () => {
    const cases: [string[], string][] = [
      [["--sever", "x"], "put: unknown option --sever, did you mean --server?"],
      [["--lnog=1"], "put: unknown option --lnog, did you mean --long?"],
      [["--bogus"], "put: unknown option --bogus"],
      [["-x"], "put: unknown option -x"],
      [["-lx"], "put: unknown option -x"],
      [["-json"], "put: unknown option -j, did you mean --json?"],
      // A name such as -dash.txt, without the `--` before it: no request for help.
      [["-dash"], "put: unknown option -d"],
      [["--no-long"], "put: unknown option --no-long"],
      [["--to.x=1"], "put: unknown option --to.x"],
      [["--__proto__=1"], "put: unknown option --__proto__"],
      [["--constructor"], "put: unknown option --constructor"],
    ];
    for (const [argv, message] of cases) assertEquals(refusal(argv), message);
  },
);

Deno.test(
  "parseArguments() refuses missing, unwanted and doubled values",
  NO_IO,
  () => {
    const cases: [string[], string][] = [
      [["a", "--to"], "put: --to needs a value (REMOTE)"],
      [["a", "-lt"], "put: -t needs a value (REMOTE)"],
      [["a", "--to="], "put: --to is empty"],
      [["a", "-t", ""], "put: -t is empty"],
      [
        ["a", "--to", "--json"],
        "put: --to needs a value (REMOTE); if it is '--json', write --to=--json",
      ],
      [
        ["a", "--to", "--", "b"],
        "put: --to needs a value (REMOTE); if it is '--', write --to=--",
      ],
      [["--json=1", "a"], "put: --json takes no value"],
      [["--long=", "a"], "put: --long takes no value"],
      [["--to", "x", "-t", "y", "a"], "put: -t is given twice"],
      [
        ["--progress", "sometimes", "a"],
        "put: --progress is one of auto, always, never, not 'sometimes'",
      ],
    ];
    for (const [argv, message] of cases) assertEquals(refusal(argv), message);
  },
);

Deno.test(
  "parseArguments() counts arguments without repeating them",
  NO_IO,
  () => {
    assertEquals(refusal([]), "put: LOCAL is missing");
    assertEquals(refusal(["a", ""]), "put: LOCAL is empty");
    const none = command([]);
    assertEquals(
      refusal(["a", "b"], none),
      "put: takes no arguments, 2 were given",
    );
    const one = command([{ name: "USER" }]);
    assertEquals(
      refusal(["anna", "secret"], one),
      "put: takes 1 argument, 2 were given",
    );
    const two = command([{ name: "FROM" }, { name: "TO", optional: true }]);
    assertEquals(refusal([], two), "put: FROM is missing");
    assertEquals(
      refusal(["a", "b", "c"], two),
      "put: takes 2 arguments, 3 were given",
    );
    assertEquals(parseArguments(two, ["a"]).args, ["a"]);
    assertEquals(parseArguments(two, ["a", "b"]).args, ["a", "b"]);
  },
);

Deno.test("parseArguments() gives help whatever else is wrong", NO_IO, () => {
  for (
    const argv of [["-h"], ["--bogus", "--help", "--to"], ["--json=1", "-h"]]
  ) {
    const { options } = parseArguments(command(), argv);
    assertEquals(options.help, true);
  }
  const { options } = parseArguments(command(), ["-V", "--json"]);
  assertEquals([options.version, options.json], [true, true]);
  assertEquals(parse("a", "-tVh").args, ["a"]);
});

Deno.test("findCommand() finds the word behind shared options", NO_IO, () => {
  const cases: [string[], string | undefined, string[]][] = [
    [[], undefined, []],
    [["--help"], undefined, ["--help"]],
    [["ls"], "ls", []],
    [["--json", "ls", "-l"], "ls", ["--json", "-l"]],
    [["--server", "ls", "ls"], "ls", ["--server", "ls"]],
    [["-q", "put", "-tVideos", "put"], "put", ["-q", "-tVideos", "put"]],
    [["--", "ls", "-l"], "ls", ["--", "-l"]],
  ];
  for (const [argv, word, rest] of cases) {
    assertEquals(findCommand(argv), { word, rest });
  }
});

Deno.test("findCommand() refuses other options before the word", NO_IO, () => {
  const cases: [string[], string][] = [
    [["--root", "x", "serve"], "unknown option --root before the command"],
    [
      ["--jsno", "ls"],
      "unknown option --jsno before the command, did you mean --json?",
    ],
    [["--server"], "--server needs a value (SERVER)"],
  ];
  for (const [argv, message] of cases) {
    const error = assertThrows(() => findCommand(argv), NetdiskError);
    assertEquals([error.code, error.message], ["usage", message]);
    assertEquals(error.hint, "netdisk help");
  }
});

Deno.test(
  "findSubcommand() finds the word behind options of the group",
  NO_IO,
  () => {
    const group = defineGroup({
      name: "do",
      summary: "",
      description: "",
      options: [{ name: "root", value: "DIR", description: "" }],
      exitStatus: "",
      subcommands: [],
    });
    const cases: [string[], string | undefined, string[]][] = [
      [[], undefined, []],
      [["--help", "--root", "x"], undefined, ["--help", "--root", "x"]],
      [["run"], "run", []],
      [["--root", "x", "run", "a"], "run", ["--root", "x", "a"]],
      // A flag of the command itself, which is for parseArguments() to judge.
      [["--yes", "run", "a"], "run", ["--yes", "a"]],
      [["--", "run", "--yes"], "run", ["--", "--yes"]],
    ];
    for (const [argv, word, rest] of cases) {
      assertEquals(findSubcommand(group, argv), { word, rest });
    }
  },
);
