import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { NetdiskError } from "../../protocol/errors.ts";
import { Partials } from "../../server/partials.ts";
import { descriptorsBelow, replace } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of, toBytes } from "../helpers/test_client.ts";

const MODE = 0o666;

/** The unfinished uploads below a root that has no other files. */
class Fixture implements Disposable {
  readonly folder: TempFolder = tempFolder();
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly uploads: string = `${this.root}/.netdisk/uploads`;
  readonly partials: Partials = new Partials(this.root);

  constructor() {
    Deno.mkdirSync(this.uploads, { recursive: true });
  }

  claim(path = "file", user = "ann") {
    return this.partials.claim(user, { path }, MODE, {
      received: () => 0,
      drop() {},
    });
  }

  names(): string[] {
    return filesBelow(this.uploads);
  }

  /** Descriptors are not left open. */
  [Symbol.dispose](): void {
    assertEquals(descriptorsBelow(this.root), []);
    this.folder[Symbol.dispose]();
  }
}

const NAME = `ann/r-${sha256Of("file")}`;

Deno.test("a file that may be resumed has the name of its path, any other one none", async () => {
  using f = new Fixture();
  const claimed = await f.claim();
  assertEquals(f.names(), [NAME]);
  assertEquals(claimed.path, `${f.uploads}/${NAME}`);
  assertEquals([claimed.isResumable, claimed.size], [true, 0]);
  const created = f.partials.create("ann", MODE);
  assertEquals([created.isResumable, created.size], [false, 0]);
  const uuid = /^ann\/t-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  assert(uuid.test(f.names()[1]!), f.names()[1]);
  claimed.remove();
  created.remove();
  assertEquals(f.names(), []);
});

Deno.test("what was left is found with its bytes, by its user and path only", async () => {
  using f = new Fixture();
  const first = await f.claim();
  first.file.writeSync(toBytes("content"));
  first.releaseOrRemove();
  assertEquals(f.names(), [NAME]);
  for (const [path, user] of [["file", "bob"], ["file2", "ann"]]) {
    const other = await f.claim(path, user);
    assertEquals(other.size, 0);
    other.remove();
  }
  const again = await f.claim();
  assertEquals(again.size, 7);
  const bytes = new Uint8Array(20);
  assertEquals(again.file.readSync(bytes), 7);
  again.remove();
  assertEquals(f.names(), []);
});

Deno.test("an empty file is not left", async () => {
  using f = new Fixture();
  (await f.claim()).releaseOrRemove();
  assertEquals(f.names(), []);
  // Nor is it an error when it is gone.
  const gone = await f.claim();
  Deno.removeSync(gone.path);
  gone.releaseOrRemove();
  const removed = await f.claim();
  Deno.removeSync(removed.path);
  removed.remove();
});

Deno.test("what a crash left before its first byte has the mode of the put that comes", async () => {
  using f = new Fixture();
  Deno.mkdirSync(`${f.uploads}/ann`);
  const umask = Deno.umask(0o022);
  try {
    Deno.writeTextFileSync(`${f.uploads}/${NAME}`, "", { mode: 0o600 });
    const partial = await f.partials.claim("ann", { path: "file" }, 0o777, {
      received: () => 0,
      drop() {},
    });
    assertEquals(partial.file.statSync().mode! & 0o777, 0o755);
    partial.remove();
  } finally {
    Deno.umask(umask);
  }
});

Deno.test("nobody waits for a file that was let go, in whichever way", async () => {
  using f = new Fixture();
  for (const way of ["release", "releaseOrRemove", "remove"] as const) {
    const partial = await f.claim();
    partial.file.writeSync(toBytes("content"));
    partial[way]();
    await partial.hold.released;
    const next = await f.claim();
    assertEquals([next.isResumable, next.size], [
      true,
      way === "remove" ? 0 : 7,
    ]);
    next.remove();
  }
});

Deno.test("a file that was let go is another one's, whatever its former holder does", async () => {
  using f = new Fixture();
  for (const way of ["release", "releaseOrRemove", "remove"] as const) {
    const former = await f.claim();
    former.file.writeSync(toBytes("content"));
    former.release();
    const holder = await f.claim();
    former[way]();
    former.close();
    assertEquals(f.names(), [NAME], way);
    // Still in hand: sweeping spares it, and a newcomer knows.
    await f.partials.sweep(Date.now() * 2);
    assertEquals(f.names(), [NAME], way);
    holder.hold.isEnding = true;
    const waiting = f.claim();
    holder.remove();
    (await waiting).remove();
  }
});

Deno.test("the folders are the server's alone, and made when they are needed", async () => {
  using f = new Fixture();
  const umask = Deno.umask(0);
  try {
    const partial = await f.claim();
    const { mode } = Deno.lstatSync(`${f.uploads}/ann`);
    assertEquals(mode! & 0o777, 0o700);
    partial.remove();
    // Removed by somebody meanwhile.
    Deno.removeSync(`${f.uploads}/ann`);
    f.partials.create("ann", MODE).remove();
  } finally {
    Deno.umask(umask);
  }
});

Deno.test("what cannot be opened is an error of the disk, and nobody waits for it", async () => {
  using f = new Fixture();
  for (const code of ["EMFILE", "EACCES"]) {
    using _ = replace(Deno, "openSync", () => () => {
      throw Object.assign(new Error("injected"), { code });
    });
    const expected = code === "EMFILE" ? "busy" : "denied";
    const error = await assertRejects(() => f.claim(), NetdiskError);
    assertEquals(error.code, expected);
    const create = () => f.partials.create("ann", MODE);
    assertEquals(assertThrows(create, NetdiskError).code, expected);
  }
  (await f.claim()).remove();
});
