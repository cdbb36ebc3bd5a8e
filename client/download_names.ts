/** Where the files that a get names go: `--to`, and names that meet. */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { remoteName } from "../protocol/remote_path.ts";
import { usageError } from "./command.ts";
import { localError } from "./local_source.ts";
import { remoteWord, shellWord } from "./shell_word.ts";

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
 * pattern matches, the second of a name is an error of its own, and undefined
 * when it is the same file.
 *
 * @param makes a folder with a slash at its end need not be there
 * @throws NetdiskError
 */
export function localPaths(
  sources: readonly NamedSource[],
  to: string | undefined,
  { makes = false } = {},
): (string | NetdiskError | undefined)[] {
  if (to !== undefined && !isFolder(to, makes)) {
    if (sources.length > 1) {
      const way = makes
        ? `for a new folder write ${shellWord(to)}/`
        : `make it first: mkdir ${shellWord(to)}`;
      throw usageError(
        "get",
        `--to ${to} is not a folder, and there are several sources; ${way}`,
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
    const isLiteral = pattern === undefined && other.pattern === undefined;
    if (other.remotePath === remotePath && !isLiteral) return undefined;
    if (isLiteral) {
      throw usageError(
        "get",
        `${other.label} and ${label} would get the same name`,
      );
    }
    return sameName(label, other.label);
  });
}

/** The error of the second file of a name. */
export function sameName(label: string, other: string): NetdiskError {
  return new NetdiskError("exists", `${label}: ${other} gets the same name`, {
    hint: `netdisk get ${remoteWord(label)} --to NAME`,
  });
}

/** True for a folder; a name with a slash at its end must be one, or is made. */
function isFolder(path: string, makes: boolean): boolean {
  // With its slash, a file would fail as if a folder above it were missing.
  const name = path.replace(/(?<=.)\/+$/s, "");
  const kind = kindOf(name, path);
  if (kind === "folder") return true;
  if (kind === "other") {
    if (!path.endsWith("/")) return false;
    throw new NetdiskError("not-folder", `${path}: it is not a folder`);
  }
  if (path.endsWith("/") && !makes) throw noFolder(path);
  const parent = dirname(name);
  if (kindOf(parent, parent) === undefined) throw noFolder(parent);
  return path.endsWith("/");
}

function kindOf(path: string, label: string): "folder" | "other" | undefined {
  try {
    return Deno.statSync(path).isDirectory ? "folder" : "other";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw localError(label, error);
  }
}

function noFolder(path: string): NetdiskError {
  return new NetdiskError("not-found", `${path}: no such folder`, {
    hint: `mkdir -p ${shellWord(path)}`,
  });
}
