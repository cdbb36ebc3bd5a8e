/** Small steps on the disk that the write recipe is made of. */

import { errnoOf } from "./os_errors.ts";

/** What lies at `path`, a link itself; undefined for nothing. */
export function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return undefined;
  }
}

/** False when it is there: another Worker may make the same one at the same time. */
export function makeFolder(path: string): boolean {
  try {
    Deno.mkdirSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    return false;
  }
}

/** False when it stays. */
export function removeEmptyFolder(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    // In use already, or the disk fails: an empty folder does no harm.
    return false;
  }
}

/** An earlier upload made the file, perhaps with another mode. */
export function setExecutable(path: string, executable: boolean): void {
  if (Deno.build.os === "windows") return;
  const mode = Deno.lstatSync(path).mode! & 0o777;
  // Who may read it may run it: so the umask is kept to.
  const wanted = executable ? mode | (mode & 0o444) >> 2 : mode & ~0o111;
  if (wanted !== mode) Deno.chmodSync(path, wanted);
}

/** Deno refuses a fraction of a second before 1970. */
export function toFileTime(mtime: number): Date {
  return new Date(mtime < 0 ? Math.floor(mtime / 1000) * 1000 : mtime);
}
