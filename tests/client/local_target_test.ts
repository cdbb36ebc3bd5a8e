import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { runCleanups } from "../../client/interrupt.ts";
import {
  fileTarget,
  stdoutTarget,
  type TargetFacts,
} from "../../client/local_target.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { descriptorsBelow, DiskRecorder } from "../helpers/faults.ts";
import { memoryOutput } from "../helpers/memory_output.ts";
import { tempFolder } from "../helpers/temp_folder.ts";

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
  const writer = fileTarget(path).open({ ...FACTS, ...facts });
  await writer.write(bytes);
  writer.finish();
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
    const writer = fileTarget(path).open(FACTS);
    await writer.write(HELLO);
    assertEquals(Deno.readTextFileSync(path), "old");
    assertEquals(namesIn(folder.path).length, 2, "it is written beside it");
    writer.finish();
    assertEquals(Deno.readTextFileSync(path), "hello");
    assertEquals(namesIn(folder.path), ["a"]);
  },
);

Deno.test("TargetWriter.abort() leaves what was there", strict, async () => {
  using folder = tempFolder();
  const path = join(folder.path, "a");
  Deno.writeTextFileSync(path, "old");
  for (const name of ["a", "new"]) {
    const writer = fileTarget(join(folder.path, name)).open(FACTS);
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
  Deno.test(
    `fileTarget() shows a file of mode ${
      mode.toString(8)
    } to nobody else, at no time`,
    strict,
    async () => {
      using folder = tempFolder();
      const path = join(folder.path, "a");
      Deno.writeTextFileSync(path, "old");
      Deno.chmodSync(path, mode);
      const writer = fileTarget(path).open({ ...FACTS, executable: true });
      await writer.write(HELLO);
      const temporary = namesIn(folder.path).find((name) => name !== "a")!;
      const during = Deno.statSync(join(folder.path, temporary)).mode! & 0o777;
      assertEquals(during & ~mode, 0);
      writer.finish();
      assertEquals(Deno.statSync(path).mode! & 0o777, mode);
    },
  );
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

Deno.test("fileTarget() refuses what cannot be a file", strict, () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(join(folder.path, "file"), "");
  const cases: [string, string, RegExp][] = [
    [folder.path, "is-folder", /: it is a folder$/],
    [join(folder.path, "file", "a"), "local-io", /: Not a directory$/],
    [join(folder.path, "x".repeat(256)), "local-io", /: File name too long$/],
  ];
  for (const [path, code, reason] of cases) {
    const error = assertThrows(
      () => fileTarget(path).open(FACTS),
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
  () => {
    using folder = tempFolder();
    const missing = join(folder.path, "no");
    const { code, message, hint } = assertThrows(
      () => fileTarget(join(missing, "a")).open(FACTS),
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
  [/^open TEMP/, 0],
  [/^write TEMP/, 5],
  [/^write TEMP/, 100_000],
  [/^utime TEMP/, 5],
  [/^rename TEMP/, 5],
];

for (const [step, length] of FAULTS) {
  for (const [errno, code] of [["ENOSPC", "disk-full"], ["EIO", "local-io"]]) {
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
          const error = await assertRejects(async () => {
            const writer = fileTarget(path).open({ ...FACTS, mtime: 1000 });
            try {
              await writer.write(new Uint8Array(length));
            } catch (error) {
              writer.abort();
              throw error;
            }
            writer.finish();
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
    const writer = fileTarget(join(folder.path, "part")).open(FACTS);
    await writer.write(HELLO);
    runCleanups();
    assertEquals(namesIn(folder.path), ["whole"]);
    assertEquals(descriptorsBelow(folder.path), []);
    const aborted = fileTarget(join(folder.path, "part")).open(FACTS);
    aborted.abort();
    Deno.writeTextFileSync(join(folder.path, "part"), "of somebody else");
    runCleanups();
    assertEquals(namesIn(folder.path), ["part", "whole"]);
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
    const full = fileTarget(join(folder.path, "full")).open(FACTS);
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
  const writer = target.open(FACTS);
  await writer.write(HELLO);
  writer.finish();
  writer.abort();
  assertEquals(system.stdout.text, "hello");
});
