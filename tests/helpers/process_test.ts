import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { until } from "./deadline.ts";
import { Process } from "./process.ts";

function shell(script: string, stdin?: "piped" | { bytes: Uint8Array }) {
  const env = { PATH: "/usr/bin:/bin" };
  return new Process(["sh", "-c", script], {
    cwd: "/",
    env,
    ...(stdin ? { stdin } : {}),
  });
}

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and was waited for has no entry.
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

Deno.test("Process tells both streams and the status apart", async () => {
  await using process = shell("echo out; echo err >&2; exit 3");
  assertEquals(await process.outcome(), {
    code: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
});

Deno.test("Process tells a signal from a status", async () => {
  await using process = shell("kill -9 $$");
  assertEquals((await process.outcome()).code, "SIGKILL");
});

Deno.test("Process has the environment that it is given, and no more", async () => {
  await using process = shell("env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=");
  const { stdout } = await process.outcome();
  assertEquals(stdout, "PATH=/usr/bin:/bin\n");
});

Deno.test("Process gives bytes to stdin and keeps those of stdout", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  await using process = shell("cat", { bytes });
  await process.outcome();
  assertEquals(await process.stdoutBytes(), bytes);
});

Deno.test("Process.says() waits for words, and knows when none will come", async () => {
  await using process = shell("read word; echo got $word; exit 4", "piped");
  await process.write("it\n");
  assertEquals((await process.says("stdout", /got (\w+)/))[1], "it");
  const error = await assertRejects(() => process.says("stdout", /more/));
  assertStringIncludes(`${error}`, "ended with 4, no /more/");
  assertStringIncludes(`${error}`, "got it");
});

Deno.test("Process.outcome() kills what does not end, and says so", async () => {
  await using process = shell("echo busy; exec cat", "piped");
  await process.says("stdout", /busy/);
  const error = await assertRejects(() => process.outcome(5));
  assertStringIncludes(`${error}`, "ends: not within 0.005 s");
  assertStringIncludes(`${error}`, "busy");
  await until("killed", () => !isAlive(process.pid));
});

Deno.test("Process does not outlive its scope", async () => {
  let pid: number;
  {
    await using process = shell("echo up; exec cat", "piped");
    await process.says("stdout", /up/);
    pid = process.pid;
    assertEquals(isAlive(pid), true);
  }
  assertEquals(isAlive(pid), false);
});
