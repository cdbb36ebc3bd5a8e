import { assertEquals, assertRejects } from "@std/assert";
import { about, Connection } from "../../client/connection.ts";
import { FrameChannel } from "../../protocol/channel.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import { encodeFrame, FrameKind } from "../../protocol/frame.ts";
import { within } from "../helpers/deadline.ts";
import {
  ADDRESS,
  type FakeServer,
  SERVER_HELLO,
  SESSION,
  talk,
} from "../helpers/fake_server.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { memoryPair } from "../helpers/memory_conn.ts";
import { settled } from "../helpers/settled.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** The error of a client that pings a server, which follows a script. */
async function pinged(
  script: (server: FakeServer) => Promise<void>,
): Promise<NetdiskError> {
  return await assertRejects(
    () =>
      talk(
        async (server) => {
          await server.request("ping");
          await script(server);
        },
        (connection) => connection.call({ type: "ping" }, "pong"),
      ),
    NetdiskError,
  );
}

Deno.test(
  "Connection sends the greeting, the token and the first request in one packet",
  strict,
  async () => {
    const packets: number[] = [];
    await talk(
      async (server) => {
        await server.request("ping");
        await server.say({ type: "pong" });
      },
      (connection) => connection.call({ type: "ping" }, "pong"),
      {
        wrap: (near) => ({
          read: (target) => near.read(target),
          write: (bytes) => {
            packets.push(bytes.length);
            return near.write(bytes);
          },
          close: () => near.close(),
        }),
      },
    );
    assertEquals(packets.length, 1);
  },
);

Deno.test(
  "Connection.ready() tells what the server said of itself",
  strict,
  async () => {
    const hello = await talk(
      () => Promise.resolve(),
      (connection) => connection.ready(),
    );
    assertEquals(hello, SERVER_HELLO);
  },
);

Deno.test(
  "Connection answers requests that were sent ahead in their order",
  strict,
  async () => {
    const answers = await talk(
      async (server) => {
        await server.request("ping");
        await server.request("logout");
        await server.say({ type: "pong" }, { type: "ok" });
      },
      async (connection) => {
        await connection.send({ type: "ping" });
        await connection.send({ type: "logout", all: false });
        return [
          (await connection.receive("pong")).type,
          (await connection.receive("ok")).type,
        ];
      },
    );
    assertEquals(answers, ["pong", "ok"]);
  },
);

Deno.test(
  "Connection names the login when the session has ended",
  strict,
  async () => {
    const error = await assertRejects(
      () =>
        talk(async (server) => {
          await server.request("hello");
          await server.request("authenticate");
          await server.say(SERVER_HELLO);
          await server.refuse("unauthenticated");
        }, (connection) =>
          connection.ready(), { greeting: true }),
      NetdiskError,
    );
    assertEquals(
      [error.code, error.message, error.hint],
      [
        "unauthenticated",
        `the session of anna on ${ADDRESS} has ended`,
        `netdisk login anna --server ${ADDRESS}`,
      ],
    );
  },
);

for (const code of ["throttled", "denied", "busy", "internal"] as const) {
  Deno.test(
    `Connection passes on that the server refused the session: ${code}`,
    strict,
    async () => {
      const error = await assertRejects(
        () =>
          talk(async (server) => {
            await server.request("hello");
            await server.request("authenticate");
            await server.say(SERVER_HELLO);
            await server.refuse(code);
          }, (connection) =>
            connection.ready(), { greeting: true }),
        NetdiskError,
      );
      assertEquals([error.code, error.message], [code, `refused: ${code}`]);
    },
  );
}

Deno.test(
  "Connection refuses a server of another version",
  strict,
  async () => {
    const error = await assertRejects(
      () =>
        talk(
          async (server) => {
            await server.request("hello");
            await server.say({ ...SERVER_HELLO, version: 2 });
          },
          (connection) => connection.ready(),
          { greeting: true },
        ),
      NetdiskError,
      "the server speaks version 2 of the protocol, not 1",
    );
    assertEquals(error.code, "version");
  },
);

