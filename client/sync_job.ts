/** One `netdisk sync`: compares, does what that comes to, and so on to the end. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import {
  joinRemotePath,
  parseRemotePath,
  remotePathFault,
} from "../protocol/remote_path.ts";
import type { Invocation } from "./command.ts";
import { about, type Connection, isAboutPath } from "./connection.ts";
import { Exclude } from "./exclude.ts";
import { onInterrupt } from "./interrupt.ts";
import { itemOf, type LocalItem } from "./local_items.ts";
import { isOneFile, isOneName } from "./local_names.ts";
import { localError } from "./local_source.ts";
import { loadProgress, progressStyle } from "./progress.ts";
import { IS_UNFINISHED } from "./partial_file.ts";
import { PullPlan } from "./pull_plan.ts";
import { PushPlan } from "./push_plan.ts";
import { GOES_ON, type Retry, withSession } from "./retry.ts";
import { shellWord } from "./shell_word.ts";
import type { NameProbes, SyncPlan, SyncPlanOptions } from "./sync_plan.ts";
import { isBeside, placeOf } from "./sync_place.ts";
import { SyncReport } from "./sync_report.ts";
import { type SyncRoots, SyncWalk } from "./sync_walk.ts";

/** From here on what was found is done before more is looked for. */
const MAX_FOUND = 5000;

export type SyncInvocation = Invocation<{
  pull: boolean;
  delete: boolean;
  deleteAll: boolean;
  dryRun: boolean;
  exclude: string[];
  checksum: boolean;
}>;

/** What a test holds in its hands. */
export interface SyncOptions {
  /** @default 5000 */
  maxFound?: number;
  /** @default those that ask the disk */
  names?: NameProbes;
}

/** Runs the command. @throws NetdiskError */
export async function runSync(
  invocation: SyncInvocation,
  options: SyncOptions = {},
): Promise<void> {
  const { output, options: { dryRun } } = invocation;
  using job = new SyncJob(invocation, options);
  using _interrupted = onInterrupt(() => {
    if (!dryRun) output.notice(`what is done stays; ${GOES_ON}`);
  });
  await loadProgress(invocation.options.progress, output);
  await withSession(invocation, async (connection, retry) => {
    retry.hint = GOES_ON;
    await job.run(connection, retry);
  });
  job.finish();
}

/** One sync, over as many connections as it takes. */
class SyncJob implements Disposable {
  readonly #invocation: SyncInvocation;
  readonly #maxFound: number;
  readonly #names: NameProbes;
  readonly #roots: SyncRoots;
  readonly #report: SyncReport;
  /** Of the local folder; undefined where it is missing. */
  readonly #local: LocalItem | undefined;
  #plan: SyncPlan | undefined;
  /** None when the whole folder is missing on the server. */
  #walk: SyncWalk | undefined;
  /** What was added to the plan is being done. */
  #isRunning = false;

