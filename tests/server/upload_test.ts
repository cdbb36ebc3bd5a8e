import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { Durability } from "../../server/durability.ts";
import { FreeSpace } from "../../server/free_space.ts";
import { Partials } from "../../server/partials.ts";
import { ReadingTurns } from "../../server/prefix.ts";
import { Quotas, type UserQuota } from "../../server/quota.ts";
import { costOfAtLeast } from "../../server/quota_cost.ts";
import { RecentFolders } from "../../server/storage_path.ts";
import { Upload } from "../../server/upload.ts";
import { findTarget } from "../../server/upload_target.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, DiskRecorder } from "../helpers/faults.ts";
import { settled } from "../helpers/settled.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import {
  type Bytes,
  commitOf,
  type PutOptions,
  putRequest,
  sha256Of,
  toBytes,
} from "../helpers/test_client.ts";

const OLD = "the old content";
const NEW = "the new content, which is longer";

/** The folders of one user, with `file` in them, and what happens there. */
class Fixture implements Disposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly home: string = `${this.root}/users/ann`;
  readonly recent: RecentFolders = new RecentFolders();
  readonly uploads: string = `${this.root}/.netdisk/uploads/ann`;
  readonly durability: Durability = new Durability();
  readonly space: FreeSpace = new FreeSpace(this.root, { bytes: 0 });
  readonly readingTurns: ReadingTurns = new ReadingTurns();
  readonly partials: Partials = new Partials(this.root);
  readonly quota: UserQuota = noQuota();
  readonly disk: DiskRecorder;

  constructor() {
    Deno.mkdirSync(this.home, { recursive: true });
    Deno.mkdirSync(this.uploads, { recursive: true });
    Deno.writeTextFileSync(`${this.home}/file`, OLD);
    this.disk = new DiskRecorder(this.root);
  }

  begin(path: string, size: number | null, options?: PutOptions): Upload {
    const request = putRequest(path, size, options);
    findTarget(this, request);
    const mode = request.executable ? 0o777 : 0o666;
    return new Upload(this, request, this.partials.create("ann", mode));
  }

  /** A whole upload, as change_queue.ts does it. */
  async put(path: string, content: Bytes, options?: PutOptions) {
    const bytes = toBytes(content);
    const upload = this.begin(path, bytes.length, options);
    try {
      // An empty file has no data frame.
      for (let at = 0; at < bytes.length; at += 100_000) {
        await add(upload, bytes.subarray(at, at + 100_000));
      }
    } catch (error) {
      upload.abort();
      throw error;
    }
    await upload.finish(commitOf(content));
    upload.publish();
    return await upload.settle();
  }

  read(path = "file"): string {
    return Deno.readTextFileSync(`${this.home}/${path}`);
  }

  /** Nothing but the old file is there, and nothing is open. */
  assertUntouched(): void {
    assertEquals(namesIn(this.home), ["file"]);
    assertEquals(this.read(), OLD);
    this.assertClean();
  }

  /** No unfinished file is left, and nothing is open. */
  assertClean(): void {
    assertEquals(namesIn(this.uploads), []);
    assertEquals(descriptorsBelow(this.root), []);
  }

  [Symbol.dispose](): void {
    this.disk[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

async function add(upload: Upload, content: Bytes): Promise<void> {
  upload.update(toBytes(content));
  await upload.write(toBytes(content));
}

function noQuota(): UserQuota {
  const measure = () => Promise.reject(new Error("it was measured"));
  const cost = costOfAtLeast(0);
  return new Quotas({ limitOf: () => null, cost, measure }).of("ann");
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function codeOf(work: () => unknown): string {
  return assertThrows(work, NetdiskError).code;
}

async function codeOfAsync(work: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(work, NetdiskError)).code;
}

Deno.test("an upload is written, synced, named and its name synced, in this order", async () => {
  using f = new Fixture();
  const receipt = await f.put("file", NEW, { mtime: 1_700_000_000_123 });
  // The folders are synced side by side.
  assertEquals([...f.disk.steps.slice(0, 5), ...f.disk.steps.slice(5).sort()], [
    "open TEMP",
    "write TEMP",
    "utime TEMP",
    "sync TEMP",
    "rename TEMP users/ann/file",
    "sync users",
    "sync users/ann",
  ]);
  assertEquals(f.read(), NEW);
  const { time, ...rest } = receipt;
  assert(Math.abs(Date.now() - time) < 60_000);
  assertEquals(rest, {
    type: "receipt",
    size: NEW.length,
    sha256: sha256Of(NEW),
    mtime: 1_700_000_000_123,
  });
  f.assertClean();
});

Deno.test("new folders are made when the file is whole, and synced with it", async () => {
  using f = new Fixture();
  const upload = f.begin("a/b/c", null);
  await add(upload, NEW);
  await upload.finish(commitOf(NEW));
  assertEquals(namesIn(f.home), ["file"]);
  upload.publish();
  const published = f.disk.steps.length;
  await upload.settle();
  assertEquals(f.disk.steps.slice(0, published), [
    "open TEMP",
    "write TEMP",
    "sync TEMP",
    "mkdir users/ann/a",
    "mkdir users/ann/a/b",
    "rename TEMP users/ann/a/b/c",
  ]);
  assertEquals(f.disk.steps.slice(published).toSorted(), [
    "sync users",
    "sync users/ann",
    "sync users/ann/a",
    "sync users/ann/a/b",
  ]);
});

Deno.test("there is no receipt before the folder is synced, and no name before the file is", async () => {
  using f = new Fixture();
  const gates = [0, 1].map(() => Promise.withResolvers<void>());
  f.disk.hold(/^sync TEMP/, gates[0]!.promise);
  f.disk.hold(/^sync users\/ann/, gates[1]!.promise);
  let receipts = 0;
  const putting = f.put("file", NEW).then(() => receipts++);
  await settled();
  assertEquals(f.read(), OLD);
  gates[0]!.resolve();
  while (f.read() === OLD) await settled();
  assertEquals([f.read(), receipts], [NEW, 0]);
  gates[1]!.resolve();
  await within("the receipt", putting);
});

for (
  const [what, size] of [["small", 10_000], ["large", 300_000]] as const
) {
  const content = "0123456789".repeat(size / 10);

  Deno.test(`a ${what} file that the disk takes in bits is whole`, async () => {
    using f = new Fixture();
    f.disk.maxWrite = 777;
    await f.put("file", content);
    assertEquals(f.read(), content);
    assertEquals(f.disk.count(/^write/) > size / 777, true);
  });

  // Each step with the errno that it fails with, and what the client hears.
  const failures: [step: RegExp, errno: string, code: string][] = [
    [/^open TEMP/, "EMFILE", "busy"],
    [/^open TEMP/, "ENOSPC", "disk-full"],
    [/^write TEMP/, "ENOSPC", "disk-full"],
    [/^write TEMP/, "EIO", "io"],
    [/^write TEMP/, "EDQUOT", "disk-full"],
    [/^write TEMP/, "EFBIG", "too-large"],
    [/^utime TEMP/, "EPERM", "denied"],
    [/^sync TEMP/, "EIO", "io"],
    [/^sync TEMP/, "ENOSPC", "disk-full"],
    [/^rename TEMP/, "EACCES", "denied"],
    [/^rename TEMP/, "EXDEV", "io"],
    [/^rename TEMP/, "ENOSPC", "disk-full"],
  ];
  for (const [step, errno, code] of failures) {
    Deno.test(`${errno} at '${step.source}' of a ${what} file leaves the old one`, async () => {
      using f = new Fixture();
      f.disk.fail(step, errno);
      const put = () => f.put("file", content, { mtime: 0 });
      assertEquals(await codeOfAsync(put), code);
      f.assertUntouched();
      // As soon as the cause is gone it works again.
      await f.put("file", content);
      assertEquals(f.read(), content);
      f.assertClean();
    });
  }
}

Deno.test("a file whose name could not be synced gets no receipt", async () => {
  using f = new Fixture();
  f.disk.fail(/^sync users\/ann$/, "EIO");
  assertEquals(await codeOfAsync(() => f.put("file", NEW)), "io");
  // The syncs of the folders above it may still be at work.
  await until("the other sync", () => f.disk.count(/^sync users$/) === 1);
  await settled();
  f.assertClean();
});

Deno.test("a failed sync of the file is not tried again", async () => {
  using f = new Fixture();
  f.disk.fail(/^sync TEMP/, "EIO");
  assertEquals(await codeOfAsync(() => f.put("file", NEW)), "io");
  assertEquals(f.disk.count(/^sync/), 0);
});

Deno.test("folders that were made for a file that failed are gone", async () => {
  using f = new Fixture();
  f.disk.fail(/^rename/, "ENOSPC");
  assertEquals(await codeOfAsync(() => f.put("a/b/c", NEW)), "disk-full");
  f.assertUntouched();
  f.disk.fail(/^mkdir users\/ann\/a\/b/, "ENOSPC");
  assertEquals(await codeOfAsync(() => f.put("a/b/c", NEW)), "disk-full");
  f.assertUntouched();
  Deno.mkdirSync(`${f.home}/a`);
  f.disk.fail(/^rename/, "ENOSPC");
  assertEquals(await codeOfAsync(() => f.put("a/b/c", NEW)), "disk-full");
  assertEquals(namesIn(f.home), ["a", "file"]);
  assertEquals(namesIn(`${f.home}/a`), []);
});

Deno.test("a path that is too long for the disk leaves no folder behind", async () => {
  using f = new Fixture();
  // Legal, but with the root before it the last name is over PATH_MAX.
  const path = `${"x".repeat(255)}/`.repeat(15) + "y".repeat(250);
  assertEquals(await codeOfAsync(() => f.put(path, NEW)), "bad-name");
  assertEquals(f.disk.count(/^mkdir/), 15);
  f.assertUntouched();
});

Deno.test("bytes that are not those that were sent never get the name", async () => {
  const lies: Partial<ReturnType<typeof commitOf>>[] = [
    { sha256: sha256Of(OLD) },
    { size: NEW.length + 1 },
    { size: NEW.length - 1 },
    { size: 0, sha256: sha256Of("") },
  ];
  for (const lie of lies) {
    for (const size of [null, NEW.length]) {
      using f = new Fixture();
      const upload = f.begin("file", size);
      await add(upload, NEW);
      const commit = { ...commitOf(NEW), ...lie };
      assertEquals(await codeOfAsync(() => upload.finish(commit)), "integrity");
      f.assertUntouched();
      assertEquals(f.disk.count(/^sync/), 0);
    }
  }
});

Deno.test("more or fewer bytes than announced are refused", async () => {
  using f = new Fixture();
  const long = f.begin("file", NEW.length - 1);
  assertEquals(codeOf(() => long.update(toBytes(NEW))), "integrity");
  long.abort();
  f.assertUntouched();
  const short = f.begin("file", NEW.length + 1);
  await add(short, NEW);
  const commit = commitOf(NEW);
  assertEquals(await codeOfAsync(() => short.finish(commit)), "integrity");
  f.assertUntouched();
  const exact = f.begin("file", NEW.length);
  await add(exact, NEW);
  await exact.finish(commit);
  exact.abort();
  f.assertUntouched();
});

Deno.test("what is no file is not replaced", () => {
  using f = new Fixture();
  Deno.mkdirSync(`${f.home}/folder/inner`, { recursive: true });
  Deno.symlinkSync("file", `${f.home}/link`);
  Deno.symlinkSync("folder", `${f.home}/folder-link`);
  new Deno.Command("mkfifo", { args: [`${f.home}/fifo`] }).outputSync();
  const cases = {
    "": "is-folder",
    folder: "is-folder",
    link: "denied",
    fifo: "denied",
    "folder-link": "denied",
    "folder-link/new": "denied",
    "folder-link/inner/new": "denied",
    "folder/../file": "bad-name",
    "../bob/file": "bad-name",
    "/file": "bad-name",
    "file/below": "not-folder",
    "fifo/below": "not-folder",
    [`folder/${"x".repeat(256)}`]: "bad-name",
  };
  for (const [path, code] of Object.entries(cases)) {
    assertEquals(codeOf(() => f.begin(path, null)), code, path);
  }
  assertEquals(f.read("link"), OLD);
  f.assertClean();
});

Deno.test("what appeared under the name meanwhile is not replaced", async () => {
  const appearances: [path: string, code: string, (home: string) => void][] = [
    ["new", "is-folder", (home) => Deno.mkdirSync(`${home}/new`)],
    ["new", "denied", (home) => Deno.symlinkSync("file", `${home}/new`)],
    ["a/new", "denied", (home) => Deno.symlinkSync("/tmp", `${home}/a`)],
    ["a/b/new", "denied", (home) => {
      Deno.mkdirSync(`${home}/a`);
      Deno.symlinkSync("/tmp", `${home}/a/b`);
    }],
    ["a/new", "not-folder", (home) => Deno.writeTextFileSync(`${home}/a`, "")],
  ];
  for (const [path, code, appear] of appearances) {
    using f = new Fixture();
    const upload = f.begin(path, null);
    await add(upload, NEW);
    await upload.finish(commitOf(NEW));
    appear(f.home);
    assertEquals(codeOf(() => upload.publish()), code, path);
    f.assertClean();
    assertEquals(f.read(), OLD);
    assertEquals(f.disk.count(/^rename/), 0);
  }
});

Deno.test("a folder that another upload made meanwhile is used", async () => {
  using f = new Fixture();
  const uploads = ["a/one", "a/two"].map((path) => f.begin(path, null));
  for (const upload of uploads) {
    await add(upload, NEW);
    await upload.finish(commitOf(NEW));
    upload.publish();
  }
  await Promise.all(uploads.map((upload) => upload.settle()));
  assertEquals(namesIn(`${f.home}/a`), ["one", "two"]);
  f.assertClean();
});

Deno.test("a folder that is made again is synced again", async () => {
  using f = new Fixture();
  await f.put("a/file", NEW);
  Deno.removeSync(`${f.home}/a`, { recursive: true });
  f.disk.steps = [];
  await f.put("a/file", NEW);
  assertEquals(f.disk.count(/^sync users\/ann$/), 1);
  await f.put("a/file", NEW);
  assertEquals(f.disk.count(/^sync users\/ann$/), 1);
});

Deno.test("a file that vanished meanwhile is made anew", async () => {
  using f = new Fixture();
  const upload = f.begin("file", null);
  await add(upload, NEW);
  await upload.finish(commitOf(NEW));
  Deno.removeSync(`${f.home}/file`);
  upload.publish();
  await upload.settle();
  assertEquals(f.read(), NEW);
});

Deno.test("a reader of the old file goes on reading it", async () => {
  using f = new Fixture();
  using old = Deno.openSync(`${f.home}/file`);
  await f.put("file", NEW);
  const bytes = new Uint8Array(100);
  const count = old.readSync(bytes)!;
  assertEquals(new TextDecoder().decode(bytes.subarray(0, count)), OLD);
});

Deno.test("of many uploads of one name at once, one stays, whole", async () => {
  using f = new Fixture();
  const contents = Array.from({ length: 20 }, (_, i) => `${i} `.repeat(50_000));
  await Promise.all(contents.map((content) => f.put("file", content)));
  assert(contents.includes(f.read()));
  f.assertClean();
});

Deno.test("modification times are kept, those before 1970 to the second", async () => {
  using f = new Fixture();
  const secondsOf = (path: string) => {
    const args = ["-c", "%.3Y", `${f.home}/${path}`];
    const { stdout } = new Deno.Command("stat", { args }).outputSync();
    return Number(new TextDecoder().decode(stdout));
  };
  const cases: [mtime: number, seconds: number][] = [
    [0, 0],
    [1_700_000_000_123, 1_700_000_000.123],
    [-1000, -1],
    [-1, -1],
    [-86_399_500, -86_400],
  ];
  for (const [mtime, seconds] of cases) {
    await f.put("file", NEW, { mtime });
    assertEquals(secondsOf("file"), seconds);
  }
  // Whatever the disk makes of these, they are no error.
  for (const mtime of [8.64e15, -8.64e15]) await f.put("file", NEW, { mtime });
  const before = Math.floor(Date.now() / 1000) - 1;
  await f.put("file", NEW, { mtime: null });
  assert(secondsOf("file") >= before);
});

Deno.test("the executable bit is set where the umask allows it, and nothing else", async () => {
  using f = new Fixture();
  const umask = Deno.umask(0o027);
  try {
    await f.put("tool", NEW, { executable: true });
    await f.put("text", NEW);
  } finally {
    Deno.umask(umask);
  }
  const modeOf = (path: string) =>
    Deno.lstatSync(`${f.home}/${path}`).mode! & 0o7777;
  assertEquals([modeOf("tool"), modeOf("text")], [0o750, 0o640]);
});

Deno.test("empty files and names of 255 bytes are stored", async () => {
  using f = new Fixture();
  const name = "報".repeat(85);
  const receipt = await f.put(name, "");
  assertEquals(receipt.size, 0);
  assertEquals(receipt.sha256, sha256Of(""));
  assertEquals(f.read(name), "");
});

Deno.test("abort() may come twice, and after everything else", async () => {
  using f = new Fixture();
  const upload = f.begin("file", null);
  await add(upload, NEW);
  upload.abort();
  upload.abort();
  f.assertUntouched();
  const done = f.begin("file", null);
  await add(done, NEW);
  await done.finish(commitOf(NEW));
  done.publish();
  done.abort();
  await done.settle();
  assertEquals(f.read(), NEW);
});

Deno.test("an upload that was suspended and is aborted takes nothing from the next one", async () => {
  using f = new Fixture();
  const request = putRequest("file", NEW.length, { ask: true });
  const claim = () =>
    f.partials.claim("ann", { path: "file" }, 0o666, {
      received: () => 0,
      drop() {},
    });
  const first = new Upload(f, request, await claim());
  await add(first, NEW.slice(0, 10));
  first.suspend();
  const second = new Upload(f, request, await claim());
  first.abort();
  first.suspend();
  assertEquals(second.offset, 10);
  await second.verify(() => Promise.resolve());
  assertEquals(await second.resume(sha256Of(NEW.slice(0, 10))), 10);
  await add(second, NEW.slice(10));
  await second.finish(commitOf(NEW));
  second.publish();
  await second.settle();
  assertEquals(f.read(), NEW);
  f.assertClean();
});

/** Whether system calls can be watched here. */
function canTrace(): boolean {
  try {
    return new Deno.Command("strace", { args: ["true"] }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "the system is asked for the same, in the same order",
  ignore: !canTrace(),
  fn() {
    using folder = tempFolder();
    const root = Deno.realPathSync(folder.path);
    const { code, stderr } = new Deno.Command("strace", {
      args: [
        ...["-f", "-y", "-e", "trace=write,fsync,mkdir,rename"],
        ...[Deno.execPath(), "run", "-A", "--quiet"],
        ...[import.meta.resolve("../helpers/one_put.ts"), root],
      ],
    }).outputSync();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 0, text);
    const steps: string[] = [];
    for (const line of text.split("\n")) {
      const call = /\b(write|fsync|mkdir|rename)\(/.exec(line)?.[1];
      const paths = line.match(/(?<=[<"])\/[^>"]+(?=[>"])/g) ?? [];
      const own = paths.filter((path) => path.startsWith(root))
        .map((path) => path.slice(root.length).replace(/uploads\/.*/, "TEMP"));
      if (call && own.length > 0) steps.push([call, ...own].join(" "));
    }
    const from = steps.indexOf("write /.netdisk/TEMP");
    assertEquals(steps.slice(from, from + 4), [
      "write /.netdisk/TEMP",
      "fsync /.netdisk/TEMP",
      "mkdir /users/ann/new",
      "rename /.netdisk/TEMP /users/ann/new/file",
    ]);
    assertEquals(steps.slice(from + 4).sort(), [
      "fsync /users",
      "fsync /users/ann",
      "fsync /users/ann/new",
    ]);
  },
});
