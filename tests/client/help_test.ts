import { assert, assertEquals } from "@std/assert";
import { defineCommand } from "../../client/command.ts";
import {
  helpColumns,
  renderEnvironment,
  renderExitCodes,
  renderHelp,
  renderOverview,
} from "../../client/help.ts";

const NO_IO = { permissions: "none" } as const;

const command = defineCommand({
  name: "mow",
  summary: "cut the grass",
  usage: ["mow LAWN...", "mow --all"],
  examples: [
    { command: "netdisk mow front back --height 3", note: "two lawns" },
    { command: "netdisk mow --all" },
  ],
  description:
    "Cuts the grass of each LAWN to the height that is asked for, from the edge to the middle.\n\n" +
    "  front   what the neighbours see\n  back    what they do not",
  options: [
    { name: "height", short: "H", value: "CM", description: "leave so much" },
    { name: "all", description: "every lawn there is" },
    {
      name: "a-very-long-option-name",
      value: "VALUE",
      env: "MOW_LONG",
      description:
        "a description that is long enough to need a second line in this column",
    },
  ],
  args: [{ name: "LAWN", repeat: true }],
  exitStatus: "0 when all is cut, 3 when there is no such lawn.",
  standalone: true,
  run() {},
});

Deno.test(
  "renderHelp() begins with an example and ends with the exit status",
  NO_IO,
  () => {
    assertEquals(
      renderHelp(command),
      `Example:
  netdisk mow front back --height 3  # two lawns
  netdisk mow --all

Usage:
  netdisk mow LAWN...
  netdisk mow --all

Cuts the grass of each LAWN to the height that is asked for, from the edge to
the middle.

  front   what the neighbours see
  back    what they do not

Options:
  -H, --height CM           leave so much
      --all                 every lawn there is
      --a-very-long-option-name VALUE
                            a description that is long enough to need a second
                            line in this column [MOW_LONG]

Options of every command:
  -q, --quiet               say nothing but errors
  -v, --verbose             say more
      --json                write one JSON object a line on stdout, a result
                            object last
  -h, --help                show this help
  -V, --version             show the version

Exit status:
  0 when all is cut, 3 when there is no such lawn.
`,
    );
  },
);

Deno.test(
  "a help fits into a narrow window, commands to copy excepted",
  NO_IO,
  () => {
    assertEquals([30, 72, 300, Infinity].map(helpColumns), [50, 72, 80, 80]);
    const texts = [
      renderHelp({ ...command, examples: [] }, 60),
      renderOverview([command], 60),
      renderExitCodes(60),
      renderEnvironment(60),
    ];
    for (const text of texts) {
      for (const line of text.split("\n")) assert(line.length <= 60, line);
    }
    const [, wide] = /Cuts the grass(.*)\n/.exec(texts[0]!)!;
    assertEquals(wide, " of each LAWN to the height that is asked for,");
  },
);

Deno.test(
  "renderHelp() shows a client's options unless the command stands alone",
  NO_IO,
  () => {
    const { standalone: _, ...client } = command;
    assert(renderHelp(client).includes("--server SERVER"));
    assert(!renderHelp(command).includes("--server"));
  },
);

Deno.test("renderHelp() leaves out what there is not", NO_IO, () => {
  const text = renderHelp({
    ...command,
    examples: [],
    options: [],
    description: "",
    exitStatus: "",
  });
  assert(!text.includes("Example:"));
  assert(!text.includes("\nOptions:\n"));
  assert(!text.includes("Exit status:"));
  assert(!text.includes("\n\n\n"));
});

Deno.test(
  "renderHelp() puts a note that does not fit beside its example above it",
  NO_IO,
  () => {
    const long = `netdisk mow ${"x".repeat(60)}`;
    const text = renderHelp({
      ...command,
      examples: [{ command: long, note: "with a note" }],
    });
    assert(text.startsWith(`Example:\n  # with a note\n  ${long}\n`));
  },
);

Deno.test(
  "renderOverview() begins with an example and lists the commands",
  NO_IO,
  () => {
    const text = renderOverview([
      command,
      { name: "rake", summary: "gather leaves" },
    ]);
    assert(text.startsWith("Example:\n  netdisk serve --root ./disk  # "));
    assert(
      text.includes(
        "  mow           cut the grass\n  rake          gather leaves\n",
      ),
    );
  },
);
