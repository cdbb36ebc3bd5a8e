import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import type { Entry } from "../../protocol/messages.ts";
import { Storage } from "../../server/storage.ts";
import type { UserStorage } from "../../server/user_storage.ts";
import { descriptorsBelow, DiskRecorder } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";

const MTIME = 1_700_000_000_123;

/** A storage root with the files of a user. */
class Fixture implements Disposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly home: string = `${this.root}/users/ann`;
  readonly storage: Storage = new Storage(this.root);

  #socket: Deno.UnixListener | undefined;

  constructor() {
    this.storage.prepare();
  }

  openUser(): Promise<UserStorage> {
    return this.storage.openUser("ann");
  }

  /** A file, an executable one, a folder, and all that is neither. */
  fill(): void {
    const at = (name: string) => `${this.home}/${name}`;
    Deno.writeTextFileSync(at("file"), "content");
    Deno.utimeSync(at("file"), new Date(), new Date(MTIME));
    Deno.writeTextFileSync(at("tool"), "#!", { mode: 0o700 });
    Deno.mkdirSync(at("folder/inner"), { recursive: true });
    Deno.writeTextFileSync(at("folder/inner/deep"), "deep");
    Deno.symlinkSync("file", at("link"));
    Deno.symlinkSync("folder", at("folder-link"));
    Deno.symlinkSync("nowhere", at("dangling"));
    new Deno.Command("mkfifo", { args: [at("fifo")] }).outputSync();
    this.#socket = Deno.listen({ transport: "unix", path: at("socket") });
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
    assertEquals(descriptorsBelow(this.root), []);
    this.folder[Symbol.dispose]();
  }
}

function codeOf(work: () => unknown): string {
  return assertThrows(work, NetdiskError).code;
}

async function listOf(user: UserStorage, path: string): Promise<Entry[]> {
  return (await Array.fromAsync(user.list(path))).flat();
}

async function listed(user: UserStorage, path: string): Promise<string[]> {
  return (await listOf(user, path)).map(({ name }) => name).sort();
}

Deno.test("sweep() removes what no upload can go on with, nothing else", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  f.fill();
  const before = await listed(user, "");
  const uploads = `${f.root}/.netdisk/uploads`;
  Deno.mkdirSync(`${uploads}/ann`);
  const kept = `ann/r-${"0".repeat(64)}`;
  for (const name of ["one", "ann/t-two", "ann/three", kept]) {
    Deno.writeTextFileSync(`${uploads}/${name}`, "part");
  }
  Deno.writeTextFileSync(`${f.root}/.netdisk/other`, "kept");
  const storage = new Storage(f.root);
  storage.prepare();
  await storage.sweep();
  assertEquals(filesBelow(uploads), [kept]);
  assertEquals(Deno.readTextFileSync(`${f.root}/.netdisk/other`), "kept");
  assertEquals(await listed(user, ""), before);
});

Deno.test("what the server makes is for the server alone", async () => {
  const umask = Deno.umask(0);
  try {
    using f = new Fixture();
    await f.openUser();
    for (const path of [".netdisk/uploads", "users", "users/ann"]) {
      const { mode } = Deno.lstatSync(`${f.root}/${path}`);
      assertEquals(mode! & 0o777, 0o700, path);
    }
  } finally {
    Deno.umask(umask);
  }
});

Deno.test("a user's folder is made once, and its name synced", async () => {
  using f = new Fixture();
  using disk = new DiskRecorder(f.root);
  await f.openUser();
  assertEquals(disk.steps, ["mkdir users/ann", "sync users"]);
  disk.steps = [];
  await f.openUser();
  assertEquals(disk.steps, []);
});

Deno.test("a new user gets no files of somebody else", () => {
  using f = new Fixture();
  const users = `${f.root}/users`;
  f.storage.checkNewUser("nobody");
  Deno.mkdirSync(`${users}/empty`);
  f.storage.checkNewUser("empty");
  Deno.mkdirSync(`${users}/frank/secret`, { recursive: true });
  Deno.writeTextFileSync(`${users}/gina`, "");
  Deno.symlinkSync("empty", `${users}/link`);
  for (const user of ["frank", "gina", "link"]) {
    const error = assertThrows(
      () => f.storage.checkNewUser(user),
      NetdiskError,
    );
    assertEquals(error.code, "exists");
  }
});

