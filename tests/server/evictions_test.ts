import { assertEquals } from "@std/assert";
import { Evictions } from "../../server/evictions.ts";
import { MAX_EVICTED, type SocketPeer } from "../../server/privileged_calls.ts";
import { until } from "../helpers/deadline.ts";

const peerOf = (port: number) => ({ hostname: "192.0.2.1", port });

Deno.test("many are ended in one go, a moment later", async () => {
  const asked: SocketPeer[][] = [];
  const evictions = new Evictions((peers) => {
    asked.push(peers);
    return Promise.resolve();
  });
  for (let port = 1; port <= 50; port++) evictions.add(peerOf(port));
  assertEquals(asked, []);
  await until("the end", () => asked.length === 1);
  assertEquals(asked[0]!.map(({ port }) => port).at(-1), 50);
  evictions.add(peerOf(51));
  await evictions.settle();
  assertEquals(asked[1], [peerOf(51)]);
  await evictions.settle();
  assertEquals(asked.length, 2);
});

Deno.test("no more of them than may be asked for at a time", async () => {
  const asked: number[] = [];
  const evictions = new Evictions((peers) => {
    asked.push(peers.length);
    return Promise.reject(new Error("the main thread could not"));
  });
  for (let port = 1; port <= MAX_EVICTED + 3; port++) {
    evictions.add(peerOf(port));
  }
  await evictions.settle();
  assertEquals(asked, [MAX_EVICTED, 3]);
});

Deno.test("where nobody can, nothing happens", async () => {
  const evictions = new Evictions(undefined);
  evictions.add(peerOf(1));
  await evictions.settle();
});
