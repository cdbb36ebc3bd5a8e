/** Links, pipes and folders that lie in a user's folder are looked at, never followed. */

import { assertEquals } from "@std/assert";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";

const disk = sharedDisk();

/** Where links lead: beside the root, into another user's folder, nowhere. */
function plant(folder: string): string {
  const home = disk.server.file("ann", folder);
  const other = disk.server.file("victim");
  Deno.mkdirSync(home, { recursive: true });
  Deno.mkdirSync(other, { recursive: true });
  Deno.writeTextFileSync(`${other}/secret`, "victim's");
  Deno.symlinkSync(`${other}/secret`, `${home}/file-link`);
  Deno.symlinkSync("../../victim", `${home}/folder-link`);
  Deno.symlinkSync("/etc", `${home}/outside`);
  Deno.symlinkSync("nowhere", `${home}/dangling`);
  const { success } = new Deno.Command("mkfifo", { args: [`${home}/fifo`] })
    .outputSync();
  assertEquals(success, true);
  return home;
}

const SPECIAL = ["dangling", "fifo", "file-link", "folder-link", "outside"];
const LINK = "links are not followed";

Deno.test("ls shows links and pipes as what they are", async () => {
  plant("ls");
  const ann = disk.client();
  assertOutcome(await ann.run(["ls", "ls"]), {
    stdout: SPECIAL.join("\n") + "\n",
  });
  assertOutcome(await ann.run(["ls", "-l", "ls"]), {
    stdout: SPECIAL.map((name) => `?               -  [..]  ${name}\n`).join(
      "",
    ),
  });
  // A link is an entry of its own, whatever it leads to.
  assertOutcome(await ann.run(["ls", "ls/folder-link"]), {
    stdout: "ls/folder-link\n",
  });
  for (const path of ["ls/folder-link/secret", "ls/outside/hostname"]) {
    assertOutcome(await ann.run(["ls", path]), {
      code: 4,
      stderr: `netdisk: error: ${path}: ${LINK}\n`,
    });
  }
});

Deno.test("get follows no link and hangs on no pipe", async () => {
  plant("get");
  const ann = disk.client();
  const cases: [path: string, reason: string][] = [
    ["get/file-link", LINK],
    ["get/dangling", LINK],
    ["get/folder-link", LINK],
    ["get/folder-link/secret", LINK],
    ["get/outside/passwd", LINK],
    ["get/fifo", "it is a device or pipe, not a file"],
  ];
  for (const [path, reason] of cases) {
    assertOutcome(await ann.run(["get", path]), {
      code: 4,
      stderr: `netdisk: error: ${path}: ${reason}\n`,
    });
  }
  assertEquals(ann.names(), []);
});

Deno.test("put replaces no link or pipe, and goes through none", async () => {
  const home = plant("put");
  const ann = disk.client();
  ann.write("new", "new");
  for (const name of SPECIAL.filter((name) => name !== "dangling")) {
    assertOutcome(await ann.run(["put", "new", "--to", `put/${name}`]), {
      code: 4,
      stderr: `netdisk: error: new: put/${name} on the server: ` +
        "it is a link or device, not a file\n",
    });
  }
  for (
    const to of ["put/folder-link/new", "put/outside/", "put/dangling/new"]
  ) {
    assertOutcome(await ann.run(["put", "new", "--to", to]), {
      code: 4,
      stderr: `netdisk: error: [..]: ${LINK}\n`,
    });
  }
  // A link that leads nowhere is replaced, itself; 'get' does the same.
  assertOutcome(await ann.run(["put", "-q", "new", "--to", "put/dangling"]));
  assertEquals(Deno.lstatSync(`${home}/dangling`).isFile, true);
  assertEquals([...Deno.readDirSync(home)].length, SPECIAL.length);
  const victim = disk.server.file("victim");
  assertEquals([...Deno.readDirSync(victim)].map(({ name }) => name), [
    "secret",
  ]);
  assertEquals(Deno.readTextFileSync(`${victim}/secret`), "victim's");
});

Deno.test("a user's folder that is a link is not opened", async () => {
  const home = disk.server.file("linked");
  await disk.stranger().register("linked", disk.server.address);
  Deno.removeSync(home);
  Deno.symlinkSync(disk.server.file("ann"), home);
  const linked = disk.stranger();
  const args = ["login", "linked", "-q", "--password-stdin", "--server"];
  const { code, stderr } = await linked.run([...args, disk.server.address], {
    stdin: "correct horse",
  });
  assertEquals({ code, stderr }, {
    code: 4,
    stderr: "netdisk: error: the user's folder is not a folder\n",
  });
});

Deno.test("files that an admin copies there are served", async () => {
  const path = disk.server.file("ann", "copied/by/admin.txt");
  Deno.mkdirSync(disk.server.file("ann", "copied/by"), { recursive: true });
  Deno.writeTextFileSync(path, "hello");
  Deno.utimeSync(path, 1_000_000_000, 1_000_000_000);
  const ann = disk.client();
  assertOutcome(await ann.run(["ls", "-l", "copied", "copied/by"]), {
    stdout: "copied:\nd               -  [..]  by/\n\n" +
      "copied/by:\n-               5  2001-09-09 01:46  admin.txt\n",
  });
  assertOutcome(await ann.run(["get", "copied/by/admin.txt", "--to", "-"]), {
    stdout: "hello",
  });
});

Deno.test("names that no client would make are shown safely, not obeyed", async () => {
  const folder = disk.server.file("ann", "odd");
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(`${folder}/\x1b[2Jred\nline`, "x");
  const ann = disk.client();
  const { code, stdout, stderr } = await ann.run(["ls", "odd"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout.trimEnd().split("\n").length, 1);
  assertEquals(stdout.includes("\x1b"), false);
});
