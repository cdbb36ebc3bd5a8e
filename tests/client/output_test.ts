import { assertEquals, assertThrows } from "@std/assert";
import { StdoutClosed } from "../../client/stream_writer.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { memoryOutput } from "../helpers/memory_output.ts";

const NO_IO = { permissions: "none" } as const;

Deno.test("Output keeps data on stdout and talk on stderr", NO_IO, () => {
  const { output, system } = memoryOutput();
  output.print("data %s %d");
  output.say("done");
  output.notice("take note");
  output.detail("more");
  output.error("report.pdf: no such file", "netdisk ls");
  output.finish(0);
  assertEquals(system.stdout.text, "data %s %d\ndone\n");
  assertEquals(
    system.stderr.text,
    "netdisk: take note\n" +
      "netdisk: error: report.pdf: no such file\n" +
      "netdisk: hint: netdisk ls\n",
  );
});

Deno.test(
  "Output escapes what comes from outside, and keeps a message on one line",
  NO_IO,
  () => {
    const { output, system } = memoryOutput();
    output.notice("a\x1b[2Jb");
    output.error("c\nd", "e\u202ef");
    assertEquals(
      system.stderr.text,
      "netdisk: a\\x1b[2Jb\nnetdisk: error: c\\nd\nnetdisk: hint: e\\u202ef\n",
    );
  },
);

Deno.test("Output with --quiet writes data and errors only", NO_IO, () => {
  const { output, system } = memoryOutput({
    modes: { quiet: true, verbose: true },
  });
  output.print("data");
  output.say("done");
  output.notice("take note");
  output.detail("more");
  output.error("bad");
  output.finish(1);
  assertEquals(system.stdout.text, "data\n");
  assertEquals(system.stderr.text, "netdisk: error: bad\n");
});

Deno.test("Output with --verbose says details as well", NO_IO, () => {
  const { output, system } = memoryOutput({ modes: { verbose: true } });
  output.detail("more");
  assertEquals(system.stderr.text, "netdisk: more\n");
});

Deno.test("Output with --json writes objects, the result last", NO_IO, () => {
  const { output, system } = memoryOutput({ modes: { json: true } });
  output.print("data");
  output.say("done");
  output.record("entry", { name: "a\x1b\u202e报告" });
  output.failure(new NetdiskError("not-found", "a: gone", { hint: "ls" }), {
    path: "a",
  });
  output.summarise({ files: 1 });
  output.summarise({ bytes: 2 });
  output.finish(8, new NetdiskError("partial", "1 of 2 files failed"));
  assertEquals(system.stdout.text.split("\n"), [
    '{"type":"entry","version":1,"name":"a\\u001b\\u202e报告"}',
    '{"type":"error","version":1,"code":"not-found","message":"a: gone","hint":"ls","exitCode":3,"path":"a"}',
    '{"type":"result","version":1,"exitCode":8,"files":1,"bytes":2,"error":{"code":"partial","message":"1 of 2 files failed"}}',
    "",
  ]);
  assertEquals(
    system.stderr.text,
    "netdisk: error: a: gone\nnetdisk: hint: ls\n",
  );
});

Deno.test(
  "Output paints where the stream is a terminal and nobody objects",
  NO_IO,
  () => {
    const stdoutIsTerminal = true;
    const stderrIsTerminal = true;
    const painted = (env: Record<string, string>) =>
      memoryOutput({ stdoutIsTerminal, stderrIsTerminal, env }).output
        .paint("stdout", "blue", "x");
    assertEquals(painted({}), "\x1b[34mx\x1b[0m");
    assertEquals(painted({ NO_COLOR: "" }), "\x1b[34mx\x1b[0m");
    assertEquals(painted({ NO_COLOR: "1" }), "x");
    assertEquals(painted({ TERM: "dumb" }), "x");
    const { output, system } = memoryOutput({ stderrIsTerminal });
    assertEquals(output.paint("stdout", "blue", "x"), "x");
    output.error("bad", "good");
    assertEquals(
      system.stderr.text,
      "netdisk: \x1b[31merror:\x1b[0m bad\nnetdisk: \x1b[36mhint:\x1b[0m good\n",
    );
  },
);

