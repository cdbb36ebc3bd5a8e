import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { until } from "../helpers/deadline.ts";
import { testWith, TRACING } from "../helpers/needs.ts";
import { Process } from "../helpers/process.ts";
import { ENVIRONMENT, PROGRAM } from "../helpers/program.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

const COMMANDS = [
  ["--version"],
  ["serve", "--root", "disk", "--listen", "127.0.0.1:0", "--no-discovery"],
];

for (const args of COMMANDS) {
  testWith(
    [TRACING],
    `netdisk ${args[0]} looks at nothing in the folder for temporary files`,
    async () => {
      using home = tempFolder();
      using temporary = tempFolder();
      const log = join(home.path, "log");
      // With -D the program is our own child, and strace a child of that.
      const strace = ["strace", "-D", "-f", "-e", "trace=%file", "-o", log];
      await using program = new Process([...strace, ...PROGRAM, ...args], {
        cwd: home.path,
        env: { ...ENVIRONMENT, TMPDIR: temporary.path },
      });
      await program.says("stdout", /netdisk .+\n/);
      program.signal("SIGTERM");
      await program.outcome();
      const calls = () => Deno.readTextFileSync(log);
      const end = new RegExp(`^${program.pid} +\\+\\+\\+ `, "m");
      await until("strace has seen the end", () => end.test(calls()));
      assertStringIncludes(calls(), "openat(");
      const looks = calls().split("\n")
        .filter((call) => call.includes(temporary.path));
      assertEquals(looks, []);
    },
  );
}
