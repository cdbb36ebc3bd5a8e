/** Folders that are missing on the way to something, made with it or not at all. */

import type { Durability } from "./durability.ts";
import { makeFolder, removeEmptyFolder } from "./file_system.ts";
import type { UserQuota } from "./quota.ts";

/**
 * Makes folders, from the top down, and counts them.
 *
 * @returns removes those again that were made
 * @throws Error with an errno; then none is left
 */
export function makeFolders(
  { durability, quota }: { durability: Durability; quota: UserQuota },
  folders: string[],
): () => void {
  const made: string[] = [];
  const undo = () => {
    for (const folder of made) {
      if (removeEmptyFolder(folder)) quota.add(-quota.cost(0));
    }
  };
  try {
    for (const folder of folders) {
      if (makeFolder(folder)) {
        made.unshift(folder);
        quota.add(quota.cost(0));
      }
      durability.forgetFolder(folder);
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}
