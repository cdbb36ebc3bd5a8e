import { assertEquals, assertRejects } from "@std/assert";
import { defineCommand } from "../../client/command.ts";
import { command as whoami } from "../../client/commands/whoami.ts";
import {
  type Retry,
  type RetryTiming,
  withRetries,
  withSession,
} from "../../client/retry.ts";
import { ERROR_CODES, NetdiskError } from "../../protocol/errors.ts";
import { SERVER_HELLO, SESSION } from "../helpers/fake_server.ts";
import { invocationOf } from "../helpers/invocation.ts";
import { play } from "../helpers/play.ts";
import { RetryWaits } from "../helpers/retry_waits.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;
const NO_IO = { permissions: "none" } as const;

/** What a run of attempts came to. */
interface Run {
  attempts: number;
  waits: number[];
  stderr: string;
  error: NetdiskError | undefined;
}

interface RunOptions {
  random?: () => number;
  /** Before each attempt, which then fails. */
  before?: (retry: Retry) => void;
  address?: string;
}

/** Fails in every attempt, with each of the errors in turn, and then succeeds. */
async function run(
  argv: string[],
  errors: NetdiskError[],
  options: RunOptions = {},
): Promise<Run> {
  const { invocation, system } = invocationOf(whoami, argv);
  const run: Run = { attempts: 0, waits: [], stderr: "", error: undefined };
  const timing: RetryTiming = {
    wait: (ms) => Promise.resolve(void run.waits.push(ms)),
    random: options.random ?? (() => 0.5),
  };
  const { address } = options;
  const rest = [...errors];
  const work = (retry: Retry) => {
    assertEquals(retry.attempt, run.attempts++);
    options.before?.(retry);
    const error = rest.shift();
    return error ? Promise.reject(error) : Promise.resolve("done");
  };
  try {
    const result = await withRetries(invocation, work, undefined, {
      timing,
      ...(address ? { address } : {}),
    });
    assertEquals(result, "done");
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    run.error = error;
  }
  run.stderr = system.stderr.text;
  return run;
}

function lost(message = "h:1: the connection was lost"): NetdiskError {
  return new NetdiskError("connection-lost", message);
}

function losses(count: number): NetdiskError[] {
  return Array.from({ length: count }, () => lost());
}

const met = { before: (retry: Retry) => retry.met() };

Deno.test(
  "withRetries() waits longer each time, six times",
  NO_IO,
  async () => {
    const { attempts, waits, error } = await run([], losses(99), met);
    assertEquals(waits, [500, 1000, 2000, 4000, 8000, 16_000]);
    assertEquals([attempts, error?.code], [7, "connection-lost"]);
  },
);

Deno.test("withRetries() waits 30 s at most", NO_IO, async () => {
  const { waits } = await run(["--retries", "9"], losses(99));
  assertEquals(waits.slice(5), [16_000, 30_000, 30_000, 30_000]);
});

Deno.test("withRetries() spreads the waits", NO_IO, async () => {
  const chances = [0, 1, 0.5];
  const random = () => chances.shift()!;
  const { waits } = await run([], losses(3), { ...met, random });
  assertEquals(waits, [375, 1250, 2000]);
});

Deno.test("withRetries() ends with the first success", NO_IO, async () => {
  const { attempts, error } = await run([], losses(2), met);
  assertEquals([attempts, error], [3, undefined]);
});

Deno.test(
  "withRetries() counts from the place that was reached",
  NO_IO,
  async () => {
    const before = (retry: Retry) => {
      retry.met();
      if (retry.attempt === 4) retry.moved();
    };
    const { waits } = await run([], losses(99), { before });
    assertEquals(waits, [
      ...[500, 1000, 2000, 4000],
      ...[500, 1000, 2000, 4000, 8000, 16_000],
    ]);
  },
);

Deno.test(
  "withRetries() does not wait for a server that was never met",
  NO_IO,
  async () => {
    assertEquals((await run([], losses(99))).waits, []);
    assertEquals((await run(["--retries", "2"], losses(99))).waits.length, 2);
    const before = (retry: Retry) => {
      if (retry.attempt > 0) return;
      retry.met();
    };
    assertEquals((await run([], losses(3), { before })).attempts, 4);
  },
);

