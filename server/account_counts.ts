/** How many accounts and sessions there are. */

import type { Database } from "./database.ts";

export interface AccountCounts {
  users: number;
  /** Those that have not expired. */
  sessions: number;
}

/** @param now milliseconds since 1970 @throws NetdiskError */
export function countAccounts(database: Database, now: number): AccountCounts {
  const { users, sessions } = database.get<AccountCounts>(
    `SELECT (SELECT count(*) FROM users) AS users,
       (SELECT count(*) FROM sessions WHERE expires > ?) AS sessions`,
    now,
  )!;
  return { users, sessions };
}
