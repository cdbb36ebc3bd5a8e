import type { PartialFile } from "../../server/partial_file.ts";
import * as fs from "node:fs";
import { assert, assertEquals } from "@std/assert";
import { PARTIAL_EXPIRY_MS, Partials } from "../../server/partials.ts";
import { replace } from "../helpers/faults.ts";
import { filesBelow } from "../helpers/files_below.ts";
import { type TempFolder, tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";
import { LogRecorder } from "./fixture.ts";

const MANY = 10_000;

function memoryFolder(): string | undefined {
  try {
    return Deno.realPathSync("/dev/shm");
  } catch {
    return undefined;
  }
}

/** Unfinished uploads of several users, and the log. */
class Fixture implements Disposable {
  // In memory, where there is such a folder: there are many files.
  readonly folder: TempFolder = tempFolder(memoryFolder());
  readonly root: string = Deno.realPathSync(this.folder.path);
  readonly uploads: string = `${this.root}/.netdisk/uploads`;
  readonly partials: Partials = new Partials(this.root);
  readonly log: LogRecorder = new LogRecorder();

  constructor() {
    Deno.mkdirSync(this.uploads, { recursive: true });
  }

  /** Files of a user that nobody has in hand. */
  leave(user: string, ...names: string[]): void {
    Deno.mkdirSync(`${this.uploads}/${user}`, { recursive: true });
    for (const name of names) {
      Deno.writeTextFileSync(`${this.uploads}/${user}/${name}`, "part");
    }
  }

  names(): string[] {
    return filesBelow(this.uploads);
  }

  [Symbol.dispose](): void {
    this.log[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

const R = `r-${"0".repeat(64)}`;
const T = `t-${"0".repeat(8)}`;

/** When a file that is left now is just young enough, or just too old. */
const changeOf = (path: string) => Deno.lstatSync(path).ctime!.getTime();

Deno.test("what may be resumed stays for seven days", async () => {
  using f = new Fixture();
  f.leave("ann", R, T);
  const changed = changeOf(`${f.uploads}/ann/${R}`);
  // A time that the client's file had says nothing.
  Deno.utimeSync(`${f.uploads}/ann/${R}`, 0, 0);
  assertEquals(PARTIAL_EXPIRY_MS, 7 * 24 * 60 * 60 * 1000);
  await f.partials.sweep(Date.now());
  assertEquals(f.names(), [`ann/${R}`]);
  // A clock that was set back takes nothing away.
  await f.partials.sweep(0);
  await f.partials.sweep(changed + PARTIAL_EXPIRY_MS - 1000);
  assertEquals(f.names(), [`ann/${R}`]);
  await f.partials.sweep(Date.now() + PARTIAL_EXPIRY_MS);
  assertEquals(f.names(), []);
  assertEquals(f.log.lines("swept"), ["swept partials=1", "swept partials=1"]);
});

Deno.test("it stays for as long as it is said", async () => {
  using f = new Fixture();
  f.leave("ann", R);
  const partials = new Partials(f.root, 5000);
  const changed = changeOf(`${f.uploads}/ann/${R}`);
  await partials.sweep(changed + 4000);
  assertEquals(f.names(), [`ann/${R}`]);
  await partials.sweep(changed + 5001);
  assertEquals(f.names(), []);
});

Deno.test("what is in use stays, however old it is", async () => {
  using f = new Fixture();
  f.leave("ann", `r-${sha256Of("file")}`, R, T);
  f.leave("bob", R);
  const claimed = await f.partials.claim("ann", { path: "file" }, 0o666, {
    received: () => 0,
    drop() {},
  });
  const created = f.partials.create("ann", 0o666);
  await f.partials.sweep(Date.now() + 2 * PARTIAL_EXPIRY_MS);
  const kept = [claimed, created]
    .map(({ path }) => path.slice(f.uploads.length + 1));
  assertEquals(f.names(), kept.sort());
  claimed.release();
  created.release();
  await f.partials.sweep(Date.now() + 2 * PARTIAL_EXPIRY_MS);
  assertEquals(f.names(), []);
  // Nothing was there, and nothing is logged.
  await f.partials.sweep(Date.now());
  assertEquals(f.log.lines("swept").length, 2);
});

Deno.test("what is claimed while its age is looked at stays", async () => {
  using f = new Fixture();
  f.leave("ann", `r-${sha256Of("file")}`);
  const claims: Promise<PartialFile>[] = [];
  {
    using _ = replace(fs.promises, "lstat", (original) => {
      const slow = async (path: string) => {
        const info = await original(path);
        claims.push(
          f.partials.claim("ann", { path: "file" }, 0o666, {
            received: () => 0,
            drop() {},
          }),
        );
        return info;
      };
      return slow as typeof original;
    });
    await f.partials.sweep(Date.now() + 2 * PARTIAL_EXPIRY_MS);
  }
  assertEquals(claims.length, 1);
  const claimed = await claims[0]!;
  assertEquals(claimed.size, "part".length);
  assertEquals(f.names(), [`ann/r-${sha256Of("file")}`]);
  claimed.remove();
});

for (const kind of ["t", "r"]) {
  Deno.test(`${MANY} leftovers ${kind}-* go, and others have their turn meanwhile`, async () => {
    using f = new Fixture();
    f.leave("ann", ...Array.from({ length: MANY }, (_, i) => `${kind}-${i}`));
    let done = 0;
    let longest = 0;
    using _ = replace(Deno, "removeSync", (original) => (path, options) => {
      done++;
      return original(path, options);
    });
    let isOver = false;
    const sweeping = f.partials.sweep(Date.now() + 2 * PARTIAL_EXPIRY_MS)
      .finally(() => isOver = true);
    for (let before = 0; !isOver; before = done) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      longest = Math.max(longest, done - before);
    }
    await sweeping;
    assertEquals(done, MANY);
    assertEquals(f.names(), []);
    assert(longest <= 500, `${longest} were removed in one go`);
    assertEquals(f.log.lines("swept"), [`swept partials=${MANY}`]);
  });
}

Deno.test("a user's folder that vanishes or cannot be read does not save the others'", async () => {
  using f = new Fixture();
  const users = ["a", "b", "c", "d", "e"];
  for (const user of users) f.leave(user, T);
  using _ = replace(Deno, "readDir", (original) => (path) => {
    // The first one is at hand already when the rest vanishes.
    const user = `${path}`.split("/").at(-1)!;
    if (user === "b") Deno.removeSync(path, { recursive: true });
    if (user === "d") throw new Deno.errors.PermissionDenied("for a test");
    return original(path);
  });
  await f.partials.sweep(Date.now());
  assertEquals(f.names(), [`d/${T}`]);
  assertEquals(f.log.lines("swept"), ["swept partials=3"]);
});

Deno.test("a file that vanishes or cannot be removed does not save the others", async () => {
  using f = new Fixture();
  f.leave("ann", "t-1", "t-2", "t-3", "r-1", "r-2");
  using _ = replace(Deno, "removeSync", (original) => (path, options) => {
    const name = `${path}`.slice(-3);
    if (name === "t-1") throw new Deno.errors.PermissionDenied("for a test");
    if (name === "t-2") original(path);
    return original(path, options);
  });
  await f.partials.sweep(Date.now() + 2 * PARTIAL_EXPIRY_MS);
  assertEquals(f.names(), ["ann/t-1"]);
});

Deno.test("without any folder there is nothing to sweep, and no failure", async () => {
  using f = new Fixture();
  Deno.removeSync(f.uploads);
  await f.partials.sweep(Date.now());
  assertEquals(f.log.lines("sweep-failed").length, 1);
});