Deno.test("withRetries() with --retries 0 never waits", NO_IO, async () => {
  const { waits, error } = await run(["--retries", "0"], losses(1), met);
  assertEquals([waits, error?.code], [[], "connection-lost"]);
});

const LOST = ["busy", "stopping", "timeout", "unreachable", "connection-lost"];

for (const code of ERROR_CODES) {
  const isLost = LOST.includes(code);
  Deno.test(
    `withRetries() ${isLost ? "waits after" : "throws"} '${code}'`,
    NO_IO,
    async () => {
      const { waits, error } = await run(
        [],
        [new NetdiskError(code, "x")],
        met,
      );
      assertEquals(
        [waits.length, error?.code],
        isLost ? [1, undefined] : [0, code],
      );
    },
  );
}

Deno.test("withRetries() throws what is no NetdiskError", NO_IO, async () => {
  const { invocation } = invocationOf(whoami, ["--retries", "5"]);
  await assertRejects(
    () => withRetries(invocation, () => Promise.reject(new TypeError("bug"))),
    TypeError,
  );
});

Deno.test(
  "withRetries() throws what must not be done twice, with its hint",
  NO_IO,
  async () => {
    const before = (retry: Retry) => {
      retry.met();
      retry.repeatable = false;
      retry.hint = "do it again";
    };
    const { waits, error } = await run([], [lost()], { before });
    assertEquals(waits, []);
    assertEquals(
      [error?.code, error?.message, error?.hint],
      ["connection-lost", "h:1: the connection was lost", "do it again"],
    );
  },
);

for (const text of ["x", "-1", "1.5", "1e3", "1000000", " 1"]) {
  Deno.test(`--retries '${text}' is refused at once`, NO_IO, async () => {
    const { attempts, error } = await run([`--retries=${text}`], []);
    assertEquals([attempts, error?.code], [0, "usage"]);
    assertEquals(
      error?.message,
      "--retries takes a number from 0 to 999999",
    );
  });
}

/** The notice of a wait, by what it is for and how long it takes. */
const NOTICES: [string, NetdiskError, string][] = [
  [
    "names the server once",
    lost(),
    "netdisk: h:1: the connection was lost, trying again in 0.5 s\n",
  ],
  [
    "names the server of a message that does not",
    new NetdiskError("stopping", "the server stops"),
    "netdisk: h:1: the server stops, trying again in 0.5 s\n",
  ],
];

for (const [what, error, expected] of NOTICES) {
  Deno.test(`withRetries() tells each wait and ${what}`, NO_IO, async () => {
    const options = { ...met, address: "h:1" };
    assertEquals((await run([], [error], options)).stderr, expected);
    assertEquals((await run(["--quiet"], [error], options)).stderr, "");
  });
}

Deno.test(
  "withRetries() tells long waits in whole seconds",
  NO_IO,
  async () => {
    const random = () => 0.6;
    const { stderr } = await run([], losses(4), { ...met, random });
    assertEquals(
      [...stderr.matchAll(/again in (.*) s/g)].map(([, seconds]) => seconds),
      ["0.5", "1", "2", "4"],
    );
  },
);

for (const isShown of [true, false]) {
  Deno.test(
    `withRetries() tells a wait where progress is ${
      isShown ? "" : "not "
    }shown`,
    NO_IO,
    async () => {
      const phases: (string | undefined)[] = [];
      const progress = {
        isShown,
        phase: (text: string | undefined) => void phases.push(text),
      };
      const before = (retry: Retry) => {
        retry.progress = progress;
        retry.met();
      };
      const { stderr } = await run([], losses(1), { before });
      assertEquals(phases, isShown ? ["reconnecting", undefined] : [undefined]);
      assertEquals(stderr !== "", !isShown);
    },
  );
}

Deno.test("withRetries() lets its caller tell of a wait", NO_IO, async () => {
  const { invocation, system } = invocationOf(whoami, []);
  const told: unknown[] = [];
  const error = lost();
  await withRetries(
    invocation,
    (retry) => {
      retry.met();
      return retry.attempt === 0 ? Promise.reject(error) : Promise.resolve();
    },
    (wait) => told.push(wait),
    { timing: { wait: () => Promise.resolve(), random: () => 0.5 } },
  );
  assertEquals(told, [{ error, ms: 500 }]);
  assertEquals(system.stderr.text, "");
});

