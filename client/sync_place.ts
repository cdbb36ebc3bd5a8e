/** Where one thing lies on both sides of a sync, and where its replacement waits. */

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

/** A name beside a path, on either side, that nothing has. */
export function besides(path: string): string {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return `${folder}.netdisk-${crypto.randomUUID()}`;
}
