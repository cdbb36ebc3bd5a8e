/** How many bytes count of what lies below a folder. */

import { SEPARATOR } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { FolderReader } from "./folder_reader.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import { bytesIn, type Cost } from "./quota_cost.ts";

/** Names that are looked at in one go; then others have their turn. */
const BATCH = 256;

/**
 * What all that is below `folder` counts, files with several names for each of
 * them. Links are not followed; what is in folders that may not be read, or
 * vanishes meanwhile, counts nothing.
 *
 * @throws NetdiskError
 */
export async function bytesBelow(
  folder: string,
  reader: FolderReader,
  cost: Cost,
): Promise<number> {
  let bytes = 0;
  let looked = 0;
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    try {
      for await (const names of reader.read(at)) {
        for (const name of names) {
          const path = at + SEPARATOR + name;
          const info = infoIfThere(path);
          if (info) bytes += cost(bytesIn(info));
          if (info?.isDirectory) folders.push(path);
          if (++looked % BATCH > 0) continue;
          // Not setImmediate: see the pauses in request_turns.ts.
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      }
      // An empty folder is some work as well.
      looked++;
    } catch (error) {
      if (!isSkipped(error)) throw unmeasured(error);
    }
  }
  return bytes;
}

function infoIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (!isSkipped(error)) throw error;
    return undefined;
  }
}

function isSkipped(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(error) ?? "");
}

function unmeasured(error: unknown): NetdiskError {
  // By moving folders into each other a path gets longer than can be asked for.
  if (errnoOf(error) === "ENAMETOOLONG") {
    return new NetdiskError(
      "quota",
      "there are folders that lie too deep to be counted, move them up",
      { cause: error },
    );
  }
  return toStorageError(error);
}
