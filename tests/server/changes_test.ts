import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import type { RequestOf } from "../../protocol/messages.ts";
import type { ChangeRequest } from "../../server/changes.ts";
import { Storage } from "../../server/storage.ts";
import type { UserStorage } from "../../server/user_storage.ts";
import {
  descriptorsBelow,
  DiskRecorder,
  osError,
  replace,
} from "../helpers/faults.ts";
import { until } from "../helpers/deadline.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { Fixture } from "./fixture.ts";

const MTIME = 1_700_000_000_123;

/** A user's files in a folder of their own. */
class Files implements AsyncDisposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly home: string = `${this.root}/users/ann`;
  readonly storage: Storage = new Storage(this.root);
  #user: UserStorage | undefined;

  constructor() {
    this.storage.prepare();
    Deno.mkdirSync(this.home);
  }

  at(path: string): string {
    return `${this.home}/${path}`;
  }

  /** Makes files that have their path as content, and folders of paths with `/`. */
  fill(...paths: string[]): void {
    for (const path of paths) {
      const folder = this.at(path.slice(0, path.lastIndexOf("/") + 1));
      Deno.mkdirSync(folder, { recursive: true });
      if (!path.endsWith("/")) Deno.writeTextFileSync(this.at(path), path);
    }
  }

  /** Makes a change as a session does. */
  async change(request: ChangeRequest): Promise<void> {
    this.#user ??= await this.storage.openUser("ann");
    const change = this.#user.change(request);
    change.apply();
    await change.settle();
  }

  /** `ok`, or the code of the error with which a change ends. */
  async outcome(request: ChangeRequest): Promise<string> {
    try {
      await this.change(request);
      return "ok";
    } catch (error) {
      if (error instanceof NetdiskError) return error.code;
      throw error;
    }
  }

  /** All names below the user's folder. */
  names(): string[] {
    const names: string[] = [];
    const look = (folder: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(this.at(folder))) {
        names.push(folder + name + (isDirectory ? "/" : ""));
        if (isDirectory) look(`${folder}${name}/`);
      }
    };
    look("");
    return names.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.storage.sweep();
    // A sync goes on when another one has failed.
    await until("closed files", () => descriptorsBelow(this.root).length === 0);
    this.folder[Symbol.dispose]();
  }
}

function mkdir(
  path: string,
  options: Partial<RequestOf<"mkdir">> = {},
): ChangeRequest {
  return { type: "mkdir", path, parents: false, mtime: null, ...options };
}

function move(from: string, to: string, replace = true): ChangeRequest {
  return { type: "move", from, to, replace };
}

function touch(
  path: string,
  mtime: number | null,
  executable: boolean | null = null,
): ChangeRequest {
  return { type: "touch", path, mtime, executable };
}

function mtimeOf(path: string): number {
  return Deno.lstatSync(path).mtime!.getTime();
}

/** Deno shows times before 1970 as if they were behind it. */
function secondsOf(path: string): number {
  const args = ["-c", "%Y", path];
  const { stdout } = new Deno.Command("stat", { args }).outputSync();
  return Number(new TextDecoder().decode(stdout));
}

Deno.test("mkdir makes a folder, with those above it if asked to", async () => {
  await using f = new Files();
  f.fill("file");
  Deno.mkdirSync(f.at("real"));
  Deno.symlinkSync("real", f.at("link"));
  const cases: [string, string, string][] = [
    ["a", "ok", "ok"],
    ["a", "exists", "ok"],
    ["a/b/c", "not-found", "ok"],
    ["", "exists", "ok"],
    ["file", "exists", "not-folder"],
    ["file/x", "not-folder", "not-folder"],
    ["link", "denied", "denied"],
    ["link/x", "denied", "denied"],
    ["x".repeat(256), "bad-name", "bad-name"],
  ];
  for (const [path, plain, withParents] of cases) {
    assertEquals(await f.outcome(mkdir(path)), plain, path);
    const request = mkdir(path, { parents: true });
    assertEquals(await f.outcome(request), withParents, `${path} and parents`);
  }
  assertEquals(f.names(), ["a/", "a/b/", "a/b/c/", "file", "link", "real/"]);
});

