/**
 * Moves files that lie elsewhere on the server into a user's folder. They have
 * counted for the user before, and still do.
 */

import { SEPARATOR } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import { joinRemotePath } from "../protocol/remote_path.ts";
import type { Change, ChangePlace } from "./changes.ts";
import { infoOf } from "./file_system.ts";
import { makeFolders } from "./made_folders.ts";
import { toStorageError } from "./os_errors.ts";
import { exists, isLink } from "./refusals.ts";
import { storagePath } from "./storage_path.ts";

/**
 * Takes all files of the folder `source` into the folder `to` of the user, which
 * is made if it is missing. All of them have a free name there, or none is
 * taken; a crash may leave some of them where they were.
 */
export function takeIn(
  place: ChangePlace,
  source: string,
  to: string,
): Change {
  const { home, durability, quota } = place;
  let moved: string[] = [];
  return {
    ready: () => quota.firstWalk,
    apply() {
      try {
        const names = [...Deno.readDirSync(source)].map(({ name }) => name);
        moved = moveAll(place, source, { names, to });
        // Nothing else has changed, but a walk may have missed what was moved.
        quota.add(0);
      } catch (error) {
        throw toStorageError(error);
      } finally {
        place.recent.clear();
      }
    },
    async settle() {
      try {
        await Promise.all([
          ...moved.slice(0, 1).map((path) => durability.syncName(home, path)),
          durability.syncFolder(source),
        ]);
      } catch (error) {
        throw toStorageError(error);
      }
    },
  };
}

/** @returns where they are */
function moveAll(
  place: ChangePlace,
  source: string,
  { names, to }: { names: readonly string[]; to: string },
): string[] {
  const { home, quota } = place;
  const missing = missingFolders(home, to);
  if (quota.isTracked) quota.check(missing.length * quota.cost(0));
  const moves = names.map((name) => {
    const { path } = storagePath(home, joinRemotePath(to, name));
    if (infoOf(path)) throw taken(name);
    return { from: source + SEPARATOR + name, path };
  });
  const undoFolders = makeFolders(place, missing);
  const done: typeof moves = [];
  try {
    for (const move of moves) {
      Deno.renameSync(move.from, move.path);
      done.push(move);
    }
  } catch (error) {
    for (const { from, path } of done) Deno.renameSync(path, from);
    undoFolders();
    throw error;
  }
  return done.map(({ path }) => path);
}

/** The folder `to` and those above it that are not there. @throws NetdiskError */
function missingFolders(home: string, to: string): string[] {
  const { path, missingFolders } = storagePath(home, to);
  if (to === "") return [];
  if (missingFolders.length > 0) return [...missingFolders, path];
  const info = infoOf(path);
  if (!info) return [path];
  if (info.isSymlink) throw isLink();
  if (info.isDirectory) return [];
  throw new NetdiskError("not-folder", "it is there, but not a folder");
}

function taken(name: string): NetdiskError {
  const { code, message } = exists();
  return new NetdiskError(code, `${name}: ${message}`);
}
