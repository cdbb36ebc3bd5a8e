/** How much each user may have: as options say it, and as the database does. */

import type { Database } from "./database.ts";
import { parseSize } from "../protocol/size.ts";

/** A limit in bytes, none, or the server's default. */
export type Quota = number | "none" | "default";

/** The column of a user without limit; NULL is the server's default. */
const UNLIMITED = -1;

/** Reads a size such as `500M` or `2G`, `none` or `default`; undefined for anything else. */
export function parseQuota(text: string): Quota | undefined {
  return text === "none" || text === "default" ? text : parseSize(text);
}

/** The quota that a column of the database stands for. */
export function quotaOf(column: number | null): Quota {
  return column === null ? "default" : column === UNLIMITED ? "none" : column;
}

/** The column of the database for a quota. */
export function quotaColumn(quota: Quota): number | null {
  return quota === "default" ? null : quota === "none" ? UNLIMITED : quota;
}

/** What tells the limit of a user; `standard` is that of those who have none of their own. */
export function limitsIn(
  database: Database,
  standard: number | null,
): (user: string) => number | null {
  return (user) => {
    const own = database.get<{ quota: number | null }>(
      "SELECT quota FROM users WHERE name = ?",
      user,
    )?.quota ?? standard;
    return own === UNLIMITED ? null : own;
  };
}
