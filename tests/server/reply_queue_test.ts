import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ByteConnection, FrameChannel } from "../../protocol/channel.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  MAX_ERROR_TEXT,
  type Response,
  type ResponseOf,
} from "../../protocol/messages.ts";
import {
  MAX_PENDING_REPLIES,
  ReplyQueue,
  toErrorResponse,
} from "../../server/reply_queue.ts";
import { until, within } from "../helpers/deadline.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { memoryPair } from "../helpers/memory_conn.ts";
import { settled } from "../helpers/settled.ts";
import { TestClient } from "../helpers/test_client.ts";
import { LogRecorder } from "./fixture.ts";

/** A queue, and the client that reads its answers. */
function connect() {
  const [there, here] = memoryPair();
  const channel = new FrameChannel(there);
  const client = new TestClient(here);
  return { channel, queue: new ReplyQueue(channel), client };
}

function receipt(size: number): ResponseOf<"receipt"> {
  const sha256 = "0".repeat(64);
  return { type: "receipt", size, sha256, mtime: null, time: 0 };
}

function pendingReplies(count: number) {
  return Array.from(
    { length: count },
    () => Promise.withResolvers<Response>(),
  );
}

/** Whether a promise has ended by now. */
async function hasEnded(work: Promise<unknown>): Promise<boolean> {
  let ended = false;
  const note = () => void (ended = true);
  work.then(note, note);
  await settled();
  return ended;
}

Deno.test("answers leave in the order of their requests, whichever is ready first", async () => {
  const { queue, client } = connect();
  const replies = pendingReplies(5);
  for (const { promise } of replies) await queue.push(promise);
  for (const i of [4, 2, 0, 3]) replies[i]!.resolve(receipt(i));
  await settled();
  assertEquals(queue.pending, 4);
  replies[1]!.reject(new NetdiskError("disk-full", "no room"));
  assertEquals((await client.answer("receipt")).size, 0);
  assertEquals(await client.error(), "disk-full");
  for (const i of [2, 3, 4]) {
    assertEquals((await client.answer("receipt")).size, i);
  }
  await within("the end of the queue", queue.drained());
  assertEquals(queue.pending, 0);
});

Deno.test("push() waits while 1024 answers are due, and no longer than for the first of them", async () => {
  const { queue, client } = connect();
  assertEquals(MAX_PENDING_REPLIES, 1024);
  const replies = pendingReplies(1024);
  for (const { promise } of replies.slice(0, 1023)) {
    await within("room", queue.push(promise));
  }
  const full = queue.push(replies[1023]!.promise);
  for (const i of [1, 5, 62, 1023]) replies[i]!.resolve(receipt(i));
  assert(!await hasEnded(full));
  replies[0]!.resolve(receipt(0));
  await within("room", full);
  await settled();
  assertEquals(queue.pending, 1022);
  replies.forEach(({ resolve }, i) => resolve(receipt(i)));
  for (const i of replies.keys()) {
    assertEquals((await client.answer("receipt")).size, i);
  }
  await within("the end of the queue", queue.drained());
});

Deno.test("an answer that comes while the last one is being written is not forgotten", async () => {
  const written: Promise<void>[] = [];
  let release = () => {};
  const connection: ByteConnection = {
    read: () => new Promise(() => {}),
    async write(bytes) {
      const gate = Promise.withResolvers<void>();
      release = gate.resolve;
      written.push(gate.promise);
      await gate.promise;
      return bytes.length;
    },
    close() {},
  };
  const queue = new ReplyQueue(new FrameChannel(connection));
  await queue.push(Promise.resolve(receipt(1)));
  await settled();
  assertEquals([written.length, queue.pending], [1, 0]);
  await queue.push(Promise.resolve(receipt(2)));
  release();
  await settled();
  assertEquals([written.length, queue.pending], [2, 0]);
  release();
  await within("the end of the queue", queue.drained());
});

Deno.test("drained() waits until the bytes have left", async () => {
  const [there, here] = memoryPair({ capacity: 64 });
  const queue = new ReplyQueue(new FrameChannel(there));
  const client = new TestClient(here);
  await queue.push(Promise.resolve(receipt(1)));
  const drained = queue.drained();
  assert(!await hasEnded(drained));
  await client.answer("receipt");
  await within("the end of the queue", drained);
});

