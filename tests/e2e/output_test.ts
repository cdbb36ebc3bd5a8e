/** What goes to which stream, in which form, for people, pipes and scripts. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { assertGolden, assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";
import { type Outcome, Process } from "../helpers/process.ts";
import { PROGRAM } from "../helpers/program.ts";

const disk = sharedDisk();

/** The program, in the words of a shell. */
const NETDISK = PROGRAM.map((word) => `'${word}'`).join(" ");

/** Runs a bash line in which `netdisk` is the program. */
async function bash(client: Client, line: string): Promise<Outcome> {
  const script = `netdisk() { ${NETDISK} "$@"; }\n${line}`;
  await using process = new Process(["bash", "-c", script], {
    cwd: client.work,
    env: client.environment(),
  });
  return await process.outcome();
}

/** A folder of the user's with some of everything, made on the disk. */
function makeListing(folder: string): void {
  const home = disk.server.file("ann", folder);
  Deno.mkdirSync(`${home}/photos`, { recursive: true });
  const files: [name: string, size: number, mode: number][] = [
    ["report.pdf", 1_234_567, 0o600],
    ["run.sh", 12, 0o700],
    ["报告.pdf", 0, 0o600],
    ["two words", 5, 0o600],
  ];
  for (const [name, size, mode] of files) {
    Deno.writeTextFileSync(`${home}/${name}`, "", { mode });
    Deno.truncateSync(`${home}/${name}`, size);
  }
  for (const { name } of [...Deno.readDirSync(home)]) {
    const seconds = Date.UTC(2026, 0, 31, 14, 5) / 1000;
    Deno.utimeSync(join(home, name), seconds, seconds);
  }
}

/** A folder whose listing is more than a pipe holds. */
function makeLongListing(folder: string): void {
  const home = disk.server.file("ann", folder);
  Deno.mkdirSync(home);
  for (let i = 0; i < 1000; i++) {
    Deno.writeTextFileSync(`${home}/${i}-${"x".repeat(200)}`, "");
  }
}

