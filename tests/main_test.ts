import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { defineCommand, optionsOf } from "../client/command.ts";
import { renderHelp } from "../client/help.ts";
import { StdoutClosed } from "../client/stream_writer.ts";
import type { CommandEntry } from "../client/command_list.ts";
import { EXIT_STATUS } from "../client/exit_status.ts";
import { COMMANDS, main, type System } from "../main.ts";
import { ERROR_CODES, NetdiskError } from "../protocol/errors.ts";
import { VERSION } from "../protocol/version.ts";
import {
  type MemoryOutputOptions,
  MemorySystem,
} from "./helpers/memory_output.ts";
import { TypedInput } from "./helpers/typed_input.ts";

/** Runs one command line with a command `do` that is the given function. */
async function run(
  argv: string[],
  work: () => void | Promise<void> = () => {},
  options: MemoryOutputOptions = {},
) {
  const command = defineCommand({
    name: "do",
    summary: "do what the test says",
    usage: ["do"],
    examples: [{ command: "netdisk do" }],
    description: "Does it.",
    options: [{ name: "long", short: "l", description: "" }],
    args: [],
    exitStatus: "0",
    // Listeners for signals are not this test's business.
    handlesSignals: true,
    async run({ output, options }) {
      await work();
      output.say(options.long ? "done at length" : "done");
    },
  });
  const entry: CommandEntry = {
    name: "do",
    load: () => Promise.resolve(command),
  };
  const memory = new MemorySystem(options);
  const system: System = Object.assign(memory, {
    stdin: new TypedInput([]),
    exit: (status: number): never => {
      throw new Error(`exit ${status}`);
    },
  });
  const status = await main(argv, system, [entry]);
  return { status, stdout: memory.stdout.text, stderr: memory.stderr.text };
}

Deno.test("main() runs a command with its options", async () => {
  assertEquals(await run(["do"]), { status: 0, stdout: "done\n", stderr: "" });
  assertEquals((await run(["-q", "do"])).stdout, "");
  assertEquals((await run(["do", "-l"])).stdout, "done at length\n");
  assertEquals(
    (await run(["--json", "do"])).stdout,
    '{"type":"result","version":1,"exitCode":0}\n',
  );
});

Deno.test("main() turns every error code into its exit status and message", async () => {
  for (const code of ERROR_CODES) {
    if (code === "interrupted") continue;
    const { status, stderr } = await run(["do"], () => {
      throw new NetdiskError(code, "a.pdf: why", { hint: "netdisk do" });
    });
    assertEquals(status, EXIT_STATUS[code]);
    assertEquals(
      stderr,
      "netdisk: error: a.pdf: why\nnetdisk: hint: netdisk do\n",
    );
  }
});

Deno.test("main() gives errors as a part of the result object, too", async () => {
  const work = () => {
    throw new NetdiskError("not-found", "a.pdf: no such file");
  };
  assertEquals(await run(["do", "--json"], work), {
    status: 3,
    stdout:
      '{"type":"result","version":1,"exitCode":3,"error":{"code":"not-found","message":"a.pdf: no such file"}}\n',
    stderr: "netdisk: error: a.pdf: no such file\n",
  });
  const usage = await run(["do", "--json", "--bogus"]);
  assertEquals([usage.status, JSON.parse(usage.stdout).error.code], [
    2,
    "usage",
  ]);
});

Deno.test("main() says of an interruption only that", async () => {
  const work = () => {
    throw new NetdiskError("interrupted", "interrupted");
  };
  assertEquals(await run(["do"], work), {
    status: 130,
    stdout: "",
    stderr: "netdisk: interrupted\n",
  });
});