Deno.test(
  "Connection passes on that the server refused the client's version",
  strict,
  async () => {
    const error = await assertRejects(
      () =>
        talk(async (server) => {
          await server.request("hello");
          await server.refuse("version");
          server.close();
        }, (connection) =>
          connection.ready(), { greeting: true }),
      NetdiskError,
    );
    assertEquals(error.code, "version");
  },
);

Deno.test(
  "Connection fails again and again once the greeting has failed",
  strict,
  async () => {
    const error = await assertRejects(
      () =>
        talk(async (server) => {
          await server.request("hello");
          await server.refuse("busy");
        }, async (connection) => {
          for (const attempt of [1, 2]) {
            const error = await assertRejects(
              () => connection.receive("pong"),
              NetdiskError,
            );
            assertEquals(error.code, "busy", `attempt ${attempt}`);
          }
          throw new NetdiskError("busy", "twice");
        }, { greeting: true }),
      NetdiskError,
    );
    assertEquals(error.message, "twice");
  },
);

/** What a server may say in place of a `pong`, and the code that it comes to. */
const LIES: [string, string, (server: FakeServer) => Promise<void>][] = [
  ["an error", "denied", (server) => server.refuse("denied")],
  ["that it stops", "stopping", (server) => server.refuse("stopping")],
  ["another answer", "protocol", (server) => server.say({ type: "ok" })],
  ["an unknown answer", "protocol", (s) => s.sayJson({ type: "surprise" })],
  ["a request", "protocol", (server) => server.sayJson({ type: "waiting" })],
  ["a field too many", "protocol", (s) => s.sayJson({ type: "pong", a: 1 })],
  ["no JSON", "protocol", (server) => server.sayJson("{")],
  [
    "an unknown error code",
    "protocol",
    (server) => server.sayJson({ type: "error", code: "usage", message: "no" }),
  ],
  ["data", "protocol", (server) => server.sayData(new Uint8Array(9))],
  [
    "an empty frame",
    "protocol",
    (server) => server.sayRaw(Uint8Array.of(0, 0, 0, 0, 1)),
  ],
  [
    "a frame of an unknown kind",
    "protocol",
    (server) => server.sayRaw(Uint8Array.of(0, 0, 0, 1, 9, 0)),
  ],
  [
    "a frame that is too long",
    "protocol",
    (server) => server.sayRaw(Uint8Array.of(0xff, 0, 0, 0, 2)),
  ],
  [
    "HTTP",
    "protocol",
    (server) =>
      server.sayRaw(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n")),
  ],
  [
    "a TLS alert",
    "protocol",
    (server) => server.sayRaw(Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40)),
  ],
  ["half a frame and the end", "connection-lost", async (server) => {
    const bytes = encodeFrame(FrameKind.control, new Uint8Array(20));
    await server.sayRaw(bytes.subarray(0, 9));
    server.close();
  }],
  ["the end", "connection-lost", (server) => {
    server.close();
    return Promise.resolve();
  }],
];

for (const [what, code, script] of LIES) {
  Deno.test(
    `Connection takes ${what} in place of an answer for '${code}'`,
    strict,
    async () => assertEquals((await pinged(script)).code, code),
  );
}

Deno.test("Connection says who ended it", strict, async () => {
  const error = await pinged((server) => {
    server.close();
    return Promise.resolve();
  });
  assertEquals(error.message, `${ADDRESS}: the server ended the connection`);
});

Deno.test(
  "Connection passes on a server's sentence as it is",
  strict,
  async () => {
    const error = await pinged((server) =>
      server.say({ type: "error", code: "io", message: "no \x1b[31mdisk" })
    );
    assertEquals([error.code, error.message], ["io", "no \x1b[31mdisk"]);
  },
);

