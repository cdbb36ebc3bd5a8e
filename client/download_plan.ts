/**
 * What a get fetches, when the server has to be asked for that: folders,
 * patterns, and files of which only some are wanted. It comes in parts of a
 * bounded size, each of which is downloaded before the next one is looked for.
 */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { compareContents } from "./checksums.ts";
import { localFacts, looksSame } from "./compare.ts";
import { about, type Connection } from "./connection.ts";
import { localPaths, type NamedSource, sameName } from "./download_names.ts";
import {
  FolderDownload,
  type FolderObserver,
  type FolderRules,
} from "./folder_download.ts";
import type { DownloadItem, FileItem } from "./incoming_file.ts";
import { makeFolder, ParentFolders } from "./local_folder.ts";
import { Meeting, type MeetingSource } from "./meeting.ts";
import { statIfThere } from "./local_source.ts";
import { fileTarget } from "./local_target.ts";
import { answers } from "./pipeline.ts";
import { type FailedTarget, findTargets } from "./remote_targets.ts";
import { remoteWord, shellWord } from "./shell_word.ts";
import { REASONS, type Wanted } from "./transfer_options.ts";

/** Items of one part; the last folder may bring more. */
const MAX_PART = 20_000;

export interface PlanRules extends FolderRules {
  to: string | undefined;
  recursive: boolean;
  wanted: Wanted;
}

export interface PlanObserver extends FolderObserver {
  /** A file that is here already. */
  skipped(item: FileItem, reason: string): void;
  /** The only folder. */
  failedWhole(error: NetdiskError): void;
  /** It is known what the arguments come to. */
  resolved(isSingle: boolean): void;
}

/** An argument, or what a pattern matches, and what the server has of that name. */
interface Source extends NamedSource {
  entry: Entry;
  isContents: boolean;
}

export class DownloadPlan {
  readonly #args: readonly string[];
  readonly #rules: PlanRules;
  readonly #observer: PlanObserver;
  /** Still to be walked through, the next one last. */
  #folders: FolderDownload[] | undefined;
  #meeting: Meeting | undefined;
  #renamed: string | undefined;
  /** The arguments come to one file or folder. */
  #isSingle = false;
  #part: DownloadItem[] = [];
  #files = 0;
  #bytes = 0;

  constructor(
    args: readonly string[],
    rules: PlanRules,
    observer: PlanObserver,
  ) {
    this.#args = args;
    this.#rules = rules;
    this.#observer = observer;
  }

