/** `netdisk inbox delete`: deletes parcels with their files. */

import type { RequestOf } from "../../../protocol/messages.ts";
import { Changes, type Step, unlessDone } from "../../changes.ts";
import { defineCommand } from "../../command.ts";
import { aboutParcel, parcelNumbers, requireParcels } from "../../parcels.ts";
import { withSession } from "../../retry.ts";
import { Tally } from "../../tally.ts";

interface DiscardStep extends Step {
  change: RequestOf<"discard">;
}

export const deleteParcels = defineCommand({
  name: "inbox delete",
  summary: "delete messages with their files",
  usage: ["inbox delete NUMBER..."],
  examples: [{ command: "netdisk inbox delete 3 4" }],
  description:
    "Deletes parcels from the inbox, with the files that are still in them. There is no way back.",
  options: [],
  args: [{ name: "NUMBER", names: "parcel", repeat: true }],
  exitStatus:
    "0 when all are gone, 3 when there is no such parcel, 4 when not logged in, 5 for the network, 8 when some of several parcels failed.",
  async run(invocation) {
    const { args, output } = invocation;
    const numbers = parcelNumbers("inbox delete", args);
    const tally = new Tally(output, numbers.length === 1, "deleted", "parcel");
    const changes = new Changes(
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
    await withSession(invocation, async (connection, retry) => {
      await requireParcels(connection);
      await changes.run(connection, retry);
    });
    tally.finish();
  },
});
