/** How much each user may have: as the option says, and as the database does. */

import type { Database } from "./database.ts";
import { parseReserve } from "./free_space.ts";

/** The column of a user without limit; NULL is the server's default. */
const UNLIMITED = -1;

/**
 * Reads a size such as `500M` or `2G`, or `none`.
 *
 * @returns bytes, null for `none`, undefined when it is neither
 */
export function parseQuota(text: string): number | null | undefined {
  if (text === "none") return null;
  const size = parseReserve(text);
  return size && "bytes" in size ? size.bytes : undefined;
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
