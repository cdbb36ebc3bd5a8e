/**
 * A disk that fails at one system call: that put fails and says why, the old
 * file stays, others go on, and without the failure everything works again.
 */

import { existsSync } from "node:fs";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Request } from "../../protocol/messages.ts";
import { until } from "../helpers/deadline.ts";
import { testWith, TRACING } from "../helpers/needs.ts";
import { PASSWORD } from "../helpers/netdisk.ts";
import type { Outcome, Process } from "../helpers/process.ts";
import { Trace, type TraceOptions } from "../helpers/strace.ts";
import { CrashDisk } from "./crash_disk.ts";
import { receipt } from "./puts.ts";
import { noPartials, partials } from "./recovery.ts";

const FULL = { code: 6, reason: "the server's disk is full" };
const QUOTA = { code: 6, reason: "the server's disk quota is used up" };
const BROKEN = { code: 1, reason: "the server's disk failed \\(EIO\\)" };

/** One way for a put to fail. */
interface Fault extends Pick<TraceOptions, "calls" | "onlyServing"> {
  error: string;
  /** Where the calls are. @default anywhere, and only the first one fails */
  on?: "temporary" | "folder";
  expected: { code: number; reason: string };
  /** The name that is put; `old` is there already. @default old */
  name?: string;
  /** The new file may have taken the old one's place, SPEC.md 4. */
  isPublished?: boolean;
}

const OPEN = { calls: "openat", onlyServing: true };
const MKDIR = { calls: "?mkdir,mkdirat", onlyServing: true, name: "new/file" };
const RENAME = {
  calls: "?rename,?renameat,renameat2",
  on: "temporary" as const,
};
const WRITE = { calls: "write", on: "temporary" as const };
const FSYNC = { calls: "fsync,fdatasync" };

const FAULTS: readonly Fault[] = [
  { ...OPEN, error: "ENOSPC", expected: FULL },
  { ...OPEN, error: "EDQUOT", expected: QUOTA },
  { ...WRITE, error: "ENOSPC", expected: FULL },
  { ...WRITE, error: "EDQUOT", expected: QUOTA },
  { ...WRITE, error: "EIO", expected: BROKEN },
  { ...FSYNC, on: "temporary", error: "ENOSPC", expected: FULL },
  { ...FSYNC, on: "temporary", error: "EIO", expected: BROKEN },
  { ...MKDIR, error: "ENOSPC", expected: FULL },
  { ...RENAME, error: "ENOSPC", expected: FULL },
  { ...RENAME, error: "EIO", expected: BROKEN },
  {
    ...{ ...FSYNC, on: "folder", error: "EIO" },
    ...{ expected: BROKEN, isPublished: true },
  },
];

const DATABASE_FAULTS: readonly Fault[] = [
  {
    ...{ calls: "pwrite64", error: "ENOSPC" },
    expected: { code: 6, reason: "the disk of the account database is full" },
  },
  {
    ...{ calls: "fsync,fdatasync", error: "EIO" },
    expected: { code: 1, reason: "the account database cannot be .*written" },
  },
];

testWith([TRACING], "a disk that fails", async (t) => {
  await using disk = await CrashDisk.make({ users: ["ann", "bob"] });
  for (const fault of FAULTS) {
    const { calls, error, on = "first call" } = fault;
    const what = `${calls.replaceAll("?", "")} ${error}, ${on}`;
    await t.step(`in a put: ${what}`, () => failOnce(disk, fault));
  }
  await t.step(
    "after EIO a file is not synced a second time",
    () => syncOnce(disk),
  );
  await t.step(
    "a change that may not be on the disk is an error",
    () => failChanges(disk),
  );
  await t.step(
    "in a sync of everything: none of its files is acknowledged",
    () => failGroups(disk),
  );
  for (const fault of DATABASE_FAULTS) {
    await t.step(
      `in a registration: ${fault.calls} ${fault.error}`,
      () => failRegistration(disk, fault),
    );
  }
});

/** Lets one put fail, and looks at everything around it. */
async function failOnce(disk: CrashDisk, fault: Fault): Promise<void> {
  const { expected, name = "old", on } = fault;
  await Deno.writeTextFile(disk.file("ann", "old"), "old");
  {
    // Before the failure there is nothing to see yet but the temporary file.
    await using early = on ? await beginPut(disk, name) : undefined;
    await using trace = await inject(disk, fault);
    await using put = early ?? await beginPut(disk, name, false);
    await endPut(put);
    assertFailed(await put.outcome(), expected);
    assertEquals(trace.calls().length > 0, true);
    await othersGoOn(disk);
  }
  await noPartials(disk.root);
  const old = await Deno.readTextFile(disk.file("ann", "old"));
  assertEquals(old, fault.isPublished ? "new" : "old");
  await using again = await beginPut(disk, name);
  await endPut(again);
  const { code, stderr } = await again.outcome();
  assertEquals(code, 0, stderr);
  assertEquals(await Deno.readTextFile(disk.file("ann", name)), "new");
}

