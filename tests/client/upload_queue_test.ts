import { assertEquals, assertThrows } from "@std/assert";
import type { UploadItem } from "../../client/pending_put.ts";
import { UploadQueue } from "../../client/upload_queue.ts";
import { until } from "../helpers/deadline.ts";

function* folders(count: number, drawn?: (index: number) => void) {
  for (let i = 0; i < count; i++) {
    drawn?.(i);
    yield { label: `${i}`, remotePath: `${i}`, mtime: null } as UploadItem;
  }
}

function file(name: string, size: number | null): UploadItem {
  const open = () => {
    throw new TypeError("nothing is read here");
  };
  const source = {
    label: name,
    name,
    size,
    mtime: null,
    executable: false,
    open,
  };
  return { source, remotePath: name };
}

/** Takes so many items, as a sender does. */
function take(queue: UploadQueue, count: number): string[] {
  const items = queue.left()[Symbol.iterator]();
  return Array.from(
    { length: count },
    () => items.next().value?.remotePath ?? "end",
  );
}

Deno.test("UploadQueue hands out again what has no outcome", () => {
  using queue = new UploadQueue(folders(6));
  assertEquals(take(queue, 4), ["0", "1", "2", "3"]);
  queue.ended();
  queue.ended();
  assertEquals(take(queue, 1), ["4"]);
  queue.restart();
  assertEquals(take(queue, 5), ["2", "3", "4", "5", "end"]);
  queue.restart();
  assertEquals(take(queue, 1), ["2"]);
  queue.ended();
  assertEquals(take(queue, 2), ["3", "4"]);
  assertEquals(queue.isDone, false);
  for (let i = 0; i < 3; i++) queue.ended();
  assertEquals([queue.isDone, queue.hasUnanswered], [true, false]);
});

Deno.test("UploadQueue knows no more than it may, and all in the end", async () => {
  let drawn = 0;
  const source = folders(5000, () => drawn++);
  using queue = new UploadQueue(source, { looksAhead: true, maxAhead: 100 });
  assertEquals([drawn, queue.isComplete], [100, false]);
  assertEquals(take(queue, 60).length, 60);
  await until("more is known", () => drawn === 160);
  for (let i = 160; i < 6000; i++) queue.take();
  assertEquals([drawn, queue.isComplete, queue.length], [5000, true, 5000]);
});

Deno.test("UploadQueue counts files and their bytes", () => {
  using known = new UploadQueue([file("a", 3), file("b", 4), ...folders(2)]);
  assertEquals([known.files, known.bytes, known.length], [2, 7, 4]);
  known.forget(file("a", 3));
  assertEquals(known.bytes, 4);
  using pipe = new UploadQueue([file("a", 3), file("-", null)]);
  assertEquals([pipe.files, pipe.bytes], [2, undefined]);
});

Deno.test("UploadQueue throws what looking has failed with, in its turn", () => {
  using queue = new UploadQueue(folders(9, (index) => {
    if (index === 2) throw new TypeError("a bug");
  }));
  assertEquals(take(queue, 2), ["0", "1"]);
  assertThrows(() => queue.take(), TypeError, "a bug");
});

Deno.test("UploadQueue ends the walk that it is disposed of", () => {
  let isEnded = false;
  function* source() {
    try {
      yield* folders(1000);
    } finally {
      isEnded = true;
    }
  }
  {
    using _queue = new UploadQueue(source(), { maxAhead: 10 });
  }
  assertEquals(isEnded, true);
});
