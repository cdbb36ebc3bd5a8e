/** `netdisk send`: gives files and a message to another user. */

import { MAX_MESSAGE_BYTES, messageFault } from "../../protocol/parcels.ts";
import {
  defineCommand,
  type Invocation,
  RATE_OPTIONS,
  usageError,
} from "../command.ts";
import { onInterrupt } from "../interrupt.ts";
import { localError } from "../local_source.ts";
import { loadProgress } from "../progress.ts";
import { readSome } from "../prompt.ts";
import { withSession } from "../retry.ts";
import { SendJob } from "../send_job.ts";
import { checkUserName } from "../server_choice.ts";

export const command = defineCommand({
  name: "send",
  summary: "send files and a message to another user",
  usage: ["send USER FILE... [-m MESSAGE]", "send USER -m MESSAGE"],
  examples: [
    { command: "netdisk send ben report.pdf" },
    {
      command: "netdisk send ben a.jpg b.jpg -m 'from the weekend'",
      note: "with a message",
    },
    { command: "netdisk send ben -m 'lunch at one?'", note: "only that" },
    {
      command: "git log -3 | netdisk send ben -m -",
      note: "what a pipe gives, as the message",
    },
  ],
  description:
    "Puts files and a message into the inbox of another user of the same server, who sees them there with netdisk inbox. " +
    "All of it is delivered in one step when the last file is whole and on the server's disk, or nothing is.\n\n" +
    "What is sent counts for the receiver, who may have no room for it, and may block you. " +
    "There are at most 100 files in one parcel; pack folders into an archive. " +
    "The message has up to 16 KiB; MESSAGE - is standard input.\n\n" +
    "A lost connection is tried again by itself. When send is interrupted and the same command is given again, " +
    "it goes on where it stopped, as put does.",
  options: [
    {
      name: "message",
      short: "m",
      value: "MESSAGE",
      description: "a text that comes with the files, or alone",
    },
    ...RATE_OPTIONS,
  ],
  args: [
    { name: "USER", names: "sender" },
    { name: "FILE", names: "local", optional: true, repeat: true },
  ],
  exitStatus:
    "0 when all is delivered, 3 when there is no such file or user, 4 when not logged in or blocked by USER, 5 for the network, 6 when USER has no room or the name of a file cannot be stored, 7 when the bytes that arrived are not the ones that were sent.",
  async run(invocation) {
    const { args, options, output } = invocation;
    const [to, ...files] = args;
    checkUserName(to!);
    if (files.includes("-")) {
      throw usageError(
        "send",
        "standard input (-) has no name; send a file, or -m - for a message",
      );
    }
    const message = await readMessage(options.message, invocation);
    if (files.length === 0 && message === "") {
      throw usageError("send", "neither files nor a message are given");
    }
    using job = new SendJob(invocation, { to: to!, files, message });
    using _interrupted = onInterrupt(() => {
      if (job.state !== undefined) output.notice(job.state);
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

/** Lines end as on Unix, and the last one need not. @throws NetdiskError `usage` */
async function readMessage(
  text: string | undefined,
  { stdin }: Invocation,
): Promise<string> {
  const raw = text === "-" ? await readAll(stdin) : text ?? "";
  const message = raw.replaceAll("\r\n", "\n").replace(/\n+$/, "");
  const fault = messageFault(message);
  if (fault) throw usageError("send", fault);
  return message;
}

/** @throws NetdiskError `usage`, as soon as it is too much */
async function readAll(stdin: Invocation["stdin"]): Promise<string> {
  // Each line may end in two bytes.
  const bytes = new Uint8Array(2 * MAX_MESSAGE_BYTES + 1);
  let length = 0;
  try {
    while (length < bytes.length) {
      const count = await readSome(stdin, bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
  } catch (error) {
    throw localError("standard input", error);
  }
  if (length === bytes.length) {
    throw usageError(
      "send",
      `the message is longer than ${MAX_MESSAGE_BYTES} bytes`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true })
      .decode(bytes.subarray(0, length));
  } catch {
    throw usageError("send", "the message is not UTF-8");
  }
}
