/**
 * The progress line, as a terminal shows it: the transfer is held half-way at a
 * gate, so that there is time to look.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import stringWidth from "string-width";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { hasTerminal, Terminal } from "../helpers/terminal.ts";

const disk = sharedDisk();
const onTerminal = { ignore: !hasTerminal };

const MiB = 1024 * 1024;
const TOTAL_BYTES = 16 * MiB;

/** Name, percent (not the first ones), bar, bytes, rate and time left. */
const RUNNING =
  /^(.+?) +([1-8]\d)% +\[=*>? *\] +[\d.]+\/16\.0 MiB +[\d.]+ [KM]?i?B\/s +ETA +(\d+:\d\d|--:--)$/u;
const FINISHED = /^(.+?) +100% .* 16\.0 MiB +[\d.]+ [KM]iB\/s +in [\d.:]+s?$/u;

function store(name: string): void {
  const path = disk.server.file("ann", name);
  Deno.writeTextFileSync(path, "");
  Deno.truncateSync(path, TOTAL_BYTES);
}

Deno.test(
  "it fits the terminal, follows its width, says when all stands still",
  onTerminal,
  async () => {
    await using gate = new Gate(disk.server.port);
    const ann = disk.clientBehind(gate);
    store("report.pdf");
    gate.hold("down", 8 * MiB);
    const args = ["get", "report.pdf"];
    await using terminal = new Terminal(ann, args, { columns: 100 });
    const [line, name] = await terminal.showsLine(RUNNING);
    assertEquals([name, line.length], ["report.pdf", 99]);
    assertEquals(terminal.screen.overflows, []);

    await terminal.resize(70);
    const [narrow] = await terminal.showsLine(/^.{69}$/);
    assertMatch(narrow, /^report\.pdf +\d+% /);
    await terminal.resize(120);
    const [wide] = await terminal.showsLine(/^.{119}$/);
    assertMatch(wide, /^report\.pdf +\d+% +\[=+>? *\] /);

    const [stalled] = await terminal.showsLine(/^.* stalled$/);
    assertMatch(
      stalled,
      /^report\.pdf +\d+% +\[=+> *\] .*\/16\.0 MiB +stalled$/,
    );

    gate.open();
    const { code, stdout } = await terminal.outcome();
    assertEquals({ code, stdout }, { code: 0, stdout: "" });
    // What stays is one line with the average, and the cursor below it.
    const [last, empty, ...more] = terminal.screen.text.split("\n");
    assertMatch(last!, FINISHED);
    assertEquals([empty, more], ["", []]);
  },
);

for (const columns of [40, 120]) {
  Deno.test(
    `a wide name keeps its line aligned in ${columns} columns`,
    onTerminal,
    async () => {
      await using gate = new Gate(disk.server.port);
      const ann = disk.clientBehind(gate);
      const name = "报告-的-很长-的-名字-🚀.pdf";
      store(name);
      gate.hold("down", 8 * MiB);
      await using terminal = new Terminal(ann, ["get", name], { columns });
      await terminal.showsLine(/\d+% .*iB/u);
      gate.open();
      assertEquals((await terminal.outcome()).code, 0);
      assertEquals(terminal.screen.overflows, []);
      const lines = terminal.screen.drawn.filter((line) => line !== "");
      for (const line of lines) assertMatch(line, /^报告/);
      // Where the percent sign is, all else is. The first line may come before the
      // size is known, and the last one may go without.
      const ends = lines.map((line) => line.split("%"))
        .filter(({ length }) => length > 1)
        .map(([start = ""]) => stringWidth(start));
      assertEquals(new Set(ends).size, 1, lines.join("\n"));
      assert(lines.some((line) => stringWidth(line) === columns - 1));
    },
  );
}

Deno.test(
  "a put shows its progress as well, on stderr",
  onTerminal,
  async () => {
    await using gate = new Gate(disk.server.port);
    const ann = disk.clientBehind(gate);
    ann.write("报告.pdf", new Uint8Array(TOTAL_BYTES));
    // The kernel takes several MiB more, which count as sent.
    gate.hold("up", 4 * MiB);
    const args = ["put", "报告.pdf"];
    await using terminal = new Terminal(ann, args, { columns: 100 });
    const [line, name] = await terminal.showsLine(RUNNING);
    assertEquals([name, stringWidth(line)], ["报告.pdf", 99]);
    gate.open();
    const { code, stdout } = await terminal.outcome();
    assertEquals({ code, stdout }, { code: 0, stdout: "" });
    assertMatch(terminal.screen.text.trimEnd(), FINISHED);
    assertEquals(terminal.screen.overflows, []);
  },
);

Deno.test("an error takes the progress line's place", onTerminal, async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  store("broken");
  gate.hold("down", 8 * MiB);
  const args = ["get", "broken", "--retries", "0"];
  await using terminal = new Terminal(ann, args, { env: { NO_COLOR: "1" } });
  await terminal.showsLine(/^broken +\d+% /);
  await gate.cut();
  assertEquals((await terminal.outcome()).code, 5);
  assertMatch(
    terminal.screen.text,
    /^netdisk: error: .*\nnetdisk: hint: .*\n$/,
  );
});

Deno.test(
  "--progress never, --quiet and --json show none on a terminal",
  onTerminal,
  async () => {
    const ann = disk.client();
    store("silent");
    for (const option of [["--progress", "never"], ["-q"]]) {
      const args = ["get", "silent", ...option];
      await using terminal = new Terminal(ann, args);
      assertOutcome(await terminal.outcome());
    }
    await using terminal = new Terminal(ann, ["get", "silent", "--json"]);
    assertOutcome(await terminal.outcome(), { stdout: "[..]\n[..]\n" });
  },
);

Deno.test("without a terminal there is none, unless it is asked for", async () => {
  const ann = disk.client();
  store("log");
  assertOutcome(await ann.run(["get", "log"]));
  const always = ["get", "log", "--progress", "always"];
  const { code, stdout, stderr } = await ann.run(always);
  assertEquals([code, stdout], [0, ""]);
  // A line a second, and the last one.
  assertMatch(
    stderr,
    /^(log: .*\n)*log: 100%, 16\.0 MiB, .*\/s, in .*\n$/,
  );
});
