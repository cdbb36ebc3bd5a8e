import { assertEquals, assertMatch } from "@std/assert";
import { command as logout } from "../../../client/commands/logout.ts";
import { SERVER_HELLO } from "../../helpers/fake_server.ts";
import { play } from "../../helpers/play.ts";
import { RetryWaits } from "../../helpers/retry_waits.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

Deno.test(
  "netdisk logout forgets the session when the server has",
  strict,
  async () => {
    const { stdout, stderr, users, address, error } = await play(
      logout,
      [],
      async (server) => {
        await server.request("logout");
        await server.say({ type: "ok" });
      },
    );
    assertEquals([stdout, users, error], ["", [], undefined]);
    assertEquals(stderr, `netdisk: logged out anna from ${address}\n`);
  },
);

Deno.test(
  "netdisk logout forgets a session that the server does not know",
  strict,
  async () => {
    const { users, error } = await play(logout, [], async (server) => {
      await server.request("hello");
      await server.request("authenticate");
      await server.say(SERVER_HELLO);
      await server.refuse("unauthenticated");
    }, { greeting: true });
    assertEquals([users, error], [[], undefined]);
  },
);

Deno.test(
  "netdisk logout keeps the session when the server did not end it",
  strict,
  async () => {
    const lost = await play(logout, ["--retries", "0"], async (server) => {
      await server.request("logout");
    });
    assertEquals([lost.users, lost.error?.code], [["anna"], "connection-lost"]);
    const failed = await play(logout, [], async (server) => {
      await server.request("logout");
      await server.refuse("io");
    });
    assertEquals([failed.users, failed.error?.code], [["anna"], "io"]);
  },
);

for (const args of [[], ["--all"]]) {
  Deno.test(
    `netdisk ${
      ["logout", ...args].join(" ")
    } asks again when the answer was lost, and the session is gone`,
    strict,
    async () => {
      using retries = new RetryWaits();
      const { users, error, connections } = await play(
        logout,
        args,
        async (server, connection) => {
          await server.request("hello");
          await server.request("authenticate");
          await server.say(SERVER_HELLO);
          if (connection === 2) await server.refuse("unauthenticated");
        },
        { greeting: true },
      );
      assertEquals([users, error, connections], [[], undefined, 2]);
      assertEquals(retries.waits, [500]);
    },
  );
}

Deno.test(
  "netdisk logout of somebody who is not logged in connects nowhere",
  strict,
  async () => {
    const { error, connections } = await play(logout, [], async () => {}, {
      stranger: true,
    });
    assertEquals([error?.code, connections], ["unauthenticated", 0]);
  },
);

Deno.test("netdisk logout --all ends all sessions", strict, async () => {
  const { stderr, users, address, error } = await play(
    logout,
    ["--all"],
    async (server) => {
      const { all } = await server.request("logout");
      assertEquals(all, true);
      await server.say({ type: "ok" });
    },
  );
  assertEquals([users, error], [[], undefined]);
  assertEquals(
    stderr,
    `netdisk: logged out anna from ${address}, on all machines\n`,
  );
});

Deno.test(
  "netdisk logout --all without a session that holds ends nothing, and says so",
  strict,
  async () => {
    const { error } = await play(logout, ["--all"], async (server) => {
      await server.request("hello");
      await server.request("authenticate");
      await server.say(SERVER_HELLO);
      await server.refuse("unauthenticated");
    }, { greeting: true });
    assertEquals(error?.code, "unauthenticated");
    assertMatch(error!.hint!, /^netdisk login anna --server /);
  },
);
