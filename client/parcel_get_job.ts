/** Downloads the files of parcels, over as many connections as it takes. */

import { join } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { segmentFault } from "../protocol/remote_path.ts";
import type { Invocation } from "./command.ts";
import { localFacts, looksSame } from "./compare.ts";
import { type Connection, isAboutPath } from "./connection.ts";
import { Downloads } from "./download.ts";
import { DownloadProgress } from "./download_progress.ts";
import type { DownloadOutcome, FileItem } from "./incoming_file.ts";
import { makeFolder } from "./local_folder.ts";
import { localNameFault } from "./local_names.ts";
import { localError } from "./local_source.ts";
import { fileTarget } from "./local_target.ts";
import {
  aboutParcel,
  markRead,
  openParcel,
  reopenParcel,
  requireParcels,
} from "./parcels.ts";
import { progressStyle } from "./progress.ts";
import { Results } from "./results.ts";
import { GOES_ON, type Retry } from "./retry.ts";
import { shellWord } from "./shell_word.ts";
import { tellNeedless } from "./skipped.ts";
import { REASONS } from "./transfer_options.ts";

export type ParcelGetInvocation = Invocation<
  { to: string | undefined; replace: boolean; hidden: boolean }
>;

/** The files of one parcel. */
interface Part {
  number: number;
  downloads: Downloads;
  /** The server has heard that it is here. */
  isRead: boolean;
}

export class ParcelGetJob implements Disposable {
  readonly #invocation: ParcelGetInvocation;
  /** Of which the files are not known yet. */
  readonly #numbers: number[];
  #results: Results;
  readonly #progress: DownloadProgress;
  readonly #isSingle: boolean;
  readonly #totals = { files: 0, bytes: 0, isComplete: false };
  #parts: Part[] = [];
  /** Parcels that are not here as a whole. */
  readonly #incomplete = new Set<number>();
  #numberOf = new Map<FileItem, number>();
  /** The parcels that names are taken by. */
  #taken = new Map<string, number>();