  /** Files that are known of and wanted, or not looked at closely yet. */
  get files(): number {
    return this.#files;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The folder that `--to` gives a new name. */
  get renamed(): string | undefined {
    return this.#renamed;
  }

  /** True when nothing more will be found. */
  get isComplete(): boolean {
    return this.#folders?.length === 0 && this.#part.length === 0;
  }

  /**
   * The next part; undefined at the end.
   *
   * @throws NetdiskError when the connection fails: may then be called again with
   * another one; and what makes all of it impossible
   */
  async next(connection: Connection): Promise<DownloadItem[] | undefined> {
    const folders = this.#folders ??= await this.#resolve(connection);
    while (this.#part.length < MAX_PART) {
      const folder = folders.at(-1);
      if (!folder) break;
      if (await folder.list(connection, this.#part, MAX_PART)) folders.pop();
    }
    if (this.#part.length === 0) return undefined;
    this.#part = await this.#firstOfName(connection, this.#part);
    const selected = await this.#select(connection, this.#part);
    this.#part = [];
    for (const item of selected) {
      if (!item.target) continue;
      this.#files++;
      this.#bytes += item.facts?.size ?? 0;
    }
    return selected;
  }

  /** Finds out what the arguments are, and names what they stand for. */
  async #resolve(connection: Connection): Promise<FolderDownload[]> {
    const { recursive, to } = this.#rules;
    const targets = await findTargets(connection, this.#args, {
      whole: recursive,
    });
    const failed: FailedTarget[] = [...targets.failed];
    const sources: Source[] = [];
    const unknown = targets.found.filter(({ entry }) => !entry);
    const requests = unknown.map((
      { path },
    ) => ({ type: "stat", path } as const));
    const entries: (Entry | NetdiskError)[] = [];
    for await (
      const { answer, error } of answers(connection, requests, "entry")
    ) entries.push(answer?.entry ?? error!);
    /** Patterns with `**`: true where something but folders matches. */
    const patterns = new Map<string, boolean>();
    for (const target of targets.found) {
      const { label, path, entry, below, pattern } = target;
      const found = entry ?? entries.shift()!;
      if (pattern !== undefined && below !== undefined) {
        const isLeft = entry!.kind === "folder" && !recursive;
        patterns.set(pattern, patterns.get(pattern) || !isLeft);
        if (isLeft) continue;
      }
      const error = found instanceof NetdiskError
        ? about(label, found)
        : faultOf(label, found, { recursive, to });
      if (error) {
        failed.push({ label, error });
        continue;
      }
      const isFolder = (found as Entry).kind === "folder";
      sources.push({
        label,
        remotePath: path,
        entry: found as Entry,
        ...(pattern === undefined ? {} : { pattern }),
        ...(below === undefined ? {} : { below }),
        // What a pattern matches has its own name.
        isContents: isFolder && !entry && /(^|\/)\.?$/.test(label),
      });
    }
    for (const [label, isWanted] of patterns) {
      if (isWanted) continue;
      failed.push({ label, error: isFolderError(label, to, true) });
    }
    const isFolder = sources.some(({ entry }) => entry.kind === "folder");
    const paths = localPaths(sources, to, { makes: recursive });
    this.#isSingle = sources.length + failed.length === 1;
    this.#observer.resolved(this.#isSingle && !isFolder);
    for (const { label, error } of failed) this.#observer.failed(label, error);
    const isMade = to?.endsWith("/") && sources.length > 0;
    if (isMade && !this.#rules.dryRun) makeFolder(to!, true);
    return this.#open(sources, paths);
  }

  /** Takes the files into the first part, and the folders for later. */
  #open(
    sources: readonly Source[],
    paths: readonly (string | NetdiskError | undefined)[],
  ) {
    const folders: FolderDownload[] = [];
    const meeting: MeetingSource[] = [];
    const parents = new ParentFolders(this.#rules.to ?? "");
    for (const [index, source] of sources.entries()) {
      const { label, remotePath, entry, isContents, below } = source;
      const localPath = paths[index];
      if (localPath === undefined) continue;
      if (localPath instanceof NetdiskError) {
        this.#observer.failed(label, localPath);
        continue;
      }
      if (below !== undefined && localPath !== this.#rules.to) {
        try {
          if (!this.#rules.dryRun) parents.makeFor(below);
        } catch (error) {
          this.#observer.failed(label, about(label, error as NetdiskError));
          continue;
        }
      }
      const isFile = entry.kind === "file";
      meeting.push({ path: remotePath, to: plain(localPath), isFile });
      if (isFile) {
        const { replace, to } = this.#rules;
        const isNamed = localPath === to;
        const target = fileTarget(localPath, { replace, isNamed });
        this.#part.push({ label, remotePath, target, facts: entry });
        continue;
      }
      const isNamed = isContents || localPath === this.#rules.to;
      if (isNamed && !isContents) this.#renamed = label;
      const { mtime } = entry;
      const place = { remotePath, localPath, isNamed, mtime };
      folders.push(
        new FolderDownload(place, this.#rules, this.#observerOf(source)),
      );
    }
    this.#meeting = new Meeting(meeting, this.#rules.exclude);
    return folders.reverse();
  }

  /** What fails of the only folder that is wanted is more than one of its files. */
  #observerOf({ remotePath }: Source): FolderObserver {
    const observer = this.#observer;
    if (!this.#isSingle) return observer;
    return {
      failed: (path, error) =>
        path === remotePath
          ? observer.failedWhole(error)
          : observer.failed(path, error),
      made: (path, localPath) => observer.made(path, localPath),
      left: (path, reason) => observer.left(path, reason),
    };
  }

  /** Leaves out files whose name another one gets. */
  async #firstOfName(
    connection: Connection,
    items: DownloadItem[],
  ): Promise<DownloadItem[]> {
    const meeting = this.#meeting!;
    if (!meeting.meets) return items;
    const checks = items.flatMap((item) => {
      if (!item.target) return [];
      const to = plain(item.target.label);
      return meeting.before(to, item.remotePath)
        .map((path) => ({ item, type: "stat", path } as const));
    });
    const others = new Map<DownloadItem, string>();
    const requests = checks.map(({ type, path }) => ({ type, path }));
    let index = 0;
    for await (const { answer } of answers(connection, requests, "entry")) {
      const { item, path } = checks[index++]!;
      if (answer?.entry.kind === "file") others.set(item, path);
    }
    return items.filter((item) => {
      const other = others.get(item);
      if (other === undefined) return true;
      this.#observer.failed(item.remotePath, sameName(item.label, other));
      return false;
    });
  }

  /** Leaves out what is here already. Nothing is told before all is looked at. */
  async #select(
    connection: Connection,
    items: DownloadItem[],
  ): Promise<DownloadItem[]> {
    const { wanted } = this.#rules;
    if (wanted === "all") return items;
    const here = wanted === "different"
      ? await this.#equal(connection, items)
      : new Set(items.filter((item) => item.target && isHere(item, wanted)));
    const reason = REASONS[wanted];
    return items.filter((item) => {
      if (!item.target || !here.has(item)) return true;
      this.#observer.skipped(item, reason);
      return false;
    });
  }

  /** Files that have the SHA-256 of the server's. */
  async #equal(
    connection: Connection,
    items: readonly DownloadItem[],
  ): Promise<Set<DownloadItem>> {
    const equal = new Set<DownloadItem>();
    const checks = items.flatMap((item) => {
      if (!item.target) return [];
      const { remotePath, target: { label: localPath }, facts } = item;
      const size = localFacts(localPath)?.size;
      if (size === undefined || size !== facts?.size) return [];
      return { item, localPath, remotePath, size };
    });
    for await (const result of compareContents(connection, checks)) {
      // What cannot be read here is replaced.
      if (!result.error && result.isSame) equal.add(result.check.item);
    }
    return equal;
  }
}

/** A local path, written in one way only. */
function plain(path: string): string {
  return path === "" ? "" : join(path).replace(/(^\.)?\/?$/, "");
}

function isHere(item: FileItem, wanted: "missing" | "changed"): boolean {
  const { label } = item.target;
  if (wanted === "missing") return statIfThere(label) !== undefined;
  const here = localFacts(label);
  return here !== undefined && item.facts !== undefined &&
    looksSame(here, item.facts);
}

/** Why something that is there is not downloaded. */
function faultOf(
  label: string,
  { kind }: Entry,
  { recursive, to }: { recursive: boolean; to: string | undefined },
): NetdiskError | undefined {
  if (kind === "file" || kind === "folder" && recursive) return undefined;
  if (kind === "folder") return isFolderError(label, to);
  return new NetdiskError(
    "bad-name",
    `${label}: it is neither file nor folder`,
  );
}

/** A file is wanted, for `to` if that was said, and this is none. */
export function isFolderError(
  label: string,
  to: string | undefined,
  isPattern = false,
): NetdiskError {
  const what = isPattern ? "only folders match" : "it is a folder";
  const place = to === undefined || to === "-" ? "" : ` --to ${shellWord(to)}`;
  return new NetdiskError("is-folder", `${label}: ${what}`, {
    hint: `netdisk get -r ${remoteWord(label)}${place}`,
  });
}
