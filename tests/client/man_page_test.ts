import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { defineCommand, optionsOf } from "../../client/command.ts";
import { loadAll } from "../../client/command_list.ts";
import { ENVIRONMENT } from "../../client/environment.ts";
import { EXIT_MEANINGS } from "../../client/exit_status.ts";
import { renderManPage } from "../../client/man_page.ts";
import { COMMANDS } from "../../main.ts";
import { program, testWith } from "../helpers/needs.ts";

const page = renderManPage(await loadAll(COMMANDS), "1.2.3");

/** Runs groff over a page. */
async function groff(text: string, ...args: string[]) {
  const child = new Deno.Command("groff", {
    args: [...args, "-"],
    env: { LC_ALL: "C.UTF-8" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const shown = decoder.decode(stdout);
  return { shown, warnings: decoder.decode(stderr) };
}

Deno.test("the man page has every command, option, status and variable", async () => {
  const plain = page.replaceAll("\\-", "-");
  for (const group of await loadAll(COMMANDS)) {
    for (const command of [group, ...group.subcommands ?? []]) {
      assertStringIncludes(plain, `.SS netdisk ${command.name}\n`);
      for (const { name } of optionsOf(command)) {
        assertStringIncludes(plain, `--${name}`);
      }
    }
  }
  for (const [status] of EXIT_MEANINGS) {
    assertStringIncludes(plain, `.TP\n.B ${status}\n`);
  }
  for (const [name] of ENVIRONMENT) {
    assertStringIncludes(plain, `.TP\n.B ${name}\n`);
  }
});

/** Text that roff would take for something else. */
const ODD = defineCommand({
  name: "odd",
  summary: "do what is odd",
  usage: ["odd [-x]"],
  examples: [{ command: String.raw`netdisk odd '.x' "\n" | tr ~ ^ ` + "`x`" }],
  description:
    ".PP is text. 'br is, too.\n\nIt's `a\\nb`.\n\n  .nf kept\n  'so",
  options: [{ name: "x-ray", short: "x", description: ".and \\fBso on" }],
  args: [],
  exitStatus: ".0",
  run: () => {},
});

testWith(
  [program("groff")],
  "groff has no warning, and shows all text as it is",
  async () => {
    for (const text of [page, renderManPage([ODD], "1.2.3")]) {
      const { warnings } = await groff(text, "-ww", "-man", "-Tutf8", "-z");
      assertEquals(warnings, "");
    }
    const { shown } = await groff(
      renderManPage([ODD], "1.2.3"),
      ...["-man", "-Tutf8", "-P-cbou", "-rHY=0"],
    );
    for (
      const text of [
        ".PP is text.",
        "'br is, too.",
        "It's `a\\nb`.",
        ".nf kept",
        "'so",
        String.raw`netdisk odd '.x' "\n" | tr ~ ^ ` + "`x`",
        "-x, --x-ray",
        ".and \\fBso on",
        "Exit status: .0",
      ]
    ) {
      assert(shown.includes(text), `${text}\n---\n${shown}`);
    }
  },
);
