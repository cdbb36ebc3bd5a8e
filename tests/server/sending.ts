/** Parcels, and the people who send and receive them. */

import { filesBelow } from "../helpers/files_below.ts";
import { Random } from "../helpers/random.ts";
import { sha256Of, type TestClient } from "../helpers/test_client.ts";
import type { Connected, Fixture } from "./fixture.ts";

export const DRAFT = sha256Of("a draft");
export const OTHER_DRAFT = sha256Of("another draft");
export const CONTENT = new Random(3).bytes(300_000);

/** Two users; ben is about to send something to ann. */
export async function people(
  server: Fixture,
): Promise<{ ann: Connected; ben: Connected }> {
  return { ann: await server.login("ann"), ben: await server.login("ben") };
}

export function compose(client: TestClient, draft = DRAFT, to = "ann") {
  return client.ask({ type: "compose", to, draft }, "ok");
}

export function deliver(
  client: TestClient,
  files: number,
  { draft = DRAFT, message = "" } = {},
) {
  return client.ask({ type: "deliver", draft, files, message }, "delivered");
}

export async function sendFile(
  client: TestClient,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  await client.sendPut(path, content);
  await client.answer("receipt");
}

/** Sends a parcel of one small file, or of a message alone. */
export async function send(
  client: TestClient,
  name?: string,
  content = "content",
): Promise<void> {
  const draft = sha256Of(crypto.randomUUID());
  await compose(client, draft);
  if (name !== undefined) await sendFile(client, name, content);
  await deliver(client, name === undefined ? 0 : 1, { draft, message: "hi" });
}

export async function inbox(client: TestClient) {
  return (await client.ask({ type: "inbox", before: null }, "parcels")).parcels;
}

export async function refusal(client: TestClient): Promise<string> {
  const { code, message } = await client.answer("error");
  return `${code}: ${message}`;
}

/** Files of drafts and parcels on the disk, without the names of their folders. */
export function stored(server: Fixture, place: "drafts" | "inbox"): string[] {
  return filesBelow(`${server.root}/.netdisk/${place}`)
    .map((path) => path.replace(/\/[0-9a-f-]{36}/, "/ID"));
}

export async function usedOf(client: TestClient): Promise<number> {
  return (await client.ask({ type: "quota" }, "quota")).used;
}
