/** The folders that a download makes. */

import { NetdiskError } from "../protocol/errors.ts";
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
  const { isDirectory, isSymlink } = lookAt(path, isNamed);
  if (isDirectory) return false;
  throw new NetdiskError(
    "not-folder",
    isSymlink
      ? `${path}: a link is in the way of a folder, and is not followed`
      : `${path}: a file is in the way of a folder`,
    { hint: `rm ${shellWord(path)}` },
  );
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