for (const closeLeavesPending of [false, true]) {
  const kind = closeLeavesPending ? " whose close() does not" : "";
  Deno.test(
    `Connection gives up a server that is silent on a connection${kind}`,
    strict,
    async () => {
      using clock = new LeapClock();
      const error = await assertRejects(
        () =>
          talk(async (server) => {
            await server.request("ping");
            await settled();
            clock.leap(119_000);
            await settled();
            // That we are there does not say it of the server.
            await server.request("waiting");
            await server.say({ type: "pong" });
            await server.request("ping");
            await settled();
            clock.leap(121_000);
            await server.left();
          }, async (connection) => {
            await connection.call({ type: "ping" }, "pong");
            await connection.call({ type: "ping" }, "pong");
          }, { closeLeavesPending }),
        NetdiskError,
      );
      assertEquals(
        [error.code, error.message],
        ["timeout", `${ADDRESS}: the server has been silent for 120 s`],
      );
    },
  );
}

Deno.test(
  "Connection does not give up a server that is asked for nothing",
  strict,
  async () => {
    using clock = new LeapClock();
    await talk(async (server) => {
      // Asked whether it is there, an idle client has said so already.
      await server.request("waiting");
      await server.request("ping");
      await server.say({ type: "ping" }, { type: "pong" });
    }, async (connection) => {
      await connection.ready();
      await settled();
      clock.leap(200_000);
      await settled();
      await connection.call({ type: "ping" }, "pong");
    });
  },
);

/** A frame that comes byte by byte, with `ms` between two, until the client has left. */
async function drip(
  server: FakeServer,
  message: unknown,
  { clock, ms }: { clock: LeapClock; ms: number },
): Promise<void> {
  const payload = new TextEncoder().encode(JSON.stringify(message));
  const frame = encodeFrame(FrameKind.control, payload);
  for (const byte of frame) {
    clock.leap(ms);
    await settled();
    try {
      await server.sayRaw(Uint8Array.of(byte));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return;
      throw error;
    }
    await settled();
  }
}

Deno.test(
  "Connection gives up a greeting that comes byte by byte",
  strict,
  async () => {
    using clock = new LeapClock();
    const error = await assertRejects(
      () =>
        talk(
          (server) => drip(server, SERVER_HELLO, { clock, ms: 1000 }),
          (connection) => connection.ready(),
          { greeting: true },
        ),
      NetdiskError,
    );
    assertEquals(
      [error.code, error.message],
      ["timeout", `${ADDRESS}: the server has not greeted within 30 s`],
    );
  },
);

Deno.test(
  "Connection gives up an answer that comes byte by byte, and not one of many frames",
  strict,
  async () => {
    using clock = new LeapClock();
    const error = await assertRejects(
      () =>
        talk(async (server) => {
          await server.request("mkdir");
          for (let i = 0; i < 10; i++) {
            clock.leap(100_000);
            await settled();
            await server.say({ type: "working" });
            await settled();
          }
          await drip(server, { type: "ok" }, { clock, ms: 30_000 });
        }, async (connection) => {
          const request = { type: "mkdir", path: "a", parents: true } as const;
          await connection.send({ ...request, mtime: null });
          while ((await connection.receive("ok", "working")).type !== "ok");
        }),
      NetdiskError,
    );
    assertEquals(
      [error.code, error.message],
      ["timeout", `${ADDRESS}: the server has been silent for 120 s`],
    );
  },
);

Deno.test("Connection gives up a server that never reads", strict, async () => {
  using clock = new LeapClock();
  const [near] = memoryPair({ capacity: 10, closeLeavesPending: true });
  using connection = new Connection(new FrameChannel(near), ADDRESS);
  await connection.greet(SESSION);
  const flushed = connection.channel.flush();
  await settled();
  clock.leap(121_000);
  const error = await assertRejects(
    () => within("giving up", flushed),
    NetdiskError,
  );
  assertEquals(error.code, "timeout");
});

Deno.test("about() puts a path in front, and nothing for the own folder", () => {
  const error = new NetdiskError("internal", "the server failed");
  assertEquals(about("a/b", error).message, "a/b: the server failed");
  assertEquals(about("", error).message, "the server failed");
});
