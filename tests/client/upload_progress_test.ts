import { assertEquals } from "@std/assert";
import type { FileItem, UploadOutcome } from "../../client/pending_put.ts";
import { Retry } from "../../client/retry.ts";
import {
  UploadProgress,
  type UploadsBefore,
} from "../../client/upload_progress.ts";
import { UploadQueue } from "../../client/upload_queue.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { receiptOf } from "../helpers/fake_server.ts";
import { memoryOutput } from "../helpers/memory_output.ts";

const MIB = 1024 * 1024;

function item(name: string, size: number | null): FileItem {
  return {
    remotePath: name,
    source: {
      label: name,
      name,
      size,
      mtime: null,
      executable: false,
      open: () => {
        throw new TypeError("nothing is read here");
      },
    },
  };
}

/** An upload of the items that is followed in a log. */
function follow(...items: FileItem[]) {
  const { output, system } = memoryOutput();
  const outcomes: UploadOutcome[] = [];
  const retry = new Retry();
  const queue = new UploadQueue(items);
  const progress = new UploadProgress(queue, {
    output,
    style: "plain",
    retry,
    ended: (outcome) => void outcomes.push(outcome),
  });
  return {
    progress,
    queue,
    outcomes,
    retry,
    /** Where it stands: a phase is told at once. */
    stand(): string {
      retry.progress!.phase("here");
      retry.progress!.phase(undefined);
      return system.stderr.text.trim().split("\n").at(-1)!;
    },
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  };
}

const receipt = receiptOf(new Uint8Array(0));

Deno.test("UploadProgress stands where it was until data moves again", () => {
  const [a, b, c] = [item("a", MIB), item("b", 2 * MIB), item("c", MIB)];
  using upload = follow(a, b, c);
  const { progress, queue } = upload;
  const first = queue.left()[Symbol.iterator]();
  progress.began(first.next().value);
  progress.sent(MIB);
  progress.began(first.next().value);
  progress.sent(MIB);
  progress.ended({ item: a, receipt });
  assertEquals(upload.stand(), "1/3 files, b: 50%, 2.00/4.00 MiB, here");
  progress.reconnected();
  queue.restart();
  assertEquals([...queue.left()], [b, c]);
  progress.began(b);
  assertEquals(upload.stand(), "1/3 files, b: 50%, 2.00/4.00 MiB, here");
  progress.sent(MIB / 2);
  assertEquals(upload.stand(), "1/3 files, b: 37%, 1.50/4.00 MiB, here");
});

Deno.test("UploadProgress is not confused by an answer before the last block", () => {
  const [a, b] = [item("a", 2 * MIB), item("b", 2 * MIB)];
  using upload = follow(a, b);
  const { progress } = upload;
  progress.began(a);
  progress.sent(MIB);
  progress.ended({ item: a, error: new NetdiskError("quota", "no more") });
  progress.sent(MIB);
  progress.began(b);
  progress.comparing(b, MIB);
  assertEquals(upload.stand(), "1/2 files, b: 50%, 2.00/4.00 MiB, here");
});

Deno.test("UploadProgress never counts a byte twice", () => {
  const big = item("big", 4 * MIB);
  using upload = follow(item("a", 0), big);
  const { progress } = upload;
  for (const offset of [0, MIB, 3 * MIB]) {
    progress.reconnected();
    progress.began(big);
    if (offset > 0) progress.comparing(big, offset);
    progress.starts(big, offset, false);
    progress.sent(4 * MIB - offset);
    assertEquals(upload.stand(), "0/2 files, big: 100%, 4.00/4.00 MiB, here");
  }
  progress.reconnected();
  progress.began(big);
  progress.comparing(big, 3 * MIB);
  progress.starts(big, 0, true);
  assertEquals(upload.stand(), "0/2 files, big: 0%, 0.00/4.00 MiB, here");
});

