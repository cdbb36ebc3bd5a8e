import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import {
  downloadAll,
  type DownloadItem,
  type DownloadOutcome,
} from "../../client/download.ts";
import type { TargetFacts } from "../../client/local_target.ts";
import { StdoutClosed } from "../../client/stream_writer.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import {
  type FakeServer,
  talk,
  type TalkOptions,
} from "../helpers/fake_server.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { settled } from "../helpers/settled.ts";
import { sha256Of } from "../helpers/test_client.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const KIB = 1024;
const MIB = 1024 * KIB;

type Step = "open" | "write" | "finish";

/** A file in memory, and what became of it. */
class MemoryFile {
  readonly item: DownloadItem;
  facts: TargetFacts | undefined;
  state: "untouched" | "open" | "finished" | "aborted" = "untouched";
  /** Set when something is written after the end, or in two writes at a time. */
  misuse: string | undefined;
  #pieces: Uint8Array[] = [];
  #writing = false;
  #fails: Step | undefined;
  #fault: Error;

  constructor(
    name: string,
    { fails, fault }: { fails?: Step; fault?: Error } = {},
  ) {
    this.#fails = fails;
    this.#fault = fault ?? new NetdiskError("disk-full", `${name}: no room`);
    this.item = {
      label: `/${name}`,
      remotePath: name,
      target: {
        label: name,
        afterFailure: "nothing was replaced",
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

  finish(): void {
    if (this.#writing || this.state !== "open") this.misuse = "finish";
    this.#step("finish");
    this.state = "finished";
  }

  abort(): void {
    if (this.#writing || this.state === "finished") this.misuse = "abort";
    this.state = "aborted";
  }

  #step(step: Step): void {
    if (step === this.#fails) throw this.#fault;
  }
}

interface Run {
  outcomes: DownloadOutcome[];
  began: [string, number][];
  received: number;
  error?: NetdiskError;
}

/** Downloads files from a server that follows a script; none stays open. */
async function run(
  files: readonly MemoryFile[],
  script: (server: FakeServer, run: Run) => Promise<void>,
  options: TalkOptions = {},
): Promise<Run> {
  const run: Run = { outcomes: [], began: [], received: 0 };
  try {
    await talk(
      (server) => script(server, run),
      (connection) =>
        downloadAll(connection, files.map(({ item }) => item), {
          began: ({ remotePath }, size) =>
            void run.began.push([remotePath, size]),
          received: (bytes) => void (run.received += bytes),
          ended: (outcome) => void run.outcomes.push(outcome),
        }),
      options,
    );
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    run.error = error;
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
    `downloadAll() takes files of every edge in frames of ${frameBytes} bytes`,
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
      assertEquals(result.began, EDGES.map((size) => [`f${size}`, size]));
      assertEquals(result.received, EDGES.reduce((sum, size) => sum + size));
    },
  );
}

Deno.test("downloadAll() of nothing asks for nothing", strict, async () => {
  const result = await run([], async () => {}, { greeting: true });
  assertEquals(result.outcomes, []);
});

Deno.test("downloadAll() has 32 requests under way", strict, async () => {
  const files = Array.from({ length: 40 }, (_, i) => new MemoryFile(`f${i}`));
  await run(files, async (server) => {
    for (let i = 0; i < 32; i++) await server.request("get");
    const waiting = server.request("get");
    let came = false;
    waiting.then(() => came = true);
    await settled();
    assertEquals(came, false, "the 33rd comes after the first answer");
    await server.sayFile(bytesOf(1));
    await waiting;
    for (let i = 33; i < 40; i++) {
      await server.sayFile(bytesOf(1));
      await server.request("get");
    }
    for (let i = 8; i < 40; i++) await server.sayFile(bytesOf(1));
  });
});

Deno.test(
  "downloadAll() does not wait to send long paths while the server waits to send",
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
  "downloadAll() goes on when the server refuses some, one of them in its middle",
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
    `downloadAll() keeps nothing of ${size} bytes with another hash`,
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
      `downloadAll() drains ${size} bytes for the others when ${fails} fails`,
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
  "downloadAll() does not wait for the rest of the last file when its disk is full",
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
  "downloadAll() tells of the disk when that and then the server fails",
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
    `downloadAll() ends the connection when the server says ${what}`,
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
      `downloadAll() fails when the server leaves ${when}${kind}`,
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
    `downloadAll() gives up a server that falls silent ${when}`,
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
    `downloadAll() ends with the server's last word ${when}`,
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
  "downloadAll() throws what a target throws that is no failure, such as a closed stdout",
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
    `downloadAll() leaves nothing behind when the observer of '${event}' throws`,
    strict,
    async () => {
      const file = new MemoryFile("a");
      const fail = () => {
        throw new StdoutClosed("closed");
      };
      await assertRejects(
        () =>
          talk(
            (server) => server.sayFile(bytesOf(9)),
            (connection) =>
              downloadAll(connection, [file.item], {
                began: () => {},
                received: () => {},
                ended: () => {},
                [event]: fail,
              }),
          ),
        StdoutClosed,
      );
      assertEquals(file.state === "open", false);
    },
  );
}