  /** @throws NetdiskError when LOCAL_DIR cannot be used */
  constructor(
    invocation: SyncInvocation,
    { maxFound = MAX_FOUND, names = { isOneName, isOneFile } }: SyncOptions,
  ) {
    const { args, options, output } = invocation;
    const { pull: isPull, dryRun: isDryRun, exclude } = options;
    const [localPath = "", remote = ""] = args;
    this.#invocation = invocation;
    this.#maxFound = maxFound;
    this.#names = names;
    this.#roots = {
      localPath: localPath.replace(/(?<=.)\/+$/, ""),
      remotePath: parseRemotePath(remote),
      exclude: exclude.length === 0 ? undefined : new Exclude(exclude),
    };
    this.#report = new SyncReport(output, { isDryRun, isPull });
    this.#local = localFolder(this.#roots.localPath, { isPull, remote });
  }

  /**
   * Does what is not done.
   *
   * @throws NetdiskError when the connection fails; may then be called again with
   * another one
   */
  async run(connection: Connection, retry: Retry): Promise<void> {
    const plan = this.#plan ??= await this.#begin(connection);
    const walk = this.#walk;
    do {
      if (!this.#isRunning && walk) await this.#look(walk, connection, retry);
      this.#isRunning = true;
      if (walk?.isDone !== false) plan.walked();
      await plan.run(connection, retry);
      this.#isRunning = false;
    } while (walk?.isDone === false);
    await plan.finish(connection, retry);
  }

  /** Says how it went. @throws NetdiskError when something failed */
  finish(): void {
    // Takes the progress away.
    this.#plan?.[Symbol.dispose]();
    this.#report.finish();
  }

  [Symbol.dispose](): void {
    this.#plan?.[Symbol.dispose]();
  }

  /** Compares until there is enough to do. */
  async #look(
    walk: SyncWalk,
    connection: Connection,
    retry: Retry,
  ): Promise<void> {
    for await (const pair of walk.pairs(connection)) {
      this.#plan!.add(pair);
      if (this.#plan!.size >= this.#maxFound) walk.pause();
      retry.moved();
    }
  }

  async #begin(connection: Connection): Promise<SyncPlan> {
    const { options, output, args } = this.#invocation;
    const { localPath } = this.#roots;
    const { pull: isPull } = options;
    const remote = await remoteFolder(connection, args, isPull);
    const report = this.#report;
    const planOptions: SyncPlanOptions = {
      roots: this.#roots,
      report,
      rules: {
        delete: options.delete || options.deleteAll,
        deleteAll: options.deleteAll,
        checksum: options.checksum,
      },
      names: this.#names,
      style: progressStyle(options.progress, output),
      times: options.pull
        ? { source: remote!.mtime, target: this.#local?.mtime }
        : { source: this.#local!.mtime, target: remote?.mtime },
    };
    if (!options.pull) {
      const plan = new PushPlan(planOptions);
      if (remote) this.#walk = this.#newWalk(plan);
      else plan.addRoot(this.#local!);
      return plan;
    }
    const plan = new PullPlan(planOptions);
    if (!this.#local) {
      if (!options.dryRun) makeFolder(localPath);
      report.done("made", { place: placeOf(this.#roots, ""), isFolder: true });
    }
    this.#walk = this.#newWalk(plan);
    return plan;
  }

  #newWalk(plan: SyncPlan): SyncWalk {
    return new SyncWalk({
      ...this.#roots,
      enter: (localPath) => plan.enter(localPath),
      failed: (side, path, error) => {
        const { localPath, remotePath } = this.#roots;
        const relative = path.slice(localPath.length).replace(/^\/+/, "");
        const name = side === "remote"
          ? path
          : joinRemotePath(remotePath, relative);
        this.#report.failed(error, path, name);
      },
      unfinished: (relative) => {
        if (!isBeside(relative.slice(relative.lastIndexOf("/") + 1))) return;
        const place = placeOf(this.#roots, relative);
        this.#report.skipped(place, place.localPath, IS_UNFINISHED);
      },
      mayBeMissing: this.#invocation.options.pull,
    });
  }
}

/** Undefined where it is missing and may be. @throws NetdiskError */
function localFolder(
  path: string,
  { isPull, remote }: { isPull: boolean; remote: string },
): LocalItem | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw localError(path, error);
    if (isPull) return undefined;
    throw new NetdiskError("not-found", `${path}: no such file or folder`, {
      cause: error,
      ...isLocalFolder(remote) && { hint: otherOrder("", remote, path) },
    });
  }
  if (info.isDirectory) return itemOf("", info);
  throw new NetdiskError("not-folder", `${path}: it is not a folder`);
}

function isLocalFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function otherOrder(option: string, local: string, remote: string): string {
  const words = `${shellWord(local)} ${shellWord(remote)}`;
  return `the local folder comes first: netdisk sync ${option}${words}`;
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw localError(path, error);
  }
}

/** Undefined where it is missing and may be. @throws NetdiskError */
async function remoteFolder(
  connection: Connection,
  [local = "", label = ""]: readonly string[],
  isPull: boolean,
): Promise<Entry | undefined> {
  const entry = await remoteEntry(connection, label);
  if (entry?.kind === "folder" || !entry && !isPull) return entry;
  if (entry) {
    throw new NetdiskError(
      "not-folder",
      `${label}: it is not a folder on the server`,
    );
  }
  const isOther = remotePathFault(local) === undefined &&
    (await remoteEntry(connection, local))?.kind === "folder";
  throw new NetdiskError(
    "not-found",
    `${label}: no such folder on the server`,
    isOther ? { hint: otherOrder("--pull ", label, local) } : {},
  );
}

/** Undefined where there is nothing. @throws NetdiskError */
async function remoteEntry(
  connection: Connection,
  label: string,
): Promise<Entry | undefined> {
  const path = parseRemotePath(label);
  try {
    return (await connection.call({ type: "stat", path }, "entry")).entry;
  } catch (error) {
    if (!isAboutPath(error)) throw error;
    if (error.code === "not-found") return undefined;
    throw about(label, error);
  }
}
