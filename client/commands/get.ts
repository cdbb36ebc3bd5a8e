/** `netdisk get`: downloads files. */

import { defineCommand } from "../command.ts";
import { GetJob } from "../get_job.ts";
import { onInterrupt } from "../interrupt.ts";
import { loadProgress } from "../progress.ts";
import { rateLimit } from "../rate_limit.ts";
import { retryLimit, withSession } from "../retry.ts";
import { chooseServer, chooseSession } from "../server_choice.ts";
import { TRANSFER_OPTIONS } from "../transfer_options.ts";

export const command = defineCommand({
  name: "get",
  summary: "download files and folders",
  usage: [
    "get REMOTE... [--to LOCAL]",
    "get -r DIR... [--to LOCAL]",
    "get REMOTE --to -",
  ],
  examples: [
    { command: "netdisk get report.pdf" },
    { command: "netdisk get photos/a.jpg photos/b.jpg --to pictures/" },
    { command: "netdisk get 'photos/*.jpg'", note: "those that match" },
    { command: "netdisk get -r photos", note: "makes photos/..." },
    {
      command: "netdisk get -r photos/ --to 2026",
      note: "what is in photos, as 2026/...",
    },
    { command: "netdisk get src.tar --to - | tar x", note: "into a pipe" },
    {
      command: "netdisk get home:report.pdf",
      note: "from the server whose short name is home",
    },
  ],
  description:
    "Downloads files into the current folder. Each is written beside its target, checked against its SHA-256, " +
    "and only then takes the place of what was there.\n\n" +
    "A LOCAL that ends in a slash or names a folder is a folder, which -r makes if it is missing; otherwise it is the file's new name. " +
    "LOCAL - is standard output.\n\n" +
    "REMOTE may be a pattern with *, ?, [...], {a,b} and ** for any folders; quote it, or the shell takes it for local files. " +
    "With ** paths are kept below the folder in front of the first pattern: 'photos/**/*.jpg' makes 2026/a.jpg. " +
    "With -r a folder comes with all that is in it, empty folders, times and executable bits included; DIR with a slash at its end " +
    "stands for what is in it, and / for all that you have. Names that this machine cannot store are told and left out.\n\n" +
    "A lost connection is tried again by itself, and goes on where it stopped. So does the same command after an interrupted one, " +
    "which leaves what it has of a file of 1 MiB or more beside the target, as .netdisk-ID.part; " +
    "it goes on only if the server's file still begins with that. Such a file may be removed.",
  options: [
    {
      name: "to",
      short: "t",
      value: "LOCAL",
      names: "local",
      description: "the folder, or for a single file or folder its new name",
    },
    ...TRANSFER_OPTIONS,
    {
      name: "restart",
      description: "fetch whole files, whatever is here of them",
    },
  ],
  args: [{ name: "REMOTE", names: "remote", repeat: true }],
  exitStatus:
    "0 when all files are here, 1 when this machine cannot write them, 3 when a file, or the folder for it, does not exist, 4 when not logged in, 5 for the network, 6 when something is in the way, or a name cannot be stored here, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    const { output } = invocation;
    using job = new GetJob(invocation);
    // Whoever cannot connect is told before minutes of reading, not after.
    retryLimit(invocation);
    rateLimit(invocation);
    chooseSession(invocation, chooseServer(invocation));
    using _interrupted = onInterrupt(() => {
      const { hint } = job;
      if (hint !== undefined) {
        output.notice(`what has come stays here; ${hint}`);
      }
    });
    await loadProgress(invocation.options.progress, output);
    await job.takeBeginnings();
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
