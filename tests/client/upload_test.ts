import {
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { LocalSource, SourceReader } from "../../client/local_source.ts";
import type { UploadItem, UploadOutcome } from "../../client/pending_put.ts";
import { StdoutClosed } from "../../client/stream_writer.ts";
import { uploadAll, type UploadOptions } from "../../client/upload.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  type FakeServer,
  receiptOf,
  SERVER_HELLO,
  talk,
  type TalkOptions,
} from "../helpers/fake_server.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { Random } from "../helpers/random.ts";
import { settled } from "../helpers/settled.ts";
import { sha256Of } from "../helpers/test_client.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const KIB = 1024;
const MIB = 1024 * KIB;

/** What a source says of itself, and what reading it gives. */
interface SourceOptions {
  /** As announced; by default the number of bytes, null for a pipe. */
  size?: number | null;
  /** What open() throws. */
  fault?: NetdiskError;
  /** How many bytes can be read before a read throws. */
  failsAt?: number;
  changed?: boolean;
  /** Reads wait for it. */
  gate?: () => Promise<void>;
  /** A pipe: what each read gives; one that never comes hangs. */
  pieces?: (Uint8Array | Promise<Uint8Array>)[];
}

let openSources = 0;

/** A file in memory. */
function source(
  name: string,
  bytes: Uint8Array = new Uint8Array(0),
  options: SourceOptions = {},
): UploadItem {
  const size = options.size === undefined ? bytes.length : options.size;
  const local: LocalSource = {
    label: name,
    name,
    size,
    mtime: 1_600_000_000_000,
    executable: false,
    open: () => {
      if (options.fault) throw options.fault;
      openSources++;
      return new MemoryReader(bytes, options);
    },
  };
  return { source: local, remotePath: name };
}

class MemoryReader implements SourceReader {
  #bytes: Uint8Array;
  #options: SourceOptions;
  #at = 0;
  #piece = 0;

  constructor(bytes: Uint8Array, options: SourceOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  async read(target: Uint8Array): Promise<number> {
    await this.#options.gate?.();
    const { pieces } = this.#options;
    if (!pieces) return this.readSync(target);
    const piece = await pieces[this.#piece++];
    if (piece) target.set(piece);
    return piece?.length ?? 0;
  }

  readSync(target: Uint8Array): number {
    const { failsAt = Infinity } = this.#options;
    if (this.#at + target.length > failsAt) {
      throw new NetdiskError("local-io", "a: the disk is broken");
    }
    const piece = this.#bytes.subarray(this.#at, this.#at + target.length);
    target.set(piece);
    this.#at += piece.length;
    return piece.length;
  }

  rewind(): void {
    this.#at = 0;
  }

  hasChanged(): boolean {
    return this.#options.changed ?? false;
  }

  close(): void {
    openSources--;
  }
}

/** What an upload came to. */
interface Run {
  outcomes: UploadOutcome[];
  began: string[];
  asked: string[];
  sent: number;
  /** What the observer heard of resuming. */
  events: string[];
  error?: NetdiskError;
}

/** Uploads items to a server that follows a script. Every source is closed at the end. */
async function run(
  items: readonly UploadItem[],
  script: (server: FakeServer, run: Run) => Promise<void>,
  options: TalkOptions & UploadOptions = {},
): Promise<Run> {
  const run: Run = { outcomes: [], began: [], asked: [], sent: 0, events: [] };
  openSources = 0;
  try {
    await talk(
      (server) => script(server, run),
      (connection) =>
        uploadAll(connection, items, {
          began: ({ remotePath }) => void run.began.push(remotePath),
          asked: ({ remotePath }) => void run.asked.push(remotePath),
          comparing: ({ remotePath }, offset) =>
            void run.events.push(`comparing ${offset} of ${remotePath}`),
          starts: ({ remotePath }, offset, differs) =>
            void run.events.push(
              `${remotePath} at ${offset}${differs ? ", differs" : ""}`,
            ),
          flushing: () => void run.events.push("flushing"),
          sent: (bytes) => void (run.sent += bytes),
          ended: (outcome) => void run.outcomes.push(outcome),
        }, { askAbove: 256 * KIB, ...options }),
      options,
    );
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    run.error = error;
  }
  assertEquals(openSources, 0, "every source is closed");
  return run;
}

/** `name: receipt` or `name: code` of each outcome. */
function summary({ outcomes }: Run): string[] {
  return outcomes.map(({ item, error }) =>
    `${item.remotePath}: ${error?.code ?? "receipt"}`
  );
}

/** Bytes that differ from block to block, and for each length. */
function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 7 + at / 251) ^ length;
  return bytes;
}

/** Takes an upload and promises it. */
async function accept(server: FakeServer): Promise<Uint8Array> {
  const { bytes } = await server.upload();
  await server.say(receiptOf(bytes));
  return bytes;
}

const EDGES = [
  ...[0, 1, 2],
  ...[16 * KIB - 1, 16 * KIB, 16 * KIB + 1],
  ...[256 * KIB - 1, 256 * KIB, 256 * KIB + 1],
  ...[512 * KIB - 1, 512 * KIB, 512 * KIB + 1],
  ...[MIB - 1, MIB, MIB + 1, 3 * MIB + 7],
  ...[8 * MIB, 8 * MIB + 1],
];

