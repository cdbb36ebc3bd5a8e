/** The Tab key in real shells on a terminal: what netdisk is called with in the end. */

import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { program, testWith } from "../helpers/needs.ts";
import type { Client } from "../helpers/netdisk.ts";
import { Process } from "../helpers/process.ts";
import { PROGRAM } from "../helpers/program.ts";
import { Shell, type ShellName } from "../helpers/shell.ts";

const disk = sharedDisk();

/** Names that a shell would take for something else, by a beginning of their own. */
const HOSTILE = [
  "a $(touch pwned)",
  "b `touch pwned`",
  "c two words",
  "d'quote",
  'e"quote',
  "f$HOME",
  "g;touch pwned;",
  "h&touch pwned&",
  "i*[!a]?",
  "j\\back\\slash",
  "k{a,b}",
  "l<in>out|pipe",
  "m#hash",
  "n!bang",
  "o=equals",
  "y:colon:more",
  "q报告 ü 🎉",
  "z~tilde",
  "s^caret%percent",
];

function store(): void {
  for (const name of HOSTILE) disk.store(name, "");
  disk.store("photos/2026/beach.jpg", "");
  disk.store("photos/two words/x y.jpg", "");
  disk.store("report.pdf", "");
  // Nobody is offered what cannot be shown in one line, or as it is.
  disk.store("u\ntouch pwned\n", "");
  disk.store("v\x1b[31m", "");
  disk.store("w\u202egnp", "");
}