Deno.test("mkdir sets the time of the folder, new or not", async () => {
  await using f = new Files();
  await f.change(mkdir("new", { mtime: MTIME }));
  assertEquals(mtimeOf(f.at("new")), MTIME);
  await f.change(mkdir("new", { parents: true }));
  assertEquals(mtimeOf(f.at("new")), MTIME);
  await f.change(mkdir("new", { parents: true, mtime: -1500 }));
  assertEquals(secondsOf(f.at("new")), -2);
  await f.change(mkdir("", { parents: true, mtime: MTIME }));
  assertEquals(mtimeOf(f.home), MTIME);
});

Deno.test("mkdir that fails on its way leaves nothing", async () => {
  await using f = new Files();
  {
    using disk = new DiskRecorder(f.root);
    disk.fail(/^mkdir users\/ann\/a\/b\/c$/, "ENOSPC");
    const request = mkdir("a/b/c", { parents: true });
    assertEquals(await f.outcome(request), "disk-full");
    assertEquals(f.names(), []);
  }
  using _ = replace(Deno, "utimeSync", () => () => {
    throw osError("EIO");
  });
  const request = mkdir("a/b", { parents: true, mtime: MTIME });
  assertEquals(await f.outcome(request), "io");
  assertEquals(f.names(), []);
});

Deno.test("mkdir leaves the reserve of the disk alone", async () => {
  await using f = new Files();
  const full = new Storage(f.root, {
    minFree: { bytes: Number.MAX_SAFE_INTEGER },
  });
  const user = await full.openUser("ann");
  Deno.mkdirSync(f.at("there"));
  user.change(mkdir("there", { parents: true })).apply();
  const change = user.change(mkdir("new"));
  const error = await assertRejects(
    () => Promise.try(() => change.apply()),
    NetdiskError,
  );
  assertEquals(error.code, "disk-full");
});

Deno.test("mkdir waits for every folder that is new, and for a time", async () => {
  await using f = new Files();
  using disk = new DiskRecorder(f.root);
  await f.change(mkdir("a/b", { parents: true, mtime: MTIME }));
  assertEquals(disk.steps.toSorted(), [
    "mkdir users/ann/a",
    "mkdir users/ann/a/b",
    "sync users",
    "sync users/ann",
    "sync users/ann/a",
    "sync users/ann/a/b",
  ]);
  disk.steps = [];
  await f.change(mkdir("a/c"));
  // What is above it is known to be on the disk.
  assertEquals(disk.steps, ["mkdir users/ann/a/c", "sync users/ann/a"]);
});

// What becomes of a move with and without `replace`.
const MOVES: [from: string, to: string, plain: string, replacing: string][] = [
  ["file", "new", "ok", "ok"],
  ["file", "other", "exists", "ok"],
  ["file", "file", "exists", "ok"],
  ["file", "empty", "exists", "is-folder"],
  ["file", "link", "exists", "denied"],
  ["file", "fifo", "exists", "denied"],
  ["file", "nowhere/new", "not-found", "not-found"],
  ["file", "other/new", "not-folder", "not-folder"],
  ["file", "link/new", "denied", "denied"],
  ["file", "", "exists", "is-folder"],
  ["nothing", "new", "not-found", "not-found"],
  ["nothing/x", "new", "not-found", "not-found"],
  ["link/x", "new", "denied", "denied"],
  ["", "new", "denied", "denied"],
  ["full", "new", "ok", "ok"],
  ["full", "empty", "exists", "ok"],
  ["full", "empty/new", "ok", "ok"],
  ["full", "full2", "exists", "exists"],
  ["full", "file", "exists", "not-folder"],
  ["full", "link", "exists", "not-folder"],
  ["full", "full", "exists", "ok"],
  ["full", "full/x", "denied", "denied"],
  ["full", "full/in/x", "denied", "denied"],
  ["full/in", "", "exists", "exists"],
  ["link", "new", "ok", "ok"],
  ["link", "file", "exists", "ok"],
  ["hard", "file", "exists", "exists"],
];

for (const replace of [false, true]) {
  const how = replace ? "that may replace" : "that may not replace";
  Deno.test(`move ${how} is done or leaves everything as it was`, async () => {
    for (const [from, to, plain, replacing] of MOVES) {
      await using f = new Files();
      f.fill("file", "other", "empty/", "full/in/x", "full2/y");
      Deno.symlinkSync("full/in", f.at("link"));
      Deno.linkSync(f.at("file"), f.at("hard"));
      new Deno.Command("mkfifo", { args: [f.at("fifo")] }).outputSync();
      const before = f.names();
      const what = `${from} to ${to}`;
      const expected = replace ? replacing : plain;
      const inode = expected === "ok" ? Deno.lstatSync(f.at(from)).ino : 0;
      assertEquals(await f.outcome(move(from, to, replace)), expected, what);
      if (expected !== "ok") {
        assertEquals(f.names(), before, what);
      } else {
        assertEquals(Deno.lstatSync(f.at(to)).ino, inode, what);
        if (from !== to) assertThrows(() => Deno.lstatSync(f.at(from)));
      }
    }
  });
}

