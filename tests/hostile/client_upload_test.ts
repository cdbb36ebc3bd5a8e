/** Lies about uploads: a receipt that does not fit is none, and nothing waits for ever. */

import { assertEquals, assertMatch } from "@std/assert";
import { type FakeServer, receiptOf } from "../helpers/fake_server.ts";
import { meet, untilGone } from "../helpers/lying_server.ts";

const BYTES = new TextEncoder().encode("what the file holds");
/** So large that the server is asked first. */
const LARGE = new Uint8Array(9 * 1024 * 1024).fill(3);

type Row = [
  name: string,
  lie: (server: FakeServer) => Promise<void>,
  code: number,
  stderr: RegExp,
];

/** Takes the upload and answers with a receipt. */
function receipt(lie: Parameters<typeof receiptOf>[1]) {
  return async (server: FakeServer) => {
    await server.upload();
    await server.say(receiptOf(BYTES, lie));
  };
}

const NO_FIT =
  /^netdisk: error: small: the server's receipt does not fit what was sent$/;

const SMALL: Row[] = [
  ["a receipt of another hash", receipt({ sha256: "0".repeat(64) }), 7, NO_FIT],
  ["a receipt of another size", receipt({ size: 1 }), 7, NO_FIT],
  [
    "a receipt of 2^53-1 bytes",
    receipt({ size: Number.MAX_SAFE_INTEGER }),
    7,
    NO_FIT,
  ],
  [
    "cancelled, though nobody asked",
    async (s) => {
      await s.upload();
      await s.say({ type: "cancelled" });
    },
    1,
    /'cancelled' out of order$/,
  ],
  [
    "continue, though nobody asked",
    (s) => s.say({ type: "continue", offset: 0 }),
    1,
    /'continue' out of order$/,
  ],
  [
    "the answer to something else",
    (s) => s.say({ type: "pong" }),
    1,
    /'pong' out of order$/,
  ],
  ["data", (s) => s.sayData(BYTES), 1, /data out of order$/],
  [
    "an error with escape sequences",
    async (s) => {
      await s.upload();
      await s.say({ type: "error", code: "quota", message: "\x1b[2J\u2028" });
    },
    6,
    /^netdisk: error: small: \\x1b\[2J\\u2028$/,
  ],
  [
    "nothing, and the end",
    async (s) => {
      await s.upload();
      s.close();
    },
    5,
    /the server ended the connection/,
  ],
  [
    "a hundred thousand times that it works, and the end",
    async (s) => {
      await s.upload();
      for (let i = 0; i < 1000; i++) {
        await s.say(...Array(100).fill({ type: "working" }));
      }
      s.close();
    },
    5,
    /the server ended the connection/,
  ],
];

const ASKED: Row[] = [
  [
    "a receipt before the data",
    (s) => s.say(receiptOf(LARGE)),
    1,
    /'receipt' out of order$/,
  ],
  [
    "a place behind the end",
    (s) => s.say({ type: "continue", offset: LARGE.length + 1 }),
    1,
    /continue at 9437185, which it cannot$/,
  ],
  [
    "another place than it offered",
    async (s) => {
      await s.say({ type: "continue", offset: 100 });
      await s.request("prefix");
      await s.say({ type: "continue", offset: 99 });
    },
    1,
    /continue at 99, which it cannot$/,
  ],
  [
    "an offer twice",
    async (s) => {
      const offer = { type: "continue", offset: 0 } as const;
      await s.say(offer, offer);
    },
    1,
    /'continue' out of order$/,
  ],
];

for (const [file, rows] of [["small", SMALL], ["large", ASKED]] as const) {
  for (const [name, lie, code, stderr] of rows) {
    Deno.test(`put: the server answers ${name}`, async () => {
      const { changes, ...got } = await meet(
        ["put", file, "--retries", "0"],
        async (server) => {
          if (file === "large") await server.request("put");
          await lie(server);
          await untilGone(server);
        },
        { files: { small: BYTES, large: LARGE } },
      );
      assertMatch(got.stderr.trimEnd(), stderr);
      assertMatch(
        got.stderr,
        /^netdisk: error: [^\n]+\n(netdisk: hint: [^\n]+\n)?$/,
      );
      assertEquals([got.code, got.stdout, changes], [code, "", []]);
    });
  }
}
