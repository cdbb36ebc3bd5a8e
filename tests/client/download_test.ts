import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { assertEquals, assertRejects } from "@std/assert";
import { Downloads } from "../../client/download.ts";
import { fileTarget } from "../../client/local_target.ts";
import type { DownloadOutcome, FileItem } from "../../client/incoming_file.ts";
import type { TargetFacts } from "../../client/target_writer.ts";
import { StdoutClosed } from "../../client/stream_writer.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  type FakeServer,
  talk,
  type TalkOptions,
} from "../helpers/fake_server.ts";
import { tempFolder } from "../helpers/temp_folder.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { settled } from "../helpers/settled.ts";
import { sha256Of } from "../helpers/test_client.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const KIB = 1024;
const MIB = 1024 * KIB;

type Step = "open" | "read" | "restart" | "write" | "finish";

interface MemoryFileOptions {
  fails?: Step;
  fault?: Error;
  /** What an earlier download has left. */
  beginning?: Uint8Array;
  isKept?: boolean;
}

/** A file in memory, and what became of it. */
class MemoryFile {
  readonly item: FileItem;
  facts: TargetFacts | undefined;
  state: "untouched" | "open" | "finished" | "aborted" | "suspended" =
    "untouched";
  /** Set when something is written after the end, or in two writes at a time. */
  misuse: string | undefined;
  #pieces: Uint8Array[] = [];
  #writing = false;
  #fails: Step | undefined;
  #fault: Error;
  readonly isKept: boolean;

  constructor(name: string, options: MemoryFileOptions = {}) {
    const { fails, fault, beginning, isKept = true } = options;
    this.isKept = isKept;
    this.#fails = fails;
    this.#fault = fault ?? new NetdiskError("disk-full", `${name}: no room`);
    this.item = {
      label: `/${name}`,
      remotePath: name,
      target: {
        label: name,
        afterFailure: "nothing was replaced",
        takeBeginning: () => {
          if (!beginning) return Promise.resolve(undefined);
          this.state = "open";
          this.#pieces.push(beginning);
          return Promise.resolve({ writer: this, read: () => this.#read() });
        },
        open: (facts) => {
          this.#step("open");
          this.facts = facts;
          this.state = "open";
          return this;
        },
      },
    };
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#pieces));
  }

  get sha256(): string {
    return sha256Of(this.bytes);
  }

  /** Small writes at once, large ones later, when the bytes may have changed. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#writing || this.state !== "open") this.misuse = "write";
    if (bytes.length <= 16 * KIB) {
      this.#step("write");
      this.#pieces.push(bytes.slice());
      return undefined;
    }
    this.#writing = true;
    return this.#writeLater(bytes);
  }

  async #writeLater(bytes: Uint8Array): Promise<void> {
    await settled(1);
    this.#writing = false;
    this.#step("write");
    this.#pieces.push(bytes.slice());
  }

  async #read() {
    await settled(1);
    this.#step("read");
    const hash = createHash("sha256").update(this.bytes);
    return { hash, size: this.bytes.length };
  }

  restart(): void {
    if (this.#writing || this.state !== "open") this.misuse = "restart";
    this.#step("restart");
    this.#pieces = [];
  }

  finish(facts: TargetFacts): void {
    if (this.#writing || this.state !== "open") this.misuse = "finish";
    this.facts = facts;
    this.#step("finish");
    this.state = "finished";
  }

  abort(): void {
    if (this.#writing || this.state === "finished") this.misuse = "abort";
    this.state = "aborted";
  }

  suspend(): void {
    if (this.#writing || this.state === "finished") this.misuse = "suspend";
    if (this.state === "open") this.state = "suspended";
  }

  #step(step: Step): void {
    if (step === this.#fails) throw this.#fault;
  }
}

interface Run {
  outcomes: DownloadOutcome[];
  /** Name, size and offset. */
  began: [string, number, number][];
  verified: string[];
  /** Names and reasons. */
  again: string[];
  received: number;
  /** What the connections failed with. */
  errors: NetdiskError[];
  error?: NetdiskError | undefined;
  isKept: boolean;
}

type Script = (server: FakeServer, run: Run) => Promise<void>;

interface RunOptions extends TalkOptions {
  restart?: boolean;
  /** What the server does on further connections, when the one before has failed. */
  then?: Script[];
}

/** Downloads files from a server that follows a script; none stays open. */
async function run(
  files: readonly MemoryFile[],
  script: Script,
  { restart = false, then = [], ...options }: RunOptions = {},
): Promise<Run> {
  const run: Run = {
    outcomes: [],
    began: [],
    verified: [],
    again: [],
    received: 0,
    errors: [],
    isKept: false,
  };
  {
    using downloads = new Downloads(files.map(({ item }) => item), {
      verifying: ({ remotePath }) => void run.verified.push(remotePath),
      startsAgain: ({ remotePath }, reason) =>
        void run.again.push(`${remotePath}: ${reason}`),
      began: ({ remotePath }, size, offset) =>
        void run.began.push([remotePath, size, offset]),
      received: (bytes) => void (run.received += bytes),
      ended: (outcome) => void run.outcomes.push(outcome),
    }, restart);
    await downloads.takeBeginnings();
    for (const part of [script, ...then]) {
      try {
        await talk(
          (server) => part(server, run),
          (connection) => downloads.run(connection),
          options,
        );
        run.error = undefined;
        break;
      } catch (error) {
        if (!(error instanceof NetdiskError)) throw error;
        run.error = error;
        run.errors.push(error);
      }
    }
    run.isKept = downloads.isKept;
  }
  for (const { item, state, misuse } of files) {
    assertEquals(misuse, undefined, `misuse of ${item.remotePath}`);
    assertEquals(state === "open", false, `${item.remotePath} is left open`);
  }
  return run;
}

/** `name: done` or `name: code` of each outcome. */
function summary({ outcomes }: Run): string[] {
  return outcomes.map(({ item, error }) =>
    `${item.remotePath}: ${error?.code ?? "done"}`
  );
}

/** Bytes that differ from block to block, and for each length. */
function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 7 + at / 251) ^ length;
  return bytes;
}

