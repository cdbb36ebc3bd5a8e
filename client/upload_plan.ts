/**
 * Which local files and folders a put sends, and under which remote names. What
 * is in folders is found out while it is sent.
 */

import { basename } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath, parseRemotePath } from "../protocol/remote_path.ts";
import { usageError } from "./command.ts";
import { about, type Connection } from "./connection.ts";
import type { Exclude } from "./exclude.ts";
import { folderUpload } from "./folder_upload.ts";
import {
  type LocalSource,
  namedSource,
  statLocal,
  stdinSource,
} from "./local_source.ts";
import type { LocalObstacle } from "./local_tree.ts";
import { Meeting } from "./meeting.ts";
import type { UploadItem } from "./pending_put.ts";
import type { PromptInput } from "./prompt.ts";
import { remoteWord, shellWord } from "./shell_word.ts";

/** Something that the user named. */
export type PutSource =
  | { label: string; name: string; file: LocalSource }
  /** A folder; without a name it stands for what is in it. */
  | { label: string; name: string; file?: undefined };

/** A source and where it goes. */
export interface PutTarget {
  source: PutSource;
  remotePath: string;
  /** A folder that the server does not have yet. */
  isNew?: boolean;
}

/** What is told while the plan is carried out. */
export interface PlanObserver {
  /** It cannot be uploaded; its name on the server is told where it has one. */
  failed(path: string, error: NetdiskError, remotePath?: string): void;
  /** It is no file. */
  left(obstacle: LocalObstacle, remotePath: string): void;
}

/** Looks at what an argument leads to. @throws NetdiskError */
export function openSource(
  path: string,
  { recursive, stdin, to }: {
    recursive: boolean;
    stdin: Pick<PromptInput, "read">;
    /** For a hint. */
    to?: string | undefined;
  },
): PutSource {
  if (path === "-") return { label: path, name: "", file: stdinSource(stdin) };
  const info = statLocal(path);
  if (!info.isDirectory) {
    const file = namedSource(path, info);
    return { label: path, name: file.name, file };
  }
  if (!recursive) {
    const place = to === undefined ? "" : ` --to ${remoteWord(to)}`;
    throw new NetdiskError("is-folder", `${path}: it is a folder`, {
      hint: `netdisk put -r ${shellWord(path)}${place}`,
    });
  }
  const isContents = /(^|\/)\.{0,2}$/.test(path);
  return { label: path, name: isContents ? "" : basename(path) };
}

/**
 * Finds out what `to` is on the server.
 *
 * @returns the folder that the sources go into, or undefined when it is a new name
 */
export async function targetFolder(
  connection: Connection,
  to: string | undefined,
): Promise<string | undefined> {
  if (to === undefined) return "";
  const path = parseRemotePath(to);
  if (to.endsWith("/") || path === "") return path;
  const kind = await kindOf(connection, path, to);
  return kind === "folder" ? path : undefined;
}

/**
 * Names what is uploaded. What cannot have its name is told, and left out.
 *
 * @throws NetdiskError `usage`
 */
export function nameTargets(
  sources: readonly PutSource[],
  { to, folder }: { to: string | undefined; folder: string | undefined },
  observer: PlanObserver,
): PutTarget[] {
  if (folder === undefined) {
    if (sources.length > 1) {
      throw usageError(
        "put",
        `--to ${to} is not a folder, and there are several sources; for a new folder write ${to}/`,
      );
    }
    const remotePath = parseRemotePath(to!);
    return sources.map((source) => ({ source, remotePath }));
  }
  const taken = new Map<string, string>();
  return sources.flatMap((source) => {
    const { label, name, file } = source;
    if (name === "" && file) {
      throw usageError(
        "put",
        "standard input needs a name, and --to is a folder",
      );
    }
    let remotePath: string;
    try {
      remotePath = parseRemotePath(joinRemotePath(folder, name));
    } catch (error) {
      observer.failed(label, error as NetdiskError);
      return [];
    }
    // What is in folders may come together.
    if (name === "") return { source, remotePath };
    const other = taken.get(remotePath);
    if (other !== undefined) {
      throw usageError("put", `${other} and ${label} would get the same name`);
    }
    taken.set(remotePath, label);
    return { source, remotePath };
  });
}

/**
 * The targets without the folders that a file is in the way of: one error is
 * enough for all that is in them.
 */
export async function withoutBlocked(
  connection: Connection,
  targets: readonly PutTarget[],
  observer: PlanObserver,
): Promise<PutTarget[]> {
  const free: PutTarget[] = [];
  const made = new Set<string>();
  for (const target of targets) {
    const { source: { label, file }, remotePath } = target;
    const kind = file || remotePath === ""
      ? undefined
      : await kindOf(connection, remotePath, remotePath);
    if (kind === undefined || kind === "folder") {
      // Of several that come together only the first makes it.
      const isNew = !file && remotePath !== "" && kind === undefined &&
        !made.has(remotePath);
      if (isNew) made.add(remotePath);
      free.push({ ...target, isNew });
      continue;
    }
    const what = kind === "blocked"
      ? "is below a file"
      : `is ${kind === "file" ? "a file" : "neither file nor folder"}`;
    const error = new NetdiskError(
      "not-folder",
      `${label}: it is a folder, and ${remotePath} on the server ${what}`,
      { hint: `netdisk put -r ${shellWord(label)} --to NAME` },
    );
    observer.failed(label, error);
  }
  return free;
}

/** The items, in the order in which they are sent. */
export function* itemsOf(
  targets: readonly PutTarget[],
  exclude: Exclude | undefined,
  observer: PlanObserver,
): Generator<UploadItem, void> {
  const sources = targets.map(({ source: { label, file }, remotePath }) => (
    { path: label, to: remotePath, isFile: file !== undefined }
  ));
  const meeting = new Meeting(sources, exclude);
  for (const target of targets) {
    const { source: { file, label: localPath }, remotePath, isNew } = target;
    const items = file
      ? [{ source: file, remotePath }]
      : folderUpload({ localPath, remotePath, isNew }, exclude, observer);
    for (const item of items) {
      const { source, remotePath } = item;
      const other = source &&
        meeting.before(remotePath, source.label).find(isFile);
      if (other === undefined) yield item;
      else observer.failed(source!.label, sameName(source!.label, other));
    }
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

function sameName(label: string, other: string): NetdiskError {
  const message = `${label}: ${other} gets the same name`;
  return new NetdiskError("exists", message, {
    hint: `netdisk put ${shellWord(label)} --to NAME`,
  });
}

/** What has a name on the server; `blocked` when a file is in the place of a folder above. @throws NetdiskError about `label` */
async function kindOf(
  connection: Connection,
  path: string,
  label: string,
): Promise<Entry["kind"] | "blocked" | undefined> {
  try {
    const { entry } = await connection.call({ type: "stat", path }, "entry");
    return entry.kind;
  } catch (error) {
    if (!(error instanceof NetdiskError)) throw error;
    if (error.code === "not-found") return undefined;
    if (error.code === "not-folder") return "blocked";
    throw ["denied", "io"].includes(error.code) ? about(label, error) : error;
  }
}