Deno.test("a user's folder that cannot be made or is none is an error", async () => {
  using f = new Fixture();
  {
    using disk = new DiskRecorder(f.root);
    for (
      const [step, errno, code] of [
        [/^mkdir/, "ENOSPC", "disk-full"],
        [/^sync users/, "EIO", "io"],
      ] as const
    ) {
      disk.fail(step, errno);
      const error = await assertRejects(() => f.openUser(), NetdiskError);
      assertEquals(error.code, code);
      if (step.source.includes("sync")) Deno.removeSync(f.home);
    }
  }
  const strangers: [(home: string) => void][] = [
    [(home) => Deno.writeTextFileSync(home, "x")],
    [(home) => Deno.symlinkSync("/tmp", home)],
    [(home) => Deno.symlinkSync("bob", home)],
  ];
  Deno.mkdirSync(`${f.root}/users/bob`);
  for (const [plant] of strangers) {
    plant(f.home);
    const error = await assertRejects(() => f.openUser(), NetdiskError);
    assertEquals(error.code, "denied", `${plant}`);
    Deno.removeSync(f.home);
  }
  const error = await assertRejects(
    () => f.storage.openUser("../bob"),
    NetdiskError,
  );
  assertEquals(error.code, "bad-name");
});

Deno.test("stat() tells what lies there and follows no link", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  f.fill();
  const entry: Entry = {
    name: "file",
    kind: "file",
    size: 7,
    mtime: MTIME,
    executable: false,
  };
  assertEquals(user.stat("file"), entry);
  const kindOf = (path: string) => user.stat(path).kind;
  assertEquals(kindOf(""), "folder");
  assertEquals(user.stat("").name, "");
  assertEquals(user.stat("folder/inner/deep").name, "deep");
  assertEquals(kindOf("folder/inner"), "folder");
  for (const path of ["link", "folder-link", "dangling", "fifo", "socket"]) {
    const { kind, size, executable } = user.stat(path);
    assertEquals([kind, size, executable], ["other", 0, false], path);
  }
  assertEquals(user.stat("tool").executable, true);
  assertEquals(user.stat("folder").executable, false);
  assertEquals(user.stat("folder").size, 0);
  assertEquals(codeOf(() => user.stat("nothing")), "not-found");
  assertEquals(codeOf(() => user.stat("nothing/x")), "not-found");
  assertEquals(codeOf(() => user.stat("file/x")), "not-folder");
  assertEquals(codeOf(() => user.stat("folder-link/inner")), "denied");
});

Deno.test("list() gives the entries of one folder, also what an admin put there", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  assertEquals(await listed(user, ""), []);
  f.fill();
  assertEquals(await listed(user, ""), [
    "dangling",
    "fifo",
    "file",
    "folder",
    "folder-link",
    "link",
    "socket",
    "tool",
  ]);
  assertEquals(await listed(user, "folder"), ["inner"]);
  const entries = await listOf(user, "");
  const kinds = new Map(entries.map((e) => [e.name, e.kind]));
  assertEquals(kinds.get("link"), "other");
  assertEquals(kinds.get("folder"), "folder");
  const byName = new Map(entries.map((e) => [e.name, e]));
  assertEquals(byName.get("file"), user.stat("file"));
});

Deno.test("list() of what is no folder is refused, and of a link to one", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  f.fill();
  const cases = {
    nothing: "not-found",
    "nothing/x": "not-found",
    file: "not-folder",
    fifo: "not-folder",
    "folder-link": "not-folder",
    "folder-link/inner": "denied",
    dangling: "not-folder",
    "../bob": "bad-name",
  };
  for (const [path, code] of Object.entries(cases)) {
    const error = await assertRejects(() => listOf(user, path), NetdiskError);
    assertEquals(error.code, code, path);
  }
});

