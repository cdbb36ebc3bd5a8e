/**
 * What can be deleted of a folder that the source does not have: all of it, or
 * with `--exclude` what none of the patterns keeps.
 */

import { joinRemotePath } from "../protocol/remote_path.ts";
import { NetdiskError } from "../protocol/errors.ts";
import type { Connection } from "./connection.ts";
import type { Exclude } from "./exclude.ts";
import { readLocalFolder } from "./local_items.ts";
import { childPath, RemoteTree } from "./remote_tree.ts";

/** A file or folder that is deleted, with all that is in it. */
export interface Deletion {
  path: string;
  /** From where the sync began. */
  relative: string;
  isFolder: boolean;
  /** A name of the source's folder that a disk may take for this one. */
  twin?: string;
}

/** A folder, and what is to become of it. */
interface Branch extends Deletion {
  parent: Branch | undefined;
  /** Something in it stays. */
  isKept: boolean;
  /** What is deleted if it is kept itself. */
  parts: Deletion[];
}

/** Memory is that of all names in the folder. @throws NetdiskError also when it cannot be listed */
export async function remoteDeletions(
  connection: Connection,
  root: Deletion,
  exclude: Exclude | undefined,
): Promise<Deletion[]> {
  if (!root.isFolder || !exclude) return [root];
  const branches = new Map([[root.path, newBranch(root, undefined)]]);
  const tree = new RemoteTree(root.path, {
    enter: (path) =>
      !exclude.has(root.relative + path.slice(root.path.length), true),
  });
  for await (const event of tree.events(connection)) {
    // What is gone by now needs no deleting.
    if (event.error?.code === "not-found") continue;
    if (event.error) throw event.error;
    const branch = branches.get(event.path)!;
    for (const entry of event.entries) {
      const path = childPath(event.path, entry);
      const isFolder = entry.kind === "folder";
      if (typeof path !== "string") {
        // No request can name it.
        if (!isFolder) keep(branch);
        continue;
      }
      const relative = joinRemotePath(branch.relative, entry.name);
      const child = { path, relative, isFolder };
      if (exclude.has(relative, isFolder)) keep(branch);
      else if (isFolder) branches.set(path, newBranch(child, branch));
      branch.parts.push(child);
    }
  }
  return deletionsOf(branches, root.path, exclude);
}

/** @throws NetdiskError when it cannot be read */
export function localDeletions(
  root: Deletion,
  exclude: Exclude | undefined,
): Deletion[] {
  if (!root.isFolder || !exclude) return [root];
  const branches = new Map([[root.path, newBranch(root, undefined)]]);
  // What is added is visited as well.
  for (const branch of branches.values()) {
    const { items, failures } = readLocalFolder(branch.path);
    if (failures.length > 0) keep(branch);
    for (const { name, kind } of items) {
      const isFolder = kind === "folder";
      const path = `${branch.path}/${name}`;
      const relative = joinRemotePath(branch.relative, name);
      const child = { path, relative, isFolder };
      if (exclude.has(relative, isFolder)) keep(branch);
      else if (isFolder) branches.set(path, newBranch(child, branch));
      branch.parts.push(child);
    }
  }
  return deletionsOf(branches, root.path, exclude);
}

/**
 * What is in the way of something else goes whole, or stays.
 *
 * @param parts what of it can be deleted
 * @throws NetdiskError when that is not all of it
 */
export function checkWhole(
  { path, isFolder }: Deletion,
  parts: readonly Deletion[],
): void {
  if (parts.length === 1 && parts[0]!.path === path) return;
  throw new NetdiskError(
    isFolder ? "is-folder" : "not-folder",
    `${path}: it is in the way, and has what --exclude keeps`,
  );
}

function newBranch(deletion: Deletion, parent: Branch | undefined): Branch {
  return { ...deletion, parent, isKept: false, parts: [] };
}

/** Whatever holds what is kept is kept. */
function keep(branch: Branch | undefined): void {
  for (; branch && !branch.isKept; branch = branch.parent) branch.isKept = true;
}

/** The largest parts that nothing is kept of. */
function deletionsOf(
  branches: ReadonlyMap<string, Branch>,
  path: string,
  exclude: Exclude,
): Deletion[] {
  const branch = branches.get(path)!;
  if (!branch.isKept) return [branch];
  return branch.parts.flatMap((part) => {
    if (exclude.has(part.relative, part.isFolder)) return [];
    return part.isFolder ? deletionsOf(branches, part.path, exclude) : [part];
  });
}