async function syncOnce(disk: CrashDisk): Promise<void> {
  await using put = await beginPut(disk, "once");
  await using trace = await Trace.attach(disk.server.process.pid, {
    ...{ calls: "fsync,fdatasync", inject: "error=EIO:when=1" },
    path: partials(disk.root)[0],
  });
  await endPut(put);
  assertEquals((await put.outcome()).code, 1);
  await noPartials(disk.root);
  assertEquals(trace.calls().length, 1);
}

/** Each is made, and the client is not told that it will stay. */
async function failChanges(disk: CrashDisk): Promise<void> {
  using peer = await disk.dial();
  await Deno.mkdir(disk.file("ann", "full/folder"), { recursive: true });
  await Deno.writeTextFile(disk.file("ann", "full/file"), "x");
  const changes: Request[] = [
    { type: "mkdir", path: "full/new", parents: false, mtime: null },
    { type: "touch", path: "full/file", mtime: 0, executable: true },
    { type: "touch", path: "full/folder", mtime: 0, executable: null },
    { type: "move", from: "full/file", to: "file", replace: false },
    { type: "remove", path: "file", recursive: false },
    { type: "remove", path: "full", recursive: true },
  ];
  {
    await using _ = await Trace.attach(disk.server.process.pid, {
      ...{ calls: "fsync,fdatasync", inject: "error=EIO" },
    });
    for (const change of changes) {
      await peer.send(change);
      assertEquals(await peer.error(), "io", JSON.stringify(change));
    }
  }
  await peer.ask(changes[0]!, "error");
  await peer.ask(
    { type: "mkdir", path: "full/new", parents: true, mtime: null },
    "ok",
  );
}

/** Many small files at once, with and without the failure. */
async function failGroups(disk: CrashDisk): Promise<void> {
  const names = Array.from({ length: 200 }, (_, at) => `group-${at}`);
  const isThere = (name: string) => existsSync(disk.file("ann", name));
  using peer = await disk.dial();
  {
    await using trace = await Trace.attach(disk.server.process.pid, {
      ...{ calls: "syncfs", inject: "error=EIO" },
    });
    let refused = 0;
    for (const name of names) await peer.sendPut(name, "new");
    for (const name of names) {
      const answer = await peer.next();
      assert(answer !== null && "type" in answer);
      if (answer.type === "receipt") {
        assert(isThere(name), name);
        continue;
      }
      // The name itself may have been what was not safe: SPEC.md 4.
      assert(answer.type === "error");
      assertEquals(answer.code, "io");
      refused++;
    }
    assertEquals([refused > 0, trace.calls().length > 0], [true, true]);
  }
  await noPartials(disk.root);
  for (const name of names) await peer.sendPut(name, "new");
  for (const _ of names) assert(await receipt(peer));
  assertEquals(names.every(isThere), true);
}

async function failRegistration(
  disk: CrashDisk,
  { calls, error, expected }: Fault,
): Promise<void> {
  const newcomer = disk.stranger();
  const register = () =>
    newcomer.run(
      [
        ...["register", `new-${error.toLowerCase()}`, "--password-stdin"],
        ...["--server", disk.server.link],
      ],
      { stdin: PASSWORD },
    );
  {
    await using _ = await Trace.attach(disk.server.process.pid, {
      ...{ calls, inject: `error=${error}`, onlyServing: true },
    });
    assertFailed(await register(), expected);
    const { code } = await disk.client().run(["ls"]);
    assertEquals(code, 0, "who has a session goes on");
  }
  const { code, stderr } = await register();
  assertEquals(code, 0, stderr);
}

async function inject(disk: CrashDisk, fault: Fault): Promise<Trace> {
  const { calls, error, on, onlyServing = false } = fault;
  const path = {
    temporary: () => partials(disk.root)[0],
    folder: () => disk.file("ann"),
  };
  return await Trace.attach(disk.server.process.pid, {
    ...{ calls, onlyServing },
    // Where anything may be hit, the others must not be.
    inject: `error=${error}:when=${on ? "1+" : "1"}`,
    path: on && path[on](),
  });
}

/**
 * Starts `netdisk put` of its standard input, for {@link endPut}; on return the
 * server waits for the content, unless that cannot be.
 */
async function beginPut(
  disk: CrashDisk,
  name: string,
  waits = true,
): Promise<Process> {
  const put = disk.client().start(["put", "-", "--to", name]);
  if (waits) await until("a put", () => partials(disk.root).length > 0);
  return put;
}

async function endPut(put: Process): Promise<void> {
  await put.write("new");
  await put.closeStdin();
}

/** Another user, at the same time. */
async function othersGoOn(disk: CrashDisk): Promise<void> {
  using peer = await disk.dial("bob");
  await peer.sendPut("other", "other");
  await receipt(peer);
  await peer.ask({ type: "list", path: "" }, "entries");
}

/** The status, and one line that says why. */
function assertFailed(
  { code, stderr }: Outcome,
  expected: { code: number; reason: string },
): void {
  assertEquals(code, expected.code, stderr);
  assertMatch(stderr, new RegExp(`^netdisk: error: .*${expected.reason}\n$`));
}
