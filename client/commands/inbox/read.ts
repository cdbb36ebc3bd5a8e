/** `netdisk inbox read`: a message, and which files came with it. */

import { defineCommand } from "../../command.ts";
import type { Connection } from "../../connection.ts";
import { displayText } from "../../display_text.ts";
import {
  entryFields,
  localTime,
  longColumns,
  paintName,
} from "../../entry_view.ts";
import type { Output } from "../../output.ts";
import {
  markRead,
  type OpenParcel,
  openParcel,
  parcelNumbers,
  requireParcels,
} from "../../parcels.ts";
import { withSession } from "../../retry.ts";

export const read = defineCommand({
  name: "inbox read",
  summary: "read a message",
  usage: ["inbox read NUMBER"],
  examples: [{ command: "netdisk inbox read 3" }],
  description:
    "Prints the message of a parcel and which files came with it, and marks it as read.",
  options: [],
  args: [{ name: "NUMBER", names: "parcel" }],
  exitStatus:
    "0, 3 when there is no such parcel, 4 when not logged in, 5 for the network.",
  async run(invocation) {
    const { args, output } = invocation;
    const [number] = parcelNumbers("inbox read", args);
    let opened: OpenParcel | undefined;
    await withSession(invocation, async (connection) => {
      opened ??= await open(connection, number!);
      await markRead(connection, number!);
    });
    show(output, opened!);
  },
});

async function open(
  connection: Connection,
  number: number,
): Promise<OpenParcel> {
  await requireParcels(connection);
  return await openParcel(connection, number);
}

function show(output: Output, { parcel, files }: OpenParcel): void {
  const { number, from, time, message } = parcel;
  output.record("message", {
    number,
    from,
    time: new Date(time).toISOString(),
    text: message,
  });
  for (const file of files) {
    output.record("entry", entryFields(file.name, file));
  }
  output.print(`From: ${displayText(from)}`);
  output.print(`Date: ${localTime(time)}`);
  if (message !== "") {
    output.print("");
    for (const line of message.split("\n")) output.print(displayLine(line));
  }
  if (files.length === 0) return;
  output.print("");
  for (const file of files) {
    const name = paintName(output, file, file.name);
    output.print(`${longColumns(file)}  ${name}`);
  }
}

/** As everything from outside is shown, but tabs are as harmless as blanks. */
function displayLine(line: string): string {
  return line.split("\t").map(displayText).join("\t");
}
