/**
 * Writers that put one version after another until their connection is lost.
 * Each has names of its own, so that the order of its puts is known.
 */

import type { Client } from "../helpers/netdisk.ts";
import type { Random } from "../helpers/random.ts";
import type { TestClient } from "../helpers/test_client.ts";
import { type CrashDisk, PUT_ONCE } from "./crash_disk.ts";
import type { Ledger } from "./ledger.ts";
import { beginPut, finishPut, receipt, untilLost } from "./puts.ts";
import { contentOf, MIN_BYTES, type Version } from "./versions.ts";

/** Few enough that most puts replace a file. */
const NAMES = 6;
/** Small puts that are under way at the same time on one connection. */
const MAX_PIPELINED = 8;
const MAX_SMALL_BYTES = 100_000;
const MAX_LARGE_BYTES = 2_000_000;

/** One writer, through all its connections. */
export interface Writer {
  /** Which no other writer has. */
  name: string;
  ledger: Ledger;
  random: Random;
  /** A large put whose connection was lost; it may be resumed. */
  interrupted?: Version | undefined;
  /** Puts that went on behind what the server had. */
  resumed: number;
}

/** Puts over a connection of its own, several at a time or a large one. */
export async function runWriter(
  disk: CrashDisk,
  writer: Writer,
  puts = Infinity,
): Promise<void> {
  const { random, ledger } = writer;
  await untilLost(async () => {
    using peer = await disk.dial();
    const { interrupted } = writer;
    writer.interrupted = undefined;
    if (interrupted && ledger.isLatest(interrupted) && !random.once(4)) {
      await putAsked(peer, interrupted, writer);
    }
    for (let sent = 0; sent < puts;) {
      const isLarge = random.once(6);
      const most = Math.min(MAX_PIPELINED, puts - sent);
      const count = isLarge ? 1 : random.between(1, most);
      const limit = isLarge ? MAX_LARGE_BYTES : MAX_SMALL_BYTES;
      const batch = Array.from(
        { length: count },
        () => nextVersion(writer, limit),
      );
      if (isLarge) await putAsked(peer, batch[0]!, writer);
      else await putAll(peer, batch, ledger);
      sent += count;
    }
  });
}

/**
 * Puts with the real program, one process after another, until one fails.
 *
 * @returns its last words
 */
export async function runProgramWriter(
  client: Client,
  writer: Writer,
): Promise<string> {
  for (;;) {
    const isLarge = writer.random.once(10);
    const limit = isLarge ? MAX_LARGE_BYTES : MAX_SMALL_BYTES;
    const version = nextVersion(writer, limit);
    await Deno.writeFile(client.path("file"), contentOf(version));
    const args = [...PUT_ONCE, "file", "--to", version.name];
    const { code, stderr } = await client.run(args);
    if (code !== 0) return stderr;
    writer.ledger.acknowledge(version);
  }
}

/** A name of the writer's, sometimes in a folder that is new, and its next version. */
function nextVersion(
  { name, ledger, random }: Writer,
  maxBytes: number,
): Version {
  const at = random.below(NAMES);
  const path = random.once(4) ? `folder-${at}/deep/file` : `file-${at}`;
  const size = random.between(MIN_BYTES, maxBytes);
  return ledger.send(`${name}/${path}`, size);
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
  writer: Writer,
): Promise<void> {
  writer.interrupted = version;
  const offset = await beginPut(peer, version);
  if (offset > 0) writer.resumed++;
  if (!await finishPut(peer, version, offset)) return;
  writer.interrupted = undefined;
  writer.ledger.acknowledge(version);
}

async function take(
  peer: TestClient,
  version: Version,
  ledger: Ledger,
): Promise<void> {
  if (await receipt(peer)) ledger.acknowledge(version);
}
