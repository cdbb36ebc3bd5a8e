/** `netdisk inbox delete`: deletes parcels with their files. */

import { NetdiskError } from "../../../protocol/errors.ts";
import type { RequestOf } from "../../../protocol/messages.ts";
import { Changes, type Step, unlessDone } from "../../changes.ts";
import { defineCommand, usageError } from "../../command.ts";
import type { Connection } from "../../connection.ts";
import { formatCount } from "../../format.ts";
import type { Output } from "../../output.ts";
import {
  aboutParcel,
  listInbox,
  parcelNumbers,
  requireParcels,
} from "../../parcels.ts";
import { type Retry, withSession } from "../../retry.ts";
import { checkUserName } from "../../server_choice.ts";
import { Tally } from "../../tally.ts";

interface DiscardStep extends Step {
  change: RequestOf<"discard">;
}

export const deleteParcels = defineCommand({
  name: "inbox delete",
  summary: "delete messages with their files",
  usage: ["inbox delete NUMBER...", "inbox delete --from USER"],
  examples: [
    { command: "netdisk inbox delete 3 4" },
    {
      command: "netdisk inbox delete --from ben",
      note: "all that ben has sent",
    },
  ],
  description:
    "Deletes parcels from the inbox, with the files that are still in them. There is no way back.",
  options: [
    {
      name: "from",
      value: "USER",
      names: "sender",
      repeat: true,
      description:
        "all that is there from USER, new or not; can be given several times",
    },
  ],
  args: [{ name: "NUMBER", names: "parcel", optional: true, repeat: true }],
  exitStatus:
    "0 when all are gone, 3 when there is no such parcel, or none from USER, 4 when not logged in, 5 for the network, 8 when some of several parcels failed.",
  async run(invocation) {
    const { args, options: { from: users }, output } = invocation;
    const given = parcelNumbers("inbox delete", args);
    checkChoice(given, users);
    let deletion: Deletion | undefined;
    await withSession(invocation, async (connection, retry) => {
      await requireParcels(connection);
      deletion ??= new Deletion(
        output,
        users.length === 0 ? given : await numbersFrom(connection, users),
      );
      await deletion.run(connection, retry);
    });
    const count = deletion!.finish();
    if (users.length === 0) return;
    output.notice(
      `${formatCount(count)} ${count === 1 ? "parcel" : "parcels"} deleted`,
    );
  },
});

/** @throws NetdiskError `usage`, and for what is no name of a user */
function checkChoice(
  numbers: readonly number[],
  users: readonly string[],
): void {
  for (const user of users) checkUserName(user);
  if (numbers.length === 0 && users.length === 0) {
    throw usageError("inbox delete", "NUMBER is missing");
  }
  if (numbers.length > 0 && users.length > 0) {
    throw usageError("inbox delete", "takes numbers or --from, not both");
  }
}

/** What these users have sent. @throws NetdiskError `not-found` when that is nothing */
async function numbersFrom(
  connection: Connection,
  users: readonly string[],
): Promise<number[]> {
  const parcels = (await listInbox(connection))
    .filter(({ from }) => users.includes(from));
  if (parcels.length > 0) return parcels.map(({ number }) => number);
  throw new NetdiskError(
    "not-found",
    `there is nothing from ${users.join(" or ")} in the inbox`,
  );
}

/** One command, over as many connections as it takes. */
class Deletion {
  readonly #tally: Tally;
  readonly #changes: Changes<DiscardStep>;
  #count: number;

  constructor(output: Output, numbers: readonly number[]) {
    const isSingle = numbers.length === 1;
    const tally = new Tally(output, isSingle, "deleted", "parcel");
    this.#tally = tally;
    this.#count = numbers.length;
    this.#changes = new Changes(
      numbers.map((number): DiscardStep => ({
        label: `parcel ${number}`,
        change: { type: "discard", number },
      })),
      {
        ended({ label, change: { number } }, error) {
          if (error) {
            return tally.failed(aboutParcel(number, error), { number });
          }
          tally.succeeded();
          output.record("deleted", { number });
          output.detail(`${label}: deleted`);
        },
        again: (step, connection) => unlessDone(step, connection, "not-found"),
      },
    );
  }

  async run(connection: Connection, retry: Retry): Promise<void> {
    await this.#changes.run(connection, retry);
  }

  /** @returns how many are gone @throws NetdiskError when one is not */
  finish(): number {
    this.#tally.finish();
    return this.#count;
  }
}