Deno.test("move across disks is an error that says so", async () => {
  await using f = new Files();
  f.fill("file");
  using disk = new DiskRecorder(f.root);
  disk.fail(/^rename/, "EXDEV");
  const error = await assertRejects(
    () => f.change(move("file", "new")),
    NetdiskError,
  );
  assertEquals(error.code, "io");
  assert(error.message.includes("different disks"));
});

Deno.test("move waits for both folders", async () => {
  await using f = new Files();
  f.fill("from/file", "to/");
  using disk = new DiskRecorder(f.root);
  await f.change(move("from/file", "to/file"));
  assertEquals(disk.steps[0], "rename users/ann/from/file users/ann/to/file");
  assertEquals(
    new Set(disk.steps.slice(1)),
    new Set([
      "sync users/ann/from",
      "sync users/ann/to",
      "sync users/ann",
      "sync users",
    ]),
  );
});

for (const way of ["moved", "removed"]) {
  Deno.test(`folders below one that was ${way} are not taken for durable`, async () => {
    await using f = new Files();
    await f.change(mkdir("a/b/c", { parents: true }));
    await f.change(mkdir("a/b/c/d"));
    await f.change(
      way === "moved"
        ? move("a", "z")
        : { type: "remove", path: "a", recursive: true },
    );
    // As another server that was killed could have left them.
    f.fill("a/b/c/");
    using disk = new DiskRecorder(f.root);
    await f.change(mkdir("a/b/c/d"));
    for (const folder of ["a/b/c", "a/b", "a"]) {
      assertEquals(disk.count(new RegExp(`^sync users/ann/${folder}$`)), 1);
    }
    assertEquals(disk.count(/^sync users\/ann$/), 1);
  });
}

Deno.test("remove takes a file or link away, and what a link leads to stays", async () => {
  await using f = new Files();
  f.fill("file", "full/x", "folder/in/x");
  Deno.symlinkSync("full/x", f.at("link"));
  Deno.symlinkSync("full", f.at("folder-link"));
  Deno.symlinkSync("nowhere", f.at("dangling"));
  new Deno.Command("mkfifo", { args: [f.at("fifo")] }).outputSync();
  const cases: [path: string, plain: string, recursive: string][] = [
    ["folder", "is-folder", "ok"],
    ["folder", "not-found", "not-found"],
    ["folder-link/x", "denied", "denied"],
    ["", "denied", "denied"],
    ["file/x", "not-folder", "not-folder"],
    ["file", "ok", "not-found"],
    ["link", "ok", "not-found"],
    ["folder-link", "ok", "not-found"],
    ["dangling", "ok", "not-found"],
    ["fifo", "ok", "not-found"],
  ];
  for (const [path, plain, withRecursive] of cases) {
    const request = { type: "remove", path, recursive: false } as const;
    assertEquals(await f.outcome(request), plain, path);
    const all = { ...request, recursive: true };
    assertEquals(await f.outcome(all), withRecursive, `all of ${path}`);
  }
  assertEquals(f.names(), ["full/", "full/x"]);
});

Deno.test("remove waits for the folder that had the name", async () => {
  await using f = new Files();
  f.fill("a/file", "a/folder/x");
  using disk = new DiskRecorder(f.root);
  await f.change({ type: "remove", path: "a/file", recursive: false });
  assertEquals(disk.steps, ["remove users/ann/a/file", "sync users/ann/a"]);
  disk.steps = [];
  await f.change({ type: "remove", path: "a/folder", recursive: true });
  assertEquals(disk.steps[0], "rename users/ann/a/folder TEMP");
  assertEquals(
    disk.steps.slice(1).toSorted(),
    ["sync .netdisk/removed", "sync users/ann/a"],
  );
});

