import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/build.ts";
import { groupsOf, judge, readTally } from "../../scripts/run_tests.ts";
import { type Outcome, runScript, TempTree } from "./helpers.ts";

Deno.test("readTally() reads the last summary, colours or not", () => {
  const one = "ok | 1 passed | 0 failed (3ms)\n";
  const steps =
    "FAILED | 12 passed (3 steps) | 2 failed (1 step) | 1 ignored (1s)\n";
  assertEquals(readTally(one), { passed: 1, failed: 0 });
  assertEquals(readTally(one + steps), { passed: 12, failed: 2 });
  assertEquals(
    readTally("\x1b[0m\x1b[32mok\x1b[0m | 3 passed | 0 failed\n"),
    { passed: 3, failed: 0 },
  );
  assertEquals(readTally("error: No test modules found\n"), undefined);
});

Deno.test("judge() counts a run as failed that found or finished nothing", () => {
  assertEquals(judge({ passed: 2, failed: 0 }, true), { passed: 2, failed: 0 });
  assertEquals(judge({ passed: 2, failed: 3 }, false), {
    passed: 2,
    failed: 3,
  });
  assertEquals(judge({ passed: 2, failed: 0 }, false), {
    passed: 2,
    failed: 1,
  });
  assertEquals(judge({ passed: 0, failed: 0 }, true), { passed: 0, failed: 1 });
  assertEquals(judge(undefined, false), { passed: 0, failed: 1 });
});

Deno.test("groupsOf() leaves out no test, and none twice", () => {
  const e2e = ["a", "b", "c"].map((name) => `e2e/${name}_test.ts`);
  const tests = ["client", "crash", "hostile", "main_test.ts", ...e2e];
  const usual = [
    ["tests/e2e/a_test.ts", "tests/e2e/c_test.ts"],
    ["tests/e2e/b_test.ts"],
    ["tests/client", "tests/main_test.ts"],
  ];
  const hard = [["tests/crash"], ["tests/hostile"]];
  assertEquals(groupsOf([], tests), usual);
  assertEquals(groupsOf(["--hard"], tests), hard);
  assertEquals([...usual, ...hard].flat().length, tests.length);
  assertEquals(groupsOf([], ["client"]), [["tests/client"]]);
  const named = ["tests/e2e", "--filter", "put"];
  assertEquals(groupsOf(named, ["client", "e2e"]), [named]);
});

/** Runs run_tests.ts on one test file of this text. */
async function runOn(text: string): Promise<Outcome & { lastLine: string }> {
  await using tree = await TempTree.make({
    "deno.json": "{}",
    "x_test.ts": text,
  });
  const script = join(ROOT, "scripts/run_tests.ts");
  const outcome = await runScript(script, [
    "--no-build",
    tree.path("x_test.ts"),
  ]);
  return { ...outcome, lastLine: outcome.stdout.split("\n").at(-2)! };
}

Deno.test("run_tests.ts ends with the tally and keeps the status", async () => {
  const good = await runOn(`Deno.test("a", () => {});`);
  assertEquals([good.code, good.lastLine], [0, "1 passed, 0 failed"]);
  assertStringIncludes(good.stdout, "a ... ok");

  const bad = await runOn(
    `Deno.test("a", () => {}); Deno.test("b", () => { throw new Error("no"); });`,
  );
  assertEquals([bad.code, bad.lastLine], [1, "1 passed, 1 failed"]);
});

Deno.test("run_tests.ts fails on a file that does not compile or has no test", async () => {
  const broken = await runOn(`Deno.test("a", () => {}); const = 1;`);
  assertEquals([broken.code, broken.lastLine], [1, "0 passed, 1 failed"]);

  const empty = await runOn(`export {};`);
  assertEquals([empty.code, empty.lastLine], [1, "0 passed, 1 failed"]);
  assertStringIncludes(empty.stderr, "test: error: no test was run");
});

Deno.test("run_tests.ts does not wait for a process that a test left behind", async () => {
  const { code, lastLine } = await runOn(`
    Deno.test({ name: "a", sanitizeResources: false, sanitizeOps: false, fn() {
      new Deno.Command(Deno.execPath(), {
        args: ["eval", "setTimeout(() => {}, 8_000)"],
      }).spawn().unref();
    } });`);
  assertEquals([code, lastLine], [0, "1 passed, 0 failed"]);
});
