/**
 * One folder of `get -r`: what is in it on the server, page by page, and the
 * local folders for that. Every name is checked before anything is made: nothing
 * outside the target is ever touched.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath, remoteParent } from "../protocol/remote_path.ts";
import { about, type Connection } from "./connection.ts";
import type { Exclude } from "./exclude.ts";
import type { DownloadItem } from "./incoming_file.ts";
import { makeFolder, setFolderTime, wouldMakeFolder } from "./local_folder.ts";
import { FolderNames, localNameFault, type NameProbe } from "./local_names.ts";
import { fileTarget } from "./local_target.ts";
import { IS_UNFINISHED, isUnfinished } from "./partial_file.ts";
import { childPath, compareNames, RemoteTree } from "./remote_tree.ts";
import { remoteWord } from "./shell_word.ts";

/** Where a remote folder goes. */
export interface FolderPlace {
  remotePath: string;
  /** `""` is the current one. */
  localPath: string;
  /** A link to a folder will do: the user has named it. */
  isNamed: boolean;
  mtime: number | null;
}

export interface FolderRules {
  exclude: Exclude | undefined;
  /** Nothing is made. */
  dryRun: boolean;
  /** False when a file that is there stays. */
  replace: boolean;
  isOneName: NameProbe;
}

/** Who is told of what is not downloaded. */
export interface FolderObserver {
  failed(remotePath: string, error: NetdiskError): void;
  /** A folder that was not there. */
  made(remotePath: string, localPath: string): void;
  /** It is neither file nor folder, or has no place yet. */
  left(remotePath: string, reason: string): void;
}

export class FolderDownload {
  readonly #place: FolderPlace;
  readonly #rules: FolderRules;
  readonly #observer: FolderObserver;
  readonly #tree: RemoteTree;
  /** Of the folders that are still to be listed. */
  #times = new Map<string, number | null>();
  /** Those of them that were not there before: so nothing in them was. */
  #new = new Set<string>();
  /** What came of the folder at hand, until the rest of it comes. */
  #entries: Entry[] = [];
  /** The folder whose names were seen last. */
  #named: { path: string; names: FolderNames } | undefined;
  /** Those that are not entered, so that each is told once. */
  #refused = new Set<string>();
  #isBegun = false;