Deno.test("remove of a large file does not wait until the disk has freed it", async () => {
  await using f = new Files();
  f.fill("file", "bound");
  Deno.truncateSync(f.at("file"), 17 * 1024 * 1024);
  Deno.truncateSync(f.at("bound"), 16 * 1024 * 1024);
  using disk = new DiskRecorder(f.root);
  for (const path of ["file", "bound"]) {
    await f.change({ type: "remove", path, recursive: false });
  }
  assertEquals(disk.steps.filter((step) => !step.startsWith("sync")), [
    "rename users/ann/file TEMP",
    "remove users/ann/bound",
  ]);
  await f.storage.sweep();
  assertEquals(filesBelow(`${f.root}/.netdisk/removed`), []);
});

Deno.test("touch sets what it is asked to and nothing else", async () => {
  await using f = new Files();
  f.fill("file", "folder/x");
  Deno.symlinkSync("file", f.at("link"));
  const isExecutable = () => (Deno.lstatSync(f.at("file")).mode! & 0o100) !== 0;
  await f.change(touch("file", MTIME));
  assertEquals([mtimeOf(f.at("file")), isExecutable()], [MTIME, false]);
  await f.change(touch("file", null, true));
  assertEquals([mtimeOf(f.at("file")), isExecutable()], [MTIME, true]);
  await f.change(touch("file", -1500, false));
  assertEquals([secondsOf(f.at("file")), isExecutable()], [-2, false]);
  await f.change(touch("folder", MTIME));
  assertEquals(mtimeOf(f.at("folder")), MTIME);
  await f.change(touch("", MTIME));
  assertEquals(mtimeOf(f.home), MTIME);
  const refused = {
    nothing: "not-found",
    link: "denied",
    "file/x": "not-folder",
    "link/x": "denied",
  };
  for (const [path, code] of Object.entries(refused)) {
    assertEquals(await f.outcome(touch(path, MTIME + 1)), code, path);
  }
  assertEquals(await f.outcome(touch("folder", 1, true)), "is-folder");
  assertEquals(mtimeOf(f.at("folder")), MTIME);
  assertEquals(Deno.readTextFileSync(f.at("file")), "file");
});

Deno.test("touch of which one half fails changes nothing", async () => {
  await using f = new Files();
  f.fill("file");
  const { mode } = Deno.lstatSync(f.at("file"));
  using _ = replace(Deno, "utimeSync", () => () => {
    throw osError("EIO");
  });
  assertEquals(await f.outcome(touch("file", MTIME, true)), "io");
  assertEquals(Deno.lstatSync(f.at("file")).mode, mode);
});

Deno.test("a change that may not be on the disk is 'io', whoever is to blame", async () => {
  await using f = new Files();
  f.fill("file", "a/b/c");
  using disk = new DiskRecorder(f.root);
  const requests: ChangeRequest[] = [
    mkdir("new"),
    mkdir("", { parents: true, mtime: MTIME }),
    move("file", "file2"),
    touch("a", MTIME),
    { type: "remove", path: "file2", recursive: false },
    { type: "remove", path: "a/b", recursive: true },
  ];
  disk.fail(/^sync/, "EIO", Infinity);
  for (const request of requests) {
    assertEquals(await f.outcome(request), "io", request.type);
  }
  const user = await f.storage.openUser("ann");
  const change = user.change(mkdir("a/lost"));
  change.apply();
  Deno.renameSync(f.at("a"), f.at("elsewhere"));
  const error = await assertRejects(() => change.settle(), NetdiskError);
  assertEquals(error.code, "io");
});

Deno.test("a session answers changes in their order, and logs them", async () => {
  await using server = new Fixture();
  using client = await server.login();
  await client.send(
    mkdir("a/b", { parents: true }),
    mkdir("a/b"),
    touch("a/b", MTIME),
    move("a/b", "c"),
    { type: "stat", path: "c" },
    { type: "remove", path: "a", recursive: true },
    { type: "stat", path: "a" },
  );
  await client.answer("ok");
  assertEquals(await client.error(), "exists");
  await client.answer("ok");
  await client.answer("ok");
  assertEquals((await client.answer("entry")).entry.mtime, MTIME);
  await client.answer("ok");
  assertEquals(await client.error(), "not-found");
  const who = "peer=192.0.2.1:5000 user=ann";
  assertEquals(server.log.lines("move"), [`move ${who} from=a/b to=c`]);
  assertEquals(server.log.lines("remove"), [`remove ${who} path=a`]);
  assertEquals(filesBelow(server.path("")), []);
});
