/** `netdisk inbox`: lists what other users have sent, and the commands on it. */

import type { ParcelInfo } from "../../protocol/messages.ts";
import { MAX_INBOX_PARCELS } from "../../protocol/parcels.ts";
import { printColumns } from "../columns.ts";
import { defineGroup, type Invocation } from "../command.ts";
import { displayText } from "../display_text.ts";
import { localTime } from "../entry_view.ts";
import { formatBytes, formatCount } from "../format.ts";
import type { JsonFields } from "../output.ts";
import { isParcelNumber, listComing, listInbox } from "../parcels.ts";
import { withSession } from "../retry.ts";
import { block, blocked, unblock } from "./inbox/block.ts";
import { deleteParcels } from "./inbox/delete.ts";
import { get } from "./inbox/get.ts";
import { read } from "./inbox/read.ts";
import { save } from "./inbox/save.ts";

const TITLES = ["", "NUMBER", "DATE", "FROM", "FILES", "SIZE", "MESSAGE"];

export const command = defineGroup({
  name: "inbox",
  summary: "show what other users have sent to you",
  usage: ["inbox"],
  description:
    "Lists what other users have sent, the newest first, with the first line of each message; a star marks what is new: not read, saved or downloaded yet. " +
    "The commands take the NUMBER of a parcel.\n\n" +
    "There are two ways to its files: save moves them into your own folder on the server, where ls and get find them, " +
    "and nothing is transferred; get downloads them to this machine, and leaves them in the inbox.\n\n" +
    "What is in the inbox counts for your quota, and so does what is not delivered yet; 'netdisk inbox block USER' gives that up. 'netdisk help inbox COMMAND' says more about each.",
  options: [],
  exitStatus:
    "0, 2 for a wrong argument, 3 when there is no such parcel, 4 when not logged in, 5 for the network, 8 when some of several parcels failed.",
  standalone: false,
  subcommands: [read, save, get, deleteParcels, block, unblock, blocked],
  meant: (word) =>
    isParcelNumber(word) ? `netdisk inbox read ${word}` : undefined,
  run: list,
});

async function list(invocation: Invocation): Promise<void> {
  const { output } = invocation;
  const { parcels, coming } = await withSession(
    invocation,
    async (connection) => ({
      parcels: await listInbox(connection),
      coming: await listComing(connection),
    }),
  );
  if (output.json) {
    for (const parcel of parcels) output.record("parcel", fieldsOf(parcel));
  } else if (parcels.length === 0) {
    output.notice("the inbox is empty");
  } else {
    await printColumns([TITLES, ...parcels.map(columnsOf)], output, {
      cut: true,
    });
  }
  if (parcels.length >= MAX_INBOX_PARCELS) {
    output.notice("the inbox is full, what others send to you is refused");
  }
  if (coming.length === 0) return;
  output.notice(
    `not delivered yet, from: ${coming.map(displayText).join(", ")}`,
  );
}

function columnsOf(parcel: ParcelInfo): string[] {
  const { number, time, from, read, files, bytes, line } = parcel;
  return [
    read ? "" : "*",
    String(number),
    localTime(time),
    from,
    files === 0 ? "-" : formatCount(files),
    files === 0 ? "-" : formatBytes(bytes),
    line,
  ];
}

function fieldsOf({ time, ...fields }: ParcelInfo): JsonFields {
  return { ...fields, time: new Date(time).toISOString() };
}