for (const name of ["bash", "zsh", "fish"] as const satisfies ShellName[]) {
  testWith(
    [program(name), program("script")],
    `${name}: the Tab key`,
    async (t) => {
      store();
      const client = disk.client();
      client.write("local file.txt", "");
      client.write("below/other.txt", "");
      client.write("two words/x y.txt", "");
      client.write("-local", "");
      await using shell = await Shell.start(name, client);
      const cases: [typed: string, called: string[]][] = [
        ["netdisk whoa\t", ["whoami"]],
        ["netdisk admin us\t", ["admin", "users"]],
        ["netdisk help exit\t", ["help", "exit-codes"]],
        ["netdisk put --recurs\tx", ["put", "--recursive", "x"]],
        ["netdisk ls --progress al\t", ["ls", "--progress", "always"]],
        ["netdisk ls --progress=al\t", ["ls", "--progress=always"]],
        ["netdisk -q get rep\t", ["-q", "get", "report.pdf"]],
        ["netdisk get pho\t2026/be\t", ["get", "photos/2026/beach.jpg"]],
        ["netdisk put x --to pho\t", ["put", "x", "--to", "photos/"]],
        ["netdisk put x --to=pho\t", ["put", "x", "--to=photos/"]],
        ["netdisk put x --to=photos/20\t", ["put", "x", "--to=photos/2026/"]],
        ["netdisk put loc\t", ["put", "local file.txt"]],
        ["netdisk put local\\ f\t", ["put", "local file.txt"]],
        ["netdisk put 'local f\t", ["put", "local file.txt"]],
        ["netdisk put two\\ words/x\t", ["put", "two words/x y.txt"]],
        ["netdisk put ~/wo\ttw\tx\t", [
          "put",
          `${client.work}/two words/x y.txt`,
        ]],
        ["netdisk put -- -l\t", ["put", "--", "-local"]],
        ["netdisk get x --to=bel\toth\t", ["get", "x", "--to=below/other.txt"]],
        ["netdisk sync . pho\t", ["sync", ".", "photos/"]],
        ["netdisk get photos/two\\ w\tx\t", [
          "get",
          "photos/two words/x y.jpg",
        ]],
        ['netdisk get "photos/two w\tx\t', ["get", "photos/two words/x y.jpg"]],
        ["netdisk get 'photos/two w\tx\t", ["get", "photos/two words/x y.jpg"]],
        [`netdisk ls --user an\t`, ["ls", "--user", "ann"]],
        [
          `netdisk ls --server 127\t`,
          ["ls", "--server", disk.server.address],
        ],
      ];
      for (const [typed, called] of cases) {
        await t.step(JSON.stringify(typed), async () => {
          assertEquals(await shell.calls(typed), called);
        });
      }
      for (const file of HOSTILE) {
        await t.step(`a file ${JSON.stringify(file)}`, async () => {
          const start = file === "~touch" ? "./~t" : file.slice(0, 1);
          const called = await shell.calls(`netdisk get ${start}\t`);
          assertEquals(called, ["get", start.slice(0, -1) + file]);
        });
      }
      for (const file of HOSTILE) {
        for (const quote of ['"', "'"]) {
          // A quote or history mark behind an open quote is beyond what they complete.
          if (name !== "bash" && /['"!]/.test(file)) continue;
          await t.step(`${file} behind ${quote}`, async () => {
            const typed = `netdisk get ${quote}${file.slice(0, 1)}\t`;
            assertEquals(await shell.calls(typed), ["get", file]);
          });
        }
      }
      await t.step("the rest of a name with colons", async () => {
        const called = await shell.calls("netdisk get y:colon:m\t");
        assertEquals(called, ["get", "y:colon:more"]);
      });
      await t.step("names that cannot be shown are not offered", async () => {
        for (const start of ["u", "v", "w"]) {
          assertEquals(await shell.calls(`netdisk get ${start}\t`), [
            "get",
            start,
          ]);
        }
      });
      assertEquals(client.names(), [
        "-local",
        "below",
        "local file.txt",
        "two words",
      ]);
      assert(!shell.text.includes("netdisk: "), shell.text);
    },
  );
}

Deno.test("netdisk complete: what all names begin with is so, however many there are", async () => {
  const folder = disk.server.file(disk.user, "camera");
  Deno.mkdirSync(folder);
  for (let i = 0; i < 1100; i++) {
    Deno.writeTextFileSync(`${folder}/img-${i}.jpg`, "");
  }
  for (const name of ["in", "notes"]) {
    Deno.writeTextFileSync(`${folder}/${name}`, "");
  }
  const client = disk.client();
  for (const typed of ["camera/i", "camera/"]) {
    const { stdout } = await client.run(["complete", "zsh", "ls", typed]);
    const [, ...names] = stdout.trim().split("\n");
    assert(names.length >= 1000 && names.length <= 1003, `${names.length}`);
    let common = names[0]!;
    while (!names.every((name) => name.startsWith(common))) {
      common = common.slice(0, -1);
    }
    // A shell types that by itself.
    assertEquals(common, typed);
  }
});

Deno.test("netdisk complete: numbers of parcels, who has sent them, who is blocked", async () => {
  const [ben, ann] = [disk.stranger(), disk.client()];
  await ben.register("ben", disk.server.address);
  for (const message of ["one: two", "`id` $(id)"]) {
    await ben.run(["send", disk.user, "-m", message]);
  }
  const answers = async (...question: string[]) =>
    (await ann.run(["complete", ...question])).stdout;
  const parcels = "words\n2\tben: `id` $(id)\n1\tben: one: two\n";
  for (const command of ["read", "save", "get", "delete"]) {
    assertEquals(await answers("fish", "inbox", command, ""), parcels);
  }
  assertEquals(
    await answers("bash", "netdisk inbox delete 2 1", "1"),
    "words\n1\n",
  );
  assertEquals(await answers("zsh", "send", "b"), "words\nben\n");
  assertEquals(await answers("zsh", "inbox", "block", ""), "words\nben\n");
  assertEquals(await answers("zsh", "inbox", "unblock", ""), "words\n");
  await ann.run(["inbox", "block", "ben"]);
  assertEquals(await answers("zsh", "inbox", "unblock", ""), "words\nben\n");
});

Deno.test("netdisk complete: no server, no session, nonsense: no word, exit 0", async () => {
  const nobody = disk.stranger();
  const questions = [
    ["bash", "netdisk ls x", "x"],
    ["fish", "ls", "x"],
    ["zsh", "ls", "--server", "127.0.0.1:1", "x"],
    ["zsh", "nothing", "x"],
    ["zsh", "ls", "../x"],
    ["bash"],
    ["tcsh", "x"],
    [],
  ];
  for (const client of [nobody, disk.client()]) {
    for (const question of questions) {
      if (client !== nobody && question.at(-2) === "ls") continue;
      const { code, stdout, stderr } = await client.run([
        "complete",
        ...question,
      ]);
      assertEquals([code, stderr], [0, ""], `${question}`);
      assert(!/\bx\b/.test(stdout), stdout);
    }
  }
  assertEquals(nobody.names("../"), ["work"]);
});

Deno.test("what the help says for zsh and fish does it in an empty home", async () => {
  const client = disk.stranger();
  const { stdout: help } = await client.run(["help", "completions"]);
  const lines = help.match(/(mkdir -p|netdisk completions \w+ >)[^\n]*/g);
  await using sh = new Process(["sh", "-ec", lines!.join("\n")], {
    cwd: client.work,
    env: { ...client.environment(), PATH: commandFolder(client) },
  });
  assertOutcome(await sh.outcome(), {});
  assertEquals(client.names("../.zfunc"), ["_netdisk"]);
  assertEquals(client.names("../.config/fish/completions"), ["netdisk.fish"]);
});

/** A PATH in which `netdisk` is the program. */
function commandFolder(client: Client): string {
  const program = PROGRAM.map((word) => `'${word}'`).join(" ");
  const path = client.write("bin/netdisk", `#!/bin/sh\nexec ${program} "$@"\n`);
  Deno.chmodSync(path, 0o755);
  return `${dirname(path)}:${Deno.env.get("PATH")}`;
}
