/** How a remote file or folder is shown: as text, painted, and in JSON. */

import type { Entry } from "../protocol/messages.ts";
import { displayText } from "./display_text.ts";
import type { JsonFields, Output } from "./output.ts";

/** Columns of the longest size below an exabyte. */
const SIZE_COLUMNS = 15;

/** The fields of an `entry` object. `name` is the whole path, as it is in all objects. */
export function entryFields(
  name: string,
  { kind, size, mtime, executable }: Entry,
): JsonFields {
  return { name, kind, size, mtime: jsonTime(mtime), executable };
}

/** ISO 8601 in UTC, the form of all times in objects. */
export function jsonTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

/** A name, escaped; a folder ends in a slash. */
export function paintName(output: Output, entry: Entry, name: string): string {
  const { kind, executable } = entry;
  const text = displayText(name);
  if (kind === "folder") {
    const slash = text.endsWith("/") ? "" : "/";
    return output.paint("stdout", "blue", text) + slash;
  }
  if (kind === "other") return output.paint("stdout", "cyan", text);
  return executable ? output.paint("stdout", "bold", text) : text;
}

/** Kind, size and time, in columns, before a name. */
export function longColumns({ kind, size, mtime, executable }: Entry): string {
  const letter = kind === "folder"
    ? "d"
    : kind === "other"
    ? "?"
    : executable
    ? "x"
    : "-";
  const bytes = (kind === "file" ? String(size) : "-").padStart(SIZE_COLUMNS);
  return `${letter} ${bytes}  ${localTime(mtime)}`;
}

/** `2026-01-31 14:05`, in the time zone of whoever looks. */
export function localTime(mtime: number | null): string {
  if (mtime === null) return " ".repeat(16);
  const date = new Date(mtime);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${
    two(date.getDate())
  }`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `2026-01-31 14:05:11.123 +0100`, all that is known of it. */
export function exactTime(mtime: number): string {
  const date = new Date(mtime);
  const seconds = two(date.getSeconds());
  const ms = String(date.getMilliseconds()).padStart(3, "0");
  const offset = -date.getTimezoneOffset();
  const zone = two(Math.floor(Math.abs(offset) / 60)) +
    two(Math.abs(offset) % 60);
  return `${localTime(mtime)}:${seconds}.${ms} ${
    offset < 0 ? "-" : "+"
  }${zone}`;
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}
