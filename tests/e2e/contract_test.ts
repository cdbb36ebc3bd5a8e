/**
 * The contract for scripts, as docs/scripting.md has it: every command in every
 * way in which it can fail, as text and with --json.
 */

import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../main.ts";
import { sharedDisk } from "../helpers/disk.ts";
import type { Mode } from "./contract_judge.ts";
import { ObjectLog, readPage, sectionsOf } from "./contract_objects.ts";
import {
  type CommandWalk,
  type Failure,
  FAILURES,
  MORE,
  SPECIFIC,
  type Try,
  WALK,
} from "./contract_table.ts";
import { QUOTA_BYTES, Walk } from "./contract_walk.ts";

/** Command lines that run side by side: they wait for a server, or to be waited for. */
const AT_ONCE = 4;

const disk = sharedDisk(["--quota", `${QUOTA_BYTES}`], { discovery: true });
const objects = new ObjectLog();
const walk = new Walk(disk, objects);

Deno.test.beforeAll(() => walk.start());

Deno.test("every command is in the table of the contract", async () => {
  const names: string[] = ["help"];
  for (const { load } of COMMANDS) {
    const { name, subcommands = [] } = await load();
    names.push(name, ...subcommands.map((command) => command.name));
  }
  const missing = names.filter((name) => !(name in WALK));
  const needless = Object.keys(WALK).filter((name) => !names.includes(name));
  assertEquals(
    { missing, needless },
    { missing: [], needless: [] },
    "tests/e2e/contract_table.ts says at its top how a command is added",
  );
});

Deno.test("every way to fail is met by some command", () => {
  for (const failure of Object.keys(FAILURES) as Failure[]) {
    const met = Object.values(WALK).filter((row) => rowOf(row, failure));
    assertEquals(met.length > 0, true, failure);
  }
});

type Step = readonly [what: string, run: () => Promise<unknown>];

const rows = Object.entries(WALK);
let walked = 0;

for (const [name, row] of rows) {
  Deno.test(`the contract: ${name}`, async () => {
    const ok = tryOf(row.ok);
    const steps: Step[] = (["text", "json"] as const).map((mode) => [
      mode,
      () => walk.succeeds(ok, mode),
    ]);
    if (ok.user === "carl") {
      // Of two changes of one password at a time the second comes too late.
      await runAll(steps.splice(0), 1);
    }
    for (const failure of Object.keys(FAILURES) as Failure[]) {
      const given = rowOf(row, failure);
      if (!given) continue;
      for (const mode of modesOf(failure, name)) {
        const what = `${failure}, ${mode}`;
        steps.push([what, () => walk.fails(given, failure, mode)]);
      }
    }
    await runAll(steps);
    walked++;
  });
}

Deno.test("the contract: what is left", async () => {
  await runAll(MORE.map((given) => {
    const one = tryOf(given);
    return [one.args, () => walk.succeeds(one, "json")] as const;
  }));
});

// Behind the walk, which has met them.
Deno.test("docs/scripting.md tells every object and every field", () => {
  assertEquals(
    objects.faults(sectionsOf(readPage()), walked === rows.length),
    [],
  );
});

/** How a command fails so, unless it never does. */
function rowOf(row: CommandWalk, failure: Failure): Try | undefined {
  const given = row[failure] ?? row.ok;
  if (typeof given === "object" && "never" in given) return undefined;
  return tryOf(given);
}

function tryOf(given: string | Try): Try {
  return typeof given === "string" ? { args: given } : given;
}

/**
 * The forms in which a command is to fail. What does not depend on it is tried
 * in one, of each two commands in the other one: one place tells all errors but
 * those of `partial`, and one ends all commands after both signals. Not every
 * command has something to say on stdout without --json.
 */
function modesOf(failure: Failure, command: string): Mode[] {
  if (failure === "partial") return ["text", "json"];
  if (failure.startsWith("stdout")) return ["json"];
  const place = Object.keys(WALK).indexOf(command);
  const isEven = (place + Object.keys(FAILURES).indexOf(failure)) % 2 === 0;
  if (failure === "SIGINT" || failure === "SIGTERM") {
    return isEven ? [place % 4 < 2 ? "text" : "json"] : [];
  }
  return isEven ? [failure in SPECIFIC ? "quiet" : "text"] : ["json"];
}

/** Runs all, a few at a time, and names those that failed. */
async function runAll(
  steps: readonly Step[],
  atOnce = AT_ONCE,
): Promise<void> {
  const left = steps.values();
  const faults: string[] = [];
  const run = async () => {
    for (const [what, work] of left) {
      await work().catch((error) => faults.push(`${what}: ${error}`));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  if (faults.length > 0) throw new Error(faults.join("\n\n"));
}
