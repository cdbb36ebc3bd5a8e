import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  localError,
  type LocalSource,
  stdinSource,
} from "../../client/local_source.ts";
import { openSource } from "../../client/upload_plan.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { osError, replace } from "../helpers/faults.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { TypedInput } from "../helpers/typed_input.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const MTIME = new Date("2020-02-03T04:05:06.789Z");

function fileSource(path: string): LocalSource {
  const stdin = new TypedInput([]);
  return openSource(path, { recursive: false, stdin }).file!;
}

Deno.test("openSource() tells what the file is", strict, () => {
  using folder = tempFolder();
  const path = join(folder.path, "报告.pdf");
  Deno.writeTextFileSync(path, "hello");
  Deno.utimeSync(path, MTIME, MTIME);
  const { label, name, size, mtime, executable } = fileSource(path);
  assertEquals({ label, name, size, mtime, executable }, {
    label: path,
    name: "报告.pdf",
    size: 5,
    mtime: MTIME.getTime(),
    executable: false,
  });
});

Deno.test("openSource() sees who may execute the file", strict, () => {
  using folder = tempFolder();
  const path = join(folder.path, "run");
  for (const mode of [0o644, 0o755, 0o645]) {
    Deno.writeTextFileSync(path, "");
    Deno.chmodSync(path, mode);
    assertEquals(fileSource(path).executable, mode !== 0o644);
  }
});

Deno.test("openSource() follows a link: the user named it", strict, () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(join(folder.path, "file"), "hello");
  Deno.symlinkSync("file", join(folder.path, "link"));
  const { name, size } = fileSource(join(folder.path, "link"));
  assertEquals([name, size], ["link", 5]);
});

Deno.test("openSource() refuses what is no file", strict, () => {
  using folder = tempFolder();
  const fifo = join(folder.path, "fifo");
  new Deno.Command("mkfifo", { args: [fifo] }).outputSync();
  const cases: [string, string, string][] = [
    [join(folder.path, "none"), "not-found", "no such file or folder"],
    [folder.path, "is-folder", "it is a folder"],
    [fifo, "local-io", "it is not a file"],
    ["/dev/null", "local-io", "it is not a file"],
  ];
  for (const [path, code, reason] of cases) {
    const error = assertThrows(() => fileSource(path), NetdiskError);
    assertEquals([error.code, error.message], [code, `${path}: ${reason}`]);
  }
});

Deno.test(
  "SourceReader reads in pieces, fewer bytes only at the end",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "file");
    Deno.writeTextFileSync(path, "0123456789");
    const read = async (isSync: boolean, length: number) => {
      const reader = fileSource(path).open();
      const pieces: string[] = [];
      for (;;) {
        const target = new Uint8Array(length);
        const count = isSync
          ? reader.readSync(target)
          : await reader.read(target);
        pieces.push(new TextDecoder().decode(target.subarray(0, count)));
        if (count < length) break;
      }
      reader.close();
      return pieces;
    };
    for (const isSync of [false, true]) {
      assertEquals(await read(isSync, 4), ["0123", "4567", "89"]);
      assertEquals(await read(isSync, 5), ["01234", "56789", ""]);
      assertEquals(await read(isSync, 99), ["0123456789"]);
    }
  },
);

/** What may happen to a file between the look at it and the end of reading. */
const CHANGES: [string, (path: string) => void][] = [
  ["grows", (path) => Deno.writeTextFileSync(path, "!", { append: true })],
  ["shrinks", (path) => Deno.truncateSync(path, 3)],
  ["is touched", (path) => Deno.utimeSync(path, new Date(), new Date())],
  ["is written over", (path) => Deno.writeTextFileSync(path, "HELLO")],
];

for (const [what, change] of CHANGES) {
  Deno.test(`SourceReader.hasChanged() when the file ${what}`, strict, () => {
    using folder = tempFolder();
    const path = join(folder.path, "file");
    Deno.writeTextFileSync(path, "hello");
    Deno.utimeSync(path, MTIME, MTIME);
    const source = fileSource(path);
    const reader = source.open();
    assertEquals(reader.hasChanged(), false);
    change(path);
    assertEquals(reader.hasChanged(), true);
    reader.close();
    const later = source.open();
    assertEquals(later.hasChanged(), true, "changed before it was opened");
    later.close();
  });
}