Deno.test("list() passes over what vanishes and over names that are no text", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  const count = 1000;
  for (let i = 0; i < count; i++) Deno.writeTextFileSync(`${f.home}/${i}`, "x");
  const args = ["-c", "touch \"$(printf 'bad\\377name')\""];
  new Deno.Command("sh", { args, cwd: f.home }).outputSync();
  assertEquals([...Deno.readDirSync(f.home)].length, count + 1);
  const names: string[] = [];
  for await (const entries of user.list("")) {
    if (names.length === 0) {
      const seen = new Set(entries.map(({ name }) => name));
      for (const { name } of Deno.readDirSync(f.home)) {
        if (/^\d+$/.test(name) && !seen.has(name)) {
          Deno.removeSync(`${f.home}/${name}`);
        }
      }
    }
    names.push(...entries.map(({ name }) => name));
  }
  assertEquals(names.toSorted(), await listed(user, ""));
  assert(names.length < count);
  assert(names.every((name) => /^\d+$/.test(name)));
});

Deno.test("openRead() opens files only, and hangs on nothing", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  f.fill();
  const cases = {
    "": "is-folder",
    folder: "is-folder",
    nothing: "not-found",
    "nothing/x": "not-found",
    link: "denied",
    "folder-link": "denied",
    "folder-link/inner/deep": "denied",
    dangling: "denied",
    fifo: "denied",
    socket: "denied",
    "file/x": "not-folder",
    "../ann/file": "bad-name",
  };
  for (const [path, code] of Object.entries(cases)) {
    assertEquals(codeOf(() => user.openRead(path)), code, path);
  }
});

for (const size of [0, 1, 65_536, 65_537, 200_000]) {
  Deno.test(`openRead() reads a file of ${size} bytes in any pieces`, async () => {
    using f = new Fixture();
    const user = await f.openUser();
    const content = Uint8Array.from({ length: size }, (_, i) => i * i);
    Deno.writeFileSync(`${f.home}/file`, content, { mode: 0o700 });
    Deno.utimeSync(`${f.home}/file`, new Date(), new Date(MTIME));
    const file = user.openRead("file");
    try {
      assertEquals([file.size, file.mtime], [size, MTIME]);
      assertEquals(file.executable, true);
      const read = new Uint8Array(size + 10);
      let at = 0;
      for (const piece of [1, 1000, 65_536, size + 10]) {
        at += await file.read(read.subarray(at, at + piece));
      }
      assertEquals(at, size);
      assertEquals(read.subarray(0, size), content);
      assertEquals(await file.read(read), 0);
      assertEquals(file.hasChanged(), false);
    } finally {
      file.close();
    }
  });
}

Deno.test("an open file stays the same version, and a change in it is seen", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  const path = `${f.home}/file`;
  const change: [string, boolean, () => void][] = [
    ["replaced", false, () => {
      Deno.writeTextFileSync(`${f.home}/other`, "other");
      Deno.renameSync(`${f.home}/other`, path);
    }],
    ["removed", false, () => Deno.removeSync(path)],
    ["grown", true, () => {
      Deno.writeTextFileSync(path, "more", { append: true });
    }],
    ["cut", true, () => Deno.truncateSync(path, 3)],
    ["written", true, () => Deno.writeTextFileSync(path, "CONTENT")],
  ];
  for (const [name, isChanged, work] of change) {
    Deno.writeTextFileSync(path, "content");
    Deno.utimeSync(path, new Date(), new Date(MTIME));
    const file = user.openRead("file");
    try {
      work();
      assertEquals(file.hasChanged(), isChanged, name);
      const bytes = new Uint8Array(20);
      const count = await file.read(bytes);
      if (!isChanged) {
        const text = new TextDecoder().decode(bytes.subarray(0, count));
        assertEquals(text, "content", name);
      }
    } finally {
      file.close();
    }
  }
});

Deno.test("a time that no Date can hold is not a wrong one", async () => {
  using f = new Fixture();
  const user = await f.openUser();
  Deno.writeTextFileSync(`${f.home}/file`, "x");
  const args = ["-d", "@99999999999999", `${f.home}/file`];
  const { success } = new Deno.Command("touch", { args }).outputSync();
  // Many disks hold no such time themselves, and take the nearest.
  if (!success) return;
  const file = user.openRead("file");
  const times = [user.stat("file").mtime, file.mtime];
  file.close();
  for (const time of times) {
    const isValid = JSON.parse(JSON.stringify({ time })).time === null ||
      Math.abs(time!) <= 8.64e15;
    assert(isValid, `${time}`);
  }
});
