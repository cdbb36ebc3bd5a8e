/** Where one thing lies on both sides of a sync, and where its replacement waits. */

import { createHash } from "node:crypto";
import { joinRemotePath } from "../protocol/remote_path.ts";
import { localPathOf, type SyncRoots } from "./sync_walk.ts";

export interface Place {
  /** From where the sync began. */
  relative: string;
  localPath: string;
  remotePath: string;
}

export function placeOf(roots: SyncRoots, relative: string): Place {
  return {
    relative,
    localPath: localPathOf(roots, relative),
    remotePath: joinRemotePath(roots.remotePath, relative),
  };
}

/**
 * The same name beside a path each time: what an interrupted transfer has left
 * there is found again, and a large file goes on.
 */
export function besidesAgain(path: string): string {
  const at = path.lastIndexOf("/") + 1;
  const hash = createHash("sha256").update(path.slice(at)).digest("hex");
  const id = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(hash)!.slice(1).join("-");
  return `${path.slice(0, at)}.netdisk-${id}`;
}

/** A name beside a path, on either side, that nothing has. */
export function besides(path: string): string {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return `${folder}.netdisk-${crypto.randomUUID()}`;
}

/** Whether a name is one of these two. Those of a get, which may be under way, are others. */
export function isBeside(name: string): boolean {
  return /^\.netdisk-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}
