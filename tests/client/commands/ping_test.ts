import { assertEquals } from "@std/assert";
import { command as ping } from "../../../client/commands/ping.ts";
import { type FakeServer, SERVER_HELLO } from "../../helpers/fake_server.ts";
import { LeapClock } from "../../helpers/leap_clock.ts";
import { play, type Played } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

/** Runs a ping of somebody without session. */
function run(
  argv: readonly string[],
  script: (server: FakeServer, connection: number) => Promise<void>,
): Promise<Played> {
  return play(ping, argv, async (server, connection) => {
    await server.request("hello");
    await server.say(SERVER_HELLO);
    await script(server, connection);
  }, { greeting: true, stranger: true });
}

async function pong(server: FakeServer): Promise<void> {
  await server.request("ping");
  await server.say({ type: "pong" });
}

Deno.test("netdisk ping prints each answer and a summary", strict, async () => {
  const { stdout, error, address } = await run(
    ["-c", "3", "-i", "0"],
    async (server) => {
      for (let n = 0; n < 3; n++) await pong(server);
      await server.left();
    },
  );
  assertEquals(error, undefined);
  const ms = "\\d+\\.\\d{3}";
  const where = address.replaceAll(".", "\\.");
  const lines = [1, 2, 3].map((n) => `answer ${n} from ${where}: ${ms} ms\n`);
  assertEquals(
    new RegExp(
      `^${lines.join("")}3 answers, min/avg/max ${ms}/${ms}/${ms} ms\n$`,
    ).test(stdout),
    true,
    stdout,
  );
});

Deno.test(
  "netdisk ping sums up what came before a failure",
  strict,
  async () => {
    const { stdout, error } = await run(
      ["-c", "3", "-i", "0"],
      async (server) => {
        await pong(server);
        await server.request("ping");
        server.close();
      },
    );
    assertEquals(error?.code, "connection-lost");
    assertEquals(stdout.includes("\n1 answers, min/avg/max "), true);
  },
);

Deno.test(
  "netdisk ping without an answer has nothing to sum up",
  strict,
  async () => {
    const { stdout, error } = await run([], async (server) => {
      await server.request("ping");
      await server.say({ type: "ok" });
    });
    assertEquals([stdout, error?.code], ["", "protocol"]);
  },
);

Deno.test(
  "netdisk ping goes on longer than a connection without a session lasts",
  strict,
  async () => {
    using clock = new LeapClock();
    const { stdout, error, connections } = await run(
      ["-c", "6", "-i", "0"],
      async (server) => {
        await pong(server);
        await server.request("ping");
        clock.leap(11_000);
        await server.say({ type: "pong" });
        await server.left();
      },
    );
    assertEquals([error, connections], [undefined, 3]);
    assertEquals(stdout.includes("6 answers"), true);
  },
);

for (
  const argv of [
    ["-c", "0"],
    ["-c", "1000001"],
    ["-c", "x"],
    ["-c", "1.5"],
    ["-i", "x"],
    ["-i", "3601"],
    ["-i", "1e3"],
  ]
) {
  Deno.test(`netdisk ping ${argv.join(" ")} is refused`, strict, async () => {
    const { error, connections } = await run(argv, async () => {});
    assertEquals([error?.code, connections], ["usage", 0]);
  });
}

/** Pings a server that hangs up before its greeting, in the first connections. */
async function runRefused(argv: string[], refused: number): Promise<Played> {
  return await play(ping, ["-c", "1", ...argv], async (server, connection) => {
    await server.request("hello");
    if (connection <= refused) return;
    await server.say(SERVER_HELLO);
    await pong(server);
    await server.left();
  }, { greeting: true, stranger: true });
}

Deno.test(
  "netdisk ping connects again, but only when it is told to",
  strict,
  async () => {
    using retries = new RetryWaits();
    const once = await runRefused([], 2);
    assertEquals([once.error?.code, once.connections], ["connection-lost", 1]);
    assertEquals(retries.waits, []);
    const { error, connections } = await runRefused(["--retries", "2"], 2);
    assertEquals([error, connections], [undefined, 3]);
    assertEquals(retries.waits, [500, 1000]);
  },
);

Deno.test(
  "netdisk ping waits for a server that it has met",
  strict,
  async () => {
    using clock = new LeapClock();
    using retries = new RetryWaits();
    const { error, connections } = await play(
      ping,
      ["-c", "2", "-i", "0"],
      async (server, connection) => {
        await server.request("hello");
        if (connection === 2) return;
        await server.say(SERVER_HELLO);
        await server.request("ping");
        // The next ping needs a younger connection.
        clock.leap(11_000);
        await server.say({ type: "pong" });
        await server.left();
      },
      { greeting: true, stranger: true },
    );
    assertEquals([error, connections], [undefined, 3]);
    assertEquals(retries.waits, [500]);
  },
);
