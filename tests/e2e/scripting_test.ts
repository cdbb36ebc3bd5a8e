/** docs/scripting.md: its tables are the program's, and its examples work. The walk of contract_test.ts compares its objects. */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { EXIT_STATUS, STDOUT_CLOSED_STATUS } from "../../client/exit_status.ts";
import { SIGNAL_STATUS } from "../../client/interrupt.ts";
import { JSON_VERSION } from "../../client/output.ts";
import { ROOT } from "../../scripts/build.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { type Need, testWith } from "../helpers/needs.ts";
import { Process } from "../helpers/process.ts";
import { PROGRAM } from "../helpers/program.ts";
import { nameIn, tablesOf } from "../helpers/spec.ts";
import { faultsOf, readPage, sectionsOf } from "./contract_objects.ts";

const disk = sharedDisk();
const page = readPage();

/** What the recipes print, in their order; `[..]` is anything. */
const PRINTED = [
  "7\tphotos/two words.jpg\n3\tphotos/a.jpg\n",
  "here is photos/a.jpg\nhere is photos/two words.jpg\n",
  "/:\n",
  "it is not\n",
  "missing.pdf: not-found\n",
  "",
  "",
  "",
  "",
  "",
];

function rowsOf(column: string): string[][] {
  return tablesOf(page).find(({ columns }) => columns[0] === column)!.rows;
}

Deno.test("the page has every exit status, and no other", () => {
  const told = rowsOf("exit").map(([status]) => Number(status));
  const used = new Set([
    0,
    ...Object.values(EXIT_STATUS),
    ...Object.values(SIGNAL_STATUS),
    STDOUT_CLOSED_STATUS,
  ]);
  assertEquals(told, [...used].sort((a, b) => a - b));
});

Deno.test("the page has every error code with its status", () => {
  const told = rowsOf("code").map(([code, status]) =>
    [nameIn(code!), Number(status)] as const
  );
  assertEquals(Object.fromEntries(told), EXIT_STATUS);
  assertEquals(told.length, Object.keys(EXIT_STATUS).length);
});

Deno.test("the page has every variable that the program reads", () => {
  const sources = ["client", "server", "protocol"].flatMap((folder) =>
    filesBelow(join(ROOT, folder)).map((name) => join(ROOT, folder, name))
  ).filter((path) => path.endsWith(".ts"));
  const told = rowsOf("variable").map(([cell]) => cell!.replaceAll("`", ""));
  const read = new Set<string>();
  const quoted = new Set<string>();
  for (const path of [join(ROOT, "main.ts"), ...sources]) {
    const text = Deno.readTextFileSync(path);
    // What the page says of prompts.
    assert(!text.includes("/dev/tty"), path);
    for (const [, asked, name] of text.matchAll(/(\benv\w*\()?"([A-Z_]+)"/g)) {
      if (asked || name!.startsWith("NETDISK_")) read.add(name!);
      quoted.add(name!);
    }
  }
  assertEquals([...read].filter((name) => !told.includes(name)), []);
  assertEquals(told.filter((name) => !quoted.has(name)), []);
});

Deno.test("the objects that the page shows are as it says", () => {
  assert(page.includes(`\`version\` is ${JSON_VERSION}.`));
  for (const section of sectionsOf(page)) {
    const { type, example } = section;
    assertEquals([example.type, faultsOf(example, section)], [type, []]);
  }
});

const JQ: Need = () => {
  try {
    new Deno.Command("jq", { args: ["--version"] }).outputSync();
    return undefined;
  } catch {
    return "needs jq";
  }
};

testWith([JQ], "every recipe of the page works", async () => {
  const ann = disk.client();
  ann.write("report.pdf", "report");
  ann.write("letter.pdf", "letter");
  disk.store("report.pdf", "report");
  disk.store("photos/a.jpg", "jpg");
  disk.store("photos/two words.jpg", "picture");
  Deno.mkdirSync(join(ann.home, "documents"));
  Deno.writeTextFileSync(join(ann.home, "documents", "letter"), "Dear");
  const bin = disk.folder("bin");
  const words = PROGRAM.map((word) => `'${word}'`).join(" ");
  const script = `#!/bin/sh\nexec ${words} "$@"\n`;
  Deno.writeTextFileSync(join(bin, "netdisk"), script, { mode: 0o755 });
  const recipes = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, it]) => it!);
  assertEquals(recipes.length, PRINTED.length);
  for (const [index, recipe] of recipes.entries()) {
    const environment = ann.environment();
    await using process = new Process(["bash", "-c", recipe], {
      cwd: ann.work,
      env: {
        ...environment,
        PATH: `${bin}:${environment.PATH}`,
        ROOT: disk.server.root,
      },
    });
    const outcome = await process.outcome();
    assertOutcome(outcome, { stdout: PRINTED[index]! });
  }
  const stored = filesBelow(disk.server.file("ann"));
  assert(stored.includes("backup/documents/letter"), `${stored}`);
  assertEquals(filesBelow(disk.server.file("robot")), ["report.pdf"]);
});
