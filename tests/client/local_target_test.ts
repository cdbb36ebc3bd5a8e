import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { runCleanups } from "../../client/interrupt.ts";
import { fileTarget, stdoutTarget } from "../../client/local_target.ts";
import { MIN_PARTIAL_BYTES, partialPath } from "../../client/partial_file.ts";
import type { TargetFacts } from "../../client/target_writer.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { until } from "../helpers/deadline.ts";
import {
  descriptorsBelow,
  DiskRecorder,
  osError,
  replace,
} from "../helpers/faults.ts";
import { memoryOutput } from "../helpers/memory_output.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { sha256Of } from "../helpers/test_client.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const FACTS: TargetFacts = { size: 5, mtime: null, executable: false };
const encoder = new TextEncoder();
const HELLO = encoder.encode("hello");

/** Names in a folder. */
function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

/** Writes `bytes` through a target to their end. */
async function put(
  path: string,
  bytes: Uint8Array,
  facts: Partial<TargetFacts> = {},
): Promise<void> {
  const known = { ...FACTS, size: bytes.length, ...facts };
  const writer = await fileTarget(path, { isNamed: true }).open(known);
  await writer.write(bytes);
  writer.finish(known);
}

for (const length of [0, 1, 64 * 1024, 64 * 1024 + 1, 300_000]) {
  Deno.test(`fileTarget() writes ${length} bytes`, strict, async () => {
    using folder = tempFolder();
    const bytes = new Uint8Array(length).fill(7);
    await put(join(folder.path, "a"), bytes);
    assertEquals(Deno.readFileSync(join(folder.path, "a")), bytes);
    assertEquals(namesIn(folder.path), ["a"]);
    assertEquals(descriptorsBelow(folder.path), []);
  });
}

Deno.test(
  "fileTarget() leaves the old file alone until finish()",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    Deno.writeTextFileSync(path, "old");
    const writer = await fileTarget(path).open(FACTS);
    await writer.write(HELLO);
    assertEquals(Deno.readTextFileSync(path), "old");
    assertEquals(namesIn(folder.path).length, 2, "it is written beside it");
    writer.finish(FACTS);
    assertEquals(Deno.readTextFileSync(path), "hello");
    assertEquals(namesIn(folder.path), ["a"]);
  },
);

Deno.test("TargetWriter.abort() leaves what was there", strict, async () => {
  using folder = tempFolder();
  const path = join(folder.path, "a");
  Deno.writeTextFileSync(path, "old");
  for (const name of ["a", "new"]) {
    const writer = await fileTarget(join(folder.path, name)).open(FACTS);
    await writer.write(HELLO);
    writer.abort();
    writer.abort();
  }
  assertEquals(namesIn(folder.path), ["a"]);
  assertEquals(Deno.readTextFileSync(path), "old");
  assertEquals(descriptorsBelow(folder.path), []);
});

Deno.test("fileTarget() writes a name of 255 bytes", strict, async () => {
  using folder = tempFolder();
  const name = "é".repeat(127) + "x";
  await put(join(folder.path, name), HELLO);
  assertEquals(namesIn(folder.path), [name]);
});

for (
  const mtime of [0, 1_600_000_000_123, 1, -1500, -8.64e15, 8.64e15, null]
) {
  Deno.test(`fileTarget() takes the time ${mtime}`, strict, async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    await put(path, HELLO, { mtime });
    assertEquals(Deno.readTextFileSync(path), "hello");
    const isUsual = mtime !== null && mtime >= 0 && mtime < 4e12;
    if (isUsual) assertEquals(Deno.statSync(path).mtime?.getTime(), mtime);
  });
}

Deno.test(
  "fileTarget() gives a new file the mode of its kind",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    const umask = Deno.umask(0o022);
    try {
      for (const executable of [false, true]) {
        await put(path, HELLO, { executable });
        const mode = Deno.statSync(path).mode! & 0o777;
        assertEquals(mode, executable ? 0o755 : 0o644);
        Deno.removeSync(path);
      }
    } finally {
      Deno.umask(umask);
    }
  },
);

