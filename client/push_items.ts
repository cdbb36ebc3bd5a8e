/** What a push sends: files, and new folders with all that is in them. */

import { joinRemotePath } from "../protocol/remote_path.ts";
import { folderUpload } from "./folder_upload.ts";
import type { LocalItem } from "./local_items.ts";
import { FileSource } from "./local_source.ts";
import type { UploadItem } from "./pending_put.ts";
import { placeOf } from "./sync_place.ts";
import type { SyncReport } from "./sync_report.ts";
import { localPathOf, type SyncRoots } from "./sync_walk.ts";

/** A file or folder that is to be sent. */
export interface Sent {
  /** From where the sync began. */
  relative: string;
  /** Where it is sent to. */
  remotePath: string;
  source: LocalItem;
}

/** The files and folders that are sent, those in new folders as they are met. */
export function* uploadsOf(
  sent: readonly Sent[],
  roots: SyncRoots,
  report: SyncReport,
): Generator<UploadItem> {
  for (const one of sent) {
    const { relative, remotePath, source } = one;
    if (source.kind === "folder") yield* uploadsIn(one, roots, report);
    else {
      const { name, info } = source;
      const localPath = localPathOf(roots, relative);
      yield { source: new FileSource(localPath, name, info), remotePath };
    }
  }
}

function uploadsIn(
  { relative: folder, remotePath }: Sent,
  roots: SyncRoots,
  report: SyncReport,
): Generator<UploadItem> {
  const { exclude } = roots;
  const below = (relative: string) => joinRemotePath(folder, relative);
  return folderUpload(
    { localPath: localPathOf(roots, folder), remotePath },
    exclude && {
      has: (relative, isFolder) => exclude.has(below(relative), isFolder),
    },
    {
      failed: (path, error, remotePath) =>
        report.failed(error, path, remotePath),
      left: ({ path, relative, reason }) =>
        report.skipped(placeOf(roots, below(relative)), path, reason.message),
    },
  );
}