const EDGES = [
  ...[0, 1, 2],
  ...[16 * KIB - 1, 16 * KIB, 16 * KIB + 1],
  ...[64 * KIB - 1, 64 * KIB, 64 * KIB + 1],
  ...[128 * KIB, MIB + 1],
];

for (const frameBytes of [1000, 64 * KIB, 1024 * KIB]) {
  Deno.test(
    `Downloads takes files of every edge in frames of ${frameBytes} bytes`,
    strict,
    async () => {
      const files = EDGES.map((size) => new MemoryFile(`f${size}`));
      const result = await run(files, async (server) => {
        for (const size of EDGES) {
          assertEquals((await server.request("get")).path, `f${size}`);
          const bytes = bytesOf(size);
          await server.say({
            type: "file",
            size,
            mtime: size,
            executable: size === 1,
            offset: 0,
          });
          await server.sayData(bytes, frameBytes);
          await server.say({ type: "done", sha256: sha256Of(bytes) });
        }
      });
      assertEquals(summary(result), EDGES.map((size) => `f${size}: done`));
      for (const [index, size] of EDGES.entries()) {
        const file = files[index]!;
        assertEquals(file.sha256, sha256Of(bytesOf(size)));
        assertEquals(file.state, "finished");
        assertEquals(file.facts?.executable, size === 1);
        assertEquals(result.outcomes[index]?.file, {
          size,
          sha256: file.sha256,
          mtime: size,
        });
      }
      assertEquals(result.began, EDGES.map((size) => [`f${size}`, size, 0]));
      assertEquals(result.received, EDGES.reduce((sum, size) => sum + size));
    },
  );
}

Deno.test("Downloads of nothing asks for nothing", strict, async () => {
  const result = await run([], async () => {}, { greeting: true });
  assertEquals(result.outcomes, []);
});

Deno.test("Downloads has 512 requests under way", strict, async () => {
  const files = Array.from({ length: 600 }, (_, i) => new MemoryFile(`f${i}`));
  await run(files, async (server) => {
    for (let i = 0; i < 512; i++) await server.request("get");
    const waiting = server.request("get");
    let came = false;
    waiting.then(() => came = true);
    for (let i = 0; i < 255; i++) await server.sayFile(bytesOf(1));
    await settled();
    assertEquals(came, false, "more come when half of them are answered");
    await server.sayFile(bytesOf(1));
    await waiting;
    for (let i = 513; i < 600; i++) await server.request("get");
    for (let i = 256; i < 600; i++) await server.sayFile(bytesOf(1));
  });
});