Deno.test(
  "uploadAll() sends files of every edge whole, and asks for those over 8 MiB only",
  strict,
  async () => {
    const items = EDGES.map((size) => source(`f${size}`, bytesOf(size)));
    const result = await run(items, async (server) => {
      for (const size of EDGES) {
        const { put, bytes, end } = await server.upload();
        assertEquals(put, {
          type: "put",
          path: `f${size}`,
          size,
          mtime: 1_600_000_000_000,
          executable: false,
          ask: size > 8 * MIB,
          replace: true,
        });
        assertEquals(sha256Of(bytes), sha256Of(bytesOf(size)), `${size} bytes`);
        const { size: length, sha256 } = receiptOf(bytes);
        assertEquals(end, { type: "commit", size: length, sha256 });
        await server.say(receiptOf(bytes));
      }
    }, { askAbove: 8 * MIB });
    assertEquals(summary(result), EDGES.map((size) => `f${size}: receipt`));
    assertEquals(result.asked, [`f${8 * MIB + 1}`]);
    assertEquals(result.sent, EDGES.reduce((sum, size) => sum + size));
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "uploadAll() asks for less where the rate is limited",
  strict,
  async () => {
    const sizes = [160 * KIB, 320 * KIB, 640 * KIB, 640 * KIB + 1, MIB];
    const items = sizes.map((size, i) => source(`f${i}`, bytesOf(size)));
    const { asked } = await run(items, async (server) => {
      for (const _ of sizes) await accept(server);
    }, { blockBytes: 64 * KIB, askAbove: undefined });
    assertEquals(asked, ["f3", "f4"]);
  },
);

Deno.test("uploadAll() of nothing waits for the session", strict, async () => {
  assertEquals(await run([], async () => {}), {
    outcomes: [],
    began: [],
    asked: [],
    sent: 0,
    events: [],
  });
});

Deno.test(
  "uploadAll() sends nothing before the session is accepted",
  strict,
  async () => {
    const result = await run([source("a", bytesOf(9))], async (server) => {
      await server.request("hello");
      await server.request("authenticate");
      await settled();
      await server.say(SERVER_HELLO);
      await server.refuse("unauthenticated");
      await server.left();
    }, { greeting: true });
    assertEquals(result.error?.code, "unauthenticated");
    assertEquals(result.outcomes, []);
  },
);

Deno.test(
  "uploadAll() of hundreds of small files tells one outcome of each, in their order",
  strict,
  async () => {
    const random = new Random(7);
    const expected: string[] = [];
    const refused = new Set<string>();
    const items = Array.from({ length: 400 }, (_, index) => {
      const name = `f${index}`;
      const bytes = random.bytes(random.between(0, 3000));
      const kind = random.below(8);
      if (kind === 0) refused.add(name);
      const options: SourceOptions = kind === 1
        ? { fault: new NetdiskError("not-found", `${name}: gone`) }
        : kind === 2
        ? { size: bytes.length + 1 }
        : kind === 3
        ? { changed: true }
        : {};
      const code = ["quota", "not-found", "changed", "changed"][kind];
      expected.push(`${name}: ${code ?? "receipt"}`);
      return source(name, bytes, options);
    });
    const result = await run(items, async (server) => {
      const opened = expected.filter((line) => /(receipt|quota)$/.test(line));
      for (const _ of opened) {
        const { put, bytes, end } = await server.upload();
        assertEquals(end.type, "commit");
        if (refused.has(put.path)) await server.refuse("quota");
        else await server.say(receiptOf(bytes));
      }
    }, { capacity: 4096 });
    assertEquals(summary(result), expected);
    assertEquals(result.began, items.map(({ remotePath }) => remotePath));
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "uploadAll() tells of a file that cannot be opened when it is its turn",
  strict,
  async () => {
    const fault = new NetdiskError("local-io", "b: not allowed");
    const items = [source("a"), source("b", undefined, { fault }), source("c")];
    const result = await run(items, async (server, { outcomes }) => {
      const { bytes } = await server.upload();
      await settled();
      assertEquals(outcomes, [], "an answer is due before");
      await server.say(receiptOf(bytes));
      await accept(server);
    });
    assertEquals(summary(result), ["a: receipt", "b: local-io", "c: receipt"]);
    assertEquals(result.outcomes[1]?.error, fault);
  },
);

Deno.test(
  "uploadAll() lets 1024 files wait for their receipts, and no more",
  strict,
  async () => {
    const items = Array.from({ length: 1030 }, (_, i) => source(`f${i}`));
    const result = await run(items, async (server, { began }) => {
      for (let i = 0; i < 1024; i++) await server.upload();
      for (let answered = 1; answered <= items.length; answered++) {
        if (answered < 9) {
          await settled(3);
          assertEquals(began.length, Math.min(1023 + answered, items.length));
        }
        if (answered > 1 && 1023 + answered <= items.length) {
          await server.upload();
        }
        await server.say(receiptOf(new Uint8Array(0)));
      }
    });
    assertEquals(result.outcomes.length, 1030);
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "uploadAll() goes on when the answer to the 1024th comes before its write is done",
  strict,
  async () => {
    const answered = Promise.withResolvers<void>();
    const items = Array.from({ length: 1030 }, (_, i) => source(`f${i}`));
    let sent = "";
    const result = await run(items, async (server, { outcomes }) => {
      for (let i = 0; i < 1024; i++) await server.upload();
      for (let i = 0; i < 1024; i++) {
        await server.say(receiptOf(new Uint8Array(0)));
      }
      while (outcomes.length < 1024) await settled(1);
      answered.resolve();
      for (let i = 1024; i < 1030; i++) await accept(server);
    }, {
      wrap: (near) => ({
        read: (target) => near.read(target),
        async write(bytes) {
          const count = await near.write(bytes);
          sent += new TextDecoder().decode(bytes.subarray(0, count));
          const commits = sent.split('"commit"').length - 1;
          if (commits >= 1024) await answered.promise;
          return count;
        },
        close: () => near.close(),
      }),
    });
    assertEquals(result.outcomes.length, 1030);
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "uploadAll() cancels at once when the server refuses a file in the middle",
  strict,
  async () => {
    const items = [source("big", bytesOf(8 * MIB)), source("next", bytesOf(5))];
    const result = await run(items, async (server) => {
      const put = await server.request("put");
      await server.say({ type: "continue", offset: 0 });
      await server.data();
      await server.refuse("quota");
      const { bytes, end } = await server.uploaded(put);
      assertEquals(end.type, "cancel");
      assertLess(bytes.length, 4 * MIB);
      await accept(server);
    });
    assertEquals(summary(result), ["big: quota", "next: receipt"]);
    assertEquals(result.outcomes[0]?.error?.message, "big: refused: quota");
  },
);

Deno.test(
  "uploadAll() sends neither data nor an end when the server says no to the question",
  strict,
  async () => {
    const items = [source("big", bytesOf(MIB)), source("next", bytesOf(5))];
    const result = await run(items, async (server) => {
      assertEquals((await server.request("put")).ask, true);
      await server.refuse("disk-full");
      assertEquals((await server.upload()).put.path, "next");
      await server.say(receiptOf(bytesOf(5)));
    });
    assertEquals(summary(result), ["big: disk-full", "next: receipt"]);
  },
);

Deno.test(
  "uploadAll() sends nothing of a large file before it may",
  strict,
  async () => {
    await run([source("big", bytesOf(MIB))], async (server, run) => {
      const put = await server.request("put");
      await settled();
      assertEquals(run.sent, 0);
      await server.say({ type: "continue", offset: 0 });
      await server.uploaded(put);
      await server.say(receiptOf(bytesOf(MIB)));
    });
  },
);

/** Small sources that turn out to be other than they said, by what they do. */
const FAULTY_SMALL: [string, UploadItem, string][] = [
  ["it shrinks", source("a", bytesOf(9), { size: 10 }), "changed"],
  ["an empty one is not", source("a", bytesOf(9), { size: 0 }), "changed"],
  ["it grows", source("a", bytesOf(9), { changed: true }), "changed"],
  ["it breaks", source("a", bytesOf(9), { failsAt: 1 }), "local-io"],
];

for (const [what, item, code] of FAULTY_SMALL) {
  Deno.test(
    `uploadAll() sends nothing of a small file when ${what}`,
    strict,
    async () => {
      const items = [source("0"), item, source("b")];
      const result = await run(items, async (server) => {
        for (const name of ["0", "b"]) {
          const { put, bytes } = await server.upload();
          assertEquals(put.path, name);
          await server.say(receiptOf(bytes));
        }
      });
      assertEquals(summary(result), [
        "0: receipt",
        `a: ${code}`,
        "b: receipt",
      ]);
    },
  );
}

/** The same with large ones. */
const FAULTY: [string, UploadItem, string][] = [
  [
    "a large one shrinks",
    source("a", bytesOf(MIB), { size: MIB + 1 }),
    "changed",
  ],
  [
    "a large one shrinks to nothing",
    source("a", bytesOf(0), { size: MIB }),
    "changed",
  ],
  [
    "a large one grows",
    source("a", bytesOf(2 * MIB), { size: MIB, changed: true }),
    "changed",
  ],
  [
    "a large one breaks at once",
    source("a", bytesOf(MIB), { failsAt: 0 }),
    "local-io",
  ],
  [
    "a large one breaks in its middle",
    source("a", bytesOf(MIB), { failsAt: 700_000 }),
    "local-io",
  ],
];

for (const [what, item, code] of FAULTY) {
  Deno.test(`uploadAll() cancels when ${what}`, strict, async () => {
    const result = await run([item, source("b")], async (server) => {
      const { put, bytes, end } = await server.upload();
      assertEquals(end.type, "cancel");
      assertLessOrEqual(bytes.length, put.size!);
      await server.say({ type: "cancelled" });
      await accept(server);
    });
    assertEquals(summary(result), [`a: ${code}`, "b: receipt"]);
  });
}

Deno.test(
  "uploadAll() says what to do when a file changes",
  strict,
  async () => {
    const item = source("a", bytesOf(9), { size: 10 });
    const { outcomes } = await run([item], async () => {});
    const { message, hint } = outcomes[0]!.error!;
    assertEquals(
      message,
      "a: it changed while it was read, nothing was replaced",
    );
    assertStringIncludes(hint ?? "", "netdisk put -");
  },
);

Deno.test(
  "uploadAll() takes an error of the server that crosses its own cancel",
  strict,
  async () => {
    const item = source("a", bytesOf(MIB), { failsAt: 0 });
    const result = await run([item, source("b")], async (server) => {
      await server.upload();
      await server.refuse("disk-full");
      await accept(server);
    });
    assertEquals(summary(result), ["a: local-io", "b: receipt"]);
  },
);

Deno.test(
  "uploadAll() sends on what a pipe gives, without waiting for more",
  strict,
  async () => {
    const more = Promise.withResolvers<Uint8Array>();
    const pieces = [bytesOf(3), bytesOf(40 * KIB), more.promise];
    const item = source("log", undefined, { size: null, pieces });
    const result = await run([item], async (server) => {
      const put = await server.request("put");
      assertEquals([put.size, put.ask], [null, true]);
      await server.say({ type: "continue", offset: 0 });
      assertEquals((await server.data()).length, 3);
      assertEquals((await server.data()).length, 40 * KIB);
      more.resolve(bytesOf(1));
      const { end } = await server.uploaded(put);
      assertEquals(end.type === "commit" && end.size, 40 * KIB + 4);
      const all = [...bytesOf(3), ...bytesOf(40 * KIB), ...bytesOf(1)];
      await server.say(receiptOf(Uint8Array.from(all)));
    });
    assertEquals(summary(result), ["log: receipt"]);
  },
);

Deno.test("uploadAll() takes an empty pipe", strict, async () => {
  const item = source("log", undefined, { size: null });
  const result = await run([item], async (server) => {
    assertEquals((await accept(server)).length, 0);
  });
  assertEquals(summary(result), ["log: receipt"]);
});

/** A pipe that gives some bytes and then nothing, not even its end. */
function silentPipe(): UploadItem {
  const pieces = [bytesOf(3), new Promise<Uint8Array>(() => {})];
  return source("log", undefined, { size: null, pieces });
}

Deno.test(
  "uploadAll() cancels at once when the server refuses what a silent pipe gave",
  strict,
  async () => {
    const result = await run([silentPipe()], async (server) => {
      const put = await server.request("put");
      await server.say({ type: "continue", offset: 0 });
      await server.data();
      await server.refuse("quota");
      assertEquals((await server.uploaded(put)).end.type, "cancel");
    });
    assertEquals(summary(result), ["log: quota"]);
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "uploadAll() ends with the connection while a pipe is silent",
  strict,
  async () => {
    const result = await run([silentPipe()], async (server) => {
      await server.request("put");
      await server.say({ type: "continue", offset: 0 });
      await server.data();
      server.close();
    });
    assertEquals(result.error?.code, "connection-lost");
    assertEquals(result.outcomes, []);
  },
);

/** Receipts that do not fit what was sent. */
const RECEIPTS: [string, Parameters<typeof receiptOf>[1]][] = [
  ["another hash", { sha256: "0".repeat(64) }],
  ["fewer bytes", { size: 8 }],
  ["more bytes", { size: 2 ** 53 - 1 }],
];

for (const [what, lie] of RECEIPTS) {
  Deno.test(
    `uploadAll() does not believe a receipt for ${what}`,
    strict,
    async () => {
      const items = [source("a", bytesOf(9)), source("b", bytesOf(9))];
      const result = await run(items, async (server) => {
        const { bytes } = await server.upload();
        await server.say(receiptOf(bytes, lie));
        await accept(server);
      });
      assertEquals(summary(result), ["a: integrity", "b: receipt"]);
      assertEquals(
        result.outcomes[0]?.error?.message,
        "a: the server's receipt does not fit what was sent",
      );
    },
  );
}

Deno.test(
  "uploadAll() does not believe the receipt of the next file",
  strict,
  async () => {
    const items = [source("a", bytesOf(8)), source("b", bytesOf(9))];
    const result = await run(items, async (server) => {
      await server.upload();
      await server.upload();
      await server.say(receiptOf(bytesOf(9)), receiptOf(bytesOf(8)));
    });
    assertEquals(summary(result), ["a: integrity", "b: integrity"]);
  },
);

/** A file that is asked for. */
function asked(): UploadItem {
  return source("a", bytesOf(MIB));
}

/** A file whose reads take longer than the server needs for two sentences. */
function heldBack(): UploadItem {
  return source("a", bytesOf(MIB), { gate: () => settled(50) });
}

/** Takes the request and offers what it has of an earlier one. */
async function offer(server: FakeServer, offset: number) {
  const put = await server.request("put");
  await server.say({ type: "continue", offset });
  return put;
}

/**
 * What a server may not say, by the state of the upload in which it does. Each
 * ends the connection: nobody knows what the rest of its words would mean.
 */
const LIES: [string, UploadItem, (server: FakeServer) => Promise<void>][] = [
  ["'continue' that nobody asked for", source("a"), async (server) => {
    await server.upload();
    await server.say({ type: "continue", offset: 0 });
  }],
  ["'continue' twice", source("a", bytesOf(MIB)), async (server) => {
    await server.request("put");
    await server.say({ type: "continue", offset: 0 }, {
      type: "continue",
      offset: 0,
    });
  }],
  ["a receipt before 'continue'", source("a", bytesOf(MIB)), async (server) => {
    await server.request("put");
    await server.say(receiptOf(bytesOf(MIB)));
  }],
  ["a receipt before the commit", silentPipe(), async (server) => {
    await server.request("put");
    await server.say({ type: "continue", offset: 0 });
    await server.data();
    await server.say(receiptOf(bytesOf(3)));
  }],
  ["'cancelled' for a commit", source("a", bytesOf(9)), async (server) => {
    await server.upload();
    await server.say({ type: "cancelled" });
  }],
  [
    "a receipt for a cancel",
    source("a", bytesOf(MIB), { failsAt: 0 }),
    async (server) => {
      await server.upload();
      await server.say(receiptOf(bytesOf(9)));
    },
  ],
  ["data", source("a"), async (server) => {
    await server.upload();
    await server.sayData(bytesOf(9));
  }],
  ["the answer to another request", source("a"), async (server) => {
    await server.upload();
    await server.say({ type: "pong" });
  }],
  ["an unknown answer", source("a"), async (server) => {
    await server.upload();
    await server.sayJson({ type: "surprise" });
  }],
  ["a receipt without time", source("a"), async (server) => {
    await server.upload();
    const { time: _, ...rest } = receiptOf(bytesOf(0));
    await server.sayJson(rest);
  }],
  ["no frame at all", source("a"), async (server) => {
    await server.upload();
    await server.sayRaw(Uint8Array.of(0, 0, 0, 1, 7));
  }],
  ["'verifying' in answer to a put", asked(), async (server) => {
    await server.request("put");
    await server.say({ type: "verifying", done: 5 });
  }],
  ["'verifying' after the second 'continue'", asked(), async (server) => {
    await offer(server, 9);
    await server.request("prefix");
    await server.say(
      { type: "continue", offset: 9 },
      { type: "verifying", done: 5 },
    );
  }],
  ["'continue' twice before the prefix", heldBack(), async (server) => {
    await offer(server, 9);
    await server.say({ type: "continue", offset: 9 });
  }],
  ["'continue' three times", asked(), async (server) => {
    await offer(server, 9);
    await server.request("prefix");
    await server.say(
      { type: "continue", offset: 9 },
      { type: "continue", offset: 9 },
    );
  }],
  ["a receipt in place of the second 'continue'", asked(), async (server) => {
    await offer(server, 9);
    await server.request("prefix");
    await server.say(receiptOf(bytesOf(MIB)));
  }],
  ["'cancelled' that nobody asked for", asked(), async (server) => {
    await offer(server, 9);
    await server.request("prefix");
    await server.say({ type: "cancelled" });
  }],
  ["that it has more than the file", asked(), async (server) => {
    await offer(server, MIB + 1);
  }],
  ["that it has something of a pipe", silentPipe(), async (server) => {
    await offer(server, 1);
  }],
  ["another offset after the prefix", asked(), async (server) => {
    await offer(server, 9);
    await server.request("prefix");
    await server.say({ type: "continue", offset: 8 });
  }],
  ["a larger offset after the prefix", asked(), async (server) => {
    await offer(server, 9);
    await server.request("prefix");
    await server.say({ type: "continue", offset: 10 });
  }],
  ["data instead of 'continue'", source("a", bytesOf(MIB)), async (server) => {
    await server.request("put");
    await server.sayData(bytesOf(9));
  }],
];

for (const [what, item, script] of LIES) {
  Deno.test(
    `uploadAll() ends the connection when the server says ${what}`,
    strict,
    async () => {
      const result = await run([item, source("b")], script);
      assertEquals(result.error?.code, "protocol");
      assertEquals(result.outcomes, []);
    },
  );
}

Deno.test(
  "uploadAll() names the lie, not its own closing, while it sends",
  strict,
  async () => {
    const items = [source("a"), source("big", bytesOf(8 * MIB))];
    const result = await run(items, async (server) => {
      await server.upload();
      await server.request("put");
      await server.say(receiptOf(bytesOf(0)), { type: "continue", offset: 0 });
      await server.data();
      await server.say({ type: "pong" });
      await server.channel.read().catch(() => {});
    }, { closeLeavesPending: true });
    assertEquals(
      [result.error?.code, result.error?.message],
      ["protocol", "the server answered 'pong' out of order"],
    );
    assertEquals(summary(result), ["a: receipt"]);
  },
);

/** States in which the server may leave. */
const ENDS: [string, UploadItem, (server: FakeServer) => Promise<void>][] = [
  ["before a put was read", source("a"), async () => {}],
  ["before it says 'continue'", source("a", bytesOf(MIB)), async (server) => {
    await server.request("put");
  }],
  ["after 'continue'", source("a", bytesOf(9 * MIB)), async (server) => {
    await server.request("put");
    await server.say({ type: "continue", offset: 0 });
  }],
  ["in the middle of data", source("a", bytesOf(9 * MIB)), async (server) => {
    await server.request("put");
    await server.say({ type: "continue", offset: 0 });
    await server.data();
  }],
  ["before the receipt", source("a", bytesOf(9)), async (server) => {
    await server.upload();
  }],
  ["in the middle of the receipt", source("a"), async (server) => {
    await server.upload();
    await server.sayRaw(Uint8Array.of(0, 0));
  }],
  [
    "before 'cancelled'",
    source("a", bytesOf(MIB), { failsAt: 0 }),
    async (server) => void await server.upload(),
  ],
];

for (const [when, item, script] of ENDS) {
  for (const closeLeavesPending of [false, true]) {
    const kind = closeLeavesPending ? ", on a close() that does not" : "";
    Deno.test(
      `uploadAll() fails when the server leaves ${when}${kind}`,
      strict,
      async () => {
        const result = await run([item, source("b")], async (server) => {
          await script(server);
          server.close();
        }, { closeLeavesPending });
        assertEquals(result.error?.code, "connection-lost");
        assertEquals(result.outcomes, []);
      },
    );
  }
}

for (const code of ["stopping", "timeout", "protocol"] as const) {
  Deno.test(
    `uploadAll() ends with the server's last word: ${code}`,
    strict,
    async () => {
      const items = Array.from(
        { length: 20 },
        (_, i) => source(`f${i}`, bytesOf(20 * KIB)),
      );
      const result = await run(items, async (server) => {
        await accept(server);
        await server.upload();
        await server.refuse(code);
        server.close();
      });
      assertEquals(summary(result), ["f0: receipt"]);
      assertEquals(
        [result.error?.code, result.error?.message],
        [code, `refused: ${code}`],
      );
    },
  );
}

Deno.test(
  "uploadAll() reads the server's last word when it can write no more",
  strict,
  async () => {
    const item = source("a", bytesOf(8 * MIB));
    const result = await run([item], async (server) => {
      await server.request("put");
      await server.say({ type: "continue", offset: 0 });
      await settled();
      await server.refuse("stopping");
    }, {
      wrap: (near) => {
        // The greeting, the put, and a part of the data.
        near.breakWrites(new Deno.errors.BrokenPipe("gone"), 3);
        return near;
      },
    });
    assertEquals(result.error?.code, "stopping");
  },
);

Deno.test(
  "uploadAll() throws what the observer throws, such as a closed stdout",
  strict,
  async () => {
    openSources = 0;
    const items = Array.from({ length: 90 }, (_, i) => source(`f${i}`));
    await assertRejects(
      () =>
        talk(
          async (server) => {
            await accept(server);
            await server.channel.read().catch(() => {});
          },
          (connection) =>
            uploadAll(connection, items, {
              began: () => {},
              asked: () => {},
              comparing: () => {},
              flushing: () => {},
              starts: () => {},
              sent: () => {},
              ended: () => {
                throw new StdoutClosed("closed");
              },
            }),
        ),
      StdoutClosed,
    );
    assertEquals(openSources, 0);
  },
);

/** States in which a server may fall silent. */
const SILENCES: [string, UploadItem, (server: FakeServer) => Promise<void>][] =
  [
    ["before 'continue'", source("a", bytesOf(MIB)), async (server) => {
      await server.request("put");
    }],
    ["in the middle of data", source("a", bytesOf(9 * MIB)), async (server) => {
      await server.request("put");
      await server.say({ type: "continue", offset: 0 });
      await server.data();
    }],
    ["before the receipt", source("a"), async (server) => {
      await server.upload();
    }],
  ];

for (const [when, item, script] of SILENCES) {
  Deno.test(
    `uploadAll() gives up a server that falls silent ${when}`,
    strict,
    async () => {
      using clock = new LeapClock();
      const result = await run([item, source("b")], async (server) => {
        await script(server);
        await settled();
        clock.leap(121_000);
        await settled();
      }, { closeLeavesPending: true });
      assertEquals(result.error?.code, "timeout");
      assertEquals(result.outcomes, []);
    },
  );
}

/** The end of a file that the server has a beginning of. */
const OFFSETS = [1, MIB, MIB + 1, 2 * MIB + 6, 2 * MIB + 7];

for (const offset of OFFSETS) {
  Deno.test(
    `uploadAll() sends what follows ${offset} bytes of 2 MiB + 7`,
    strict,
    async () => {
      const bytes = bytesOf(2 * MIB + 7);
      const items = [source("big", bytes), source("next", bytesOf(5))];
      const result = await run(items, async (server, run) => {
        const put = await offer(server, offset);
        await server.say({ type: "verifying", done: 0 });
        const { sha256 } = await server.request("prefix");
        assertEquals(sha256, sha256Of(bytes.subarray(0, offset)));
        await settled();
        assertEquals(run.sent, 0, "nothing is sent before the answer");
        await server.say(
          { type: "verifying", done: offset },
          { type: "continue", offset },
        );
        const { bytes: rest, end } = await server.uploaded(put);
        assertEquals(sha256Of(rest), sha256Of(bytes.subarray(offset)));
        assertEquals(end, {
          type: "commit",
          size: bytes.length,
          sha256: sha256Of(bytes),
        });
        await server.say(receiptOf(bytes));
        await accept(server);
      });
      assertEquals(summary(result), ["big: receipt", "next: receipt"]);
      assertEquals(result.events, [
        `comparing ${offset} of big`,
        `big at ${offset}`,
      ]);
      assertEquals(result.sent, bytes.length - offset + 5);
    },
  );
}

Deno.test(
  "uploadAll() says when only the server's disk is waited for",
  strict,
  async () => {
    const bytes = bytesOf(MIB);
    const result = await run([source("big", bytes)], async (server) => {
      const put = await server.request("put");
      await server.say({ type: "working" }, { type: "continue", offset: 0 });
      await server.uploaded(put);
      await server.say({ type: "working" }, { type: "working" });
      await server.say(receiptOf(bytes));
    });
    assertEquals(summary(result), ["big: receipt"]);
    assertEquals(result.events, ["big at 0", "flushing", "flushing"]);
  },
);

Deno.test(
  "uploadAll() sends all when the server has something else",
  strict,
  async () => {
    const bytes = bytesOf(MIB);
    const result = await run([source("big", bytes)], async (server) => {
      const put = await offer(server, 700_000);
      await server.request("prefix");
      await server.say({ type: "continue", offset: 0 });
      const { bytes: all, end } = await server.uploaded(put);
      assertEquals(sha256Of(all), sha256Of(bytes));
      assertEquals(end.type === "commit" && end.sha256, sha256Of(bytes));
      await server.say(receiptOf(bytes));
    });
    assertEquals(summary(result), ["big: receipt"]);
    assertEquals(result.events, [
      "comparing 700000 of big",
      "big at 0, differs",
    ]);
  },
);

Deno.test(
  "uploadAll() says that it wants nothing of what the server has",
  strict,
  async () => {
    const bytes = bytesOf(MIB);
    const result = await run([source("big", bytes)], async (server) => {
      const put = await offer(server, 700_000);
      assertEquals((await server.request("prefix")).sha256, null);
      await server.say({ type: "continue", offset: 0 });
      const { bytes: all } = await server.uploaded(put);
      assertEquals(sha256Of(all), sha256Of(bytes));
      await server.say(receiptOf(bytes));
    }, { mayResume: () => false });
    assertEquals(summary(result), ["big: receipt"]);
    assertEquals(result.events, ["big at 0"]);
  },
);

Deno.test(
  "uploadAll() ends the connection when the server insists on what it has",
  strict,
  async () => {
    const result = await run([asked()], async (server) => {
      await offer(server, 9);
      await server.request("prefix");
      await server.say({ type: "continue", offset: 9 });
    }, { mayResume: () => false });
    assertEquals(result.error?.code, "protocol");
  },
);

Deno.test(
  "uploadAll() says that it waits while it reads the beginning",
  strict,
  async () => {
    using _clock = new LeapClock();
    const opened = Promise.withResolvers<void>();
    const bytes = bytesOf(MIB);
    const item = source("big", bytes, { gate: () => opened.promise });
    const result = await run([item], async (server) => {
      const put = await offer(server, MIB);
      await server.request("waiting");
      await server.request("waiting");
      opened.resolve();
      let request = await server.next();
      while (
        request && !(request instanceof Uint8Array) &&
        request.type === "waiting"
      ) request = await server.next();
      assertEquals(request, { type: "prefix", sha256: sha256Of(bytes) });
      await settled();
      await server.say({ type: "continue", offset: MIB });
      assertEquals((await server.uploaded(put)).bytes.length, 0);
      await server.say(receiptOf(bytes));
    });
    assertEquals(summary(result), ["big: receipt"]);
  },
);

Deno.test(
  "uploadAll() does not give up a server that waits for a silent pipe",
  strict,
  async () => {
    using clock = new LeapClock();
    const more = Promise.withResolvers<Uint8Array>();
    const pieces = [bytesOf(3), more.promise];
    const item = source("log", undefined, { size: null, pieces });
    const result = await run([item], async (server) => {
      const put = await server.request("put");
      await server.say({ type: "continue", offset: 0 });
      await server.data();
      for (let i = 0; i < 6; i++) {
        clock.leap(50_000);
        await server.request("waiting");
        await server.request("waiting");
      }
      more.resolve(bytesOf(1));
      let request = await server.next();
      while (!(request instanceof Uint8Array)) request = await server.next();
      assertEquals((await server.uploaded(put)).end.type, "commit");
      await server.say(receiptOf(Uint8Array.of(...bytesOf(3), ...bytesOf(1))));
    });
    assertEquals(summary(result), ["log: receipt"]);
  },
);

Deno.test(
  "uploadAll() gives up a server that compares without a word",
  strict,
  async () => {
    using clock = new LeapClock();
    const result = await run([source("big", bytesOf(MIB))], async (server) => {
      await offer(server, MIB);
      let request = await server.next();
      while (!(request instanceof Uint8Array) && request?.type === "waiting") {
        request = await server.next();
      }
      // All that was said has been seen by then.
      await server.request("waiting");
      await server.request("waiting");
      clock.leap(61_000);
      // That we are there does not say it of the server.
      await server.request("waiting");
      await server.request("waiting");
      clock.leap(61_000);
      while (await server.next());
    });
    assertEquals(result.error?.code, "timeout");
  },
);

/** How a beginning turns out not to be readable, and what that is called. */
const UNREADABLE: [string, Uint8Array, SourceOptions, string][] = [
  ["breaks", bytesOf(2 * MIB), { failsAt: MIB + 1 }, "local-io"],
  ["has shrunk", bytesOf(9), { size: 2 * MIB }, "changed"],
  ["is being written", bytesOf(2 * MIB), { changed: true }, "changed"],
];

for (const [what, bytes, options, code] of UNREADABLE) {
  Deno.test(
    `uploadAll() cancels when a file whose beginning is compared ${what}`,
    strict,
    async () => {
      const items = [source("big", bytes, options), source("b")];
      const result = await run(items, async (server) => {
        await offer(server, 2 * MIB);
        await server.request("cancel");
        // On its way already when the client gave up.
        await server.say({ type: "verifying", done: 1 }, { type: "working" });
        await server.say({ type: "cancelled" });
        await accept(server);
      });
      assertEquals(summary(result), [`big: ${code}`, "b: receipt"]);
      assertEquals(result.error, undefined);
    },
  );
}

Deno.test(
  "uploadAll() cancels when the server gives up while the beginning is read",
  strict,
  async () => {
    const opened = Promise.withResolvers<void>();
    const big = source("big", bytesOf(2 * MIB), { gate: () => opened.promise });
    const result = await run([big, source("b")], async (server) => {
      await offer(server, 2 * MIB);
      await server.refuse("io");
      await settled();
      opened.resolve();
      await server.request("cancel");
      await accept(server);
    });
    assertEquals(summary(result), ["big: io", "b: receipt"]);
  },
);

Deno.test(
  "uploadAll() cancels when the server gives up while it compares",
  strict,
  async () => {
    const result = await run([asked(), source("b")], async (server) => {
      await offer(server, 9);
      await server.request("prefix");
      await server.say({ type: "verifying", done: 1 });
      await server.refuse("io");
      await server.request("cancel");
      await accept(server);
    });
    assertEquals(summary(result), ["a: io", "b: receipt"]);
  },
);

for (const closeLeavesPending of [false, true]) {
  const kind = closeLeavesPending ? ", on a close() that does not" : "";
  Deno.test(
    `uploadAll() fails when the server leaves while the beginning is read${kind}`,
    strict,
    async () => {
      const opened = Promise.withResolvers<void>();
      const big = source("big", bytesOf(2 * MIB), {
        gate: () => opened.promise,
      });
      const result = await run([big, source("b")], async (server) => {
        await offer(server, 2 * MIB);
        server.close();
        await settled();
        opened.resolve();
      }, { closeLeavesPending });
      assertEquals(result.error?.code, "connection-lost");
      assertEquals(result.outcomes, []);
    },
  );

  Deno.test(
    `uploadAll() fails when the server leaves while it compares${kind}`,
    strict,
    async () => {
      const result = await run([asked(), source("b")], async (server) => {
        await offer(server, 9);
        await server.request("prefix");
        server.close();
      }, { closeLeavesPending });
      assertEquals(result.error?.code, "connection-lost");
      assertEquals(result.outcomes, []);
    },
  );
}

Deno.test(
  "uploadAll() makes folders in their turn, and tells which could not be made",
  strict,
  async () => {
    const folder = (name: string) => ({
      label: `./${name}`,
      remotePath: name,
      mtime: 5,
    });
    const items = [source("d/a"), folder("d"), folder("e"), source("f")];
    const result = await run(items, async (server) => {
      const { bytes } = await server.upload();
      assertEquals(await server.request("mkdir"), {
        type: "mkdir",
        path: "d",
        parents: true,
        mtime: 5,
      });
      assertEquals((await server.request("mkdir")).path, "e");
      // All of it is sent ahead.
      await server.upload();
      await server.say(receiptOf(bytes), { type: "working" }, { type: "ok" });
      await server.refuse("not-folder");
      await server.say(receiptOf(bytes));
    });
    assertEquals(summary(result), [
      "d/a: receipt",
      "d: receipt",
      "e: not-folder",
      "f: receipt",
    ]);
    assertEquals(
      result.outcomes[2]?.error?.message,
      "./e: e on the server, or a folder above it, is a file",
    );
    assertEquals(result.events, ["flushing"]);
  },
);

Deno.test("uploadAll() that may not replace says so", strict, async () => {
  const items = [source("small", bytesOf(3)), source("big", bytesOf(MIB))];
  const result = await run(items, async (server) => {
    assertEquals((await server.upload()).put.replace, false);
    await server.refuse("exists");
    assertEquals((await server.request("put")).replace, false);
    await server.refuse("exists");
  }, { replace: false });
  assertEquals(summary(result), ["small: exists", "big: exists"]);
});