Deno.test("UploadProgress knows when a second put could go on", () => {
  const [small, big, pipe] = [
    item("small", 5 * MIB),
    item("big", 20 * MIB),
    item("-", null),
  ];
  using upload = follow(small, big, pipe);
  const { progress } = upload;
  const error = new NetdiskError("changed", "it changed");
  const steps: [step: () => void, resumable: boolean][] = [
    [() => progress.began(small), false],
    [() => progress.starts(small, 0, false), false],
    [() => progress.sent(MIB), false],
    [() => progress.ended({ item: small, error }), false],
    [() => progress.began(big), false],
    [() => progress.asked(big), false],
    [() => progress.starts(big, 0, false), false],
    [() => progress.sent(1), true],
    // What the server has it has, whatever becomes of the connection.
    [() => progress.reconnected(), true],
    [() => progress.began(big), true],
    [() => progress.asked(big), true],
    [() => progress.starts(big, 0, true), false],
    [() => progress.comparing(big, MIB), true],
    [() => progress.starts(big, MIB, false), true],
    [() => progress.ended({ item: big, error }), false],
    [() => progress.began(pipe), false],
    [() => progress.asked(pipe), false],
    [() => progress.starts(pipe, 0, false), false],
    [() => progress.sent(9 * MIB), false],
  ];
  for (const [step, resumable] of steps) {
    step();
    assertEquals(progress.resumable, resumable, `${step}`);
  }
});

Deno.test("UploadProgress counts what the server has anew as progress", () => {
  const big = item("big", 20 * MIB);
  using upload = follow(big);
  const { progress, retry } = upload;
  const inRow = [0, MIB, MIB, 2 * MIB, 0, 2 * MIB].map((offset) => {
    progress.starts(big, offset, false);
    const { inRow } = retry;
    retry.again();
    return inRow;
  });
  assertEquals(inRow, [0, 0, 1, 0, 1, 2]);
});

Deno.test("UploadProgress counts files and not folders, and what is skipped is done", () => {
  const [a, b] = [item("a", MIB), item("b", 3 * MIB)];
  const folder = { label: "d", remotePath: "d", mtime: null };
  const { output, system } = memoryOutput();
  using queue = new UploadQueue([a, b, folder]);
  const retry = new Retry();
  const ended = () => {};
  using progress = new UploadProgress(queue, {
    output,
    style: "plain",
    retry,
    ended,
  });
  const stand = () => {
    retry.progress!.phase("here");
    retry.progress!.phase(undefined);
    return system.stderr.text.trim().split("\n").at(-1)!;
  };
  progress.skipped(b);
  progress.began(a);
  progress.sent(MIB / 2);
  assertEquals(stand(), "1/2 files, a: 50%, 0.50/1.00 MiB, here");
  progress.ended({ item: a, receipt });
  progress.began(folder);
  progress.ended({ item: folder });
  assertEquals(stand(), "2/2 files, d: 50%, 0.50/1.00 MiB, here");
});

Deno.test("UploadProgress goes on behind uploads before, while more may come", () => {
  const { output, system } = memoryOutput();
  const retry = new Retry();
  const before: UploadsBefore & { bytes: number; isOpen: boolean } = {
    files: 1,
    bytes: 0,
    isOpen: true,
  };
  const upload = (name: string) => {
    const queue = new UploadQueue([item(name, MIB)]);
    const watchers = { output, retry, ended: () => {}, before };
    return {
      queue,
      progress: new UploadProgress(queue, { ...watchers, style: "plain" }),
    };
  };
  const stand = () => {
    retry.progress!.phase("here");
    retry.progress!.phase(undefined);
    return system.stderr.text.trim().split("\n").at(-1)!;
  };
  {
    const { progress, queue } = upload("b");
    progress.began(queue.take()!);
    progress.sent(MIB);
    assertEquals(stand(), "1/2+ files, b: 1.00 MiB, here");
    progress[Symbol.dispose]();
  }
  Object.assign(before, { files: 2, bytes: MIB });
  const { line } = before;
  const { progress, queue } = upload("c");
  // One rate, one line.
  assertEquals(before.line, line);
  assertEquals(retry.progress, line);
  progress.began(queue.take()!);
  assertEquals(stand(), "2/3+ files, c: 1.00 MiB, here");
  before.isOpen = false;
  progress.sent(MIB / 2);
  assertEquals(stand(), "2/3 files, c: 75%, 1.50/2.00 MiB, here");
  line!.abandon();
});