Deno.test("waitsForWork tells a slow disk from a peer that does not read", async () => {
  const [there, here] = memoryPair({ capacity: 64 });
  const queue = new ReplyQueue(new FrameChannel(there));
  assertEquals(queue.waitsForWork, false);
  const [reply] = pendingReplies(1);
  await queue.push(reply!.promise);
  await settled();
  assertEquals(queue.waitsForWork, true);
  reply!.resolve(receipt(1));
  await settled();
  assertEquals(queue.waitsForWork, false);
  const client = new TestClient(here);
  await client.answer("receipt");
  await queue.drained();
  assertEquals(queue.waitsForWork, false);
});

Deno.test("a lost connection ends the waiting, once the work is done", async () => {
  const { queue, channel } = connect();
  channel.close();
  const replies = pendingReplies(MAX_PENDING_REPLIES);
  const last = replies.pop()!;
  for (const { promise } of replies) await queue.push(promise);
  const full = queue.push(last.promise);
  replies.push(last);
  replies[0]!.resolve(receipt(0));
  const drained = queue.drained();
  // What is under way on the disk is not left alone.
  assert(!await hasEnded(Promise.race([full, drained])));
  for (const { reject } of replies) reject(new Error("never told"));
  using log = new LogRecorder();
  for (const work of [full, drained]) {
    const error = await assertRejects(() => work, NetdiskError);
    assertEquals(error.code, "connection-lost");
  }
  assertEquals(queue.pending, 0);
  // Later answers fail alike, also when nobody asks for them.
  await queue.push(Promise.resolve(receipt(1)));
  await settled();
  assertEquals(queue.pending, 0);
  assertEquals(log.lines().length, MAX_PENDING_REPLIES - 1);
});

Deno.test("an error that is meant for the client becomes an answer", () => {
  assertEquals(toErrorResponse(new NetdiskError("quota", "no room")), {
    type: "error",
    code: "quota",
    message: "no room",
  });
});

Deno.test("a message that is too long is cut, but not in the middle of a character", () => {
  const long = `${"x".repeat(MAX_ERROR_TEXT - 1)}🎉`;
  const answer = toErrorResponse(new NetdiskError("io", long));
  assert(answer.type === "error");
  assertEquals(answer.message.length, MAX_ERROR_TEXT);
  assert(answer.message.isWellFormed());
});

Deno.test("what only the server may know goes to the log, and 'internal' to the client", () => {
  const causes = [
    new Error("cannot open /srv/secret"),
    new NetdiskError("local-io", "/srv/secret failed"),
    "/srv/secret",
    undefined,
  ];
  for (const cause of causes) {
    using log = new LogRecorder();
    assertEquals(toErrorResponse(cause), {
      type: "error",
      code: "internal",
      message: "the server failed",
    });
    assertEquals(log.lines("internal-error").length, 1);
    assert(log.lines()[0]!.includes(cause ? "/srv/secret" : "undefined"));
  }
});

Deno.test("the log tells where a mistake was made, by the module's name", () => {
  using log = new LogRecorder();
  const error = new TypeError("boom");
  const module = new URL("../../server/admin/users.ts", import.meta.url);
  error.stack = `TypeError: boom\n    at list (${module}:7:9)`;
  toErrorResponse(error);
  const [line] = log.lines("internal-error");
  assert(line!.includes("at list (admin/users.ts:7:9)"), line);
});

Deno.test("the log tells what an admin can mend: a disk that is full or fails", () => {
  using log = new LogRecorder();
  const cause = new Error("Input/output error (os error 5): open '/srv/x'");
  toErrorResponse(new NetdiskError("not-found", "no such file"));
  toErrorResponse(new NetdiskError("quota", "no room"));
  toErrorResponse(new NetdiskError("disk-full", "the server's disk is full"));
  toErrorResponse(
    new NetdiskError("io", "the server's disk failed", { cause }),
  );
  assertEquals(log.lines(), [
    'storage-failed code=disk-full reason="the server\'s disk is full"',
    'storage-failed code=io reason="the server\'s disk failed" ' +
    `detail="${cause.message}"`,
  ]);
});

Deno.test("a client whose answer takes long hears that the server is alive", async () => {
  using _clock = new LeapClock();
  const { queue, client } = connect();
  const [slow, quick] = pendingReplies(2);
  await queue.push(slow!.promise);
  await queue.push(quick!.promise);
  const reading = client.answer("receipt");
  await until("some words", () => client.working >= 3);
  slow!.resolve(receipt(1));
  assertEquals((await reading).size, 1);
  quick!.resolve(receipt(2));
  assertEquals((await client.answer("receipt")).size, 2);
  const said = client.working;
  await settled();
  assertEquals(client.working, said);
});
