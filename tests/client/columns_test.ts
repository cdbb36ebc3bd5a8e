import { assertEquals } from "@std/assert";
import { printColumns } from "../../client/columns.ts";
import { memoryOutput } from "../helpers/memory_output.ts";

const ROWS = [["N", "TEXT"], ["1", "all that is said"], ["22", "\x1b[1m"]];

/** What goes to a stream of so many columns. */
async function printed(
  stdoutIsTerminal: boolean,
  options?: { cut: boolean },
): Promise<string> {
  const { output, system } = memoryOutput({ stdoutIsTerminal, columns: 12 });
  await printColumns(ROWS, output, options);
  output.flush();
  return system.stdout.text;
}

Deno.test("printColumns() aligns, escapes, and cuts where that is asked for, on a terminal", async () => {
  const whole = "N   TEXT\n1   all that is said\n22  \\x1b[1m\n";
  assertEquals(await printed(true), whole);
  assertEquals(await printed(false, { cut: true }), whole);
  assertEquals(
    await printed(true, { cut: true }),
    "N   TEXT\n1   all tha…\n22  \\x1b[1m\n",
  );
});