  constructor(
    place: FolderPlace,
    rules: FolderRules,
    observer: FolderObserver,
  ) {
    this.#place = place;
    this.#rules = rules;
    this.#observer = observer;
    this.#times.set(place.remotePath, place.mtime);
    this.#tree = new RemoteTree(place.remotePath, {
      whole: true,
      enter: (path, entry) => this.#enter(path, entry),
    });
  }

  /**
   * Lists over a connection until there are `most` items, or some more.
   *
   * @returns true when there is nothing left
   * @throws NetdiskError when the connection fails; may then be called again
   */
  async list(
    connection: Connection,
    items: DownloadItem[],
    most: number,
  ): Promise<boolean> {
    if (!this.#isBegun && !this.#begin()) return true;
    for await (const event of this.#tree.events(connection)) {
      if (event.error) {
        const path = event.path;
        const label = path === "" ? "/" : path;
        this.#fail(path, about(label, event.error));
        continue;
      }
      const { path, entries, isFirst, isLast } = event;
      if (isFirst) this.#entries = [];
      for (const entry of entries) this.#entries.push(entry);
      if (!isLast) continue;
      this.#take(path, this.#entries, items);
      this.#entries = [];
      if (items.length >= most) this.#tree.pause();
    }
    return this.#tree.isDone;
  }

  #begin(): boolean {
    const { remotePath, localPath, isNamed } = this.#place;
    this.#isBegun = true;
    return localPath === "" || this.#make(remotePath, localPath, isNamed);
  }

  /** Makes the folder; what keeps it from that keeps all that is in it. */
  #make(remotePath: string, localPath: string, isNamed = false): boolean {
    try {
      const make = this.#rules.dryRun ? wouldMakeFolder : makeFolder;
      if (make(localPath, isNamed)) {
        this.#new.add(remotePath);
        this.#observer.made(remotePath, localPath);
      }
      return true;
    } catch (error) {
      this.#fail(remotePath, withChoice(error as NetdiskError, remotePath));
      return false;
    }
  }

  #enter(path: string, entry: Entry): boolean {
    if (this.#refused.has(path) || isUnfinished(entry.name)) return false;
    const isEntered = !this.#rules.exclude?.has(this.#relative(path), true) &&
      !this.#isRefused(path, entry.name) &&
      this.#make(path, this.#local(path));
    if (isEntered) this.#times.set(path, entry.mtime);
    return isEntered;
  }

  /** Turns what is in a folder into items. */
  #take(folder: string, entries: Entry[], items: DownloadItem[]): void {
    const { exclude, replace, dryRun } = this.#rules;
    const isNew = this.#new.delete(folder);
    entries.sort((a, b) => compareNames(a.name, b.name));
    for (const [index, entry] of entries.entries()) {
      // A folder that changes while it is read may have a name twice.
      if (entry.name === entries[index - 1]?.name) continue;
      const isFolder = entry.kind === "folder";
      if (isFolder && !isUnfinished(entry.name)) continue;
      const path = childPath(folder, entry);
      if (path instanceof NetdiskError) {
        const name = joinRemotePath(folder, entry.name);
        this.#fail(name, about(name, path));
        continue;
      }
      if (exclude?.has(this.#relative(path), isFolder)) continue;
      if (isUnfinished(entry.name)) {
        this.#observer.left(path, IS_UNFINISHED);
      } else if (entry.kind === "other") {
        this.#observer.left(path, "it is neither file nor folder");
      } else if (!this.#isRefused(path, entry.name)) {
        const target = fileTarget(this.#local(path), { replace, isNew });
        items.push({ label: path, remotePath: path, target, facts: entry });
      }
    }
    const mtime = this.#times.get(folder) ?? null;
    this.#times.delete(folder);
    const local = this.#local(folder);
    if (mtime === null || local === "" || dryRun) return;
    items.push({
      label: folder,
      remotePath: folder,
      finish: () => {
        try {
          setFolderTime(local, mtime);
          return {};
        } catch (error) {
          return { error: error as NetdiskError };
        }
      },
    });
  }

  /** True, and told, for a name that cannot be stored here. */
  #isRefused(path: string, name: string): boolean {
    const fault = localNameFault(name) ?? this.#clash(path, name);
    if (fault === undefined) return false;
    const error = new NetdiskError("bad-name", `${path}: ${fault}`);
    this.#fail(path, withChoice(error, path));
    return true;
  }

  #clash(path: string, name: string): string | undefined {
    if (this.#rules.dryRun) return undefined;
    const folder = remoteParent(path);
    if (this.#named?.path !== folder) {
      const local = this.#local(folder) || ".";
      const names = new FolderNames(local, this.#rules.isOneName);
      this.#named = { path: folder, names };
    }
    const other = this.#named.names.clash(name);
    return other && `this disk takes it for the same name as ${other}`;
  }

  #fail(path: string, error: NetdiskError): void {
    if (this.#refused.has(path)) return;
    this.#refused.add(path);
    this.#observer.failed(path, error);
  }

  #relative(path: string): string {
    const { remotePath } = this.#place;
    return remotePath === "" ? path : path.slice(remotePath.length + 1);
  }

  #local(path: string): string {
    const { localPath } = this.#place;
    const relative = this.#relative(path);
    if (relative === "" || localPath === "") return localPath + relative;
    return localPath.endsWith("/")
      ? localPath + relative
      : `${localPath}/${relative}`;
  }
}

/** A name that this machine cannot store may be given another one. */
export function withChoice(error: NetdiskError, path: string): NetdiskError {
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  if (error.hint !== undefined) return error;
  if (error.code !== "bad-name" && code !== "ENAMETOOLONG") return error;
  return new NetdiskError(error.code, error.message, {
    hint: `netdisk get ${remoteWord(path)} --to NAME`,
    cause: error,
  });
}
