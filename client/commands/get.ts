/** `netdisk get`: downloads files. */

import { defineCommand } from "../command.ts";
import { GetJob } from "../get_job.ts";
import { onInterrupt } from "../interrupt.ts";
import { GOES_ON, retryLimit, withSession } from "../retry.ts";
import { chooseServer, chooseSession } from "../server_choice.ts";
import { TRANSFER_OPTIONS } from "../transfer_options.ts";

export const command = defineCommand({
  name: "get",
  summary: "download files",
  usage: ["get REMOTE... [--to LOCAL]", "get REMOTE --to -"],
  examples: [
    { command: "netdisk get report.pdf" },
    { command: "netdisk get photos/a.jpg photos/b.jpg --to pictures/" },
    { command: "netdisk get src.tar --to - | tar x", note: "into a pipe" },
  ],
  description:
    "Downloads files into the current folder. Each is written beside its target, checked against its SHA-256, " +
    "and only then takes the place of what was there.\n\n" +
    "A LOCAL that ends in a slash or names a folder is a folder; otherwise it is the file's new name. " +
    "LOCAL - is standard output.\n\n" +
    "A lost connection is tried again by itself, and goes on where it stopped. So does the same command after an interrupted one, " +
    "which leaves what it has of a file of 1 MiB or more beside the target, as .netdisk-ID.part; " +
    "it goes on only if the server's file still begins with that. Such a file may be removed.",
  options: [
    {
      name: "to",
      short: "t",
      value: "LOCAL",
      description: "the folder, or for a single file its new name",
    },
    ...TRANSFER_OPTIONS,
    {
      name: "restart",
      description: "fetch whole files, whatever is here of them",
    },
  ],
  args: [{ name: "REMOTE", repeat: true }],
  exitStatus:
    "0 when all files are here, 3 when a file does not exist, 4 when not logged in, 5 for the network, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    const { output } = invocation;
    using job = new GetJob(invocation);
    // Whoever cannot connect is told before minutes of reading, not after.
    retryLimit(invocation);
    chooseSession(invocation, chooseServer(invocation));
    using _interrupted = onInterrupt(() => {
      if (job.isKept) output.notice(GOES_ON);
    });
    await job.takeBeginnings();
    await withSession(invocation, async (connection, retry) => {
      try {
        await job.run(connection, retry);
      } finally {
        retry.hint = job.isKept ? GOES_ON : undefined;
      }
    });
    job.finish();
  },
});
