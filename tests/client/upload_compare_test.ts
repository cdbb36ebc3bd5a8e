import { assertEquals } from "@std/assert";
import type { FileItem } from "../../client/pending_put.ts";
import { UploadCompare } from "../../client/upload_compare.ts";
import { UploadQueue } from "../../client/upload_queue.ts";
import { FakeDisk } from "../helpers/fake_disk.ts";
import { talk } from "../helpers/fake_server.ts";

const MTIME = 1_600_000_000_123;

function item(path: string): FileItem {
  const open = () => {
    throw new TypeError("nothing is read here");
  };
  const facts = { size: 1, mtime: MTIME, executable: false };
  const source = { label: path, name: path, ...facts, open };
  return { source, remotePath: path, isFound: true };
}

Deno.test("UploadCompare lists a folder once, however many files it has", async () => {
  const names = Array.from({ length: 5000 }, (_, i) => `d/${i}`);
  const disk = new FakeDisk();
  disk.pageEntries = 300;
  // All but every tenth one is there.
  for (const [index, name] of names.entries()) {
    if (index % 10 === 0) continue;
    disk.set(name, { kind: "file", bytes: new Uint8Array(1), mtime: MTIME });
  }
  using queue = new UploadQueue([item("e/a"), ...names.map(item)]);
  let skipped = 0;
  const compare = new UploadCompare(queue, {
    wanted: "changed",
    folders: false,
    skipped: () => skipped++,
  });
  const left: string[] = [];
  await talk((server) => disk.serve(server), async (connection) => {
    while (await compare.look(connection)) {
      for (const { remotePath } of compare.left()) left.push(remotePath);
      for (const _ of left) queue.ended();
    }
  });
  const missing = names.filter((_, index) => index % 10 === 0);
  assertEquals(left, ["e/a", ...missing]);
  assertEquals(skipped, 4500);
  assertEquals([disk.count("list"), disk.count("stat")], [2, 5001 - 4096]);
});
