import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../client/connection.ts";
import { answers, ask } from "../../client/pipeline.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import type { RequestOf } from "../../protocol/messages.ts";
import { talk } from "../helpers/fake_server.ts";

function* removals(count: number, name = "f"): Generator<RequestOf<"remove">> {
  for (let i = 0; i < count; i++) {
    const path = `${name}${i}`.padEnd(4, "_");
    yield { type: "remove", path, recursive: false };
  }
}

Deno.test("many requests are sent ahead, and drawn as they are sent", async () => {
  let drawn = 0;
  const counted = removals(1000).map((request) => {
    drawn++;
    return request;
  });
  const told = await talk(async (server) => {
    await server.request("remove");
    const ahead = drawn;
    assert(ahead > 300 && ahead < 1024, `${ahead} ahead`);
    for (let i = 1; i < ahead; i++) await server.request("remove");
    assertEquals(drawn, ahead);
    await server.say({ type: "working" }, { type: "ok" });
    await server.request("remove");
    await server.refuse("not-found");
    for (let i = ahead + 1; i < 1000; i++) {
      await server.say({ type: "ok" });
      await server.request("remove");
    }
    for (let i = 1; i < ahead; i++) await server.say({ type: "ok" });
    await server.left();
  }, async (connection) => {
    const told: string[] = [];
    for await (
      const { request, error } of answers(connection, counted, "ok")
    ) told.push(`${request.path} ${error?.code ?? "ok"}`);
    return told;
  });
  assertEquals(told.length, 1000);
  assertEquals(told.slice(0, 3), ["f0__ ok", "f1__ not-found", "f2__ ok"]);
});

Deno.test("what is sent ahead fits the channel's queue", async () => {
  const sent: unknown[] = [];
  // Only what is used of a connection.
  const connection = {
    send: (request: unknown) => Promise.resolve(void sent.push(request)),
    receive: () => Promise.reject(new Error("enough")),
  } as unknown as Connection;
  const requests = removals(50, "x".repeat(4000));
  const first = answers(connection, requests, "ok").next();
  await assertRejects(() => first, Error, "enough");
  assertEquals(sent.length, 5);
});

Deno.test("a failure of the connection ends it", async () => {
  const error = await assertRejects(
    () =>
      talk(async (server) => {
        await server.request("remove");
        await server.refuse("stopping");
      }, async (connection) => {
        for await (const _ of answers(connection, removals(3), "ok"));
      }),
    NetdiskError,
  );
  assertEquals(error.code, "stopping");
});

Deno.test("a single request waits for as long as the server is at work", async () => {
  const path = "big";
  const { sha256 } = await talk(async (server) => {
    await server.request("digest");
    await server.say(
      { type: "verifying", done: 5 },
      { type: "working" },
      { type: "done", sha256: "0".repeat(64) },
    );
  }, (connection) => ask(connection, { type: "digest", path }, "done"));
  assertEquals(sha256, "0".repeat(64));
});
