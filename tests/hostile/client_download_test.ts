/**
 * Lies about files: each ends a `get` with one line and its exit status, and
 * nothing that was there is changed, nor is anything half written.
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { ResponseOf } from "../../protocol/messages.ts";
import type { FakeServer } from "../helpers/fake_server.ts";
import { meet, untilGone } from "../helpers/lying_server.ts";
import { sha256Of } from "../helpers/test_client.ts";

const BYTES = new TextEncoder().encode("what the file holds");
const LARGE = new Uint8Array(1_500_000).fill(7);

const FILE: ResponseOf<"file"> = {
  type: "file",
  size: BYTES.length,
  mtime: 0,
  executable: false,
  offset: 0,
};
const DONE: ResponseOf<"done"> = { type: "done", sha256: sha256Of(BYTES) };

/** What is said to a `get`, the exit status, and what the client tells. */
type Row = [
  name: string,
  lie: (server: FakeServer) => Promise<void>,
  code: number,
  stderr: RegExp,
];

function raw(text: string): (server: FakeServer) => Promise<void> {
  return (server) => server.sayJson(text);
}

const header = (length: number, kind: number) =>
  Uint8Array.of(
    length >>> 24,
    length >>> 16 & 255,
    length >>> 8 & 255,
    length & 255,
    kind,
  );

const LIES: Row[] = [
  ["data before file", (s) => s.sayData(BYTES), 1, /data out of order$/],
  ["done before file", (s) => s.say(DONE), 1, /'done' out of order$/],
  ["working", (s) => s.say({ type: "working" }), 1, /'working' out of order$/],
  [
    "verifying, though nothing was here",
    (s) => s.say({ type: "verifying", done: 1 }),
    1,
    /'verifying' out of order$/,
  ],
  ["file twice", (s) => s.say(FILE, FILE), 1, /'file' out of order$/],
  [
    "an offset that was not asked for",
    (s) => s.say({ ...FILE, offset: 5 }),
    1,
    /a place that nobody named$/,
  ],
  [
    "an offset behind the end",
    (s) => s.say({ ...FILE, offset: 99 }),
    1,
    /a place that nobody named$/,
  ],
  [
    "too little data",
    async (s) => {
      await s.say(FILE);
      await s.sayData(BYTES.subarray(1));
      await s.say(DONE);
    },
    1,
    /'done' out of order$/,
  ],
  [
    "too much data in one frame",
    async (s) => {
      await s.say({ ...FILE, size: 5 });
      await s.sayData(BYTES);
    },
    1,
    /the server sent too much data$/,
  ],
  [
    "a frame too many",
    async (s) => {
      await s.say(FILE);
      await s.sayData(BYTES);
      await s.sayData(BYTES);
    },
    1,
    /the server sent data out of order$/,
  ],
  [
    "data for an empty file",
    async (s) => {
      await s.say({ ...FILE, size: 0 });
      await s.sayData(BYTES);
    },
    1,
    /the server sent data out of order$/,
  ],
  [
    "another hash",
    async (s) => {
      await s.say(FILE);
      await s.sayData(BYTES);
      await s.say({ type: "done", sha256: "0".repeat(64) });
    },
    7,
    /^netdisk: error: file: checksum mismatch, nothing was replaced$/,
  ],
  [
    "a file of 2^53-1 bytes, and the end",
    async (s) => {
      await s.say({ ...FILE, size: Number.MAX_SAFE_INTEGER });
      await s.sayData(LARGE);
      s.close();
    },
    5,
    /the server ended the connection\nnetdisk: hint: the same command goes on where this one stopped$/,
  ],
  [
    "an error in its middle, with escape sequences",
    async (s) => {
      await s.say({ ...FILE, size: LARGE.length + 1 });
      await s.sayData(LARGE);
      const message = "\x1b[2J\x9b31m\nnetdisk: hint: rm -rf /\u202e\u2028";
      await s.say({ type: "error", code: "io", message });
    },
    1,
    /^netdisk: error: file: \\x1b\[2J\\x9b31m\\nnetdisk: hint: rm -rf \/\\u202e\\u2028$/,
  ],
  [
    "an error of 1024 characters",
    (s) =>
      s.say({ type: "error", code: "not-found", message: "\x1b".repeat(1024) }),
    3,
    /^netdisk: error: file: (\\x1b){1024}$/,
  ],
  [
    "an error of more",
    (s) =>
      s.say({ type: "error", code: "not-found", message: "a".repeat(1025) }),
    1,
    /message is longer than 1024 characters$/,
  ],
  [
    "an unknown error code",
    raw('{"type":"error","code":"format-disk","message":"x"}'),
    1,
    /code has an unknown value$/,
  ],
  [
    "an unknown message",
    raw('{"type":"exec","command":"\\u001b[2J"}'),
    1,
    /type is unknown$/,
  ],
  [
    "an unknown field with an escape sequence",
    raw('{"type":"working","\\u001b[2J\\u009b":1}'),
    1,
    /unknown field "\\u001b\[2J\\x9b"$/,
  ],
  [
    "a size that is no integer",
    raw(JSON.stringify({ ...FILE, size: 2 ** 53 })),
    1,
    /size is not an integer$/,
  ],
  [
    "a negative size",
    raw(JSON.stringify({ ...FILE, size: -1 })),
    1,
    /size is not between/,
  ],
  [
    "a time that is none",
    raw(JSON.stringify({ ...FILE, mtime: 8.64e15 + 1 })),
    1,
    /mtime is not between/,
  ],
  ["what is not JSON", raw("\x1b]0;x\x07"), 1, /a control frame is not JSON$/],
  [
    "what is not UTF-8",
    (s) => s.sayRaw(Uint8Array.of(...header(1, 1), 0xff)),
    1,
    /a control frame is not UTF-8$/,
  ],
  [
    "a frame of 4 GiB",
    (s) => s.sayRaw(header(0xffffffff, 2)),
    1,
    /4294967295 bytes is over the limit/,
  ],
  ["an empty frame", (s) => s.sayRaw(header(0, 2)), 1, /no payload/],
  ["a frame of no kind", (s) => s.sayRaw(header(1, 9)), 1, /frame kind 9/],
  [
    "HTTP",
    (s) => s.sayRaw(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n")),
    1,
    /netdisk: error: /,
  ],
];

for (const [name, lie, code, stderr] of LIES) {
  Deno.test(`get: the server answers ${name}`, async () => {
    const { changes, ...got } = await meet(
      ["get", "file", "--to", "kept", "--retries", "0"],
      async (server) => {
        await server.request("get");
        await lie(server);
        await untilGone(server);
      },
      { files: { kept: "as it was" } },
    );
    assertEquals(got.stdout, "");
    assertMatch(got.stderr.trimEnd(), stderr);
    // What a lost connection leaves is for the next one to go on with.
    const left = code === 5 ? /\/\.netdisk-[0-9a-f]{32}\.part$/ : /^$/;
    const changed = changes.filter((it) => !left.test(it));
    assertEquals([got.code, changed], [code, []], got.stderr);
  });
}
