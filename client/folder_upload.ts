/**
 * One folder of a put or push: what is in it, as it is sent. What a server would
 * refuse is found out on the way, so that not each of the many that may lie
 * below is refused.
 */

import type { NetdiskError } from "../protocol/errors.ts";
import {
  depthFault,
  joinRemotePath,
  remotePathFault,
} from "../protocol/remote_path.ts";
import { FileSource } from "./local_source.ts";
import {
  type LocalObstacle,
  walkLocal,
  type WalkOptions,
} from "./local_tree.ts";
import type { UploadItem } from "./pending_put.ts";

/** Where a folder is, and where it goes. */
export interface FolderPlaces {
  localPath: string;
  remotePath: string;
  /** The server does not have it yet. */
  isNew?: boolean | undefined;
}

/** Who is told of what is not uploaded. */
export interface FolderUploadObserver {
  failed(localPath: string, error: NetdiskError, remotePath: string): void;
  /** It is neither file nor folder. */
  left(obstacle: LocalObstacle, remotePath: string): void;
}

export function* folderUpload(
  { localPath, remotePath: base, isNew = false }: FolderPlaces,
  exclude: WalkOptions["exclude"],
  observer: FolderUploadObserver,
): Generator<UploadItem, void> {
  const options = { exclude, ...uploadFaults(base) };
  for (const entry of walkLocal(localPath, options)) {
    const { path, relative } = entry;
    const remotePath = joinRemotePath(base, relative);
    switch (entry.kind) {
      case "file": {
        const source = new FileSource(path, entry.name, entry.info);
        yield { source, remotePath, isFound: true };
        break;
      }
      case "folder": {
        // The user's own folder is there.
        const mtime = entry.info.mtime?.getTime() ?? null;
        if (remotePath !== "") yield { label: path, remotePath, mtime, isNew };
        break;
      }
      case "skipped":
        observer.left(entry, remotePath);
        break;
      case "failed":
        observer.failed(path, entry.reason, remotePath);
    }
  }
}

function uploadFaults(
  base: string,
): Required<Pick<WalkOptions, "fault" | "faultInside">> {
  return {
    fault: (_, relative) => remotePathFault(joinRemotePath(base, relative)),
    faultInside: (relative) => {
      const folder = joinRemotePath(base, relative);
      const fault = depthFault(joinRemotePath(folder, "x"));
      return fault && `what is in it cannot be uploaded: ${fault}`;
    },
  };
}
