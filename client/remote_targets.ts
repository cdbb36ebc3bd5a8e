/** What the arguments of a command name on the server: paths and patterns. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { parseRemotePath } from "../protocol/remote_path.ts";
import { about, type Connection, isAboutPath } from "./connection.ts";
import { answers } from "./pipeline.ts";
import { checkGlob, expandGlob, hasGlob, outermost } from "./remote_glob.ts";

/** One's own folder is one in any case. */
const SLASHED = /[^/]\/\.?$/;

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
 * Looks on the server for what the patterns among the arguments match, and
 * whether paths with a slash at their end are folders; others cost no round trip.
 *
 * @param whole folders stand for all that is in them: nothing that a pattern
 * matches in a folder that it matches, too, is named again
 * @param looks false when the caller looks for {@link slashFault} itself
 * @throws NetdiskError whatever ends the connection, and as checkTargets() does
 */
export async function findTargets(
  connection: Connection,
  args: readonly string[],
  { whole = false, looks = true } = {},
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
  const files = looks ? await slashedFiles(connection, found) : new Map();
  for (const [{ label }, error] of files) {
    failed.push({ label, error: about(label, error) });
  }
  return {
    found: files.size === 0 ? found : found.filter((it) => !files.has(it)),
    failed,
    isSingle: found.length + failed.length - files.size === 1,
  };
}

/** Why something that is written as a folder is refused. */
export function slashFault(
  label: string,
  { kind }: Entry,
): NetdiskError | undefined {
  if (kind === "folder" || !SLASHED.test(label)) return undefined;
  return new NetdiskError("not-folder", "it is not a folder");
}

async function slashedFiles(
  connection: Connection,
  found: readonly RemoteTarget[],
): Promise<Map<RemoteTarget, NetdiskError>> {
  const files = new Map<RemoteTarget, NetdiskError>();
  const slashed = found.filter(({ label, entry }) =>
    !entry && SLASHED.test(label)
  );
  const requests = slashed.map(({ path }) => ({ type: "stat", path }) as const);
  let index = 0;
  for await (const { answer } of answers(connection, requests, "entry")) {
    const target = slashed[index++]!;
    const fault = answer && slashFault(target.label, answer.entry);
    if (fault) files.set(target, fault);
  }
  return files;
}
