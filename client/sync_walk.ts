/**
 * Walks through a remote tree and the local one beside it, folder by folder. The
 * local folder is read when the remote one is here, while others are on their way.
 */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { childFault, joinRemotePath } from "../protocol/remote_path.ts";
import type { Connection } from "./connection.ts";
import type { Exclude } from "./exclude.ts";
import { type LocalItem, localKind, readLocalFolder } from "./local_items.ts";
import { isUnfinished } from "./partial_file.ts";
import { RemoteTree } from "./remote_tree.ts";

/** A folder that both sides have, or are to have. */
export interface FolderPair {
  /** From where the walk began, with `/` between the names. */
  relative: string;
  localPath: string;
  remotePath: string;
  local: LocalItem[];
  /** Their names can be parts of a path. */
  remote: Entry[];
}

/** Where a walk begins, and what it leaves out. */
export interface SyncRoots {
  localPath: string;
  remotePath: string;
  exclude: Exclude | undefined;
}

export interface SyncWalkOptions extends SyncRoots {
  /** Which remote folders are entered, of those that are not excluded and have their place. */
  enter(localPath: string, relative: string): boolean;
  /** What cannot be read. The error names it. */
  failed(side: "local" | "remote", path: string, error: NetdiskError): void;
  /** What netdisk itself keeps in a local folder. */
  unfinished(relative: string): void;
  /** A local folder that is missing has nothing; otherwise that is a failure. */
  mayBeMissing: boolean;
}

export class SyncWalk {
  readonly #options: SyncWalkOptions;
  readonly #tree: RemoteTree;
  /** Of the folder whose pages come. */
  #pages: Entry[] = [];

  constructor(options: SyncWalkOptions) {
    this.#options = options;
    this.#tree = new RemoteTree(options.remotePath, {
      whole: true,
      enter: (path, { name }) => {
        const relative = relativeTo(options.remotePath, path);
        if (isUnfinished(name)) return false;
        if (options.exclude?.has(relative, true)) return false;
        return options.enter(localPathOf(options, relative), relative);
      },
    });
  }

  get isDone(): boolean {
    return this.#tree.isDone;
  }

  /** See RemoteTree.pause(). */
  pause(): void {
    this.#tree.pause();
  }

  /**
   * The folders, each before those in it. Memory is that of the longest.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async *pairs(connection: Connection): AsyncGenerator<FolderPair> {
    for await (const event of this.#tree.events(connection)) {
      const { path, error } = event;
      if (error) {
        this.#remoteFailed(path, error);
        continue;
      }
      if (event.isFirst) this.#pages = [];
      for (const entry of event.entries) this.#pages.push(entry);
      if (!event.isLast) continue;
      const pair = this.#pair(path, this.#pages);
      this.#pages = [];
      if (pair) yield pair;
    }
  }

  /** Undefined when the local folder cannot be read. */
  #pair(remotePath: string, entries: readonly Entry[]): FolderPair | undefined {
    const options = this.#options;
    const relative = relativeTo(options.remotePath, remotePath);
    const localPath = localPathOf(options, relative);
    const isIncluded = ({ name, kind }: Entry) =>
      !options.exclude?.has(joinRemotePath(relative, name), kind === "folder");
    const names = new Set<string>();
    const remote = entries.filter((entry) => {
      // A folder that changes while it is read may have a name twice.
      if (names.has(entry.name)) return false;
      names.add(entry.name);
      if (options.exclude && !isIncluded(entry)) return false;
      const fault = childFault(remotePath, entry.name);
      if (fault === undefined) return true;
      // A folder that cannot be entered is an event of its own.
      if (entry.kind !== "folder") {
        const error = new NetdiskError("bad-name", fault);
        this.#remoteFailed(joinRemotePath(remotePath, entry.name), error);
      }
      return false;
    });
    try {
      const { items, failures, unfinished } = readLocalFolder(localPath);
      for (const name of unfinished) {
        const path = joinRemotePath(relative, name);
        if (!options.exclude?.has(path, true)) options.unfinished(path);
      }
      for (const { name, error } of failures) {
        options.failed("local", `${localPath}/${name}`, error);
      }
      const local = options.exclude ? items.filter(isIncluded) : items;
      return { relative, localPath, remotePath, local, remote };
    } catch (error) {
      if (!(error instanceof NetdiskError)) throw error;
      // As in a dry run, which makes no folder and takes no file away.
      if (options.mayBeMissing && localKind(localPath) !== "folder") {
        return { relative, localPath, remotePath, local: [], remote };
      }
      options.failed("local", localPath, error);
      return undefined;
    }
  }

  #remoteFailed(path: string, { code, message }: NetdiskError): void {
    const error = new NetdiskError(code, `${path || "/"}: ${message}`);
    this.#options.failed("remote", path, error);
  }
}

/** The local path of what lies at `relative`. */
export function localPathOf(
  { localPath }: Pick<SyncRoots, "localPath">,
  relative: string,
): string {
  if (relative === "") return localPath;
  return localPath.endsWith("/")
    ? localPath + relative
    : `${localPath}/${relative}`;
}

/** A path below `root`, from there. */
export function relativeTo(root: string, path: string): string {
  return root === "" ? path : path.slice(root.length + 1);
}
