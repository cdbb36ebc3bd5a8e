/** Where a put leads: what lies there, and whether the new file may take its place. */

import * as fs from "node:fs";
import { NetdiskError } from "../protocol/errors.ts";
import type { RequestOf } from "../protocol/messages.ts";
import { infoOf } from "./file_system.ts";
import { toStorageError } from "./os_errors.ts";
import { exists, isFolder } from "./refusals.ts";
import {
  type RecentFolders,
  type StoragePath,
  storagePath,
} from "./storage_path.ts";
import { StoredFile } from "./stored_file.ts";

/** What a target is looked for in. */
export interface TargetPlace {
  /** The user's folder on the disk. */
  home: string;
  recent: RecentFolders;
}

/** The place of an upload. */
export interface UploadTarget extends StoragePath {
  /** The bytes of the file that is there, if any. */
  replaces?: number;
}

/**
 * The place of an upload: a file that may be replaced, or nothing yet.
 *
 * @throws NetdiskError `exists`, `bad-name`, `is-folder`, `not-folder`, `denied`
 */
export function findTarget(
  { home, recent }: TargetPlace,
  { path, replace }: Pick<RequestOf<"put">, "path" | "replace">,
): UploadTarget {
  const target: UploadTarget = storagePath(home, path, recent.has);
  if (target.missingFolders.length > 0) return target;
  // To be told what is missing by an exception costs ten times as much.
  if (replace && !fs.existsSync(target.path)) return target;
  try {
    const info = infoOf(target.path);
    if (info) {
      checkMayReplace(info, replace);
      target.replaces = info.size;
    }
  } catch (error) {
    throw toStorageError(error);
  }
  return target;
}

function checkMayReplace(info: Deno.FileInfo, replace: boolean): void {
  if (!replace) throw exists();
  if (info.isDirectory) throw isFolder();
  if (!info.isFile) {
    throw new NetdiskError("denied", "it is a link or device, not a file");
  }
}

/**
 * The file that is there, if it looks like the one that is to come: the client
 * may not have heard that it had arrived. Its content is compared before it
 * counts.
 */
export function openIfSame(
  path: string,
  { size, mtime, executable }: RequestOf<"put">,
): StoredFile | undefined {
  // Windows syncs no file that is open for reading only.
  if (mtime === null || Deno.build.os === "windows") return undefined;
  try {
    const file = new StoredFile(path);
    const looksSame = file.size === size && file.mtime === mtime &&
      file.executable === executable;
    if (looksSame) return file;
    file.close();
  } catch {
    // Not there, or not to be read: the new one comes whole.
  }
  return undefined;
}
