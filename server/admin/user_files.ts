/**
 * Removing what a user has stored. It leaves its place in one step each, as in
 * removed_trees.ts, so that a server beside never shows the half of it; what is
 * left after a crash is deleted by the next start of the server.
 */

import { dirname, join } from "@std/path";
import { NetdiskError } from "../../protocol/errors.ts";
import { systemReason } from "../../protocol/system_reason.ts";
import { syncFolderNow } from "../durability.ts";
import { plainFolders } from "../folder_reader.ts";
import { errnoOf } from "../os_errors.ts";
import { deleteTree } from "../removed_trees.ts";
import {
  removedFolder,
  uploadsFolder,
  userFolder,
  userParcelsFolder,
} from "../storage_path.ts";

export class UserFiles {
  /** Where the files are. */
  readonly folder: string;
  #places: readonly string[];
  #parcels: readonly string[];
  #removed: string;

  /** @throws NetdiskError `bad-name` */
  constructor(root: string, user: string) {
    this.folder = userFolder(root, user);
    this.#places = [this.folder, join(uploadsFolder(root), user)];
    this.#parcels = [
      userParcelsFolder(root, "inbox", user),
      userParcelsFolder(root, "drafts", user),
    ];
    this.#removed = removedFolder(root);
  }

  /** Whether there is anything of that user. */
  exist(): boolean {
    return this.#places.some(isThere);
  }

  /**
   * Makes sure that nothing else is mounted there: that is not the user's.
   *
   * @throws NetdiskError `local-io`
   */
  checkMounts(): void {
    const mounted = mountPoints().find((path) =>
      this.#places.some((place) => `${path}/`.startsWith(`${place}/`))
    );
    if (mounted === undefined) return;
    throw new NetdiskError(
      "local-io",
      `${mounted}: another file system is mounted there`,
      { hint: `umount '${mounted.replaceAll("'", `'\\''`)}'` },
    );
  }

  /** Removes all of it; a link as such. @throws NetdiskError `local-io` */
  remove(): Promise<void> {
    return this.#remove([...this.#parcels, ...this.#places]);
  }

  /** Removes what the user was sent, and is about to be. @throws NetdiskError `local-io` */
  removeParcels(): Promise<void> {
    return this.#remove(this.#parcels);
  }

  async #remove(places: readonly string[]): Promise<void> {
    const trees: string[] = [];
    for (const place of places) {
      const tree = join(this.#removed, crypto.randomUUID());
      try {
        Deno.renameSync(place, tree);
      } catch (cause) {
        if (errnoOf(cause) === "ENOENT" && !isThere(place)) continue;
        throw failed(place, cause);
      }
      syncFolderNow(dirname(place));
      trees.push(tree);
    }
    syncFolderNow(this.#removed);
    for (const tree of trees) await this.#delete(tree);
  }

  async #delete(tree: string): Promise<void> {
    try {
      await deleteTree(tree, plainFolders);
    } catch (cause) {
      // A server that is running may have deleted it at the same time.
      if (isThere(tree)) throw failed(tree, cause);
    }
  }
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw failed(path, error);
  }
}

/** Where file systems are mounted, as far as the system tells: Linux does. */
function mountPoints(): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync("/proc/self/mountinfo");
  } catch {
    return [];
  }
  return text.split("\n").map((line) =>
    // Blanks and the like are written as \040.
    (line.split(" ")[4] ?? "").replace(
      /\\([0-7]{3})/g,
      (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
    )
  );
}

function failed(path: string, cause: unknown): NetdiskError {
  const reason = systemReason(cause);
  return new NetdiskError("local-io", `${path}: not removed: ${reason}`, {
    hint: "what is in .netdisk/removed is deleted when the server is started",
    cause,
  });
}
