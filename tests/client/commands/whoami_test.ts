import { assertEquals } from "@std/assert";
import { command as whoami } from "../../../client/commands/whoami.ts";
import { type FakeServer, SERVER_HELLO } from "../../helpers/fake_server.ts";
import { play } from "../../helpers/play.ts";

const strict = { sanitizeOps: true, sanitizeResources: true } as const;

Deno.test(
  "netdisk whoami tells account and server when the session holds",
  strict,
  async () => {
    const { stdout, stderr, address, error } = await play(
      whoami,
      [],
      (server) => server.left(),
    );
    assertEquals(
      [stdout, stderr, error],
      [`anna@${address}\n`, "", undefined],
    );
    const json = await play(whoami, ["--json"], (server) => server.left());
    assertEquals(json.objects(), [{
      type: "account",
      version: 1,
      user: "anna",
      server: json.address,
    }]);
  },
);

Deno.test("netdisk whoami tells what is new in the inbox", strict, async () => {
  for (const count of [0, 2]) {
    const script = async (server: FakeServer) => {
      await server.greet({ capabilities: ["parcels"] });
      await server.request("unread");
      await server.say({ type: "unread", count });
    };
    const options = { greeting: true };
    const { stdout, stderr, address } = await play(whoami, [], script, options);
    const notice = "netdisk: 2 new in your inbox: netdisk inbox\n";
    assertEquals(
      [stdout, stderr],
      [`anna@${address}\n`, count === 0 ? "" : notice],
    );
    const json = await play(whoami, ["--json"], script, options);
    assertEquals(json.objects()[0]!.unread, count);
  }
});

Deno.test("netdisk whoami says how to log in again", strict, async () => {
  const { stdout, error, address } = await play(whoami, [], async (server) => {
    await server.request("hello");
    await server.request("authenticate");
    await server.say(SERVER_HELLO);
    await server.refuse("unauthenticated");
  }, { greeting: true });
  assertEquals(
    [stdout, error?.code, error?.message, error?.hint],
    [
      "",
      "unauthenticated",
      `the session of anna on ${address} has ended`,
      `netdisk login anna --server ${address}`,
    ],
  );
});
