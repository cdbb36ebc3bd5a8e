import { assertEquals, assertRejects } from "@std/assert";
import { runCleanups } from "../../client/interrupt.ts";
import { confirm, KeyReader } from "../../client/prompt.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { memoryOutput } from "../helpers/memory_output.ts";
import { TypedInput } from "../helpers/typed_input.ts";

const NO_IO = { permissions: "none" } as const;

async function hiddenLine(...chunks: (string | Uint8Array | Error)[]) {
  const stdin = new TypedInput(chunks);
  const { output, system } = memoryOutput({ modes: { quiet: true } });
  const line = await new KeyReader(stdin).hiddenLine("Password: ", output);
  assertEquals(stdin.modes, [true, false]);
  assertEquals(system.stderr.text, "Password: \n");
  assertEquals(system.stdout.text, "");
  return line;
}

async function refusal(...chunks: (string | Uint8Array | Error)[]) {
  const stdin = new TypedInput(chunks);
  const { output, system } = memoryOutput();
  const error = await assertRejects(
    () => new KeyReader(stdin).hiddenLine("Password: ", output),
    NetdiskError,
  );
  assertEquals(stdin.modes, [true, false]);
  assertEquals(system.stderr.text, "Password: \n");
  return `${error.code}: ${error.message}`;
}

Deno.test(
  "hiddenLine() returns what was typed and restores the terminal",
  NO_IO,
  async () => {
    assertEquals(await hiddenLine("sécret 报😀\r"), "sécret 报😀");
    assertEquals(await hiddenLine("s", "e", "c\n"), "sec");
    assertEquals(await hiddenLine("\r"), "");
  },
);

Deno.test("hiddenLine() edits whole characters", NO_IO, async () => {
  assertEquals(await hiddenLine("aé\x7fb\r"), "ab");
  assertEquals(await hiddenLine("ae\u0301\x7fb\r"), "ab");
  assertEquals(await hiddenLine("a👨‍👩‍👧\x7fb\r"), "ab");
  assertEquals(await hiddenLine("\x7f\x7fab\r"), "ab");
  assertEquals(await hiddenLine("wrong\x15right\r"), "right");
  assertEquals(await hiddenLine("one two  \x17three\r"), "one three");
});

Deno.test(
  "hiddenLine() drops escape sequences and the marks of a paste",
  NO_IO,
  async () => {
    assertEquals(await hiddenLine("a\x1b[Db\x1b[200~c d\x1b[201~\r"), "abc d");
  },
);

Deno.test(
  "hiddenLine() ends with Ctrl-C, Ctrl-D on nothing, and the end of input",
  NO_IO,
  async () => {
    assertEquals(await refusal("abc\x03"), "interrupted: interrupted");
    const ended = "usage: password: the input ended before anything was typed";
    assertEquals(await refusal("\x04"), ended);
    assertEquals(await refusal(), ended);
    assertEquals(await refusal("abc"), ended);
    assertEquals(await hiddenLine("ab\x04c\r"), "abc");
  },
);

Deno.test(
  "hiddenLine() refuses what is not text or has no end",
  NO_IO,
  async () => {
    assertEquals(
      await refusal(Uint8Array.of(0x61, 0xff)),
      "usage: password: the input is not UTF-8",
    );
    assertEquals(
      await refusal("x".repeat(5000)),
      "usage: password: the input is longer than 4096 bytes",
    );
  },
);

Deno.test("hiddenLine() waits where stdin does not block", NO_IO, async () => {
  const empty = new Deno.errors.WouldBlock();
  assertEquals(await hiddenLine(empty, "a", empty, empty, "b\r"), "ab");
});

Deno.test(
  "hiddenLine() keeps what was typed ahead for the next line",
  NO_IO,
  async () => {
    const { output } = memoryOutput();
    const keys = new KeyReader(new TypedInput(["one\rtw", "o\r"]));
    assertEquals(await keys.hiddenLine("1: ", output), "one");
    assertEquals(await keys.hiddenLine("2: ", output), "two");
  },
);

Deno.test(
  "hiddenLine() lets an interrupt restore the terminal",
  NO_IO,
  async () => {
    const stdin = new TypedInput([]);
    stdin.read = () => {
      runCleanups();
      return Promise.resolve(null);
    };
    const { output } = memoryOutput();
    await assertRejects(() => new KeyReader(stdin).hiddenLine("", output));
    assertEquals(stdin.modes, [true, false, false]);
  },
);

Deno.test(
  "confirm() takes y and yes for yes, and all else for no",
  NO_IO,
  async () => {
    const answers: [string, boolean, string][] = [
      ["y\n", true, ""],
      ["Yes\r\n", true, ""],
      [" YES \n", true, ""],
      ["\n", false, ""],
      ["no\n", false, ""],
      ["yep\n", false, ""],
      ["y", true, "\n"],
      ["", false, "\n"],
      ["y".repeat(9999), false, "\n"],
    ];
    for (const [typed, yes, after] of answers) {
      const { output, system } = memoryOutput();
      const stdin = new TypedInput([typed]);
      assertEquals(await confirm("Trust it?", { output, stdin, env }), yes);
      assertEquals(system.stderr.text, `Trust it? [y/N] ${after}`);
    }
  },
);

Deno.test(
  "confirm() without a terminal means no and asks nothing",
  NO_IO,
  async () => {
    const { output, system } = memoryOutput();
    const stdin = new TypedInput(["y\n"], false);
    assertEquals(await confirm("Trust it?", { output, stdin, env }), false);
    assertEquals(system.stderr.text, "");
    assertEquals(stdin.left, "y\n");
  },
);

function env(): undefined {
  return undefined;
}
