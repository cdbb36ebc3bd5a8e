/** A sync to the server: what is here is made there. */

import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import {
  joinRemotePath,
  remoteParent,
  remotePathFault,
} from "../protocol/remote_path.ts";
import { BasePlan } from "./base_plan.ts";
import type { Replacement } from "./sync_plan.ts";
import type { Difference } from "./compare_folders.ts";
import type { Connection } from "./connection.ts";
import { listingPages } from "./listing.ts";
import { type LocalItem, localKind } from "./local_items.ts";
import { localError } from "./local_source.ts";
import { type Sent, uploadsOf } from "./push_items.ts";
import {
  folderTouch,
  PushRound,
  type PushWork,
  removalOf,
  touchOf,
  type TouchStep,
  type UploadSums,
} from "./push_round.ts";
import type { UploadItem } from "./pending_put.ts";
import { compareNames } from "./remote_tree.ts";
import { remoteWord } from "./shell_word.ts";
import { type Deletion, remoteDeletions } from "./sync_deletions.ts";
import { type Place, placeOf } from "./sync_place.ts";
import { type FolderPair, relativeTo } from "./sync_walk.ts";

export class PushPlan extends BasePlan<LocalItem, Entry, TouchStep> {
  #sent: Sent[] = [];
  #touches: TouchStep[] = [];
  readonly #sums: UploadSums = { files: 0, bytes: 0, isOpen: true };

  /** The folder where it begins is missing. */
  addRoot(source: LocalItem): void {
    this.copy(placeOf(this.options.roots, ""), source);
  }

  enter(localPath: string): boolean {
    try {
      return localKind(localPath) === "folder";
    } catch {
      // Told when the folder above is read.
      return false;
    }
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#sums.line?.abandon();
  }

  walked(): void {
    this.#sums.isOpen = false;
  }

  protected get waiting(): number {
    return this.#sent.length + this.#touches.length;
  }

  protected sidesOf({ local, remote }: FolderPair) {
    return { sources: local, targets: remote };
  }

  protected targetOf({ remotePath }: Place): string {
    return remotePath;
  }

  protected sourceOf({ localPath }: Place): string {
    return localPath;
  }

  protected faults(
    { remotePath }: FolderPair,
    differences: readonly Difference<LocalItem, Entry>[],
  ): Map<string, string> {
    const faults = new Map<string, string>();
    for (const difference of differences) {
      if (difference.kind === "delete" || difference.kind === "skip") continue;
      const { name } = difference.source;
      const fault = remotePathFault(joinRemotePath(remotePath, name));
      if (fault !== undefined) faults.set(name, fault);
    }
    return faults;
  }

  protected folderTime({ remotePath }: FolderPair, mtime: number | null) {
    return folderTouch(remotePath, mtime);
  }

  protected copy({ relative, remotePath }: Place, source: LocalItem): void {
    this.#sent.push({ relative, remotePath, source });
  }

  protected mend({ remotePath }: Place, source: LocalItem): void {
    this.#touches.push(touchOf(remotePath, source));
  }

  /** Nothing on the server gives way to what cannot be read here. */
  protected replace({ place, source }: Replacement<LocalItem>): void {
    const { localPath } = place;
    try {
      if (source.kind !== "folder") Deno.openSync(localPath).close();
      else Deno.readDirSync(localPath)[Symbol.iterator]().next();
    } catch (error) {
      throw localError(localPath, error);
    }
  }

  protected async partsOf(
    deletion: Deletion,
    connection: Connection,
  ): Promise<Deletion[]> {
    const { roots: { exclude }, report } = this.options;
    // Nothing of that name was sent yet.
    if (!report.isDryRun) await checkTwin(deletion, connection);
    return await remoteDeletions(connection, deletion, exclude);
  }

  protected round(): PushRound | undefined {
    const work = { uploads: this.#uploads(this.#sent), touches: this.#touches };
    this.#sent = [];
    this.#touches = [];
    return this.#newRound(work);
  }

  protected stage(all: readonly Replacement<LocalItem>[]) {
    const names = new Map(
      all.map(({ place, temporary }) => [temporary, place.remotePath]),
    );
    const sent = all.map(({ place: { relative }, source, temporary }) => {
      const { isDryRun } = this.options.report;
      const remotePath = isDryRun ? names.get(temporary)! : temporary;
      return { relative, remotePath, source };
    });
    return this.#newRound({ uploads: this.#uploads(sent), names });
  }

  protected drop(all: readonly Replacement<LocalItem>[]) {
    if (this.options.report.isDryRun) return undefined;
    // It may be of another kind than the source has now.
    const removals = all.map(({ temporary }) => ({
      ...removalOf(temporary, true),
      isSilent: true,
    }));
    return this.#newRound({ removals });
  }

  protected swap(replacements: readonly Replacement<LocalItem>[]) {
    if (!this.options.report.isDryRun) return this.#newRound({ replacements });
    const removals = replacements.map(({ place, isFolder }) =>
      removalOf(place.remotePath, isFolder)
    );
    return this.#newRound({ removals });
  }

  protected end(
    deletions: readonly Deletion[],
    touches: readonly TouchStep[],
  ) {
    const removals = deletions.map(({ path, isFolder }) =>
      removalOf(path, isFolder)
    );
    return this.#newRound({ removals, touches });
  }

  #uploads(sent: readonly Sent[]) {
    const { roots, report } = this.options;
    return uploadsOf(sent, roots, report);
  }

  #newRound(work: PushWork): PushRound | undefined {
    const { report, style, roots } = this.options;
    const sums = this.#sums;
    if (!report.isDryRun) {
      return new PushRound(work, { report, style, roots, sums });
    }
    this.#show(work);
    return undefined;
  }

  /** What a dry run shows instead of doing it. */
  #show({ uploads = [], removals = [], touches = [] }: PushWork): void {
    const { report, roots } = this.options;
    const placeAt = (path: string) =>
      placeOf(roots, relativeTo(roots.remotePath, path));
    // Folders are made behind what is in them, and read better before.
    const key = ({ remotePath }: UploadItem) =>
      remotePath.replaceAll("/", "\0");
    const sorted = [...uploads].map((item) => ({ item, key: key(item) }))
      .sort((a, b) => compareNames(a.key, b.key));
    for (const { item: { source, remotePath } } of sorted) {
      const place = placeAt(remotePath);
      if (!source) report.done("made", { place, isFolder: true });
      else report.done("transferred", { place, bytes: source.size ?? 0 });
    }
    for (const { label, isFolder } of touches) {
      if (!isFolder) report.done("touched", { place: placeAt(label) });
    }
    for (const { label, change: { recursive: isFolder } } of removals) {
      report.done("deleted", { place: placeAt(label), isFolder });
    }
  }
}

/**
 * What was sent may have taken the place of what is to be deleted, where the
 * server's disk takes two spellings for one.
 *
 * @throws NetdiskError when it has
 */
async function checkTwin(
  { path, twin }: Deletion,
  connection: Connection,
): Promise<void> {
  if (twin === undefined) return;
  const folder = remoteParent(path);
  const names = new Set<string>();
  await connection.send({ type: "list", path: folder });
  for await (const entries of listingPages(connection, true)) {
    for (const { name } of entries) names.add(name);
  }
  if (names.has(twin)) return;
  throw new NetdiskError(
    "bad-name",
    `${path}: the server takes it and ${twin} for one name, it is not deleted`,
    {
      hint: `netdisk mv ${remoteWord(path)} ${
        remoteWord(joinRemotePath(folder, twin))
      }`,
    },
  );
}
