/** `netdisk inbox get`: downloads files of parcels to this machine. */

import { defineCommand, RATE_OPTIONS } from "../../command.ts";
import { loadProgress } from "../../progress.ts";
import { onInterrupt } from "../../interrupt.ts";
import { ParcelGetJob } from "../../parcel_get_job.ts";
import { parcelNumbers } from "../../parcels.ts";
import { withSession } from "../../retry.ts";

export const get = defineCommand({
  name: "inbox get",
  summary: "download files to this machine",
  usage: ["inbox get NUMBER... [--to LOCAL]"],
  examples: [
    { command: "netdisk inbox get 3" },
    { command: "netdisk inbox get 3 4 --to from-ben/", note: "into a folder" },
  ],
  description:
    "Downloads the files of parcels into the folder LOCAL, by default the current one; with a slash at its end it is made if it is missing. " +
    "They stay in the inbox as well.\n\n" +
    "Whoever sent them has chosen their names. So nothing that is here is replaced without --replace, " +
    "and names that begin with a dot, which programs may take for their settings, need --hidden. " +
    "A file that is here already with the same size and time is skipped.\n\n" +
    "To move files into your own folder on the server: netdisk inbox save.",
  options: [
    {
      name: "to",
      short: "t",
      value: "LOCAL",
      names: "local",
      description: "the folder",
    },
    { name: "replace", description: "replace files of the same names" },
    {
      name: "hidden",
      description: "also files whose names begin with a dot",
    },
    ...RATE_OPTIONS,
  ],
  args: [{ name: "NUMBER", names: "parcel", repeat: true }],
  exitStatus:
    "0 when all files are here, 1 when this machine cannot write them, 3 when there is no such parcel or folder, 4 when not logged in, 5 for the network, 6 when something is in the way, or a name cannot be stored here, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    const { args, options, output } = invocation;
    const numbers = parcelNumbers("inbox get", args);
    using job = new ParcelGetJob(invocation, numbers);
    using _interrupted = onInterrupt(() => {
      if (job.hint !== undefined) output.notice(job.hint);
    });
    await loadProgress(options.progress, output);
    await withSession(invocation, async (connection, retry) => {
      try {
        await job.run(connection, retry);
      } finally {
        retry.hint = job.hint;
      }
    });
    job.finish();
  },
});
