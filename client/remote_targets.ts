/** What the arguments of a command name on the server: paths and patterns. */

import type { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { parseRemotePath } from "../protocol/remote_path.ts";
import { about, type Connection, isAboutPath } from "./connection.ts";
import { checkGlob, expandGlob, hasGlob, outermost } from "./remote_glob.ts";

/** Something that a command is to work on. */
export interface RemoteTarget {
  /** As the user wrote it; the path of what a pattern matches. */
  label: string;
  path: string;
  /** Of what a pattern matches; whether a path is there has not been asked. */
  entry?: Entry;
  /** Of what a pattern with `**` matches: its path below the fixed part. */
  below?: string;
  /** The pattern that it matches. */
  pattern?: string;
}

/** An argument, or a part of what it means, of which nothing will come. */
export interface FailedTarget {
  label: string;
  /** Names it. */
  error: NetdiskError;
}

export interface Targets {
  found: RemoteTarget[];
  failed: FailedTarget[];
  /** The arguments come to one thing: its failure is that of the command. */
  isSingle: boolean;
}

/** Looks whether arguments can name anything. @throws NetdiskError `bad-name` and `usage` */
export function checkTargets(args: readonly string[]): void {
  for (const arg of args) {
    if (hasGlob(arg)) checkGlob(arg);
    else parseRemotePath(arg);
  }
}

/**
 * Looks on the server for what the patterns among the arguments match; paths
 * cost no round trip.
 *
 * @param whole folders stand for all that is in them: nothing that a pattern
 * matches in a folder that it matches, too, is named again
 * @throws NetdiskError whatever ends the connection, and as checkTargets() does
 */
export async function findTargets(
  connection: Connection,
  args: readonly string[],
  { whole = false } = {},
): Promise<Targets> {
  const found: RemoteTarget[] = [];
  const failed: FailedTarget[] = [];
  for (const label of args) {
    if (!hasGlob(label)) {
      found.push({ label, path: parseRemotePath(label) });
      continue;
    }
    try {
      const { matches, failures } = await expandGlob(connection, label);
      for (const match of whole ? outermost(matches) : matches) {
        found.push({ ...match, label: match.path, pattern: label });
      }
      for (const { path, error } of failures) {
        failed.push({ label: path, error: about(path || "/", error) });
      }
    } catch (error) {
      if (!isAboutPath(error)) throw error;
      failed.push({ label, error });
    }
  }
  return { found, failed, isSingle: found.length + failed.length === 1 };
}
