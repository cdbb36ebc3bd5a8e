import { assert, assertEquals } from "@std/assert";
import { MAX_TRANSFERS } from "../../server/report.ts";
import { TransferRate } from "../../server/transfer_rate.ts";
import { ConnectionListener } from "../../server/listener.ts";
import { until, within } from "../helpers/deadline.ts";
import { HELLO, putRequest, TestClient } from "../helpers/test_client.ts";
import { Fixture, PASSWORD } from "./fixture.ts";

const NOTHING = { ok: 0, failed: 0, cancelled: 0, interrupted: 0 };

Deno.test("puts are counted by what became of them", async () => {
  await using server = new Fixture();
  const { puts } = server.counters;
  const client = await server.login();
  await client.sendPut("a", "content");
  await client.answer("receipt");
  assertEquals(puts, { ...NOTHING, ok: 1 });

  await client.sendPut("a", "content", { replace: false });
  assertEquals(await client.error(), "exists");
  assertEquals(puts, { ...NOTHING, ok: 1, failed: 1 });

  // Refused when it is asked for: nothing follows.
  const asked = { replace: false, ask: true };
  await client.send(putRequest("a", 7, asked));
  assertEquals(await client.error(), "exists");
  assertEquals(puts, { ...NOTHING, ok: 1, failed: 2 });

  // Wrong content is found at its end.
  await client.send(putRequest("b", 7));
  await client.sendData("content");
  await client.send({ type: "commit", size: 7, sha256: "0".repeat(64) });
  assertEquals(await client.error(), "integrity");
  assertEquals(puts, { ...NOTHING, ok: 1, failed: 3 });

  await client.send(putRequest("c", 7), { type: "cancel" });
  await client.answer("cancelled");
  assertEquals(puts, { ...NOTHING, ok: 1, failed: 3, cancelled: 1 });

  await client.send(putRequest("d", 7));
  await client.sendData("con");
  client.close();
  await within("the end", client.ended);
  assertEquals(puts, {
    ok: 1,
    failed: 3,
    cancelled: 1,
    interrupted: 1,
  });
});

Deno.test("gets and logins are counted by what became of them", async () => {
  await using server = new Fixture();
  const { gets, logins } = server.counters;
  const client = await server.login();
  await client.sendPut("a", "content");
  await client.answer("receipt");
  await client.get("a");
  await client.send({ type: "get", path: "b", prefix: null });
  assertEquals(await client.error(), "not-found");
  assertEquals(gets, { ok: 1, failed: 1 });

  const stranger = server.connect();
  await stranger.ask(HELLO, "hello");
  await stranger.send({ type: "login", user: "ann", password: "not this one" });
  assertEquals(await stranger.error(), "denied");
  await stranger.ask(
    { type: "login", user: "ann", password: PASSWORD },
    "session",
  );
  await server.login();
  assertEquals(logins, {
    register: { ok: 1, failed: 0 },
    login: { ok: 1, failed: 1 },
    authenticate: { ok: 1, failed: 0 },
  });
});

Deno.test("a rate is what moved between two looks", () => {
  const rate = new TransferRate({ received: 0, sent: 0 }, 1000);
  assertEquals(rate.rate, { received: 0, sent: 0 });
  rate.look({ received: 500, sent: 10 }, 2000);
  assertEquals(rate.rate, { received: 500, sent: 10 });
  rate.look({ received: 1500, sent: 10 }, 2500);
  assertEquals(rate.rate, { received: 2000, sent: 0 });
  // Two looks at the same time tell nothing new.
  rate.look({ received: 1500, sent: 10 }, 2500);
  assertEquals(rate.rate, { received: 2000, sent: 0 });
});

Deno.test("activity() tells of transfers and bytes, which stay when a connection has ended", async () => {
  await using server = new Fixture();
  const socket = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = socket.addr;
  const listener = new ConnectionListener(socket, server, "open");
  const running = listener.run();
  const client = new TestClient(await Deno.connect({ hostname, port }));
  await client.ask(HELLO, "hello");
  assertEquals(listener.activity().strangers, 1);
  await client.ask(
    { type: "register", user: "ann", password: PASSWORD, invite: null },
    "session",
  );
  const resting = listener.activity();
  assertEquals([resting.loggedIn, resting.strangers], [1, 0]);
  assertEquals([resting.putting, resting.transfers], [0, []]);

  await client.send(putRequest("a", 100_000, { ask: true }));
  await client.answer("continue");
  await client.sendData("x".repeat(50_000));
  const busy = await until("a transfer", () => {
    const activity = listener.activity();
    return activity.received > 50_000 && activity;
  });
  assertEquals([busy.putting, busy.getting], [1, 0]);
  const [transfer] = busy.transfers;
  assertEquals([transfer!.user, transfer!.direction], ["ann", "put"]);
  assertEquals(transfer!.bytes, busy.received);

  client.close();
  await until("the end", () => listener.activity().loggedIn === 0);
  const { counters } = server;
  assertEquals(counters.connectionsAccepted, 1);
  assert(counters.received >= busy.received && counters.sent > 0);
  assertEquals(listener.activity().received, 0);
  assert(busy.transfers.length <= MAX_TRANSFERS);
  await within("the stop", listener.stop(0));
  await within("the end", running);
});
