/** `netdisk sync`: makes a folder the same on both sides, one way. */

import { defineCommand, RATE_OPTIONS } from "../command.ts";
import { runSync } from "../sync_job.ts";

export const command = defineCommand({
  name: "sync",
  summary: "make a folder the same on both sides",
  usage: ["sync LOCAL_DIR REMOTE_DIR", "sync --pull LOCAL_DIR REMOTE_DIR"],
  examples: [
    { command: "netdisk sync photos photos", note: "to the server" },
    {
      command: "netdisk sync --pull photos photos",
      note: "from the server",
    },
    {
      command: "netdisk sync -n --delete site www",
      note: "only shows what would be done",
    },
  ],
  description:
    "Makes REMOTE_DIR have what is in LOCAL_DIR, or with --pull the reverse; slashes at their ends mean nothing. " +
    "Only files that differ are sent: those that are missing or have another size or time. Times and executable bits become the same.\n\n" +
    "What only the other side has stays, unless --delete is given. It is deleted at the end, and not if anything failed before, or if the source has nothing to copy: it may be a disk that is not mounted. " +
    "What --exclude names is neither sent nor deleted.\n\n" +
    "Links and devices are not followed and left alone; only a folder that is deleted takes those in it along. After an interruption the same command goes on.",
  options: [
    {
      name: "pull",
      description: "from REMOTE_DIR to LOCAL_DIR",
    },
    {
      name: "delete",
      description: "delete what the source does not have",
    },
    {
      name: "delete-all",
      description: "as --delete, even if the source has nothing",
    },
    {
      name: "dry-run",
      short: "n",
      description: "only show what would be done",
    },
    {
      name: "exclude",
      value: "PATTERN",
      repeat: true,
      description: "leave out what matches, as in .gitignore",
    },
    {
      name: "checksum",
      description: "compare files of the same size by SHA-256, not by time",
    },
    ...RATE_OPTIONS,
  ],
  args: [{ name: "LOCAL_DIR", names: "local" }, {
    name: "REMOTE_DIR",
    names: "remote",
  }],
  exitStatus:
    "0 when both sides are the same, 3 when the source does not exist, 4 when not logged in, 5 for the network, 6 when one of the two is no folder or with --delete the source has nothing to copy, 8 when some files or folders failed.",
  run: (invocation) => runSync(invocation),
});