Deno.test(
  "Downloads does not wait to send long paths while the server waits to send",
  strict,
  async () => {
    const folder = Array.from({ length: 16 }, () => '"'.repeat(250)).join("/");
    const files = Array.from(
      { length: 100 },
      (_, i) => new MemoryFile(`${folder}/${i}`),
    );
    const result = await run(files, async (server) => {
      for (const { item } of files) {
        assertEquals((await server.request("get")).path, item.remotePath);
        await server.sayFile(bytesOf(20_000));
      }
    }, { capacity: 1000 });
    assertEquals(result.outcomes.length, files.length);
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "Downloads goes on when the server refuses some, one of them in its middle",
  strict,
  async () => {
    const files = ["a", "b", "c", "d", "e"].map((name) => new MemoryFile(name));
    const result = await run(files, async (server) => {
      await server.sayFile(bytesOf(9));
      await server.refuse("not-found");
      await server.say({
        type: "file",
        size: 100,
        mtime: null,
        executable: false,
        offset: 0,
      });
      await server.sayData(bytesOf(60));
      await server.refuse("io");
      await server.say({
        type: "file",
        size: 9,
        mtime: null,
        executable: false,
        offset: 0,
      });
      await server.sayData(bytesOf(9));
      await server.refuse("changed");
      await server.sayFile(bytesOf(7));
    });
    assertEquals(summary(result), [
      "a: done",
      "b: not-found",
      "c: io",
      "d: changed",
      "e: done",
    ]);
    assertEquals(files.map(({ state }) => state), [
      "finished",
      "untouched",
      "aborted",
      "aborted",
      "finished",
    ]);
    assertEquals(result.outcomes[1]?.error?.message, "/b: refused: not-found");
  },
);

for (const size of [1, 9, 100 * KIB]) {
  Deno.test(
    `Downloads keeps nothing of ${size} bytes with another hash`,
    strict,
    async () => {
      const files = [new MemoryFile("a"), new MemoryFile("b")];
      const result = await run(files, async (server) => {
        await server.say({
          type: "file",
          size,
          mtime: null,
          executable: false,
          offset: 0,
        });
        await server.sayData(bytesOf(size));
        await server.say({ type: "done", sha256: sha256Of("other") });
        await server.sayFile(bytesOf(size));
      });
      assertEquals(summary(result), ["a: integrity", "b: done"]);
      assertEquals(files[0]?.state, "aborted");
      assertEquals(
        result.outcomes[0]?.error?.message,
        "/a: checksum mismatch, nothing was replaced",
      );
    },
  );
}

for (const fails of ["open", "write", "finish"] as const) {
  for (const size of [9, 300 * KIB]) {
    Deno.test(
      `Downloads drains ${size} bytes for the others when ${fails} fails`,
      strict,
      async () => {
        const files = [
          new MemoryFile("a", { fails }),
          new MemoryFile("b"),
          new MemoryFile("c", { fails }),
          new MemoryFile("d"),
        ];
        const result = await run(files, async (server) => {
          for (const _ of files) await server.sayFile(bytesOf(size));
        });
        assertEquals(summary(result), [
          "a: disk-full",
          "b: done",
          "c: disk-full",
          "d: done",
        ]);
        assertEquals(files[3]?.sha256, sha256Of(bytesOf(size)));
        assertEquals(
          files[0]?.state,
          fails === "open" ? "untouched" : "aborted",
        );
      },
    );
  }
}

Deno.test(
  "Downloads does not wait for the rest of the last file when its disk is full",
  strict,
  async () => {
    const files = [new MemoryFile("a"), new MemoryFile("b", { fails: "open" })];
    const result = await run(files, async (server) => {
      await server.sayFile(bytesOf(9));
      await server.say({
        type: "file",
        size: 2 ** 50,
        mtime: null,
        executable: false,
        offset: 0,
      });
    });
    assertEquals(summary(result), ["a: done", "b: disk-full"]);
  },
);

Deno.test(
  "Downloads tells of the disk when that and then the server fails",
  strict,
  async () => {
    const files = [
      new MemoryFile("a", { fails: "write" }),
      new MemoryFile("b"),
    ];
    const result = await run(files, async (server) => {
      await server.say({
        type: "file",
        size: 9,
        mtime: null,
        executable: false,
        offset: 0,
      });
      await server.sayData(bytesOf(8));
      await server.refuse("io");
      await server.sayFile(bytesOf(9));
    });
    assertEquals(summary(result), ["a: disk-full", "b: done"]);
  },
);

const FILE = {
  type: "file",
  size: 9,
  mtime: null,
  executable: false,
  offset: 0,
} as const;

/** What a server may not say, in the state in which it does. */
const LIES: [string, (server: FakeServer) => Promise<void>][] = [
  ["data before 'file'", (server) => server.sayData(bytesOf(9))],
  [
    "'done' before 'file'",
    (server) => server.say({ type: "done", sha256: sha256Of("") }),
  ],
  ["the answer to another request", (server) => server.say({ type: "pong" })],
  ["'file' twice", (server) => server.say(FILE, FILE)],
  ["too much data at once", async (server) => {
    await server.say(FILE);
    await server.sayData(bytesOf(10));
    await server.say({ type: "done", sha256: sha256Of(bytesOf(10)) });
  }],
  ["too much data in pieces", async (server) => {
    await server.say(FILE);
    await server.sayData(bytesOf(10), 3);
    await server.say({ type: "done", sha256: sha256Of(bytesOf(10)) });
  }],
  ["data after an empty file", async (server) => {
    await server.say({ ...FILE, size: 0 });
    await server.sayData(bytesOf(1));
  }],
  ["data after 'done'", async (server) => {
    await server.sayFile(bytesOf(9));
    await server.sayData(bytesOf(1));
  }],
  ["too little data, then 'done'", async (server) => {
    await server.say(FILE);
    await server.sayData(bytesOf(8));
    await server.say({ type: "done", sha256: sha256Of(bytesOf(8)) });
  }],
  ["'done' twice", async (server) => {
    await server.sayFile(bytesOf(9));
    await server.say({ type: "done", sha256: sha256Of(bytesOf(9)) });
  }],
  ["an unknown answer", async (server) => {
    await server.say(FILE);
    await server.sayJson({ type: "surprise" });
  }],
  ["'verifying' when nothing is here", async (server) => {
    // What follows is a whole file.
    await server.say({ type: "verifying", done: 0 });
  }],
  ["'verifying' after 'file'", async (server) => {
    await server.say(FILE, { type: "verifying", done: 0 });
  }],
  ["an offset that nobody asked for", async (server) => {
    await server.say({ ...FILE, offset: 1 });
    await server.sayData(bytesOf(8));
  }],
  [
    "an offset at the end of the file",
    (server) => server.say({ ...FILE, offset: 9 }),
  ],
  ["a size below nothing", (server) => server.sayJson({ ...FILE, size: -1 })],
  [
    "a size beyond all numbers",
    (server) => server.sayJson({ ...FILE, size: 2 ** 60 }),
  ],
  ["a hash in capitals", async (server) => {
    await server.say({ ...FILE, size: 0 });
    await server.sayJson({ type: "done", sha256: "A".repeat(64) });
  }],
];

for (const [what, script] of LIES) {
  Deno.test(
    `Downloads ends the connection when the server says ${what}`,
    strict,
    async () => {
      const files = [new MemoryFile("a"), new MemoryFile("b")];
      const result = await run(files, async (server) => {
        await script(server);
        await server.sayFile(bytesOf(9)).catch(() => {});
      });
      assertEquals(result.error?.code, "protocol");
      const whole = what === "data after 'done'" || what === "'done' twice";
      assertEquals(summary(result), whole ? ["a: done"] : []);
      assertEquals(files[1]?.state, "untouched");
    },
  );
}

/** States in which the server may leave, or fall silent. */
const STATES: [string, (server: FakeServer) => Promise<void>][] = [
  ["before 'file'", async (server) => void await server.request("get")],
  ["after 'file'", (server) => server.say(FILE)],
  ["in the middle of data", async (server) => {
    await server.say({ ...FILE, size: 200 * KIB });
    await server.sayData(bytesOf(100 * KIB), 30 * KIB);
  }],
  ["before 'done'", async (server) => {
    await server.say({ ...FILE, size: 100 * KIB });
    await server.sayData(bytesOf(100 * KIB));
  }],
];

for (const [when, script] of STATES) {
  for (const closeLeavesPending of [false, true]) {
    const kind = closeLeavesPending ? ", on a close() that does not" : "";
    Deno.test(
      `Downloads fails when the server leaves ${when}${kind}`,
      strict,
      async () => {
        const files = [new MemoryFile("a"), new MemoryFile("b")];
        const result = await run(files, async (server) => {
          await script(server);
          server.close();
        }, { closeLeavesPending });
        assertEquals(result.error?.code, "connection-lost");
        assertEquals(result.outcomes, []);
      },
    );
  }

  Deno.test(
    `Downloads gives up a server that falls silent ${when}`,
    strict,
    async () => {
      using clock = new LeapClock();
      const files = [new MemoryFile("a"), new MemoryFile("b")];
      const result = await run(files, async (server) => {
        await script(server);
        await settled();
        clock.leap(121_000);
        await settled();
      }, { closeLeavesPending: true });
      assertEquals(result.error?.code, "timeout");
      assertEquals(result.outcomes, []);
    },
  );

  Deno.test(
    `Downloads ends with the server's last word ${when}`,
    strict,
    async () => {
      const files = [new MemoryFile("a"), new MemoryFile("b")];
      const result = await run(files, async (server) => {
        await script(server);
        await server.refuse("stopping");
        server.close();
      });
      assertEquals(
        [result.error?.code, result.error?.message],
        ["stopping", "refused: stopping"],
      );
      assertEquals(result.outcomes, []);
    },
  );
}

Deno.test(
  "Downloads throws what a target throws that is no failure, such as a closed stdout",
  strict,
  async () => {
    const fault = new StdoutClosed("closed");
    const file = new MemoryFile("a", { fails: "write", fault });
    await assertRejects(
      () => run([file], (server) => server.sayFile(bytesOf(9))),
      StdoutClosed,
    );
    assertEquals(file.state, "aborted");
  },
);

for (const event of ["began", "received", "ended"] as const) {
  Deno.test(
    `Downloads leaves nothing behind when the observer of '${event}' throws`,
    strict,
    async () => {
      const file = new MemoryFile("a");
      const fail = () => {
        throw new StdoutClosed("closed");
      };
      await assertRejects(async () => {
        using downloads = new Downloads([file.item], {
          verifying: () => {},
          startsAgain: () => {},
          began: () => {},
          received: () => {},
          ended: () => {},
          [event]: fail,
        });
        await talk(
          (server) => server.sayFile(bytesOf(9)),
          (connection) => downloads.run(connection),
        );
      }, StdoutClosed);
      assertEquals(file.state === "open", false);
    },
  );
}

/** Where an earlier download of a file of this size may have ended. */
const LARGE = 3 * MIB + 17;
const POSITIONS = [1, KIB, MIB, LARGE - 1, LARGE];

for (const position of POSITIONS) {
  Deno.test(
    `Downloads goes on behind ${position} of ${LARGE} bytes`,
    strict,
    async () => {
      const bytes = bytesOf(LARGE);
      const beginning = bytes.slice(0, position);
      const files = [new MemoryFile("a", { beginning }), new MemoryFile("b")];
      const result = await run(files, async (server) => {
        const { prefix } = await server.request("get");
        assertEquals(prefix, { size: position, sha256: sha256Of(beginning) });
        assertEquals((await server.request("get")).prefix, null);
        const verifying = { type: "verifying", done: 0 } as const;
        await server.say(verifying, { ...verifying, done: 2 ** 40 });
        await server.sayFile(bytes, { offset: position, mtime: 5 });
        await server.sayFile(bytesOf(9));
      });
      assertEquals(summary(result), ["a: done", "b: done"]);
      assertEquals(result.outcomes[0]?.file, {
        size: LARGE,
        sha256: sha256Of(bytes),
        mtime: 5,
      });
      assertEquals(files[0]?.sha256, sha256Of(bytes));
      assertEquals([files[0]?.state, files[0]?.facts?.mtime], ["finished", 5]);
      assertEquals(result.began, [["a", LARGE, position], ["b", 9, 0]]);
      assertEquals(result.received, LARGE - position + 9);
      assertEquals(result.verified, ["a", "a", "a"]);
      assertEquals(result.again, []);
    },
  );

  Deno.test(
    `Downloads starts again when the server has other ${position} bytes`,
    strict,
    async () => {
      const bytes = bytesOf(1000);
      const beginning = new Uint8Array(position).fill(1);
      const file = new MemoryFile("a", { beginning });
      const result = await run([file], async (server) => {
        await server.request("get");
        await server.say({ type: "verifying", done: 1 });
        await server.sayFile(bytes);
      });
      assertEquals(summary(result), ["a: done"]);
      assertEquals(file.bytes, bytes);
      assertEquals(result.began, [["a", 1000, 0]]);
      assertEquals(result.again, [
        "a: it has changed since it was interrupted, or what was kept is damaged",
      ]);
    },
  );

  Deno.test(
    `Downloads that restart have no use for ${position} bytes`,
    strict,
    async () => {
      const bytes = bytesOf(1000);
      const beginning = bytesOf(LARGE).slice(0, position);
      const file = new MemoryFile("a", { beginning });
      const result = await run([file], async (server) => {
        assertEquals((await server.request("get")).prefix, null);
        await server.sayFile(bytes);
      }, { restart: true });
      assertEquals(summary(result), ["a: done"]);
      assertEquals(file.bytes, bytes);
      assertEquals([result.again, result.verified], [[], []]);
    },
  );
}

for (const [size, offset] of [[9, 4], [9, 6], [9, 9], [4, 5]] as const) {
  Deno.test(
    `Downloads does not go on at ${offset} of ${size} bytes when there are 5`,
    strict,
    async () => {
      const beginning = bytesOf(5);
      const file = new MemoryFile("a", { beginning });
      const result = await run([file], async (server) => {
        await server.request("get");
        await server.say({ ...FILE, size, offset });
        await server.sayData(bytesOf(size).subarray(offset)).catch(() => {});
      });
      assertEquals([result.error?.code, summary(result)], ["protocol", []]);
      assertEquals([file.state, result.isKept], ["aborted", false]);
    },
  );
}

Deno.test(
  "Downloads leaves a beginning alone when the server refuses the name",
  strict,
  async () => {
    const beginning = bytesOf(5);
    const file = new MemoryFile("a", { beginning });
    const result = await run([file], async (server) => {
      await server.request("get");
      await server.refuse("not-found");
    });
    assertEquals(summary(result), ["a: not-found"]);
    assertEquals(file.state, "suspended");
    assertEquals(file.bytes, beginning);
  },
);

Deno.test(
  "Downloads keeps nothing of a file whose beginning or rest is damaged",
  strict,
  async () => {
    const beginning = bytesOf(5);
    const files = [new MemoryFile("a", { beginning }), new MemoryFile("b")];
    const result = await run(files, async (server) => {
      await server.say({ ...FILE, offset: 5 });
      await server.sayData(bytesOf(4));
      await server.say({ type: "done", sha256: sha256Of(bytesOf(9)) });
      await server.sayFile(bytesOf(9));
    });
    assertEquals(summary(result), ["a: integrity", "b: done"]);
    assertEquals(files[0]?.state, "aborted");
  },
);

Deno.test(
  "Downloads starts again without a beginning that cannot be read",
  strict,
  async () => {
    const options = { beginning: bytesOf(5), fails: "read" } as const;
    const file = new MemoryFile("a", options);
    const result = await run([file], async (server) => {
      assertEquals((await server.request("get")).prefix, null);
      assertEquals(file.state, "aborted");
      await server.sayFile(bytesOf(9));
    });
    assertEquals(summary(result), ["a: done"]);
    assertEquals(result.again, ["a: what is here of it cannot be read"]);
  },
);

Deno.test("Downloads takes 16 beginnings and no more", strict, async () => {
  const beginning = bytesOf(9).slice(0, 5);
  const files = Array.from(
    { length: 20 },
    (_, i) => new MemoryFile(`f${i}`, { beginning }),
  );
  await run(files, async (server) => {
    for (const [i] of files.entries()) {
      const { prefix } = await server.request("get");
      assertEquals(prefix?.size, i < 16 ? 5 : undefined);
      assertEquals(files[i]!.state, i < 16 ? "open" : "untouched");
    }
    for (const [i] of files.entries()) {
      await server.sayFile(bytesOf(9), { offset: i < 16 ? 5 : 0 });
    }
  });
});

/** How much has come of a file of 300 KiB when the connection ends. */
const LOST: [string, number][] = [
  ["before the first byte", 0],
  ["after 1 byte", 1],
  ["in the middle", 200 * KIB],
  ["before the last byte", 300 * KIB - 1],
  ["before 'done'", 300 * KIB],
];

for (const [when, here] of LOST) {
  for (const isKept of [true, false]) {
    const kind = isKept ? "" : ", into what is not kept for later";
    Deno.test(
      `Downloads that were lost ${when} go on over another connection${kind}`,
      strict,
      async () => {
        const bytes = bytesOf(300 * KIB);
        const files = ["a", "b", "c"].map((name) =>
          new MemoryFile(name, { isKept })
        );
        const result = await run(files, async (server) => {
          await server.sayFile(bytesOf(9));
          await server.say({ ...FILE, size: bytes.length });
          await server.sayData(bytes.subarray(0, here), 70 * KIB);
          server.close();
        }, {
          then: [async (server) => {
            const { path, prefix } = await server.request("get");
            const sha256 = sha256Of(bytes.subarray(0, here));
            const known = here === 0 ? null : { size: here, sha256 };
            assertEquals([path, prefix], ["b", known]);
            await server.sayFile(bytes, { offset: here });
            assertEquals((await server.request("get")).path, "c");
            await server.sayFile(bytesOf(7));
          }],
        });
        assertEquals(result.errors.map(({ code }) => code), [
          "connection-lost",
        ]);
        assertEquals(summary(result), ["a: done", "b: done", "c: done"]);
        assertEquals(files[1]?.bytes, bytes);
        assertEquals(result.received, 16 + bytes.length);
        assertEquals(result.again, []);
      },
    );
  }

  Deno.test(`Downloads lost ${when} keep what there is`, strict, async () => {
    const bytes = bytesOf(300 * KIB);
    for (const isKept of [true, false]) {
      const file = new MemoryFile("a", { isKept });
      const result = await run([file], async (server) => {
        await server.say({ ...FILE, size: bytes.length });
        await server.sayData(bytes.subarray(0, here), 70 * KIB);
        server.close();
      });
      assertEquals(result.error?.code, "connection-lost");
      assertEquals(result.isKept, isKept && here > 0);
      assertEquals(file.state, "suspended");
      assertEquals(file.bytes, bytes.slice(0, here));
    }
  });
}

Deno.test("Downloads may be lost again and again", strict, async () => {
  const bytes = bytesOf(100 * KIB);
  const file = new MemoryFile("a");
  const part = (from: number, to: number) => async (server: FakeServer) => {
    const { prefix } = await server.request("get");
    assertEquals(prefix?.size ?? 0, from);
    await server.say({ ...FILE, size: bytes.length, offset: from });
    await server.sayData(bytes.subarray(from, to), 30 * KIB);
    if (to === bytes.length) {
      await server.say({ type: "done", sha256: sha256Of(bytes) });
    } else server.close();
  };
  const result = await run([file], part(0, 40 * KIB), {
    then: [
      part(40 * KIB, 40 * KIB),
      async (server) => {
        await server.say({ type: "verifying", done: 1 });
        server.close();
      },
      part(40 * KIB, 90 * KIB),
      part(90 * KIB, 100 * KIB),
    ],
  });
  assertEquals([result.errors.length, summary(result)], [4, ["a: done"]]);
  assertEquals(file.bytes, bytes);
});

Deno.test(
  "Downloads starts again when the file has changed between two connections",
  strict,
  async () => {
    const file = new MemoryFile("a");
    const result = await run([file], async (server) => {
      await server.say(FILE);
      await server.sayData(bytesOf(5));
      server.close();
    }, { then: [(server) => server.sayFile(bytesOf(7))] });
    assertEquals(summary(result), ["a: done"]);
    assertEquals(file.bytes, bytesOf(7));
    assertEquals(result.again, [
      "a: it has changed since it was interrupted, or what was kept is damaged",
    ]);
  },
);

Deno.test(
  "Downloads fails when the file has changed and nothing can be taken back",
  strict,
  async () => {
    const fault = new NetdiskError("changed", "a: changed");
    const files = [new MemoryFile("a", { fails: "restart", fault })];
    const result = await run(files, async (server) => {
      await server.say(FILE);
      await server.sayData(bytesOf(5));
      server.close();
    }, { then: [(server) => server.say({ ...FILE, size: 7 })] });
    assertEquals(summary(result), ["a: changed"]);
    assertEquals(result.error, undefined);
  },
);

Deno.test(
  "Downloads does not ask again for a file that its disk refuses",
  strict,
  async () => {
    const files = [
      new MemoryFile("a", { fails: "write" }),
      new MemoryFile("b"),
    ];
    const result = await run(files, async (server) => {
      await server.say({ ...FILE, size: 100 * KIB });
      await server.sayData(bytesOf(50 * KIB));
      server.close();
    }, {
      then: [async (server) => {
        assertEquals((await server.request("get")).path, "b");
        await server.sayFile(bytesOf(9));
      }],
    });
    assertEquals(summary(result), ["a: disk-full", "b: done"]);
    assertEquals(result.errors.length, 1);
  },
);

Deno.test(
  "Downloads needs no other connection when the last file has failed already",
  strict,
  async () => {
    const file = new MemoryFile("a", { fails: "write" });
    const result = await run([file], async (server) => {
      await server.say({ ...FILE, size: 100 * KIB });
      // One frame, whose write fails when nobody waits for it yet.
      await server.sayData(bytesOf(50 * KIB));
      server.close();
    });
    assertEquals(summary(result), ["a: disk-full"]);
    assertEquals([file.state, result.errors], ["aborted", []]);
  },
);

/** What came of files of 9 bytes that are really written. */
async function runFiles(
  names: readonly string[],
  script: (server: FakeServer, path: string) => Promise<void>,
) {
  using folder = tempFolder();
  const outcomes: string[] = [];
  const items = names.map((name) => ({
    label: name,
    remotePath: name,
    target: fileTarget(join(folder.path, name)),
  }));
  using downloads = new Downloads(items, {
    verifying: () => {},
    startsAgain: () => {},
    began: () => {},
    received: () => {},
    ended: ({ item, error }) =>
      void outcomes.push(`${item.remotePath}: ${error?.code ?? "done"}`),
  });
  let error: unknown;
  try {
    await talk(
      (server) => script(server, folder.path),
      (connection) => downloads.run(connection),
    );
  } catch (thrown) {
    error = thrown;
  }
  const now = [...Deno.readDirSync(folder.path)].map(({ name }) =>
    [name, Deno.readTextFileSync(join(folder.path, name))] as const
  ).sort();
  return { outcomes, now, error };
}

const NINE = new TextEncoder().encode("nine byte");

Deno.test(
  "Downloads writes nothing of a small file before its hash is right",
  strict,
  async () => {
    const { outcomes, now } = await runFiles(
      ["a", "b"],
      async (server, path) => {
        await server.say(FILE);
        await server.sayData(NINE);
        await settled();
        assertEquals([...Deno.readDirSync(path)], []);
        await server.say({ type: "done", sha256: sha256Of("other") });
        await server.sayFile(NINE);
      },
    );
    assertEquals(outcomes, ["a: integrity", "b: done"]);
    assertEquals(now, [["b", "nine byte"]]);
  },
);

Deno.test(
  "Downloads takes small files however their bytes arrive",
  strict,
  async () => {
    const { outcomes, now } = await runFiles(
      ["a", "b", "c", "d", "e", "f"],
      async (server) => {
        await server.sayFile(NINE);
        // In two frames.
        await server.say(FILE);
        await server.sayData(NINE, 5);
        await server.say({ type: "done", sha256: sha256Of(NINE) });
        // The end comes later, when the bytes may have changed.
        await server.say(FILE);
        await server.sayData(NINE);
        await settled();
        await server.say({ type: "done", sha256: sha256Of(NINE) });
        // It fails in its middle, and at its end.
        await server.say(FILE);
        await server.refuse("io");
        await server.say(FILE);
        await server.sayData(NINE);
        await server.refuse("changed");
        await server.sayFile(new Uint8Array(0));
      },
    );
    assertEquals(outcomes, [
      "a: done",
      "b: done",
      "c: done",
      "d: io",
      "e: changed",
      "f: done",
    ]);
    assertEquals(now, [
      ["a", "nine byte"],
      ["b", "nine byte"],
      ["c", "nine byte"],
      ["f", ""],
    ]);
  },
);

for (const [what, bytes] of [["more", 10], ["less", 8]] as const) {
  Deno.test(
    `Downloads ends the connection when a small file has ${what} bytes`,
    strict,
    async () => {
      const { outcomes, now, error } = await runFiles(["a"], async (server) => {
        await server.say(FILE);
        await server.sayData(bytesOf(bytes));
        await server.say({ type: "done", sha256: sha256Of(bytesOf(bytes)) })
          .catch(() => {});
      });
      assertEquals([outcomes, now], [[], []]);
      assertEquals(error instanceof NetdiskError && error.code, "protocol");
    },
  );
}

Deno.test(
  "Downloads finishes a folder when all before it is done, and tells its failure",
  strict,
  async () => {
    const outcomes: string[] = [];
    const finished: string[] = [];
    const folder = (name: string, error?: NetdiskError) => ({
      label: name,
      remotePath: name,
      finish: () => {
        finished.push(`${name} after ${outcomes.length}`);
        return error ? { error } : {};
      },
    });
    const files = ["a", "b"].map((name) => new MemoryFile(name));
    const fault = new NetdiskError("local-io", "y: no");
    using downloads = new Downloads([
      folder("x"),
      files[0]!.item,
      folder("y", fault),
      files[1]!.item,
      folder("z"),
    ], {
      verifying: () => {},
      startsAgain: () => {},
      began: () => {},
      received: () => {},
      ended: ({ item, error }) =>
        void outcomes.push(`${item.remotePath}: ${error?.code ?? "done"}`),
    });
    await talk(async (server) => {
      for (const _ of files) await server.request("get");
      assertEquals(finished, ["x after 0"]);
      for (const _ of files) await server.sayFile(bytesOf(3));
    }, (connection) => downloads.run(connection));
    assertEquals(finished, ["x after 0", "y after 2", "z after 4"]);
    assertEquals(outcomes, [
      "x: done",
      "a: done",
      "y: local-io",
      "b: done",
      "z: done",
    ]);
  },
);