/** The objects of a --json output. */
function objects(stdout: string): Record<string, unknown>[] {
  assert(stdout.endsWith("\n"), stdout);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("ls, ls -l and ls --json of a folder and of a file", async () => {
  makeListing("listing");
  const ann = disk.client();
  for (
    const [args, name] of [
      [["ls", "listing"], "ls"],
      [["ls", "-l", "listing"], "ls_long"],
      [["ls", "--json", "listing"], "ls_json"],
      [["ls", "-l", "listing/report.pdf"], "ls_file"],
    ] as const
  ) {
    const outcome = await ann.run(args);
    assertOutcome({ ...outcome, stdout: "" });
    assertGolden(outcome.stdout, name);
  }
});

Deno.test("ls of what is not there: exit 3; of several: exit 8", async () => {
  makeListing("several");
  const ann = disk.client();
  assertOutcome(await ann.run(["ls", "missing"]), {
    code: 3,
    stderr: "netdisk: error: missing: no such file or folder\n",
  });
  assertOutcome(
    await ann.run(["ls", "missing", "several/photos", "several/run.sh"]),
    {
      code: 8,
      stdout: "several/photos:\nseveral/run.sh\n",
      stderr: "netdisk: error: missing: no such file or folder\n" +
        "netdisk: error: 1 of 3 paths could not be listed\n",
    },
  );
  assertOutcome(await ann.run(["ls", "several/run.sh/x"]), {
    code: 6,
    stderr:
      "netdisk: error: several/run.sh/x: a part of the path is not a folder\n",
  });
});

Deno.test("a listing of many pages is complete and sorted", async () => {
  const home = disk.server.file("ann", "pages");
  Deno.mkdirSync(home);
  const names = Array.from({ length: 3000 }, (_, i) => `file-${i}`).sort();
  for (const name of names) Deno.writeTextFileSync(`${home}/${name}`, "");
  const outcome = await disk.client().run(["ls", "pages"]);
  assertEquals(outcome, {
    code: 0,
    stdout: names.join("\n") + "\n",
    stderr: "",
  });
});

Deno.test("netdisk ls | head -1 ends quietly", async () => {
  makeLongListing("long");
  const line = "netdisk ls long | head -1; echo ${PIPESTATUS[0]}";
  assertOutcome(await bash(disk.client(), line), {
    stdout: `0-${"x".repeat(200)}\n141\n`,
  });
});

Deno.test({
  name: "a signal ends a command whose reader takes nothing",
  ignore: Deno.build.os !== "linux",
  async fn() {
    makeLongListing("stuck");
    // It waits for its reader when it has written about as much as a pipe holds.
    const script = `mkfifo pipe
      ${NETDISK} ls stuck >pipe &
      exec 3<pipe
      for i in {1..600}; do
        (( $(sed -n 's/^wchar: //p' /proc/$!/io) > 60000 )) && break
        sleep 0.05
      done
      for i in {1..600}; do
        kill -TERM $! || break
        sleep 0.05
      done 2>/dev/null
      wait $!
      echo $?`;
    assertOutcome(await bash(disk.client(), script), { stdout: "143\n" });
  },
});

Deno.test("a pipe in, a pipe out", async () => {
  const line = "printf 'a\\0b\\n' | netdisk put - --to pipe/ab && " +
    "netdisk get pipe/ab --to - | od -An -c";
  assertOutcome(await bash(disk.client(), line), {
    stdout: "   a  \\0   b  \\n\n",
  });
});

Deno.test("get --to - onto a full disk is an error, not a crash", async () => {
  const ann = disk.client();
  ann.write("file", "content");
  assertOutcome(await ann.run(["put", "file", "--to", "to-full"]));
  assertOutcome(await bash(ann, "netdisk get to-full --to - >/dev/full"), {
    code: 1,
    stderr: "netdisk: error: [..]standard output: No space left on device\n",
  });
});

Deno.test("--json ends with a result where there is no command, too", async () => {
  const ann = disk.client();
  for (const args of [[], ["lst"], ["help", "none"], ["--user", "x"]]) {
    const { code, stdout } = await ann.run(["--json", ...args]);
    const [result, ...more] = objects(stdout);
    assertEquals([code, more], [2, []]);
    assertEquals([result!.type, result!.exitCode], ["result", 2]);
  }
});

Deno.test("--json of several failures has an object for each", async () => {
  const ann = disk.client();
  const { stdout } = await ann.run(["get", "--json", "m1", "m2"]);
  assertEquals(objects(stdout), [
    ...["m1", "m2"].map((name) => ({
      type: "error",
      version: 1,
      code: "not-found",
      message: `${name}: no such file or folder`,
      exitCode: 3,
      name,
    })),
    {
      type: "result",
      version: 1,
      exitCode: 8,
      files: 0,
      skipped: 0,
      failed: 2,
      bytes: 0,
      dryRun: false,
      error: { code: "partial", message: "2 of 2 files were not downloaded" },
    },
  ]);
});

Deno.test("--quiet leaves data and errors, and nothing else", async () => {
  const ann = disk.client();
  ann.write("quiet", "x");
  const always = ["--progress", "always"];
  assertOutcome(await ann.run(["put", "quiet", "-q"]));
  assertOutcome(await ann.run(["-q", "ls", "quiet"]), { stdout: "quiet\n" });
  const { code, stdout, stderr } = await ann.run(["put", "quiet", ...always]);
  assertEquals([code, stdout], [0, ""]);
  assertMatch(stderr, /^(quiet: .*\n)*quiet: 100%, 1 B, .*, in .*\n$/);
  assertOutcome(await ann.run(["logout", "-q"]));
});

Deno.test("ping tells count, minimum, average and maximum", async () => {
  const ann = disk.client();
  const outcome = await ann.run(["ping", "-c", "3", "-i", "0.01", "--json"]);
  const all = objects(outcome.stdout);
  const result = all.pop()!;
  const times = all.map(({ ms }) => ms as number);
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
  assertEquals(all.map(({ n }) => n), [1, 2, 3]);
  assertEquals(result.count, 3);
  assertEquals(result.minMs, Math.min(...times));
  assertEquals(result.maxMs, Math.max(...times));
  const average = times.reduce((a, b) => a + b) / 3;
  assert(Math.abs(result.avgMs as number - average) < 0.002);
});

Deno.test("a variable that is not UTF-8 is refused where it matters, exit 2", async () => {
  const client = disk.stranger();
  const run = (variables: string) =>
    bash(client, `export ${variables}; netdisk whoami; exit $?`);
  const good = await bash(client, "netdisk whoami");
  assertEquals(good.code, 4, good.stderr);
  const display = "NO_COLOR=$'\\xff' TERM=$'\\xff' COLUMNS=$'\\xff'";
  assertEquals(await run(`${display} NETDISK_DEBUG=$'\\xff'`), good);
  for (const name of ["NETDISK_SERVER", "NETDISK_USER"]) {
    assertOutcome(await run(`${name}=$'\\xff'`), {
      code: 2,
      stderr: `netdisk: error: ${name}: the variable is not text in UTF-8\n` +
        `netdisk: hint: unset ${name}\n`,
    });
  }
  const homeless = "NETDISK_CONFIG_DIR= XDG_CONFIG_HOME= HOME=$'\\xff'";
  assertOutcome(await run(homeless), {
    code: 2,
    stderr: "netdisk: error: HOME: the variable is not text in UTF-8\n" +
      "netdisk: hint: set NETDISK_CONFIG_DIR to a folder of yours\n",
  });
});

Deno.test("Ctrl-C ends a ping with what it measured so far", async () => {
  await using process = disk.client().start([
    "ping",
    "-c",
    "1000",
    "-i",
    "3600",
  ]);
  await process.says("stdout", /answer 1 from/);
  process.signal("SIGINT");
  assertOutcome(await process.outcome(), {
    code: 130,
    stdout: `answer 1 from [..]: [..] ms\n1 answers, min/avg/max [..] ms\n`,
    stderr: "netdisk: interrupted\n",
  });
});
