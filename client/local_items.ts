/** What one local folder has, in the form in which the server tells it of its own. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { isCoarse } from "./compare.ts";
import { localError } from "./local_source.ts";
import { isUnfinished } from "./partial_file.ts";

/** A local file or folder. Links are `other`: they are not followed. */
export interface LocalItem extends Entry {
  info: Deno.FileInfo;
  /** See FileFacts. */
  isCoarse?: boolean;
}

export interface LocalFolder {
  items: LocalItem[];
  /** What cannot be looked at, by its name. */
  failures: { name: string; error: NetdiskError }[];
  /** What netdisk itself keeps in it, by its name. */
  unfinished: string[];
}

/** Reads one folder. @throws NetdiskError when it cannot be read */
export function readLocalFolder(path: string): LocalFolder {
  const items: LocalItem[] = [];
  const failures: LocalFolder["failures"] = [];
  const unfinished: string[] = [];
  try {
    for (const { name } of Deno.readDirSync(path)) {
      if (isUnfinished(name)) {
        unfinished.push(name);
        continue;
      }
      const found = lookAt(`${path}/${name}`, name);
      if (found instanceof NetdiskError) failures.push({ name, error: found });
      else if (found) items.push(found);
    }
    const infos = items.map(({ info }) => info);
    if (isCoarse([Deno.statSync(path), ...infos])) {
      for (const item of items) item.isCoarse = true;
    }
  } catch (error) {
    throw localError(path, error);
  }
  return { items, failures, unfinished };
}

/** One of a folder's names; undefined when it is gone by now. */
function lookAt(
  path: string,
  name: string,
): LocalItem | NetdiskError | undefined {
  try {
    return itemOf(name, Deno.lstatSync(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return localError(path, error);
    }
    // A name that is no text was read with a mark in it, and is not found by that.
    if (!name.includes("\ufffd")) return undefined;
    return new NetdiskError("bad-name", `${path}: its name is not valid UTF-8`);
  }
}

/** A file or folder as an entry of its name. */
export function itemOf(name: string, info: Deno.FileInfo): LocalItem {
  const { isFile, isDirectory, mode, mtime } = info;
  return {
    name,
    kind: isFile ? "file" : isDirectory ? "folder" : "other",
    size: isFile ? info.size : 0,
    mtime: mtime?.getTime() ?? null,
    executable: isFile && ((mode ?? 0) & 0o111) !== 0,
    info,
  };
}

/** What is neither file nor folder, in words. */
export function whatIs(info: Deno.FileInfo): string {
  if (info.isSymlink) return "a link";
  if (info.isFifo) return "a pipe";
  if (info.isSocket) return "a socket";
  return info.isBlockDevice || info.isCharDevice ? "a device" : "no file";
}

/** The kind of what is there; undefined for nothing. @throws NetdiskError */
export function localKind(path: string): Entry["kind"] | undefined {
  try {
    return itemOf("", Deno.lstatSync(path)).kind;
  } catch (error) {
    // A file may lie where a folder is to be.
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) {
      return undefined;
    }
    throw localError(path, error);
  }
}

/** Makes a file executable for whoever may read it, or for nobody. @throws NetdiskError */
export function setExecutable(path: string, executable: boolean): void {
  if (Deno.build.os === "windows") return;
  try {
    const mode = (Deno.statSync(path).mode ?? 0) & 0o7777;
    if (((mode & 0o111) !== 0) === executable) return;
    const bits = executable ? (mode & 0o444) >> 2 : 0;
    Deno.chmodSync(path, (mode & ~0o111) | bits);
  } catch (error) {
    throw localError(path, error);
  }
}

/** Gives a file or folder its time. @throws NetdiskError */
export function setTime(path: string, mtime: number | null): void {
  if (mtime === null) return;
  try {
    // Deno knows no fraction of a second before 1970.
    const time = mtime < 0 ? Math.floor(mtime / 1000) * 1000 : mtime;
    Deno.utimeSync(path, new Date(), new Date(time));
  } catch (error) {
    throw localError(path, error);
  }
}
