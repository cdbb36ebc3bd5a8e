/**
 * What the commands on parcels share: whether the server has them, their
 * numbers, and what of the server's word about them is believed.
 */

import { NetdiskError, ProtocolError } from "../protocol/errors.ts";
import type { Entry, ParcelInfo, ResponseOf } from "../protocol/messages.ts";
import {
  MAX_INBOX_PARCELS,
  MAX_PARCEL_FILES,
  PARCELS,
} from "../protocol/parcels.ts";
import { usageError } from "./command.ts";
import { about, type Connection, isAboutPath } from "./connection.ts";
import { listingPages } from "./listing.ts";
import { ask } from "./pipeline.ts";

/** Makes sure that the server carries parcels. @throws NetdiskError `version` */
export async function requireParcels(connection: Connection): Promise<void> {
  if (await hasParcels(connection)) return;
  throw new NetdiskError(
    "version",
    "the server is too old: it does not carry anything to people",
  );
}

async function hasParcels(connection: Connection): Promise<boolean> {
  const { capabilities } = await connection.ready();
  return capabilities.includes(PARCELS);
}

/** Says what is new in the inbox, where that can be found out. */
export async function unreadNotice(
  connection: Connection,
): Promise<{ unread: number | null; notice: string | undefined }> {
  if (!await hasParcels(connection)) {
    return { unread: null, notice: undefined };
  }
  const { count } = await ask(connection, { type: "unread" }, "unread");
  const notice = count === 0
    ? undefined
    : `${count} new in your inbox: netdisk inbox`;
  return { unread: count, notice };
}

/** Whether a word could be the number of a parcel. */
export function isParcelNumber(word: string): boolean {
  return /^[1-9]\d{0,14}$/.test(word);
}

/** The numbers that a user named, each once. @throws NetdiskError `usage` */
export function parcelNumbers(
  command: string,
  args: readonly string[],
): number[] {
  const numbers = args.map((arg) => {
    if (isParcelNumber(arg)) return Number(arg);
    throw usageError(command, `'${arg}' is no number of a parcel`);
  });
  return [...new Set(numbers)];
}

/** All parcels of the inbox, the newest first. @throws NetdiskError */
export async function listInbox(connection: Connection): Promise<ParcelInfo[]> {
  await requireParcels(connection);
  const all: ParcelInfo[] = [];
  for (let before: number | null = null;;) {
    const page: ResponseOf<"parcels"> = await ask(
      connection,
      { type: "inbox", before },
      "parcels",
    );
    for (const parcel of page.parcels) {
      const isNext = parcel.number < (before ?? Infinity);
      if (!isNext || all.length === MAX_INBOX_PARCELS) throw endless();
      before = parcel.number;
      all.push(parcel);
    }
    if (!page.more) return all;
    if (page.parcels.length === 0) throw endless();
  }
}

/** Who has something on its way to the user. @throws NetdiskError */
export async function listComing(connection: Connection): Promise<string[]> {
  const { users } = await ask(connection, { type: "coming" }, "coming");
  return users;
}

/** From whom the user takes nothing. @throws NetdiskError */
export async function listBlocked(connection: Connection): Promise<string[]> {
  await requireParcels(connection);
  const { users } = await ask(connection, { type: "blocked" }, "blocked");
  return users;
}

/** A parcel with its message, and its files, whose names nobody has checked. */
export interface OpenParcel {
  parcel: ResponseOf<"parcel">;
  files: Entry[];
}

/** Opens a parcel: the gets that follow are about its files. @throws NetdiskError */
export async function openParcel(
  connection: Connection,
  number: number,
): Promise<OpenParcel> {
  const parcel = await reopenParcel(connection, number);
  const files: Entry[] = [];
  await connection.send({ type: "list", path: "" });
  for await (const entries of listingPages(connection)) {
    files.push(...entries);
    if (files.length > MAX_PARCEL_FILES) throw endless();
  }
  files.sort((a, b) => a.name < b.name ? -1 : 1);
  return { parcel, files };
}

/** The same for one of which the files are known. */
export function reopenParcel(
  connection: Connection,
  number: number,
): Promise<ResponseOf<"parcel">> {
  return ask(connection, { type: "open", number }, "parcel");
}

/** It is not new any more; it may have been deleted meanwhile. */
export async function markRead(
  connection: Connection,
  number: number,
): Promise<void> {
  try {
    await ask(connection, { type: "read", number }, "ok");
  } catch (error) {
    if (!isAboutPath(error) || error.code !== "not-found") throw error;
  }
}

/** The error with the parcel in front, unless the server has named it. */
export function aboutParcel(number: number, error: NetdiskError): NetdiskError {
  return error.message.includes(`parcel ${number}`)
    ? error
    : about(`parcel ${number}`, error);
}

function endless(): ProtocolError {
  return new ProtocolError(
    "bad-message",
    "the server lists more than a parcel or an inbox can have",
  );
}
