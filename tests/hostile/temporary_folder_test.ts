import { assertEquals, assertStringIncludes } from "@std/assert";
import { testWith, TRACING } from "../helpers/needs.ts";
import { Process } from "../helpers/process.ts";
import { ENVIRONMENT, PROGRAM } from "../helpers/program.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

testWith(
  [TRACING],
  "what others put into the temporary folder is not even looked at",
  async () => {
    using folder = tempFolder();
    await using traced = new Process(
      ["strace", "-f", "-e", "trace=%file", ...PROGRAM, "--version"],
      { cwd: "/", env: { ...ENVIRONMENT, TMPDIR: folder.path } },
    );
    const { code, stderr } = await traced.outcome();
    assertEquals(code, 0);
    assertStringIncludes(stderr, "openat(");
    const looks = stderr.split("\n").filter((call) =>
      call.includes(folder.path)
    );
    assertEquals(looks, []);
  },
);