  /** @throws NetdiskError when the folder cannot be one */
  constructor(invocation: ParcelGetInvocation, numbers: number[]) {
    const { options, output } = invocation;
    this.#invocation = invocation;
    this.#numbers = numbers;
    this.#isSingle = numbers.length === 1;
    checkFolder(options.to);
    this.#results = new Results(undefined, "downloaded");
    this.#progress = new DownloadProgress(this.#totals, {
      output,
      style: progressStyle(options.progress, output),
      ended: (outcome) => this.#ended(outcome),
    });
  }

  /** What to do about a download that is not done, where that is worth saying. */
  get hint(): string | undefined {
    return this.#parts.length > 0 ? GOES_ON : undefined;
  }

  /** Fetches what has no outcome yet. */
  async run(connection: Connection, retry: Retry): Promise<void> {
    await requireParcels(connection);
    while (this.#numbers.length > 0) {
      await this.#look(connection, this.#numbers[0]!);
      this.#numbers.shift();
      retry.moved();
    }
    this.#totals.isComplete = true;
    if (this.#parts.some(({ downloads }) => !downloads.isDone)) {
      this.#progress.connected(retry);
    }
    for (const part of this.#parts) {
      const { number, downloads } = part;
      if (!downloads.isDone) {
        await reopenParcel(connection, number);
        await downloads.run(connection, false);
      }
      if (part.isRead || this.#incomplete.has(number)) continue;
      await markRead(connection, number);
      part.isRead = true;
    }
  }

  /** Says how it went. @throws NetdiskError when a file failed */
  finish(): void {
    if (this.#results.failures === 0) this.#progress.finish();
    this.#results.finish(this.#invocation.output);
  }

  [Symbol.dispose](): void {
    this.#results.summarise(this.#invocation.output);
    for (const { downloads } of this.#parts) downloads[Symbol.dispose]();
    this.#progress[Symbol.dispose]();
  }

  /** Finds out what a parcel has. */
  async #look(connection: Connection, number: number): Promise<void> {
    try {
      const { files } = await openParcel(connection, number);
      if (files.length === 0) {
        throw new NetdiskError("not-found", "it has no files");
      }
      this.#take(number, files);
    } catch (error) {
      if (!isAboutPath(error)) throw error;
      const failure = aboutParcel(number, error);
      if (this.#isSingle) this.#results.failedWhole(failure);
      else this.#failed(failure, { number });
    }
  }

  #take(number: number, files: readonly Entry[]): void {
    const { to } = this.#invocation.options;
    if (to?.endsWith("/")) makeFolder(to, true);
    if (this.#isSingle && files.length === 1) {
      this.#results = new Results(1, "downloaded");
    }
    const items: FileItem[] = [];
    for (const file of files) {
      const fault = this.#faultOf(number, file) ??
        this.#isTaken(number, file.name);
      if (fault) {
        this.#failed(fault, { number, name: file.name });
        continue;
      }
      const item = this.#itemOf(file);
      this.#numberOf.set(item, number);
      if (this.#isHere(item, file)) continue;
      items.push(item);
      this.#totals.files++;
      this.#totals.bytes += file.size;
    }
    this.#parts.push({
      number,
      downloads: new Downloads(items, this.#progress),
      isRead: false,
    });
  }

  /** Why a file is not downloaded; the names are the server's word, and the sender's. */
  #faultOf(number: number, { name, kind }: Entry): NetdiskError | undefined {
    const label = `parcel ${number}: ${name}`;
    const fault = kind === "file"
      ? segmentFault(name) ??
        (name.includes("/") ? "it is a path" : undefined) ??
        localNameFault(name)
      : "it is no file";
    if (fault) return new NetdiskError("bad-name", `${label}: ${fault}`);
    const { hidden, to } = this.#invocation.options;
    if (hidden || !name.startsWith(".")) return undefined;
    const where = to === undefined ? "" : ` --to ${shellWord(to)}`;
    return new NetdiskError(
      "bad-name",
      `${label}: the name begins with a dot, a program may take it for its settings`,
      { hint: `netdisk inbox get ${number} --hidden${where}` },
    );
  }

  /** Another parcel has a file of that name. */
  #isTaken(number: number, name: string): NetdiskError | undefined {
    const other = this.#taken.get(name);
    if (other === undefined) this.#taken.set(name, number);
    if (other === undefined) return undefined;
    return this.#withWay(
      number,
      new NetdiskError(
        "exists",
        `parcel ${number}: ${name}: parcel ${other} has a file of that name`,
      ),
    );
  }

  #itemOf({ name, size, mtime }: Entry): FileItem {
    const { to, replace } = this.#invocation.options;
    const target = fileTarget(join(to ?? "", name), { replace });
    return { label: name, remotePath: name, target, facts: { size, mtime } };
  }

  #isHere({ target, remotePath: name }: FileItem, file: Entry): boolean {
    const { label: path } = target;
    const here = localFacts(path);
    if (!here || !looksSame(here, file)) return false;
    this.#results.skipped();
    const { output } = this.#invocation;
    tellNeedless(output, { name, path, reason: REASONS.changed }, false);
    return true;
  }

  #ended({ item, file, error }: DownloadOutcome): void {
    if (!item.target) return;
    const { remotePath: name, target: { label: path } } = item;
    const number = this.#numberOf.get(item)!;
    if (error) {
      return this.#failed(this.#withWay(number, error), { number, name });
    }
    if (!file) return;
    const { size, sha256, mtime } = file;
    this.#results.succeeded(size);
    this.#invocation.output.record("file", {
      number,
      name,
      path,
      size,
      sha256,
      mtime: mtime === null ? null : new Date(mtime).toISOString(),
    });
  }

  #withWay(number: number, error: NetdiskError): NetdiskError {
    if (error.code !== "exists") return error;
    const folder = join(this.#invocation.options.to ?? "", `parcel-${number}`);
    return new NetdiskError(error.code, error.message, {
      hint: `netdisk inbox get ${number} --to ${shellWord(`${folder}/`)}`,
      cause: error,
    });
  }

  #failed(
    error: NetdiskError,
    fields: { number: number; name?: string },
  ): void {
    this.#incomplete.add(fields.number);
    this.#results.failed(error, this.#invocation.output, fields);
  }
}

/** A name with a slash at its end is made later. @throws NetdiskError */
function checkFolder(to: string | undefined): void {
  if (to === undefined || to === "" || to.endsWith("/")) return;
  try {
    if (Deno.statSync(to).isDirectory) return;
  } catch (error) {
    const known = localError(to, error);
    if (known.code !== "not-found") throw known;
    throw new NetdiskError("not-found", `${to}: no such folder`, {
      hint: `mkdir -p ${shellWord(to)}`,
      cause: error,
    });
  }
  throw new NetdiskError("not-folder", `${to}: it is not a folder`);
}
