/** Two clients that put the same file at once: what the tests of that have in common. */

import { assertEquals } from "@std/assert";
import { until } from "../helpers/deadline.ts";
import { Random } from "../helpers/random.ts";
import { putRequest, sha256Of } from "../helpers/test_client.ts";
import type { Connected, Fixture } from "./fixture.ts";
import {
  begin,
  complete,
  nothingLeft,
  partialPath,
  prove,
} from "./resuming.ts";

export const SIZE = 700_000;
export const CONTENT = new Random(4).bytes(SIZE);
export const HALF = 300_000;
export const MTIME = 1_700_000_000_123;

export const ASK = putRequest("file", SIZE, { ask: true, mtime: MTIME });

/** A client of which half of the file has come, and that is silent since. */
export async function halfway(server: Fixture): Promise<Connected> {
  const client = await server.login();
  assertEquals(await begin(client, "file", CONTENT, { mtime: MTIME }), 0);
  await client.sendData(CONTENT.subarray(0, HALF), 100_000);
  await until(
    "the data",
    () => Deno.statSync(partialPath(server, "file")).size === HALF,
  );
  return client;
}

/** The connection was ended because another one took its upload over. */
export async function assertTakenOver(server: Fixture, client: Connected) {
  const { code, message } = await client.answer("error");
  assertEquals(
    [code, message],
    ["timeout", "the upload goes on on another connection"],
  );
  assertEquals(await client.rest(), []);
  assertEquals(server.log.lines("dropped").length, 1);
}

export function assertWhole(server: Fixture, path = "file"): void {
  const stored = Deno.readFileSync(server.path(path));
  assertEquals(sha256Of(stored), sha256Of(CONTENT));
}

export async function goOn(server: Fixture, client: Connected): Promise<void> {
  assertEquals((await client.answer("continue")).offset, HALF);
  assertEquals(await prove(client, CONTENT, HALF), HALF);
  await complete(client, CONTENT, HALF);
  assertWhole(server);
  await nothingLeft(server);
}
