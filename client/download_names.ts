/** Where the files that a get names go: `--to`, and names that meet. */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { remoteName } from "../protocol/remote_path.ts";
import { usageError } from "./command.ts";
import { localError } from "./local_source.ts";
import { shellWord } from "./shell_word.ts";

/** Something to download. */
export interface NamedSource {
  /** As the user wrote it. */
  label: string;
  remotePath: string;
  /** It stands for what is in it, and has no name of its own. */
  isContents?: boolean;
  /** A pattern matches it. */
  pattern?: string;
  /** The path that it keeps, where that is more than its name. */
  below?: string;
}

/**
 * The local path of each, in their order. That of a source which stands for what
 * is in it is the folder for that, `""` for the current one. Of those that a
 * pattern matches, the second of a name is an error of its own.
 *
 * @throws NetdiskError
 */
export function localPaths(
  sources: readonly NamedSource[],
  to: string | undefined,
): (string | NetdiskError)[] {
  if (to !== undefined && !isFolder(to)) {
    if (sources.length > 1) {
      throw usageError(
        "get",
        `--to ${to} is not a folder, and there are several files; make it first: mkdir ${
          shellWord(to)
        }`,
      );
    }
    return [to];
  }
  const taken = new Map<string, NamedSource>();
  const folder = to ?? "";
  return sources.map((source) => {
    const { label, remotePath, isContents, below, pattern } = source;
    if (isContents) return folder;
    const name = below ?? remoteName(remotePath);
    const other = taken.get(name);
    if (!other) {
      taken.set(name, source);
      return join(folder, name);
    }
    if (pattern === undefined && other.pattern === undefined) {
      throw usageError(
        "get",
        `${other.label} and ${label} would get the same name`,
      );
    }
    return new NetdiskError(
      "exists",
      `${label}: ${other.label} gets the same name`,
      { hint: `netdisk get ${shellWord(label)} --to NAME` },
    );
  });
}

/** True for a folder; a name with a slash at its end must be one. */
function isFolder(path: string): boolean {
  // With its slash, a file would fail as if a folder above it were missing.
  const name = path.replace(/(?<=.)\/+$/s, "");
  try {
    if (Deno.statSync(name).isDirectory) return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw localError(path, error);
    if (path.endsWith("/")) {
      throw new NetdiskError("not-found", `${path}: no such folder`, {
        hint: `mkdir -p ${shellWord(path)}`,
      });
    }
    return false;
  }
  if (path.endsWith("/")) {
    throw new NetdiskError("not-folder", `${path}: it is not a folder`);
  }
  return false;
}
