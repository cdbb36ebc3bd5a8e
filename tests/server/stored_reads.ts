/** What happens while the server reads the files of its users. */

import { assert, assertEquals } from "@std/assert";
import type { Request } from "../../protocol/messages.ts";
import { StoredFile } from "../../server/stored_file.ts";
import { until, within } from "../helpers/deadline.ts";
import { replace } from "../helpers/faults.ts";
import { LeapClock } from "../helpers/leap_clock.ts";
import { Fixture } from "./fixture.ts";
import { openBelow } from "./resuming.ts";

/** Does something before each piece that the server reads. */
export function beforeReads(meanwhile: () => Promise<void> | void): Disposable {
  return replace(StoredFile.prototype, "read", (original) => {
    return async function (this: StoredFile, target) {
      await meanwhile();
      return await original.call(this, target);
    };
  });
}

/** `content`, of five pieces or more, is not read to its end for a client that has left. */
export async function assertEndsWithItsClient(
  request: Request,
  content: Uint8Array,
): Promise<void> {
  await using server = new Fixture();
  using client = await server.login();
  Deno.writeFileSync(server.path("file"), content);
  using clock = new LeapClock();
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  using _ = beforeReads(async () => {
    reads++;
    await gate.promise;
    // A notice is due, and nobody takes it.
    clock.leap(2000);
  });
  await client.send(request);
  await until("a read", () => reads > 0);
  client.close();
  gate.resolve();
  await within("the end of the session", client.ended);
  assert(reads < 4, `${reads}`);
  assertEquals(openBelow(server), []);
}
