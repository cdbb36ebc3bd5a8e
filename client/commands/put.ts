/** `netdisk put`: uploads files. */

import { defineCommand, usageError } from "../command.ts";
import { onInterrupt } from "../interrupt.ts";
import { loadProgress } from "../progress.ts";
import { PutJob } from "../put_job.ts";
import { withSession } from "../retry.ts";
import { TRANSFER_OPTIONS } from "../transfer_options.ts";

export const command = defineCommand({
  name: "put",
  summary: "upload files and folders",
  usage: [
    "put LOCAL... [--to REMOTE]",
    "put -r DIR... [--to REMOTE]",
    "put - --to REMOTE",
  ],
  examples: [
    { command: "netdisk put report.pdf" },
    { command: "netdisk put *.jpg --to photos/", note: "into a folder" },
    { command: "netdisk put -r photos", note: "makes photos/..." },
    {
      command: "netdisk put -r photos/ --to 2026",
      note: "what is in photos, as 2026/...",
    },
    {
      command: "tar c src | netdisk put - --to src.tar",
      note: "what a pipe gives",
    },
    {
      command: "netdisk put report.pdf --to home:",
      note: "to the server whose short name is home",
    },
  ],
  description:
    "Uploads files; an existing remote file is replaced in one step when the new one is whole and on the server's disk. " +
    "Missing remote folders are made.\n\n" +
    "A REMOTE that ends in a slash or names a folder is a folder; otherwise it is the file's new name. " +
    "LOCAL - is standard input.\n\n" +
    "With -r a folder comes with all that is in it, empty folders, times and executable bits included; DIR with a slash at its end, and `.`, " +
    "stand for what is in it. Links and devices in it are left out, each with a notice. " +
    "What cannot be read does not stop the rest.\n\n" +
    "A lost connection is tried again by itself. A file of known size goes on where it stopped, and so it does when put is interrupted " +
    "and the same command is given again, after it was checked that the server has a beginning of this very file. " +
    "What a pipe gives can only be sent once.",
  options: [
    {
      name: "to",
      short: "t",
      value: "REMOTE",
      names: "remote",
      description: "the folder, or for a single file or folder its new name",
    },
    ...TRANSFER_OPTIONS,
    {
      name: "restart",
      description: "send whole files, whatever the server has of them",
    },
  ],
  args: [{ name: "LOCAL", names: "local", repeat: true }],
  exitStatus:
    "0 when all files are on the server's disk, 3 when a file does not exist, 4 when not logged in, 5 for the network, 6 when the server refuses a file, 7 when the bytes that arrived are not the ones that were sent, 8 when some of several files failed.",
  async run(invocation) {
    checkArguments(invocation.args, invocation.options.to);
    using job = new PutJob(invocation);
    using _interrupted = onInterrupt(() => {
      // What a pipe has given is gone, and whoever stops it knows.
      const { hint } = job;
      if (hint !== undefined && !job.hasReadStdin) {
        invocation.output.notice(
          `what has arrived stays on the server; ${hint}`,
        );
      }
    });
    await loadProgress(invocation.options.progress, invocation.output);
    await withSession(invocation, async (connection, retry) => {
      try {
        await job.run(connection, retry);
      } finally {
        retry.repeatable = !job.hasReadStdin;
        retry.hint = job.hint;
      }
    });
    job.finish();
  },
});

function checkArguments(args: readonly string[], to: string | undefined): void {
  if (!args.includes("-")) return;
  if (args.length > 1) {
    throw usageError(
      "put",
      "standard input (-) cannot be put together with files",
    );
  }
  if (to === undefined || to.endsWith("/")) {
    throw usageError("put", "standard input needs a name: put - --to NAME");
  }
}
