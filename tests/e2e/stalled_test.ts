/** Peers that stop reading or sending in the middle hold up nobody but themselves. */

import { assertEquals } from "@std/assert";
import { dialAs, type Peer } from "../helpers/dial.ts";
import { sharedDisk } from "../helpers/disk.ts";
import { assertOutcome } from "../helpers/golden.ts";
import { putRequest } from "../helpers/test_client.ts";

const disk = sharedDisk();

/** More than all buffers between the server's disk and a peer hold. */
const LARGE_BYTES = 64 * 1024 * 1024;

/** More of them than there are processors. */
const PEERS = 8;

const LIST = { type: "list", path: "many" } as const;

/** Does with the real client what one does, while others are stalled. */
async function assertServes(): Promise<void> {
  const ann = disk.client();
  ann.write("file", "content");
  assertOutcome(await ann.run(["put", "file"]));
  assertOutcome(await ann.run(["ls", "file"]), { stdout: "file\n" });
  assertOutcome(await ann.run(["get", "file", "--to", "-"]), {
    stdout: "content",
  });
  assertOutcome(await ann.run(["ping", "-c", "1"]), {
    stdout: "[..]\n1 answers, [..]\n",
  });
}

/** Logs in so many peers as ann. */
async function peers(count: number): Promise<Peer[]> {
  const ann = disk.client();
  const all: Peer[] = [];
  for (let i = 0; i < count; i++) all.push(await dialAs(disk.server, ann));
  return all;
}

Deno.test("peers that ask for a large file and never read", async () => {
  const path = disk.server.file("ann", "large");
  Deno.writeTextFileSync(path, "");
  Deno.truncateSync(path, LARGE_BYTES);
  const stalled = await peers(PEERS);
  for (const peer of stalled) {
    await peer.send({ type: "get", path: "large", prefix: null });
    await peer.answer("file");
  }
  await assertServes();
  // A new account needs more of the server than anything else.
  await disk.stranger().register("bob", disk.server.address);
  for (const peer of stalled) peer.close();
  await disk.server.logs(/ lost peer=\S+ user=ann /);
});

Deno.test("peers that stop in the middle of a put", async () => {
  const stalled = await peers(PEERS);
  for (const [index, peer] of stalled.entries()) {
    await peer.send(putRequest(`stopped-${index}`, LARGE_BYTES));
    await peer.sendData(new Uint8Array(100_000));
  }
  await disk.server.holdsPartial(PEERS * 65_536);
  await assertServes();
  for (const peer of stalled) peer.close();
  await disk.server.noPartial();
});

Deno.test("peers that stop in the middle of a frame", async () => {
  const stalled = await peers(PEERS);
  const half = Uint8Array.of(0, 0, 255, 255, 1, 0x7b);
  for (const peer of stalled) await peer.sendRaw(half);
  await assertServes();
  for (const peer of stalled) peer.close();
});

Deno.test("peers that ask and ask, and never read an answer", async () => {
  const folder = disk.server.file("ann", "many");
  Deno.mkdirSync(folder);
  for (let i = 0; i < 300; i++) Deno.writeTextFileSync(`${folder}/${i}`, "");
  const stalled = await peers(2);
  // Their answers are far more than all buffers between the two hold.
  const requests = Array.from({ length: 500 }, () => LIST);
  for (const peer of stalled) await peer.send(...requests);
  await assertServes();
  for (const peer of stalled) peer.close();
});

Deno.test("a stalled peer may go on when it likes", async () => {
  const [peer] = await peers(1);
  using _closing = peer!;
  await peer!.send({ type: "get", path: "large", prefix: null });
  await assertServes();
  const { size } = await peer!.answer("file");
  let left = size;
  while (left > 0) {
    const data = await peer!.next();
    left -= (data as Uint8Array).length;
  }
  await peer!.answer("done");
  assertEquals(left, 0);
  await peer!.ask({ type: "ping" }, "pong");
});
