import { assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT } from "../../scripts/build.ts";
import { until } from "../helpers/deadline.ts";
import { type Outcome, runScript, TempTree } from "./helpers.ts";

const BINARY = "dist/netdisk";
const HAS_NPM_RUNTIME = Deno.build.target === "x86_64-unknown-linux-gnu";

/** A copy of the build with a program of its own. */
async function makeProject(): Promise<TempTree> {
  const project = await TempTree.make({
    "main.ts": `console.log("netdisk 0.0.0");`,
    "server/worker.ts": "",
    "client/completions/netdisk.bash": "",
  });
  await project.copyFromProject(
    ...["deno.json", "deno.lock", "types/std.d.ts"],
    ...["build", "bundle", "compile", "denort", "files", "interrupt"]
      .map((name) => `scripts/${name}.ts`),
  );
  return project;
}

/** Without env, the build fails, because DENORT_BIN names nothing. */
async function build(
  project: TempTree,
  args: string[] = [],
  env: Record<string, string> = { DENORT_BIN: "/no/such/file" },
): Promise<Outcome> {
  return await runScript(project.path("scripts/build.ts"), args, env);
}

/** The names in a folder of the project; none, if it is not there. */
async function namesIn(project: TempTree, folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(project.path(folder)));
    return entries.map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("build.ts refuses a DENORT_BIN that is not there", async () => {
  await using project = await makeProject();
  assertEquals(await build(project), {
    code: 1,
    stdout: "",
    stderr: "build: error: DENORT_BIN names no file: /no/such/file\n",
  });
  assertEquals(await namesIn(project, "dist"), []);
});

Deno.test("build.ts keeps the old binary if the new one does not start", async () => {
  await using project = await makeProject();
  await project.write(BINARY, "the old one");
  await project.write("junk", "no runtime");
  const { code, stdout, stderr } = await build(project, [], {
    DENORT_BIN: project.path("junk"),
  });
  assertEquals(code, 1);
  assertEquals(
    stdout,
    `build: compiling on DENORT_BIN, ${project.path("junk")}\n`,
  );
  assertStringIncludes(stderr, `${project.path("junk")} does not start`);
  assertEquals(await namesIn(project, "dist"), ["netdisk"]);
  assertEquals(await Deno.readTextFile(project.path(BINARY)), "the old one");
});

Deno.test("build.ts shows the bundler's words, and no backtrace", async () => {
  await using project = await makeProject();
  await project.write("main.ts", "const wrong: string = 1;");
  await project.write("junk", "no runtime");
  const { code, stderr } = await build(project, [], {
    DENORT_BIN: project.path("junk"),
  });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "build: error: deno bundle failed\n");
  assertStringIncludes(stderr, "TS2322");
  assertEquals(stderr.includes("backtrace"), false);
  assertEquals(await namesIn(project, "dist"), []);
});

/** An environment where no host is reached and npm is a script of the test. */
async function unreachable(
  project: TempTree,
  npm: string,
): Promise<Record<string, string>> {
  await project.write("bin/npm", `#!/bin/sh\n${npm}\n`);
  await Deno.chmod(project.path("bin/npm"), 0o755);
  await Deno.mkdir(project.path("deno"));
  await Deno.symlink(await npmCache(), project.path("deno/npm"));
  return {
    DENORT_BIN: "",
    DENO_DIR: project.path("deno"),
    HTTPS_PROXY: "http://127.0.0.1:1",
    // Ours may name hosts that are reached without it.
    NO_PROXY: "",
    XDG_CACHE_HOME: project.path("cache"),
    PATH: project.path("bin"),
  };
}

/** Where this Deno keeps npm packages. */
async function npmCache(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    cwd: ROOT,
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}

Deno.test({
  name: "build.ts says what it tried if nothing can be reached",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using project = await makeProject();
    const env = await unreachable(project, "echo no registry >&2; exit 1");
    const { code, stdout, stderr } = await build(project, [], env);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(
      stderr,
      "build: error: no runtime to compile on: dl.deno.land cannot be reached; ",
    );
    if (HAS_NPM_RUNTIME) assertStringIncludes(stderr, "failed: no registry\n");
    assertStringIncludes(stderr, "build: hint: DENORT_BIN=FILE ");
    assertEquals(await namesIn(project, "dist"), []);
  },
});

for (const [signal, code] of [["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test({
    name: `build.ts stops and cleans up on ${signal}`,
    ignore: !HAS_NPM_RUNTIME,
    async fn() {
      await using project = await makeProject();
      const started = project.path("started");
      const npm = `echo > ${started}; exec /bin/sleep 60`;
      const env = await unreachable(project, npm);
      await using process = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", project.path("scripts/build.ts")],
        env,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).spawn();
      await until(
        "npm",
        async () => (await namesIn(project, ".")).includes("started"),
      );
      process.kill(signal);
      assertEquals(
        await new Response(process.stderr).text(),
        `build: error: interrupted by ${signal}\n`,
      );
      assertEquals((await process.status).code, code);
      assertEquals(await namesIn(project, "cache/netdisk-build"), []);
      assertEquals(await namesIn(project, "dist"), []);
    },
  });
}

Deno.test("build.ts --if-needed builds only what is older than its sources", async () => {
  await using project = await makeProject();
  await project.write(BINARY, "");
  const untouched = { code: 0, stdout: "", stderr: "" };
  const later = new Date(Date.now() + 60_000);
  await Deno.utime(project.path(BINARY), later, later);
  assertEquals(await build(project, ["--if-needed"]), untouched);

  // Each of these makes the build start, and fail.
  const evenLater = new Date(Date.now() + 120_000);
  for (const source of ["main.ts", "deno.lock", "server/worker.ts", "server"]) {
    await Deno.utime(project.path(source), evenLater, evenLater);
    assertEquals((await build(project, ["--if-needed"])).code, 1, source);
    const before = new Date(0);
    await Deno.utime(project.path(source), before, before);
  }
  assertEquals(await build(project, ["--if-needed"]), untouched);

  await Deno.remove(project.path(BINARY));
  assertEquals((await build(project, ["--if-needed"])).code, 1);
  assertEquals((await build(project, [])).code, 1);
});
