/** The folders that a download makes. */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { localNameFault } from "./local_names.ts";
import { localError } from "./local_source.ts";
import { shellWord } from "./shell_word.ts";
import { toFileTime } from "./target_writer.ts";

/**
 * Makes a folder, or finds that it is there.
 *
 * @param isNamed the user has named it: a link to a folder is as good as one
 * @returns true when it is new
 * @throws NetdiskError for what is in the way. A link is not followed: it may
 * lead anywhere
 */
export function makeFolder(path: string, isNamed = false): boolean {
  try {
    Deno.mkdirSync(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw localError(path, error);
    }
  }
  checkFolder(path, lookAt(path, isNamed));
  return false;
}

/** What {@link makeFolder} would return or throw, as far as that can be seen. */
export function wouldMakeFolder(path: string, isNamed = false): boolean {
  let info: Deno.FileInfo;
  try {
    info = lookAt(path, isNamed);
  } catch {
    // What is not there, or below what is not, will be made.
    return true;
  }
  checkFolder(path, info);
  return false;
}

function checkFolder(
  path: string,
  { isDirectory, isSymlink }: Deno.FileInfo,
): void {
  if (isDirectory) return;
  throw new NetdiskError(
    "not-folder",
    isSymlink
      ? `${path}: a link is in the way of a folder, and is not followed`
      : `${path}: a file is in the way of a folder`,
    { hint: `rm ${shellWord(path)}` },
  );
}

/** Makes the folders above a path of the server, one by one, each but once. */
export class ParentFolders {
  readonly #root: string;
  #done = new Map<string, NetdiskError | undefined>();

  /** @param root is there; `""` is the current folder */
  constructor(root: string) {
    this.#root = root;
  }

  /** @throws NetdiskError for what is in the way, and names that cannot be stored */
  makeFor(path: string): void {
    const end = path.lastIndexOf("/");
    if (end === -1) return;
    const folder = path.slice(0, end);
    if (!this.#done.has(folder)) this.#done.set(folder, this.#make(folder));
    const error = this.#done.get(folder);
    if (error) throw error;
  }

  #make(folder: string): NetdiskError | undefined {
    try {
      this.makeFor(folder);
      const name = folder.slice(folder.lastIndexOf("/") + 1);
      const path = join(this.#root, folder);
      const fault = localNameFault(name);
      if (fault) throw new NetdiskError("bad-name", `${path}: ${fault}`);
      makeFolder(path);
      return undefined;
    } catch (error) {
      return error as NetdiskError;
    }
  }
}

/** Sets the time that a folder had on the server. @throws NetdiskError */
export function setFolderTime(path: string, mtime: number): void {
  try {
    Deno.utimeSync(path, new Date(), toFileTime(mtime));
  } catch (error) {
    throw localError(path, error);
  }
}

function lookAt(path: string, follow: boolean): Deno.FileInfo {
  try {
    return follow ? Deno.statSync(path) : Deno.lstatSync(path);
  } catch (error) {
    throw localError(path, error);
  }
}
