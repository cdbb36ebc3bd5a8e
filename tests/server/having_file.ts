/** A client that puts a file which the server has already: what the tests of that have in common. */

import { assertEquals } from "@std/assert";
import { Random } from "../helpers/random.ts";
import { type PutOptions, sha256Of } from "../helpers/test_client.ts";
import { Fixture } from "./fixture.ts";
import { put } from "./resuming.ts";

export const MIB = 1024 * 1024;
export const SIZE = 3 * MIB + 100;
export const CONTENT = new Random(5).bytes(SIZE);
export const MTIME = 1_700_000_000_123;
export const OPTIONS: PutOptions = { mtime: MTIME };

/** A server that has the file, and a client that may not know that. */
export async function withFile(content = CONTENT, executable = false) {
  const server = new Fixture();
  const client = await server.login();
  await put(client, "a/file", content, { ...OPTIONS, executable });
  return { server, client };
}

export function inodeOf(server: Fixture): number | null {
  return Deno.lstatSync(server.path("a/file")).ino;
}

export function assertHas(server: Fixture, content: Uint8Array): void {
  const stored = Deno.readFileSync(server.path("a/file"));
  assertEquals(sha256Of(stored), sha256Of(content));
}