for (const mode of [0o600, 0o640, 0o444, 0o666]) {
  for (const size of [5, MIN_PARTIAL_BYTES]) {
    Deno.test(
      `fileTarget() shows ${size} bytes for a file of mode ${
        mode.toString(8)
      } to nobody else, at no time`,
      strict,
      async () => {
        using folder = tempFolder();
        const path = join(folder.path, "a");
        Deno.writeTextFileSync(path, "old");
        Deno.chmodSync(path, mode);
        const facts = { ...FACTS, size, executable: true };
        const writer = await fileTarget(path).open(facts);
        await writer.write(HELLO);
        const temporary = namesIn(folder.path).find((name) => name !== "a")!;
        const { mode: during } = Deno.statSync(join(folder.path, temporary));
        // We could read it before, too.
        assertEquals(during! & 0o077 & ~mode, 0);
        writer.finish(facts);
        const executable = mode | (mode & 0o444) >> 2;
        assertEquals(Deno.statSync(path).mode! & 0o777, executable);
      },
    );
  }
}

Deno.test(
  "fileTarget() replaces a link that leads nowhere",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "link");
    Deno.symlinkSync("nowhere", path);
    await put(path, HELLO);
    assertEquals(Deno.lstatSync(path).isFile, true);
    assertEquals(namesIn(folder.path), ["link"]);
  },
);

Deno.test("fileTarget() refuses what cannot be a file", strict, async () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(join(folder.path, "file"), "");
  const cases: [string, string, RegExp][] = [
    [folder.path, "is-folder", /: it is a folder$/],
    [
      join(folder.path, "file", "a"),
      "not-folder",
      /: a part of the path is not a folder$/,
    ],
    [join(folder.path, "x".repeat(256)), "local-io", /: File name too long$/],
  ];
  for (const [path, code, reason] of cases) {
    const error = await assertRejects(
      async () => await fileTarget(path).open(FACTS),
      NetdiskError,
    );
    assertEquals(error.code, code);
    assertEquals(error.message.startsWith(`${path}: `), true, error.message);
    assertEquals(reason.test(error.message), true, error.message);
  }
  assertEquals(namesIn(folder.path), ["file"]);
});

Deno.test(
  "fileTarget() says how to make the folder that is missing",
  strict,
  async () => {
    using folder = tempFolder();
    const missing = join(folder.path, "no");
    const { code, message, hint } = await assertRejects(
      async () => await fileTarget(join(missing, "a")).open(FACTS),
      NetdiskError,
    );
    assertEquals(
      [code, message, hint],
      ["not-found", `${missing}: no such folder`, `mkdir -p ${missing}`],
    );
  },
);

/** Steps that may fail, and with how many bytes they are reached. */
const FAULTS: [RegExp, number][] = [
  [/^open UNFINISHED/, 0],
  [/^write UNFINISHED/, 5],
  [/^write UNFINISHED/, 100_000],
  [/^utime UNFINISHED/, 5],
  [/^rename UNFINISHED/, 5],
];

/** How the unfinished file is called, by the size of the whole one. */
const UNFINISHED: [number, string][] = [
  [5, "TEMP"],
  [MIN_PARTIAL_BYTES, "\\.netdisk-[0-9a-f]{32}\\.part"],
];

for (const [{ source }, length] of FAULTS) {
  for (const [size, name] of UNFINISHED) {
    const step = new RegExp(source.replace("UNFINISHED", name));
    for (
      const [errno, code] of [["ENOSPC", "disk-full"], ["EIO", "local-io"]]
    ) {
      Deno.test(
        `fileTarget() leaves nothing of ${length} bytes when ${step.source} fails with ${errno}`,
        strict,
        async () => {
          using folder = tempFolder();
          const path = join(folder.path, "a");
          Deno.writeTextFileSync(path, "old");
          {
            using disk = new DiskRecorder(folder.path);
            disk.fail(step, errno!);
            const facts = { ...FACTS, size, mtime: 1000 };
            const error = await assertRejects(async () => {
              const writer = await fileTarget(path).open(facts);
              try {
                await writer.write(new Uint8Array(length));
              } catch (error) {
                writer.abort();
                throw error;
              }
              writer.finish(facts);
            }, NetdiskError);
            assertEquals(
              [error.code, error.message],
              [code, `${path}: injected (${errno})`],
            );
          }
          assertEquals(namesIn(folder.path), ["a"]);
          assertEquals(Deno.readTextFileSync(path), "old");
          assertEquals(descriptorsBelow(folder.path), []);
        },
      );
    }
  }
}

