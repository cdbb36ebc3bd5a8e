/** `put -r` and `get -r`: what a tree is after the round trip. */

import { assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { sharedDisk } from "../helpers/disk.ts";
import { Gate } from "../helpers/gate.ts";
import { assertOutcome } from "../helpers/golden.ts";
import type { Client } from "../helpers/netdisk.ts";

const disk = sharedDisk();

const isRoot = Deno.uid() === 0;
const NOBODY = 65534;

/** What is to be the same on both ends: kind, time, executable bit and bytes. */
function tree(root: string, path = ""): Record<string, string> {
  const whole = join(root, path);
  const { mtime, mode } = Deno.lstatSync(whole);
  const time = mtime?.toISOString();
  const found: Record<string, string> = { [`${path}/`]: `folder ${time}` };
  for (const { name, isDirectory } of Deno.readDirSync(whole)) {
    const below = path === "" ? name : `${path}/${name}`;
    if (isDirectory) {
      Object.assign(found, tree(root, below));
      continue;
    }
    const info = Deno.lstatSync(join(root, below));
    const bit = (info.mode! & 0o100) !== 0 ? "executable" : "file";
    const text = Deno.readTextFileSync(join(root, below));
    found[below] = `${bit} ${info.mtime?.toISOString()} ${text}`;
  }
  if (mode === null) throw new Error("no mode");
  return found;
}

/** A tree with everything that is to survive; each thing has a time of its own. */
function plant(client: Client, root: string): string {
  client.write(`${root}/a.txt`, "a");
  client.write(`${root}/empty file`, "");
  client.write(`${root}/sub/deep/er/x`, "x");
  client.write(`${root}/sub/日本語 ünï 🚀.txt`, "names");
  client.write(`${root}/sub/-dash "and" 'quotes'`, "more names");
  Deno.chmodSync(client.write(`${root}/bin/tool`, "#!"), 0o755);
  Deno.mkdirSync(client.path(`${root}/empty/emptier`), { recursive: true });
  const whole = client.path(root);
  const paths = Object.keys(tree(whole)).reverse();
  for (const [index, path] of paths.entries()) {
    const time = new Date(Date.UTC(2001, 1, 3, 4, 5, index, 7 * index));
    Deno.utimeSync(join(whole, path), time, time);
  }
  return whole;
}

Deno.test("a tree survives the round trip: names, bytes, times, executable bits, empty folders", async () => {
  const ann = disk.client();
  const here = plant(ann, "round");
  const before = tree(here);
  assertOutcome(await ann.run(["put", "-r", "round"]), {
    stderr: "netdisk: 6 files uploaded\n",
  });
  assertEquals(tree(disk.server.file("ann", "round")), before);
  assertOutcome(await ann.run(["get", "-r", "round", "--to", "back"]), {
    stderr: "netdisk: 6 files downloaded\n",
  });
  assertEquals(tree(ann.path("back")), before);
  // Once more: nothing is left to do, and nothing is done.
  for (
    const args of [["put", "-r", "round"], [
      "get",
      "-r",
      "round/",
      "--to",
      "back",
    ]]
  ) {
    for (const option of ["--update", "--checksum"]) {
      const verb = args[0] === "put" ? "uploaded" : "downloaded";
      assertOutcome(await ann.run([...args, option]), {
        stderr: `netdisk: 0 files ${verb}, 6 skipped\n`,
      });
    }
  }
  assertEquals(tree(ann.path("back")), before);
});

Deno.test("a slash at the end means what is in the folder", async () => {
  const ann = disk.client();
  ann.write("photos/a.jpg", "1");
  for (
    const [args, made] of [
      [["photos", "--to", "slash/"], "slash/photos/a.jpg"],
      [["photos/", "--to", "slash/pics"], "slash/pics/a.jpg"],
      [["photos", "--to", "slash/new"], "slash/new/a.jpg"],
    ] as [string[], string][]
  ) {
    assertOutcome(await ann.run(["put", "-r", ...args]));
    assertEquals(Deno.readTextFileSync(disk.server.file("ann", made)), "1");
  }
  assertOutcome(await ann.run(["get", "-r", "slash/pics/", "--to", "x"]));
  assertOutcome(await ann.run(["get", "-r", "slash/pics", "--to", "y"]));
  assertOutcome(await ann.run(["get", "-r", "slash/pics", "--to", "y"]));
  assertEquals(ann.names("x"), ["a.jpg"]);
  assertEquals(ann.names("y"), ["a.jpg", "pics"]);
});

Deno.test("links and pipes are left out, each with a notice", async () => {
  const ann = disk.client();
  ann.write("links/a", "1");
  Deno.symlinkSync("/etc/passwd", ann.path("links/secret"));
  Deno.symlinkSync("/etc", ann.path("links/etc"));
  await new Deno.Command("mkfifo", { args: [ann.path("links/pipe")] }).output();
  assertOutcome(await ann.run(["put", "-r", "links"]), {
    stderr: "netdisk: links/etc: it is a link, skipped\n" +
      "netdisk: links/pipe: it is a pipe, skipped\n" +
      "netdisk: links/secret: it is a link, skipped\n" +
      "netdisk: 1 file uploaded, 3 skipped\n",
  });
  assertOutcome(await ann.run(["ls", "links"]), { stdout: "a\n" });
});

Deno.test("what cannot be read does not stop the rest: exit 8, and the count", async () => {
  const ann = disk.client();
  ann.write("closed/a", "1");
  Deno.chmodSync(ann.write("closed/secret", "2"), 0);
  ann.write("closed/sub/b", "3");
  Deno.chmodSync(ann.path("closed/sub"), 0);
  ann.write("closed/z", "4");
  const giveConfigTo = (user: number) => {
    for (const path of [ann.config, `${ann.config}/servers.json`]) {
      if (isRoot) Deno.chownSync(path, user, user);
    }
  };
  giveConfigTo(NOBODY);
  const nobody = isRoot ? { uid: NOBODY } : {};
  assertOutcome(await ann.run(["put", "-r", "closed"], nobody), {
    code: 8,
    stderr: "netdisk: error: closed/sub: Permission denied\n" +
      "netdisk: error: closed/secret: Permission denied\n" +
      "netdisk: error: 2 of 4 files were not uploaded\n",
  });
  Deno.chmodSync(ann.path("closed/sub"), 0o755);
  giveConfigTo(0);
  assertOutcome(await ann.run(["ls", "-R", "closed"]), {
    stdout: "closed:\na\nz\n",
  });
});

Deno.test("--exclude leaves out, -n only shows", async () => {
  const ann = disk.client();
  for (const name of ["a.txt", "b.tmp", "node/x", "src/c.txt"]) {
    ann.write(`project/${name}`, name);
  }
  const args = ["-r", "project", "--exclude", "*.tmp", "--exclude", "node/"];
  assertOutcome(await ann.run(["put", ...args, "-n"]), {
    stdout: "would upload project/a.txt\nwould upload project/src/c.txt\n",
    stderr: "netdisk: 2 files would be uploaded\n",
  });
  assertOutcome(await ann.run(["ls", "project"]), {
    code: 3,
    stderr: "netdisk: error: project: no such file or folder\n",
  });
  assertOutcome(await ann.run(["put", ...args]), {
    stderr: "netdisk: 2 files uploaded\n",
  });
  assertOutcome(await ann.run(["ls", "-R", "project"]), {
    stdout: "project:\na.txt\nsrc/\n\nproject/src:\nc.txt\n",
  });
});

Deno.test("get of a pattern, and of one that matches nothing", async () => {
  const ann = disk.client();
  for (const name of ["a.jpg", "b.jpg", "sub/c.jpg", "d.png"]) {
    disk.store(`globs/${name}`, name);
  }
  assertOutcome(await ann.run(["get", "globs/*.jpg"]), {
    stderr: "netdisk: 2 files downloaded\n",
  });
  assertEquals(ann.names(), ["a.jpg", "b.jpg"]);
  assertOutcome(await ann.run(["get", "globs/**/*.jpg", "--update"]), {
    stderr: "netdisk: 1 file downloaded, 2 skipped\n",
  });
  // With ** the paths are kept.
  assertEquals(ann.names(), ["a.jpg", "b.jpg", "sub"]);
  assertEquals(ann.read("sub/c.jpg"), "sub/c.jpg");
  assertOutcome(await ann.run(["get", "globs/*.gif"]), {
    code: 3,
    stderr: "netdisk: error: globs/*.gif: nothing matches\n",
  });
});

Deno.test("--json has an object for each file, and the counts at the end", async () => {
  const ann = disk.client();
  ann.write("counts/a", "1");
  ann.write("counts/b", "22");
  disk.store("counts/b/in the way", "");
  Deno.symlinkSync("a", ann.path("counts/link"));
  const { code, stdout } = await ann.run(["put", "-r", "counts", "--json"]);
  assertEquals(code, 8);
  const objects = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    objects.slice(0, -1).map(({ type, name, code }) => [type, name, code]),
    [
      ["skipped", "counts/link", undefined],
      ["receipt", "counts/a", undefined],
      ["error", "counts/b", "is-folder"],
    ],
  );
  const { files, skipped, failed, bytes, exitCode } = objects.at(-1);
  assertEquals({ files, skipped, failed, bytes, exitCode }, {
    files: 1,
    skipped: 1,
    failed: 1,
    bytes: 1,
    exitCode: 8,
  });
});