Deno.test(
  "Output collects lines, and shows them before it talks",
  NO_IO,
  () => {
    const { output, system } = memoryOutput();
    const { writes } = system.stdout;
    for (let i = 0; i < 10; i++) output.print(`line ${i}`);
    assertEquals(writes.length, 0);
    output.notice("now");
    assertEquals(writes.length, 1);
    output.print("x".repeat(40_000));
    assertEquals(writes.length > 1, true);
    output.finish(0);
  },
);

Deno.test(
  "Output shows lines as soon as the program waits",
  NO_IO,
  async () => {
    const { output, system } = memoryOutput();
    output.print("ready");
    await Promise.resolve();
    assertEquals(system.stdout.text, "");
    await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(system.stdout.text, "ready\n");
  },
);

Deno.test(
  "Output draws the status again below what is said meanwhile",
  NO_IO,
  () => {
    const { output, system } = memoryOutput({
      stdoutIsTerminal: true,
      stderrIsTerminal: true,
      env: { NO_COLOR: "1" },
    });
    const { stderr, stdout } = system;
    output.status("50%");
    assertEquals(stderr.writes.splice(0), ["\r\x1b[?7l50%\x1b[J\x1b[?7h\r"]);
    output.error("bad");
    assertEquals(stderr.writes.splice(0), [
      "\r\x1b[Jnetdisk: error: bad\n\r\x1b[?7l50%\x1b[J\x1b[?7h\r",
    ]);
    output.print("data");
    output.flush();
    assertEquals(stderr.writes.splice(0), [
      "\r\x1b[J",
      "\r\x1b[?7l50%\x1b[J\x1b[?7h\r",
    ]);
    assertEquals(stdout.writes, ["data\n"]);
    output.settle("100%");
    output.notice("done");
    assertEquals(stderr.text, "\r\x1b[J100%\nnetdisk: done\n");
  },
);

Deno.test(
  "Output does not touch the status for data that goes elsewhere",
  NO_IO,
  () => {
    const { output, system } = memoryOutput({ stderrIsTerminal: true });
    output.status("50%");
    system.stderr.writes.length = 0;
    output.print("data");
    output.flush();
    assertEquals(system.stderr.text, "");
    output.finish(0);
    assertEquals(system.stderr.text, "\r\x1b[J");
  },
);

Deno.test("Output takes 80 columns where nobody knows better", NO_IO, () => {
  const { output, system } = memoryOutput({ columns: 120 });
  assertEquals(output.columns, 120);
  system.columns = 0;
  assertEquals(output.columns, 80);
  const other = memoryOutput({ columns: 0, env: { COLUMNS: "72" } });
  assertEquals(other.output.columns, 72);
  other.system.consoleSize = () => {
    throw new Error("not a terminal");
  };
  assertEquals(other.output.columns, 72);
});

Deno.test(
  "Output throws StdoutClosed once and for all when nobody reads",
  NO_IO,
  () => {
    const { output, system } = memoryOutput();
    system.stdout.writeSync = () => {
      throw new Deno.errors.BrokenPipe("Broken pipe (os error 32)");
    };
    output.print("a");
    output.error("still said");
    assertThrows(() => output.print("b"), StdoutClosed);
    assertThrows(() => output.flush(), StdoutClosed);
    assertEquals(system.stderr.text, "netdisk: error: still said\n");
  },
);

Deno.test(
  "Output reports other failures of stdout as an error of this machine",
  NO_IO,
  () => {
    const { output, system } = memoryOutput();
    system.stdout.writeSync = () => {
      throw new Error("No space left on device (os error 28)");
    };
    output.print("a");
    const error = assertThrows(() => output.flush(), NetdiskError);
    assertEquals(error.code, "local-io");
    assertEquals(error.message, "standard output: No space left on device");
  },
);

Deno.test("Output goes on when stderr does not work", NO_IO, () => {
  const { output, system } = memoryOutput();
  system.stderr.writeSync = () => {
    throw new Deno.errors.BrokenPipe();
  };
  output.error("nobody hears it");
  output.print("data");
  output.finish(0);
  assertEquals(system.stdout.text, "data\n");
});