for (const length of [50_000, 200_000]) {
  Deno.test(
    `fileTarget() goes on where a write of ${length} bytes was short`,
    strict,
    async () => {
      using folder = tempFolder();
      const bytes = Uint8Array.from({ length }, (_, at) => at);
      {
        using disk = new DiskRecorder(folder.path);
        disk.maxWrite = 30_000;
        await put(join(folder.path, "a"), bytes);
      }
      assertEquals(Deno.readFileSync(join(folder.path, "a")), bytes);
    },
  );
}

Deno.test(
  "An interrupt removes what is unfinished, and only that",
  strict,
  async () => {
    using folder = tempFolder();
    await put(join(folder.path, "whole"), HELLO);
    const writer = await fileTarget(join(folder.path, "part")).open(FACTS);
    await writer.write(HELLO);
    runCleanups();
    assertEquals(namesIn(folder.path), ["whole"]);
    assertEquals(descriptorsBelow(folder.path), []);
    const aborted = await fileTarget(join(folder.path, "part")).open(FACTS);
    aborted.abort();
    Deno.writeTextFileSync(join(folder.path, "part"), "of somebody else");
    runCleanups();
    assertEquals(namesIn(folder.path), ["part", "whole"]);
  },
);

Deno.test(
  "fileTarget() that nobody named writes into no device or pipe",
  strict,
  async () => {
    using folder = tempFolder();
    const path = (name: string) => join(folder.path, name);
    new Deno.Command("mkfifo", { args: [path("pipe")] }).outputSync();
    Deno.symlinkSync("pipe", path("link"));
    const pipe = fileTarget(path("pipe"));
    assertEquals(pipe.store!(HELLO, FACTS), false);
    const { message } = await assertRejects(
      async () => await pipe.open(FACTS),
      NetdiskError,
    );
    assertEquals(message, `${path("pipe")}: it is a device or pipe`);
    const writer = await fileTarget(path("link")).open(FACTS);
    await writer.write(HELLO);
    writer.finish(FACTS);
    assertEquals(Deno.lstatSync(path("link")).isFile, true);
    assertEquals(Deno.lstatSync(path("pipe")).isFifo, true);
  },
);

Deno.test(
  "fileTarget() writes to a device and does not replace it",
  strict,
  async () => {
    using folder = tempFolder();
    // By a link: when it is replaced after all, the machine keeps its device.
    for (const name of ["null", "full"]) {
      Deno.symlinkSync(`/dev/${name}`, join(folder.path, name));
    }
    await put(join(folder.path, "null"), HELLO, { mtime: 1000 });
    const full = await fileTarget(join(folder.path, "full"), { isNamed: true })
      .open(FACTS);
    const error = await assertRejects(
      async () => await full.write(HELLO),
      NetdiskError,
    );
    assertEquals(error.code, "disk-full");
    full.abort();
    full.abort();
    for (const { isSymlink } of Deno.readDirSync(folder.path)) {
      assertEquals(isSymlink, true);
    }
  },
);

Deno.test(
  "fileTarget() writes into a pipe that somebody reads",
  strict,
  async () => {
    using folder = tempFolder();
    const fifo = join(folder.path, "fifo");
    new Deno.Command("mkfifo", { args: [fifo] }).outputSync();
    const reader = new Deno.Command("cat", { args: [fifo], stdout: "piped" })
      .spawn();
    await put(fifo, HELLO);
    const { stdout } = await reader.output();
    assertEquals(new TextDecoder().decode(stdout), "hello");
    assertEquals(Deno.statSync(fifo).isFifo, true);
  },
);

Deno.test("stdoutTarget() writes to the output", strict, async () => {
  const { output, system } = memoryOutput();
  const target = stdoutTarget(output);
  assertEquals(target.label, "-");
  const writer = await target.open(FACTS);
  await writer.write(HELLO);
  writer.finish(FACTS);
  writer.abort();
  assertEquals(system.stdout.text, "hello");
});

