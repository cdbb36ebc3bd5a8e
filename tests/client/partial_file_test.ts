import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import {
  hashFile,
  hasPartial,
  isUnfinished,
  partialPath,
  takePartial,
} from "../../client/partial_file.ts";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, replace } from "../helpers/faults.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** A folder, and the path of an unfinished file in it that is not there yet. */
function place() {
  const folder = tempFolder();
  const path = partialPath(join(folder.path, "a"));
  return {
    folder: folder.path,
    path,
    /** Waits until locks that were given up are gone. */
    closed: () =>
      until("all files closed", () => {
        return descriptorsBelow(folder.path).length === 0;
      }),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** Another process that holds a lock until it is disposed of. */
async function lockElsewhere(path: string): Promise<AsyncDisposable> {
  const child = new Deno.Command("flock", {
    args: ["--exclusive", path, "sh", "-c", "echo locked; read line"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await within("the other process's lock", reader.read());
  return {
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await within("the end of the other process", child.status);
    },
  };
}

Deno.test("partialPath() is a short name beside the target, one for each", () => {
  const long = "é".repeat(127);
  const paths = ["/x/a", "/x/b", `/x/${long}`].map(partialPath);
  for (const path of paths) {
    assertEquals(dirname(path), "/x");
    assertMatch(basename(path), /^\.netdisk-[0-9a-f]{32}\.part$/);
  }
  assertEquals(new Set(paths).size, 3);
  assertEquals(partialPath("a"), partialPath("./a"));
  // Written down in the README's words: others may look for it.
  const digits = sha256Of("a").slice(0, 32);
  assertEquals(partialPath("/x/a"), `/x/.netdisk-${digits}.part`);
});

Deno.test("takePartial() makes a file only when told how", strict, async () => {
  using at = place();
  assertEquals(await takePartial(at.path), undefined);
  assertEquals(hasPartial(at.path), false);
  {
    using file = await takePartial(at.path, 0o640);
    assertEquals(file!.statSync().mode! & 0o777, 0o640);
    assertEquals(hasPartial(at.path), false, "there is nothing in it");
    file!.writeSync(new TextEncoder().encode("hello"));
    assertEquals(hasPartial(at.path), true);
  }
  using file = await takePartial(at.path);
  const { hash, size } = await hashFile(file!);
  assertEquals([size, hash.digest("hex")], [5, sha256Of("hello")]);
  file!.writeSync(new TextEncoder().encode(" world"));
  assertEquals(Deno.readTextFileSync(at.path), "hello world");
});

Deno.test("takePartial() says why a file cannot be made", strict, async () => {
  using at = place();
  await assertRejects(
    () => takePartial(join(at.folder, "no", "a"), 0o600),
    Deno.errors.NotFound,
  );
});

for (const bytes of [0, 1, 1024 * 1024, 1024 * 1024 + 1]) {
  Deno.test(`hashFile() reads ${bytes} bytes`, strict, async () => {
    using at = place();
    const content = Uint8Array.from({ length: bytes }, (_, i) => i * 7);
    Deno.writeFileSync(at.path, content);
    using file = Deno.openSync(at.path);
    file.seekSync(bytes >> 1, Deno.SeekMode.Start);
    const { hash, size } = await hashFile(file);
    assertEquals([size, hash.digest("hex")], [bytes, sha256Of(content)]);
  });
}

/** What may lie where the unfinished file belongs, and is not ours. */
const STRANGE: Record<string, (path: string) => void> = {
  "a link to a file": (path) => {
    Deno.writeTextFileSync(`${path}.victim`, "precious");
    Deno.symlinkSync(`${path}.victim`, path);
  },
  "a link to nothing": (path) => Deno.symlinkSync(`${path}.victim`, path),
  "a second name of a file": (path) => {
    Deno.writeTextFileSync(`${path}.victim`, "precious");
    Deno.linkSync(`${path}.victim`, path);
  },
  "a folder": (path) => Deno.mkdirSync(path),
  "a pipe": (path) => {
    new Deno.Command("mkfifo", { args: [path] }).outputSync();
  },
};

for (const [what, make] of Object.entries(STRANGE)) {
  Deno.test(`takePartial() does not touch ${what}`, strict, async () => {
    using at = place();
    make(at.path);
    const names = [...Deno.readDirSync(at.folder)];
    assertEquals(hasPartial(at.path), false);
    assertEquals(await takePartial(at.path), undefined);
    assertEquals(await takePartial(at.path, 0o600), undefined);
    assertEquals([...Deno.readDirSync(at.folder)], names);
    if (names.length > 1) {
      assertEquals(Deno.readTextFileSync(`${at.path}.victim`), "precious");
    }
    assertEquals(descriptorsBelow(at.folder), []);
  });
}

Deno.test("takePartial() does not touch a file of somebody else", {
  ...strict,
  ignore: Deno.uid() !== 0,
}, async () => {
  using at = place();
  Deno.writeTextFileSync(at.path, "theirs");
  Deno.chownSync(at.path, 65534, null);
  assertEquals(hasPartial(at.path), false);
  assertEquals(await takePartial(at.path, 0o600), undefined);
});

Deno.test(
  "takePartial() leaves a file to the process that has it",
  strict,
  async () => {
    using at = place();
    Deno.writeTextFileSync(at.path, "theirs");
    {
      await using _other = await lockElsewhere(at.path);
      assertEquals(await takePartial(at.path), undefined);
      assertEquals(Deno.readTextFileSync(at.path), "theirs");
    }
    await at.closed();
    using file = await takePartial(at.path);
    assertEquals(file !== undefined, true, "a lock given up is not held");
  },
);

Deno.test(
  "takePartial() waits for no more than a few locks, so that files can be read meanwhile",
  strict,
  async () => {
    using at = place();
    let waits = 0;
    {
      using _counted = replace(Deno.FsFile.prototype, "lock", (original) => {
        return function (this: Deno.FsFile, exclusive) {
          waits++;
          return original.call(this, exclusive);
        };
      });
      using _holder = await takePartial(at.path, 0o600);
      waits = 0;
      const tries = Array.from({ length: 10 }, () => takePartial(at.path));
      for (const taken of tries) assertEquals(await taken, undefined);
      assertEquals(waits, 4);
    }
    await at.closed();
    using file = await takePartial(at.path);
    assertEquals(file !== undefined, true, "then it may wait again");
  },
);

Deno.test(
  "takePartial() does not take a file that was renamed while it waited",
  strict,
  async () => {
    using at = place();
    const target = join(at.folder, "a");
    const holder = await takePartial(at.path, 0o600);
    const waiting = takePartial(at.path, 0o600);
    holder!.writeSync(new TextEncoder().encode("whole"));
    Deno.renameSync(at.path, target);
    holder!.close();
    using file = await waiting;
    assertEquals(file!.statSync().ino, Deno.statSync(at.path).ino);
    assertEquals(Deno.readTextFileSync(target), "whole");
    assertEquals(Deno.readTextFileSync(at.path), "");
  },
);

Deno.test(
  "takePartial() does not take a link that comes while it opens",
  strict,
  async () => {
    using at = place();
    const victim = join(at.folder, "victim");
    Deno.writeTextFileSync(victim, "precious");
    Deno.writeTextFileSync(at.path, "ours");
    using _race = replace(Deno, "openSync", (original) => (path, options) => {
      if (path === at.path && Deno.lstatSync(at.path).isFile) {
        Deno.removeSync(at.path);
        Deno.symlinkSync(victim, at.path);
      }
      return original(path, options);
    });
    assertEquals(await takePartial(at.path, 0o600), undefined);
    assertEquals(descriptorsBelow(at.folder), []);
  },
);

Deno.test(
  "takePartial() does without locks where there are none",
  strict,
  async () => {
    using at = place();
    using _none = replace(
      Deno.FsFile.prototype,
      "lock",
      () => () => Promise.reject(new Deno.errors.NotSupported("no locks")),
    );
    assertEquals(await takePartial(at.path, 0o600), undefined);
    assertEquals([...Deno.readDirSync(at.folder)], []);
    Deno.writeTextFileSync(at.path, "there before");
    assertEquals(await takePartial(at.path, 0o600), undefined);
    assertEquals(Deno.readTextFileSync(at.path), "there before");
    assertEquals(descriptorsBelow(at.folder), []);
  },
);

Deno.test("isUnfinished() knows all names that netdisk gives", () => {
  const id = "0190f3b2-7e1c-4a6b-9d7e-2b1c3d4e5f60";
  assert(isUnfinished(`.netdisk-${id}`));
  assert(isUnfinished(`.netdisk-${id}-1z`));
  assert(isUnfinished(`.netdisk-${"0".repeat(32)}.part`));
  assert(!isUnfinished(`.netdisk-${id}.txt`));
});
