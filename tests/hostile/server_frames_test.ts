/**
 * Frames that break the rules, from strangers and users, over plain TCP and
 * TLS: each gets a clear error and the end of its connection, whatever piece
 * sizes it comes in; the log names its sender; others are served.
 */

import { assert, assertEquals } from "@std/assert";
import { MAX_CONTROL_BYTES_BEFORE_LOGIN } from "../../protocol/frame.ts";
import { dial, type Peer } from "../helpers/dial.ts";
import type { Disk } from "../helpers/disk.ts";
import { HELLO } from "../helpers/test_client.ts";
import {
  control,
  header,
  HOSTILE_FRAMES,
  type HostileFrame,
} from "./frames.ts";
import { assertServes, logIn, watchedDisk, WAYS } from "./watched_disk.ts";

/** Who sends a frame. */
const SENDERS: Record<string, (disk: Disk) => Promise<Peer>> = {
  "a stranger": (disk) => dial(disk.server),
  async "a stranger who has greeted"(disk) {
    const peer = await dial(disk.server);
    await peer.ask(HELLO, "hello");
    return peer;
  },
  "a user": logIn,
};

/** Refused only from those who have not logged in. */
const FOR_USERS: readonly HostileFrame[] = [
  {
    name: "a control frame that is too long for a stranger",
    bytes: header(MAX_CONTROL_BYTES_BEFORE_LOGIN + 1, 1),
    reason: `over the limit of ${MAX_CONTROL_BYTES_BEFORE_LOGIN}`,
  },
  {
    name: "data",
    bytes: Uint8Array.of(...header(1, 2), 0),
    reason: "limit of 0",
  },
];

for (const way of WAYS) {
  const disk = watchedDisk(way);
  for (const [sender, open] of Object.entries(SENDERS)) {
    const frames = sender === "a user"
      ? HOSTILE_FRAMES
      : [...HOSTILE_FRAMES, ...FOR_USERS];
    Deno.test(`${way}: ${sender} sends frames that break the rules`, async (t) => {
      for (const { name, bytes, reason } of frames) {
        await t.step(name, async () => {
          using peer = await open(disk);
          await peer.sendRaw(bytes);
          await assertRefused(disk, peer, reason);
        });
      }
      await assertServes(disk);
    });
    // The decoder does not know whose bytes they are.
    if (sender === "a user") {
      Deno.test(`${way}: ${sender} sends them byte by byte`, async () => {
        for (const { bytes, reason } of frames) {
          // A long one is refused by its header.
          if (bytes.length > 200) continue;
          using peer = await open(disk);
          try {
            for (const byte of bytes) await peer.sendRaw(Uint8Array.of(byte));
          } catch {
            // The answer did not wait for the rest.
          }
          await assertRefused(disk, peer, reason);
        }
        await assertServes(disk);
      });
    }
    Deno.test(`${way}: ${sender} ends in the middle of a frame`, async () => {
      const ping = control('{"type":"ping"}');
      for (const length of [1, 4, 5, 6, ping.length - 1]) {
        using peer = await open(disk);
        await peer.sendRaw(ping.subarray(0, length));
        await peer.end();
        await assertRefused(disk, peer, "the stream ended");
      }
      await assertServes(disk);
    });
  }
}

/** One error that says why, then the end; and a line in the log. */
async function assertRefused(
  disk: Disk,
  peer: Peer,
  reason: string,
): Promise<void> {
  const answers = await peer.rest();
  assertEquals(answers.length, 1, reason);
  const [error] = answers;
  assert(error && "type" in error && error.type === "error");
  assertEquals(error.code, "protocol");
  assert(error.message.includes(reason), `${error.message}, not ${reason}`);
  await disk.server.logs(
    new RegExp(` closed peer=127\\.0\\.0\\.1:${peer.port} `),
  );
}
