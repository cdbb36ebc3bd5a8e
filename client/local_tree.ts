/**
 * Walks through a local folder, one entry at a time. Links are not followed, and
 * what is no file is told and left out, so a walk ends and stays where it began.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { Exclude } from "./exclude.ts";
import { type FolderEntry, FolderReader } from "./folder_entries.ts";
import { whatIs } from "./local_items.ts";
import { localError } from "./local_source.ts";
import { isUnfinished } from "./partial_file.ts";

/** Folders up to this length are walked in the order of their names. */
const MAX_SORTED = 100_000;

/** What a walk comes by. Paths are told twice: as a person would write them, and from where it began. */
export interface LocalEntry {
  /** A folder comes behind all that is in it. */
  kind: "file" | "folder";
  path: string;
  /** With `/` between the names; the folder that is walked is `""`. */
  relative: string;
  name: string;
  info: Deno.FileInfo;
}

/** What a walk leaves out: for a reason, or as it cannot be read. */
export interface LocalObstacle {
  kind: "skipped" | "failed";
  path: string;
  relative: string;
  /** Does not name the path of what is skipped, but that of what failed. */
  reason: NetdiskError;
}

export interface WalkOptions {
  exclude?: Pick<Exclude, "has"> | undefined;
  /** Why a name is not wanted; the folder that has it is not entered. */
  fault?: (name: string, relative: string) => string | undefined;
  /** Why nothing in a folder can be wanted: told once, of the folder, if there is something. */
  faultInside?: (relative: string) => string | undefined;
}

/** A folder that is being walked. */
interface Level {
  path: string;
  relative: string;
  name: string;
  info: Deno.FileInfo;
  entries: FolderEntry[];
  next: number;
}

/**
 * The entries below a folder and at last the folder itself.
 *
 * @param root is followed if it is a link
 */
export function* walkLocal(
  root: string,
  options: WalkOptions = {},
): Generator<LocalEntry | LocalObstacle, void> {
  using reader = new FolderReader();
  const levels: Level[] = [];
  const enter = function* (
    path: string,
    relative: string,
    name: string,
  ): Generator<LocalObstacle, void> {
    try {
      const info = relative === "" ? Deno.statSync(path) : Deno.lstatSync(path);
      const { entries, unreadable } = reader.read(path);
      const fault = entries.length > 0
        ? options.faultInside?.(relative)
        : undefined;
      if (fault !== undefined) return yield refused(path, relative, fault);
      if (entries.length <= MAX_SORTED) entries.sort(byName);
      levels.push({ path, relative, name, info, entries, next: 0 });
      for (const name of unreadable) {
        yield notText(joined(path, name), below(relative, name));
      }
    } catch (error) {
      yield { kind: "failed", path, relative, reason: localError(path, error) };
    }
  };
  yield* enter(root, "", "");
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    const entry = level.entries[level.next++];
    if (!entry) {
      levels.pop();
      const { path, relative, name, info } = level;
      yield { kind: "folder", path, relative, name, info };
      continue;
    }
    const { name, isDirectory } = entry;
    if (isUnfinished(name)) continue;
    const path = joined(level.path, name);
    const relative = below(level.relative, name);
    if (options.exclude?.has(relative, isDirectory)) continue;
    const fault = options.fault?.(name, relative);
    if (fault !== undefined) {
      yield refused(path, relative, fault);
    } else if (isDirectory) {
      yield* enter(path, relative, name);
    } else {
      yield look(path, relative, entry);
    }
  }
}

function look(
  path: string,
  relative: string,
  { name, isFile, isSymlink }: FolderEntry,
): LocalEntry | LocalObstacle {
  if (isSymlink) return skipped(path, relative, "it is a link");
  try {
    const info = Deno.lstatSync(path);
    if (isFile && info.isFile) {
      return { kind: "file", path, relative, name, info };
    }
    return skipped(path, relative, `it is ${whatIs(info)}`);
  } catch (error) {
    return error instanceof Deno.errors.NotFound && name.includes("\ufffd")
      ? notText(path, relative)
      : { kind: "failed", path, relative, reason: localError(path, error) };
  }
}

function refused(
  path: string,
  relative: string,
  fault: string,
): LocalObstacle {
  const reason = new NetdiskError("bad-name", `${path}: ${fault}`);
  return { kind: "failed", path, relative, reason };
}

function skipped(path: string, relative: string, why: string): LocalObstacle {
  const reason = new NetdiskError("local-io", why);
  return { kind: "skipped", path, relative, reason };
}

/** Its name was read with marks in it, and it is not found by that. */
function notText(path: string, relative: string): LocalObstacle {
  return refused(path, relative, "its name is not valid UTF-8");
}

function joined(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function byName(a: FolderEntry, b: FolderEntry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