/** Facts of a file that is large enough to be gone on with. */
const LARGE: TargetFacts = { ...FACTS, size: MIN_PARTIAL_BYTES };

/** Leaves `bytes` of a large file as an interrupted download does. */
async function interrupt(
  path: string,
  bytes: Uint8Array,
  facts: Partial<TargetFacts> = {},
): Promise<void> {
  const writer = await fileTarget(path).open({ ...LARGE, ...facts });
  await writer.write(bytes);
  writer.suspend();
  writer.suspend();
  writer.abort();
}

Deno.test(
  "fileTarget() goes on behind what an interrupted download has left",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    Deno.writeTextFileSync(path, "old");
    await interrupt(path, HELLO);
    assertEquals(Deno.readTextFileSync(path), "old");
    assertEquals(Deno.readTextFileSync(partialPath(path)), "hello");
    const beginning = await fileTarget(path).takeBeginning();
    const { hash, size } = await beginning!.read();
    assertEquals([size, hash.digest("hex")], [5, sha256Of("hello")]);
    const { writer } = beginning!;
    assertEquals(writer.isKept, true);
    await writer.write(encoder.encode(" world"));
    writer.finish({ ...LARGE, mtime: 5000 });
    assertEquals(Deno.readTextFileSync(path), "hello world");
    assertEquals(Deno.statSync(path).mtime, new Date(5000));
    assertEquals(namesIn(folder.path), ["a"]);
    assertEquals(descriptorsBelow(folder.path), []);
  },
);

Deno.test(
  "TargetWriter.restart() leaves nothing of the longer beginning",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    await interrupt(path, encoder.encode("a longer one"));
    const beginning = await fileTarget(path).takeBeginning();
    await beginning!.read();
    beginning!.writer.restart();
    await beginning!.writer.write(HELLO);
    beginning!.writer.finish(LARGE);
    assertEquals(Deno.readTextFileSync(path), "hello");
    await interrupt(path, encoder.encode("a longer one"));
    await put(path, HELLO, LARGE);
    assertEquals(Deno.readTextFileSync(path), "hello");
    assertEquals(namesIn(folder.path), ["a"]);
  },
);

for (const mode of [0o600, 0o444]) {
  Deno.test(
    `fileTarget() hides a beginning that others could read from mode ${
      mode.toString(8)
    } on`,
    strict,
    async () => {
      using folder = tempFolder();
      const path = join(folder.path, "a");
      await interrupt(path, HELLO);
      Deno.writeTextFileSync(path, "old");
      Deno.chmodSync(path, mode);
      for (const take of ["takeBeginning", "open"] as const) {
        Deno.chmodSync(partialPath(path), 0o666);
        const taken = await fileTarget(path)[take](LARGE);
        const { mode: now } = Deno.statSync(partialPath(path));
        assertEquals(now! & 0o777, mode | 0o600, take);
        const writer = "writer" in taken! ? taken.writer : taken!;
        if (take === "takeBeginning") writer.suspend();
        else writer.finish(LARGE);
      }
      assertEquals(Deno.statSync(path).mode! & 0o777, mode);
    },
  );
}

Deno.test(
  "fileTarget() gives a beginning the executable bit of the version that it becomes",
  strict,
  async () => {
    using folder = tempFolder();
    for (const executable of [true, false]) {
      const path = join(folder.path, `is-${executable}`);
      await interrupt(path, HELLO, { executable: !executable });
      const beginning = await fileTarget(path).takeBeginning();
      beginning!.writer.finish({ ...LARGE, executable });
      await put(`${path}-new`, HELLO, { executable });
      assertEquals(
        Deno.statSync(path).mode,
        Deno.statSync(`${path}-new`).mode,
      );
    }
  },
);

Deno.test(
  "TargetWriter.suspend() keeps no small file and no empty one",
  strict,
  async () => {
    using folder = tempFolder();
    const small = await fileTarget(join(folder.path, "small")).open(FACTS);
    await small.write(HELLO);
    assertEquals(small.isKept, false);
    small.suspend();
    await interrupt(join(folder.path, "empty"), new Uint8Array());
    assertEquals(namesIn(folder.path), []);
    const target = fileTarget(join(folder.path, "small"));
    assertEquals(await target.takeBeginning(), undefined);
  },
);