Deno.test("main() calls a bug a bug, and shows a stack only when asked", async () => {
  const work = () => {
    throw new TypeError("x is\n\x1b[31mnot a function");
  };
  const message =
    "netdisk: error: internal error: TypeError: x is\\n\\x1b[31mnot a function (this is a bug in netdisk)\n" +
    "netdisk: hint: NETDISK_DEBUG=1 shows where it happened\n";
  assertEquals(await run(["do"], work), {
    status: 1,
    stdout: "",
    stderr: message,
  });
  const env = { NETDISK_DEBUG: "1" };
  const { stderr } = await run(["do"], work, { env });
  assert(stderr.startsWith(message));
  assert(stderr.includes("main_test.ts"));
  assert(!stderr.includes("\x1b"));
});

Deno.test("main() ends without a word when nobody reads stdout", async () => {
  const work = () => {
    throw new StdoutClosed();
  };
  assertEquals(await run(["do"], work), {
    status: 141,
    stdout: "",
    stderr: "",
  });
});

Deno.test("main() refuses unknown words with a guess", async () => {
  const cases: [string[], string][] = [
    [[], "netdisk: error: a command is missing\nnetdisk: hint: netdisk help\n"],
    [
      ["dou"],
      "netdisk: error: unknown command 'dou', did you mean 'do'?\nnetdisk: hint: netdisk help\n",
    ],
    [
      ["help", "hlep"],
      "netdisk: error: unknown command 'hlep', did you mean 'help'?\nnetdisk: hint: netdisk help\n",
    ],
    [
      ["do", "--lnog"],
      "netdisk: error: do: unknown option --lnog, did you mean --long?\nnetdisk: hint: netdisk help do\n",
    ],
  ];
  for (const [argv, stderr] of cases) {
    assertEquals(await run(argv), { status: 2, stdout: "", stderr });
  }
});

Deno.test("main() shows help and version on stdout", async () => {
  const overview = await run(["help"]);
  assertEquals([overview.status, overview.stderr], [0, ""]);
  assert(overview.stdout.startsWith("Example:\n"));
  assert(overview.stdout.includes("  do            do what the test says\n"));
  assertEquals(await run(["--help"]), overview);
  assertEquals(await run(["-h"]), overview);
  const help = await run(["help", "do"]);
  assert(help.stdout.startsWith("Example:\n  netdisk do\n"));
  for (
    const argv of [["do", "--help"], ["-h", "do"], ["do", "--bogus", "-h"]]
  ) {
    assertEquals(await run(argv), help);
  }
  const version = { status: 0, stdout: `netdisk ${VERSION}\n`, stderr: "" };
  for (const argv of [["--version"], ["-V"], ["do", "-V"]]) {
    assertEquals(await run(argv), version);
  }
});

Deno.test("COMMANDS are described well enough for help, parser and completions", async () => {
  for (const { name, load } of COMMANDS) {
    const command = await load();
    assertEquals(command.name, name);
    assert(command.examples.length > 0, `${name} has no example`);
    for (const { command: line } of command.examples) {
      assert(line.includes(`netdisk ${name}`), line);
    }
    for (const line of command.usage) assert(line.startsWith(name), line);
    assertNotEquals(command.exitStatus, "");
    const options = optionsOf(command);
    for (const key of ["name", "short"] as const) {
      const taken = options.flatMap((option) => option[key] ?? []);
      assertEquals(new Set(taken).size, taken.length, `${name}: ${taken}`);
    }
    for (const { short = "x", description } of options) {
      assert(/^[a-zA-Z]$/.test(short), `${name}: -${short}`);
      assert(!/^[A-Z][a-z]|\.$/.test(description), `${name}: ${description}`);
    }
    command.args.forEach((arg, index) => {
      const last = index === command.args.length - 1;
      assert(last || !arg.repeat, `${name}: only the last may repeat`);
      const next = command.args[index + 1];
      assert(!arg.optional || !next || next.optional, `${name}: ${arg.name}`);
    });
    const help = renderHelp(command);
    assert(help.startsWith("Example:\n"));
    const long = help.split("\n").filter((line) =>
      line.length > 80 && !line.startsWith("  netdisk ")
    );
    assertEquals(long, [], name);
  }
});
