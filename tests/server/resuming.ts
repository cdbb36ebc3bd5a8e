/** Puts that break off and go on: what the tests of them have in common. */

import { assertEquals } from "@std/assert";
import { until, within } from "../helpers/deadline.ts";
import { descriptorsBelow, replace } from "../helpers/faults.ts";
import {
  type Bytes,
  commitOf,
  type PutOptions,
  putRequest,
  sha256Of,
  toBytes,
} from "../helpers/test_client.ts";
import type { Connected, Fixture } from "./fixture.ts";

const MIB = 1024 * 1024;

/** Where the bytes of a file that may be resumed are kept. */
export function partialPath(
  server: Fixture,
  path: string,
  user = "ann",
): string {
  return `${server.root}/.netdisk/uploads/${partialName(path, user)}`;
}

/** The same, as {@link Fixture.uploads} names it. */
export function partialName(path: string, user = "ann"): string {
  return `${user}/r-${sha256Of(path)}`;
}

/** Leaves an unfinished upload behind, as a server that was killed would. */
export function plant(
  server: Fixture,
  path: string,
  content: Bytes,
  mode = 0o644,
): void {
  const partial = partialPath(server, path);
  Deno.mkdirSync(partial.replace(/[^/]*$/, ""), { recursive: true });
  Deno.writeFileSync(partial, toBytes(content), { mode });
}

/** What the server has open below its root, the database left out. */
export function openBelow(server: Fixture): string[] {
  return descriptorsBelow(server.root)
    .filter((path) => !path.startsWith(".netdisk/netdisk.db"));
}

/** Waits until every upload has been let go. */
export async function allClosed(server: Fixture): Promise<void> {
  await until("closed files", () => openBelow(server).length === 0);
}

/** Nothing of an upload is left on the disk or open. */
export async function nothingLeft(server: Fixture): Promise<void> {
  await allClosed(server);
  assertEquals(server.uploads(), []);
}

/** Ends the connection, and waits until the server has let go of everything. */
export async function lose(server: Fixture, client: Connected): Promise<void> {
  client.close();
  await within("the end of the session", client.ended);
  await allClosed(server);
}

/** A put of `content` that asks, on a new connection, of which `bytes` arrive. */
export async function breakOff(
  server: Fixture,
  path: string,
  content: Bytes,
  bytes: number,
  options: PutOptions & { user?: string } = {},
): Promise<void> {
  const { user = "ann", ...put } = options;
  using client = await server.login(user);
  await begin(client, path, content, put);
  await client.sendData(toBytes(content).subarray(0, bytes), MIB);
  // What was sent before it is read before the end.
  await lose(server, client);
}

/** Asks, and returns the offset of the first `continue`. */
export async function begin(
  client: Connected,
  path: string,
  content: Bytes,
  options: PutOptions = {},
): Promise<number> {
  const size = toBytes(content).length;
  const request = putRequest(path, size, { ask: true, ...options });
  return (await client.ask(request, "continue")).offset;
}

/** Names the hash of the first `offset` bytes, and returns the second offset. */
export async function prove(
  client: Connected,
  content: Bytes,
  offset: number,
): Promise<number> {
  const sha256 = sha256Of(toBytes(content).subarray(0, offset));
  return (await client.ask({ type: "prefix", sha256 }, "continue")).offset;
}

/** Sends what is missing, and takes the receipt. */
export async function complete(
  client: Connected,
  content: Bytes,
  offset = 0,
) {
  await client.sendData(toBytes(content).subarray(offset), MIB);
  return await client.ask(commitOf(content), "receipt");
}

/** A whole put that asks; returns the bytes that needed not be sent again. */
export async function put(
  client: Connected,
  path: string,
  content: Bytes,
  options: PutOptions = {},
): Promise<number> {
  const known = await begin(client, path, content, options);
  const offset = known > 0 ? await prove(client, content, known) : 0;
  const receipt = await complete(client, content, offset);
  assertEquals(receipt.size, toBytes(content).length);
  assertEquals(receipt.sha256, sha256Of(content));
  return offset;
}

/** Runs `meanwhile` before each read of an unfinished file. */
export function beforeReads(
  meanwhile: () => Promise<void> | void,
): Disposable {
  return replace(Deno.FsFile.prototype, "read", (original) => {
    return async function (this: Deno.FsFile, target) {
      await meanwhile();
      return await original.call(this, target);
    };
  });
}

/** Permission bits of a user's file. */
export function modeOf(server: Fixture, path: string): number {
  return Deno.lstatSync(server.path(path)).mode! & 0o7777;
}