Deno.test(
  "An interrupt keeps what there is of a large file",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    const writer = await fileTarget(path).open(LARGE);
    await writer.write(HELLO);
    runCleanups();
    assertEquals(Deno.readTextFileSync(partialPath(path)), "hello");
    assertEquals(descriptorsBelow(folder.path), []);
  },
);

Deno.test(
  "fileTarget() writes under another name while another download has this one",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    const first = await fileTarget(path).open(LARGE);
    await first.write(HELLO);
    assertEquals(await fileTarget(path).takeBeginning(), undefined);
    const second = await fileTarget(path).open(LARGE);
    await second.write(encoder.encode("second"));
    second.finish(LARGE);
    assertEquals(Deno.readTextFileSync(path), "second");
    await first.write(encoder.encode(" first"));
    first.finish(LARGE);
    assertEquals(Deno.readTextFileSync(path), "hello first");
    assertEquals(namesIn(folder.path), ["a"]);
    await until(
      "the locks given up",
      () => descriptorsBelow(folder.path).length === 0,
    );
  },
);

Deno.test(
  "fileTarget() takes no beginning for a folder or a device, and fails as ever",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    await interrupt(path, HELLO);
    Deno.symlinkSync("/dev/null", path);
    assertEquals(await fileTarget(path).takeBeginning(), undefined);
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    assertEquals(await fileTarget(path).takeBeginning(), undefined);
    const missing = fileTarget(join(folder.path, "no", "a"));
    assertEquals(await missing.takeBeginning(), undefined);
    assertEquals(Deno.readTextFileSync(partialPath(path)), "hello");
  },
);

Deno.test(
  "fileTarget() says that a beginning cannot be read",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    await interrupt(path, HELLO);
    const beginning = await fileTarget(path).takeBeginning();
    {
      using _fault = replace(Deno.FsFile.prototype, "read", () => () => {
        throw osError("EIO");
      });
      const { code, message } = await assertRejects(
        () => beginning!.read(),
        NetdiskError,
      );
      assertEquals([code, message], ["local-io", `${path}: injected (EIO)`]);
    }
    beginning!.writer.abort();
    assertEquals(namesIn(folder.path), []);
  },
);

Deno.test(
  "What went into a stream or device is not taken back",
  strict,
  async () => {
    using folder = tempFolder();
    const link = join(folder.path, "null");
    Deno.symlinkSync("/dev/null", link);
    for (
      const [target, where] of [
        [stdoutTarget(memoryOutput().output), "standard output"],
        [fileTarget(link, { isNamed: true }), link],
      ] as const
    ) {
      assertEquals(await target.takeBeginning(), undefined);
      const writer = await target.open(LARGE);
      assertEquals(writer.isKept, false);
      writer.restart();
      await writer.write(HELLO);
      const { code, message } = assertThrows(
        () => writer.restart(),
        NetdiskError,
      );
      assertEquals(
        [code, message],
        [
          "changed",
          `${where}: the file has changed meanwhile, what was written must not be used`,
        ],
      );
      writer.suspend();
    }
  },
);

for (const end of ["finish", "abort"] as const) {
  Deno.test(
    `TargetWriter.${end}() leaves the unfinished file of another download alone`,
    strict,
    async () => {
      using folder = tempFolder();
      const path = join(folder.path, "a");
      Deno.writeTextFileSync(path, "old");
      const first = await fileTarget(path).open(LARGE);
      await first.write(HELLO);
      Deno.removeSync(partialPath(path));
      const second = await fileTarget(path).open(LARGE);
      await second.write(encoder.encode("half"));
      if (end === "abort") first.abort();
      else {
        const error = assertThrows(() => first.finish(LARGE), NetdiskError);
        assertEquals(
          [error.code, error.message],
          [
            "local-io",
            `${path}: somebody has removed the unfinished file beside it`,
          ],
        );
      }
      assertEquals(Deno.readTextFileSync(path), "old");
      await second.write(encoder.encode(" whole"));
      second.finish(LARGE);
      assertEquals(Deno.readTextFileSync(path), "half whole");
      assertEquals(namesIn(folder.path), ["a"]);
      assertEquals(descriptorsBelow(folder.path), []);
    },
  );
}

