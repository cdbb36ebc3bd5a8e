/** What the serving Worker tells of itself: types, and how it is put together. */

import { countAccounts } from "./account_counts.ts";
import type { Counters } from "./counters.ts";
import type { Database } from "./database.ts";
import type { DiskSpace } from "./free_space.ts";

/** The transfers that are named; of more there is only the number. */
export const MAX_TRANSFERS = 100;

/** A connection that is storing or sending files. */
export interface Transfer {
  user: string;
  direction: "put" | "get";
  /** Bytes that the connection has moved that way so far, of all its files. */
  bytes: number;
  /** Bytes a second. */
  rate: number;
}

/** What the connections are doing at the moment. */
export interface Activity {
  loggedIn: number;
  strangers: number;
  /** Those that transfer something. */
  putting: number;
  getting: number;
  /** The fastest {@link MAX_TRANSFERS} of these. */
  transfers: Transfer[];
  /** Bytes over the connections that are open. */
  received: number;
  sent: number;
}

/** What a report is made of. */
export interface ReportSources {
  activity: () => Activity;
  /** Sessions that have a connection. */
  liveSessions: () => number;
  disk: () => DiskSpace | null;
  counters: Counters;
  database: Database;
}

/** Plain data, which can be posted from thread to thread. */
export interface Report {
  users: number;
  /** Sessions that have not ended, and those of them that have a connection. */
  sessions: number;
  liveSessions: number;
  activity: Activity;
  /** Null where the file system does not tell. */
  disk: DiskSpace | null;
  /** Bytes include those over open connections. */
  totals: Counters;
}

/** @throws NetdiskError when the database cannot be read */
export function makeReport(sources: ReportSources): Report {
  const activity = sources.activity();
  const { counters } = sources;
  return {
    ...countAccounts(sources.database, Date.now()),
    liveSessions: sources.liveSessions(),
    activity,
    disk: sources.disk(),
    totals: {
      ...counters,
      received: counters.received + activity.received,
      sent: counters.sent + activity.sent,
    },
  };
}
