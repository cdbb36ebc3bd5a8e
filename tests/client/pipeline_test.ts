import { assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../client/connection.ts";
import { answers, ask } from "../../client/pipeline.ts";
import { NetdiskError } from "../../protocol/errors.ts";
import type { RequestOf } from "../../protocol/messages.ts";
import { talk } from "../helpers/fake_server.ts";

function* removals(count: number, name = "f"): Generator<RequestOf<"remove">> {
  for (let i = 0; i < count; i++) {
    yield { type: "remove", path: `${name}${i}`, recursive: false };
  }
}

Deno.test("many requests are sent ahead, and drawn as they are sent", async () => {
  let drawn = 0;
  const counted = removals(100).map((request) => {
    drawn++;
    return request;
  });
  const told = await talk(async (server) => {
    for (let i = 0; i < 64; i++) await server.request("remove");
    assertEquals(drawn, 64);
    await server.say({ type: "working" }, { type: "ok" });
    await server.request("remove");
    await server.refuse("not-found");
    for (let i = 65; i < 100; i++) {
      await server.request("remove");
      await server.say({ type: "ok" });
    }
    for (let i = 37; i < 100; i++) await server.say({ type: "ok" });
    await server.left();
  }, async (connection) => {
    const told: string[] = [];
    for await (
      const { request, error } of answers(connection, counted, "ok")
    ) told.push(`${request.path} ${error?.code ?? "ok"}`);
    return told;
  });
  assertEquals(told.length, 100);
  assertEquals(told.slice(0, 3), ["f0 ok", "f1 not-found", "f2 ok"]);
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