Deno.test("get --json has the counts, too, of what it does not even ask for", async () => {
  const ann = disk.client();
  for (const path of ["/", "a/../b"]) {
    const { stdout } = await ann.run(["get", path, "--json"]);
    const { files, failed, exitCode } = JSON.parse(stdout);
    assertEquals([files, failed, exitCode], [0, 1, 6]);
  }
});

Deno.test("a put -r and a get -r whose connection is cut go on by themselves", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  const text = "x".repeat(20_000);
  for (let i = 0; i < 200; i++) {
    ann.write(`cut/${i % 7}/${i}`, `${i} ${text}`);
  }
  gate.hold("up", 1_000_000);
  await using put = ann.start(["put", "-r", "cut", "--json"]);
  await gate.holds();
  await gate.cut();
  gate.open();
  const sent = await put.outcome();
  // The files, the folders, the result.
  assertEquals([sent.code, sent.stdout.split("\n").length], [0, 210]);
  gate.hold("down", 1_000_000);
  await using get = ann.start(["get", "-r", "cut", "--to", "back", "--json"]);
  await gate.holds();
  await gate.cut();
  gate.open();
  const came = await get.outcome();
  assertEquals([came.code, came.stdout.split("\n").length], [0, 210]);
  assertEquals(tree(ann.path("back")), tree(ann.path("cut")));
});

Deno.test("after Ctrl-C the command that put -r names goes on", async () => {
  await using gate = new Gate(disk.server.port);
  const ann = disk.clientBehind(gate);
  const text = "x".repeat(20_000);
  for (let i = 0; i < 200; i++) ann.write(`stop/${i}`, `${i} ${text}`);
  gate.hold("up", 2_000_000);
  await using put = ann.start(["put", "-r", "stop"]);
  await gate.holds();
  put.signal("SIGINT");
  const { code, stderr } = await put.outcome();
  assertEquals(code, 130);
  assertEquals(stderr.split("\n").sort(), [
    "",
    "netdisk: interrupted",
    "netdisk: what has arrived stays on the server; to go on where this one stopped: netdisk put -r --update stop",
  ]);
  gate.open();
  const again = await ann.run(["put", "-r", "stop", "--update", "--json"]);
  assertEquals(again.code, 0);
  const { files, skipped } = JSON.parse(
    again.stdout.trim().split("\n").at(-1)!,
  );
  assertEquals(files + skipped, 200);
  assertLess(files, 200);
  assertEquals(tree(disk.server.file("ann", "stop")), tree(ann.path("stop")));
});