Deno.test(
  "fileTarget().store() gives a whole file its name, time and mode at once",
  strict,
  () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    const facts = { ...FACTS, mtime: 1_600_000_000_789, executable: true };
    assertEquals(fileTarget(path).store!(HELLO, facts), true);
    assertEquals(Deno.readFileSync(path), HELLO);
    const { mtime, mode } = Deno.statSync(path);
    assertEquals([mtime?.getTime(), mode! & 0o100], [facts.mtime, 0o100]);
    Deno.chmodSync(path, 0o640);
    const less = HELLO.subarray(1);
    fileTarget(path).store!(less, FACTS);
    assertEquals(Deno.readFileSync(path), less);
    assertEquals(
      Deno.statSync(path).mode! & 0o777,
      0o640,
      "the owner's choice",
    );
    assertEquals(namesIn(folder.path), ["a"]);
    assertEquals(descriptorsBelow(folder.path), []);
  },
);

for (const size of [5, MIN_PARTIAL_BYTES]) {
  Deno.test(
    `fileTarget() of ${size} bytes gives a file that is there the executable bit, and leaves the rest of its mode`,
    strict,
    async () => {
      using folder = tempFolder();
      const path = join(folder.path, "a");
      Deno.writeTextFileSync(path, "old");
      Deno.chmodSync(path, 0o640);
      const bytes = new Uint8Array(size);
      const modes: number[] = [];
      for (const executable of [false, true, true, false]) {
        const facts = { ...FACTS, size, executable };
        if (size === 5) fileTarget(path).store!(bytes, facts);
        else await put(path, bytes, facts);
        modes.push(Deno.statSync(path).mode! & 0o777);
      }
      assertEquals(modes, [0o640, 0o750, 0o750, 0o640]);
    },
  );
}

for (const step of ["open", "write", "utime", "rename"]) {
  Deno.test(
    `fileTarget().store() leaves what was there when its ${step} fails`,
    strict,
    () => {
      using folder = tempFolder();
      const path = join(folder.path, "a");
      Deno.writeTextFileSync(path, "old");
      using disk = new DiskRecorder(folder.path);
      disk.fail(new RegExp(`^${step} TEMP`), "ENOSPC");
      const { code } = assertThrows(
        () => fileTarget(path).store!(HELLO, { ...FACTS, mtime: 1 }),
        NetdiskError,
      );
      assertEquals(code, "disk-full");
      assertEquals(Deno.readTextFileSync(path), "old");
      assertEquals(namesIn(folder.path), ["a"]);
      assertEquals(descriptorsBelow(folder.path), []);
    },
  );
}

Deno.test(
  "fileTarget().store() leaves folders and devices alone",
  strict,
  () => {
    using folder = tempFolder();
    const device = join(folder.path, "null");
    Deno.symlinkSync("/dev/null", device);
    assertEquals(fileTarget(device).store!(HELLO, FACTS), false);
    assertEquals(Deno.lstatSync(device).isSymlink, true);
    const { code } = assertThrows(
      () => fileTarget(folder.path).store!(HELLO, FACTS),
      NetdiskError,
    );
    assertEquals(code, "is-folder");
  },
);

Deno.test(
  "fileTarget() that may not replace leaves what came meanwhile",
  strict,
  async () => {
    using folder = tempFolder();
    const path = join(folder.path, "a");
    const target = fileTarget(path, { replace: false, isNew: true });
    const writer = await target.open(FACTS);
    await writer.write(HELLO);
    Deno.writeTextFileSync(path, "came meanwhile");
    const codes = [
      () => writer.finish(FACTS),
      () => target.store!(HELLO, FACTS),
    ]
      .map((work) => assertThrows(work, NetdiskError).code);
    assertEquals(codes, ["exists", "exists"]);
    assertEquals(Deno.readTextFileSync(path), "came meanwhile");
    assertEquals(namesIn(folder.path), ["a"]);
    Deno.removeSync(path);
    target.store!(HELLO, FACTS);
    assertEquals([Deno.readFileSync(path), namesIn(folder.path)], [HELLO, [
      "a",
    ]]);
  },
);