/** Pings on a connection with a session, and again on the next when that is lost. */
const pings = defineCommand({
  ...whoami,
  async run(invocation) {
    const { output } = invocation;
    const result = await withSession(
      invocation,
      async (connection, retry, { session }) => {
        await connection.call({ type: "ping" }, "pong");
        return `${session.user}, attempt ${retry.attempt}`;
      },
    );
    output.print(result);
  },
});

Deno.test(
  "withSession() connects again when the connection is lost",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { stdout, stderr, address, connections } = await play(
      pings,
      [],
      async (server, connection) => {
        await server.request("ping");
        if (connection === 3) await server.say({ type: "pong" });
      },
    );
    assertEquals([stdout, connections], ["anna, attempt 2\n", 3]);
    assertEquals(retries.waits, [500, 1000]);
    const ended = `netdisk: ${address}: the server ended the connection`;
    assertEquals(
      stderr,
      `${ended}, trying again in 0.5 s\n${ended}, trying again in 1 s\n`,
    );
  },
);

Deno.test(
  "withSession() does not wait for a server that does not greet",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { error, connections } = await play(
      pings,
      [],
      async (server) => void await server.request("hello"),
      { greeting: true },
    );
    assertEquals([error?.code, connections], ["connection-lost", 1]);
    assertEquals(retries.waits, []);
  },
);

Deno.test(
  "withSession() waits for a server that does not greet when it is told to",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { error, connections } = await play(
      pings,
      ["--retries", "2"],
      async (server) => {
        await server.request("hello");
        await server.refuse("busy");
      },
      { greeting: true },
    );
    assertEquals([error?.code, connections], ["busy", 3]);
    assertEquals(retries.waits, [500, 1000]);
  },
);

Deno.test(
  "withSession() does not try again when the session is over",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { error, connections } = await play(
      pings,
      [],
      async (server, connection) => {
        await server.request("hello");
        await server.request("authenticate");
        await server.say(SERVER_HELLO);
        if (connection === 2) await server.refuse("unauthenticated");
      },
      { greeting: true },
    );
    assertEquals([error?.code, connections], ["unauthenticated", 2]);
    assertEquals(retries.waits, [500]);
  },
);

Deno.test(
  "withSession() ends at once when the session ends in the middle, and says how to go on",
  strict,
  async () => {
    using retries = new RetryWaits();
    const { error, connections, address } = await play(
      pings,
      [],
      async (server) => {
        await server.request("ping");
        await server.refuse("unauthenticated");
      },
    );
    assertEquals(
      [error?.code, error?.message, error?.hint],
      [
        "unauthenticated",
        `the session of anna on ${address} has ended`,
        `netdisk login anna --server ${address}`,
      ],
    );
    assertEquals([connections, retries.waits], [1, []]);
  },
);

Deno.test(
  "withSession() stays with its account when another one logs in meanwhile",
  strict,
  async () => {
    using _retries = new RetryWaits();
    const tokens: string[] = [];
    const { error } = await play(
      defineCommand({
        ...pings,
        async run(invocation) {
          const { chooseServer } = await import(
            "../../client/server_choice.ts"
          );
          const { saveSession } = await import("../../client/session_store.ts");
          await withSession(invocation, async (connection, { attempt }) => {
            await connection.ready();
            if (attempt > 0) return;
            const { token, expires } = SESSION;
            saveSession(chooseServer(invocation), "eve", {
              ...{ type: "session", user: "eve", expires },
              token: token.replaceAll("t", "e"),
            });
            throw lost();
          });
        },
      }),
      [],
      async (server) => {
        await server.request("hello");
        tokens.push((await server.request("authenticate")).token);
        const { user, expires } = SESSION;
        const session = {
          type: "session",
          user,
          expires,
          token: null,
        } as const;
        await server.say(SERVER_HELLO, session);
        await server.left();
      },
      { greeting: true },
    );
    assertEquals([error, tokens], [undefined, [SESSION.token, SESSION.token]]);
  },
);