Deno.test(
  "SourceReader.hasChanged() when another file took its name",
  strict,
  () => {
    using folder = tempFolder();
    const path = join(folder.path, "file");
    Deno.writeTextFileSync(path, "hello");
    Deno.utimeSync(path, MTIME, MTIME);
    const source = fileSource(path);
    Deno.writeTextFileSync(`${path}.new`, "HELLO");
    Deno.renameSync(`${path}.new`, path);
    const reader = source.open();
    assertEquals(reader.hasChanged(), true);
    reader.close();
  },
);

Deno.test("LocalSource.open() fails when the file has gone", strict, () => {
  using folder = tempFolder();
  const path = join(folder.path, "file");
  Deno.writeTextFileSync(path, "hello");
  const source = fileSource(path);
  Deno.removeSync(path);
  const error = assertThrows(() => source.open(), NetdiskError);
  assertEquals(
    [error.code, error.message],
    ["not-found", `${path}: no such file or folder`],
  );
});

Deno.test(
  "SourceReader names the file when the disk fails",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "file");
    Deno.writeTextFileSync(path, "hello");
    const reader = fileSource(path).open();
    const files = Deno.FsFile.prototype;
    {
      using _a = replace(
        files,
        "read",
        () => () => Promise.reject(osError("EIO")),
      );
      using _b = replace(files, "readSync", () => () => {
        throw osError("EIO");
      });
      using _c = replace(files, "statSync", () => () => {
        throw osError("EIO");
      });
      const target = new Uint8Array(9);
      for (
        const error of [
          await assertRejects(() => reader.read(target), NetdiskError),
          assertThrows(() => reader.readSync(target), NetdiskError),
          assertThrows(() => reader.hasChanged(), NetdiskError),
        ]
      ) {
        assertEquals(
          [error.code, error.message],
          ["local-io", `${path}: injected (EIO)`],
        );
      }
    }
    reader.close();
  },
);

Deno.test(
  "stdinSource() has no size and gives what is there",
  strict,
  async () => {
    const stdin = new TypedInput(["hello", "world, and more"], false);
    const source = stdinSource(stdin);
    assertEquals([source.label, source.name, source.size], ["-", "", null]);
    const reader = source.open();
    const target = new Uint8Array(9);
    const texts: string[] = [];
    for (let count = -1; count !== 0;) {
      count = await reader.read(target);
      texts.push(new TextDecoder().decode(target.subarray(0, count)));
    }
    assertEquals(texts, ["hello", "world, an", "d more", ""]);
    assertEquals(reader.hasChanged(), false);
    reader.close();
  },
);

Deno.test("stdinSource() waits where a read would block", strict, async () => {
  const block = new Deno.errors.WouldBlock("nothing yet");
  const reader = stdinSource(new TypedInput([block, block, "a"], false)).open();
  assertEquals(await reader.read(new Uint8Array(9)), 1);
});

Deno.test(
  "stdinSource() names standard input when it fails",
  strict,
  async () => {
    const reader = stdinSource(new TypedInput([osError("EIO")], false)).open();
    const error = await assertRejects(
      () => reader.read(new Uint8Array(9)),
      NetdiskError,
    );
    assertEquals(
      [error.code, error.message],
      ["local-io", "standard input: injected (EIO)"],
    );
  },
);

Deno.test("localError() says what happened to what, once", strict, () => {
  const cases: [unknown, string, string][] = [
    [
      new Deno.errors.NotFound("No such file (os error 2): open 'a'"),
      "not-found",
      "a: no such file or folder",
    ],
    [
      new Deno.errors.PermissionDenied("Permission denied (os error 13): 'a'"),
      "local-io",
      "a: Permission denied",
    ],
    [osError("ENOSPC"), "disk-full", "a: injected (ENOSPC)"],
    [osError("EDQUOT"), "disk-full", "a: injected (EDQUOT)"],
    [osError("EIO"), "local-io", "a: injected (EIO)"],
    ["a text", "local-io", "a: a text"],
    [null, "local-io", "a: null"],
  ];
  for (const [cause, code, message] of cases) {
    const error = localError("a", cause);
    assertEquals([error.code, error.message], [code, message]);
  }
  const known = new NetdiskError("is-folder", "it is a folder");
  assertEquals(localError("a", known), known);
});

Deno.test(
  "SourceReader.rewind() goes back to the first byte",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    Deno.writeTextFileSync(path, "abcdef");
    const reader = fileSource(path).open();
    const target = new Uint8Array(4);
    await reader.read(target);
    reader.rewind();
    assertEquals(await reader.read(target), 4);
    assertEquals(new TextDecoder().decode(target), "abcd");
    reader.close();
  },
);
