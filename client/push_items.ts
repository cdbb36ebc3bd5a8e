/** What a push sends: files, and new folders with all that is in them. */

import { joinRemotePath } from "../protocol/remote_path.ts";
import type { LocalItem } from "./local_items.ts";
import { FileSource } from "./local_source.ts";
import { walkLocal } from "./local_tree.ts";
import { uploadFaults } from "./upload_faults.ts";
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

function* uploadsIn(
  { relative: folder, remotePath: base }: Sent,
  roots: SyncRoots,
  report: SyncReport,
): Generator<UploadItem> {
  const { exclude } = roots;
  const walk = walkLocal(localPathOf(roots, folder), {
    exclude: exclude && {
      has: (relative, isFolder) =>
        exclude.has(joinRemotePath(folder, relative), isFolder),
    },
    ...uploadFaults(base),
  });
  for (const entry of walk) {
    const { path, relative } = entry;
    const remotePath = joinRemotePath(base, relative);
    switch (entry.kind) {
      case "file": {
        const source = new FileSource(path, entry.name, entry.info);
        yield { source, remotePath };
        break;
      }
      case "folder": {
        const mtime = entry.info.mtime?.getTime() ?? null;
        if (remotePath !== "") yield { label: path, remotePath, mtime };
        break;
      }
      case "skipped":
        report.skipped(
          placeOf(roots, joinRemotePath(folder, relative)),
          path,
          entry.reason.message,
        );
        break;
      case "failed":
        report.failed(entry.reason, path, remotePath);
    }
  }
}
