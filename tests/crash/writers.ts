/**
 * Writers that put one version after another until their connection is lost.
 * Each has names of its own, so that the order of its puts is known.
 */

import { dialAs } from "../helpers/dial.ts";
import type { Client } from "../helpers/netdisk.ts";
import type { Random } from "../helpers/random.ts";
import type { Server } from "../helpers/server.ts";
import type { TestClient } from "../helpers/test_client.ts";
import type { Ledger } from "./ledger.ts";
import { beginPut, finishPut, receipt, untilLost } from "./puts.ts";
import { contentOf, MIN_BYTES, type Version } from "./versions.ts";

/** Few enough that most puts replace a file. */
const NAMES = 6;
/** Small puts that are under way at the same time on one connection. */
const MAX_PIPELINED = 8;
const MAX_SMALL_BYTES = 100_000;
const MAX_LARGE_BYTES = 2_000_000;

/** What a writer works with. */
export interface WriterOptions {
  /** A name that no other writer has. */
  writer: string;
  ledger: Ledger;
  random: Random;
  /** No more than so many puts are sent. @default no end */
  puts?: number;
}

/** Puts over a connection of its own, several at a time or a large one. */
export async function runWriter(
  server: Server,
  client: Client,
  options: WriterOptions,
): Promise<void> {
  const { random, puts = Infinity } = options;
  await untilLost(async () => {
    using peer = await dialAs(server, client);
    for (let sent = 0; sent < puts;) {
      const isLarge = random.once(10);
      const count = isLarge ? 1 : Math.min(
        random.between(1, MAX_PIPELINED),
        puts - sent,
      );
      const limit = isLarge ? MAX_LARGE_BYTES : MAX_SMALL_BYTES;
      const batch = Array.from(
        { length: count },
        () => nextVersion(options, limit),
      );
      if (isLarge) await putAsked(peer, batch[0]!, options.ledger);
      else await putAll(peer, batch, options.ledger);
      sent += count;
    }
  });
}

/**
 * Puts with the real program, one process after another, until one fails. Its
 * last words, empty if it was never told that anything failed.
 */
export async function runProgramWriter(
  client: Client,
  options: WriterOptions,
): Promise<string> {
  for (let sent = 0; sent < (options.puts ?? Infinity); sent++) {
    const isLarge = options.random.once(10);
    const limit = isLarge ? MAX_LARGE_BYTES : MAX_SMALL_BYTES;
    const version = nextVersion(options, limit);
    await Deno.writeFile(client.path("file"), contentOf(version));
    const { code, stderr } = await client.run(
      ["put", "file", "--to", version.name],
    );
    if (code !== 0) return stderr;
    options.ledger.acknowledge(version);
  }
  return "";
}

/** A name of the writer's, sometimes in a folder that is new, and its next version. */
function nextVersion(
  { writer, ledger, random }: WriterOptions,
  maxBytes: number,
): Version {
  const at = random.below(NAMES);
  const path = random.once(4) ? `folder-${at}/deep/file` : `file-${at}`;
  const size = random.between(MIN_BYTES, maxBytes);
  return ledger.send(`${writer}/${path}`, size);
}

async function putAll(
  peer: TestClient,
  versions: readonly Version[],
  ledger: Ledger,
): Promise<void> {
  // Answers must be read while requests are written.
  const sending = (async () => {
    for (const version of versions) {
      await peer.sendPut(version.name, contentOf(version));
    }
  })();
  await Promise.all([
    sending,
    (async () => {
      for (const version of versions) await take(peer, version, ledger);
    })(),
  ]);
}

async function putAsked(
  peer: TestClient,
  version: Version,
  ledger: Ledger,
): Promise<void> {
  await beginPut(peer, version);
  if (await finishPut(peer, version)) ledger.acknowledge(version);
}

async function take(
  peer: TestClient,
  version: Version,
  ledger: Ledger,
): Promise<void> {
  if (await receipt(peer)) ledger.acknowledge(version);
}
