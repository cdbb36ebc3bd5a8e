/**
 * Unfinished uploads on the disk: where they lie, who has which in hand, and
 * when they are swept away. What is written into them is upload.ts's business.
 *
 *     <root>/.netdisk/uploads/<user>/r-<SHA-256 of the path>          may be resumed
 *                                   /r-<draft>-<SHA-256 of the name>  may be resumed
 *                                   /t-<uuid>                         may not
 */

import { join } from "@std/path";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { infoOf } from "./file_system.ts";
import { logEvent } from "./log.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import { isFileOrNothing, PartialFile, removeIfEmpty } from "./partial_file.ts";
import { bytesIn, type Cost, costOfAtLeast } from "./quota_cost.ts";
import { uploadsFolder } from "./storage_path.ts";
import { type Holder, outlive } from "./takeover.ts";

/** How long an upload that nobody resumes is kept by default, in milliseconds. */
export const PARTIAL_EXPIRY_MS = 7 * 24 * 3600 * 1000;

/** Files looked at in one go while sweeping; then others have their turn. */
const SWEEP_BATCH = 64;

/** Counts a user's idle uploads, those in nobody's hands. */
export interface IdleCounter {
  /** What one of them counts. */
  cost: Cost;
  /** They count more bytes now, or fewer. */
  add(user: string, bytes: number): void;
}

/** What an upload is for, as a later one names it again. */
export interface UploadKey {
  path: string;
  /** The draft of a parcel that `path` is in, rather than the user's own files. */
  draft?: string | undefined;
}

const UNCOUNTED: IdleCounter = { cost: costOfAtLeast(0), add() {} };

/** All unfinished uploads below one storage root. */
export class Partials {
  #folder: string;
  #keepMs: number;
  #idle: IdleCounter;
  #inUse = new Map<string, PartialFile>();

  /** @param keepMs how long an upload that nobody resumes is kept */
  constructor(
    root: string,
    keepMs: number = PARTIAL_EXPIRY_MS,
    idle: IdleCounter = UNCOUNTED,
  ) {
    this.#folder = uploadsFolder(root);
    this.#keepMs = keepMs;
    this.#idle = idle;
  }

  /** A new file that no later upload finds. @throws NetdiskError */
  create(user: string, mode: number): PartialFile {
    return this.#open(user, `t-${crypto.randomUUID()}`, mode);
  }

  /**
   * The file for an upload of `key`, with what an earlier one left. When another
   * connection has it in hand and is alive, a new one as by
   * {@link create}.
   *
   * @param holder the client that asks, for later ones that want to take over
   * @throws NetdiskError
   */
  async claim(
    user: string,
    key: UploadKey,
    mode: number,
    client: Holder,
  ): Promise<PartialFile> {
    const name = nameOf(key);
    const path = this.#pathOf(user, name);
    const other = this.#inUse.get(path);
    if (other && !await outlive(other.hold)) return this.create(user, mode);
    // Another one may have waited as well.
    if (this.#inUse.has(path)) return this.create(user, mode);
    // Nothing that we would have made.
    if (!isFileOrNothing(path)) return this.create(user, mode);
    if (removeIfEmpty(path) === 0) this.#isGone(user, 0);
    const partial = this.#open(user, name, mode, client);
    if (partial.size > 0) this.#isGone(user, partial.size);
    return partial;
  }

  /**
   * What a user's unfinished uploads count: those that are idle, `withLive` all
   * of them.
   *
   * @throws NetdiskError
   */
  async bytesOf(user: string, withLive: boolean): Promise<number> {
    let bytes = 0;
    try {
      for await (const { name } of Deno.readDir(join(this.#folder, user))) {
        const path = this.#pathOf(user, name);
        if (this.#inUse.has(path) && !withLive) continue;
        const info = infoOf(path);
        if (info) bytes += this.#idle.cost(bytesIn(info));
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw toStorageError(error);
    }
    return bytes;
  }

  /** Removes what nobody has in hand of the uploads to a draft that is over. Never throws. */
  async removeDraft(user: string, draft: string): Promise<void> {
    const prefix = draftPrefix(draft);
    try {
      for await (const { name } of Deno.readDir(join(this.#folder, user))) {
        const path = this.#pathOf(user, name);
        if (!name.startsWith(prefix) || this.#inUse.has(path)) continue;
        const info = Deno.lstatSync(path);
        Deno.removeSync(path);
        this.#isGone(user, bytesIn(info));
      }
    } catch (error) {
      // They get too old at last.
      if (errnoOf(error) === "ENOENT") return;
      logEvent("discard-failed", { reason: String(error) });
    }
  }

  /**
   * Removes what a crash left behind and what nobody has resumed for long, a
   * few files at a time. Never throws.
   *
   * @param now the time, in milliseconds since 1970
   */
  async sweep(now: number): Promise<void> {
    let removed = 0;
    try {
      for await (const { name, isDirectory } of Deno.readDir(this.#folder)) {
        const path = join(this.#folder, name);
        removed += isDirectory
          ? await this.#sweepUser(name, now)
          : await this.#sweepFile(path, name, now) === undefined
          ? 0
          : 1;
      }
    } catch (error) {
      logEvent("sweep-failed", { reason: String(error) });
    }
    if (removed > 0) logEvent("swept", { partials: removed });
  }

  async #sweepUser(user: string, now: number): Promise<number> {
    let removed = 0;
    let batch: Promise<number>[] = [];
    const sweep = async (name: string) => {
      const path = this.#pathOf(user, name);
      const bytes = await this.#sweepFile(path, name, now);
      if (bytes === undefined) return 0;
      this.#isGone(user, bytes);
      return 1;
    };
    try {
      for await (const { name } of Deno.readDir(join(this.#folder, user))) {
        batch.push(sweep(name));
        if (batch.length < SWEEP_BATCH) continue;
        removed += sum(await Promise.all(batch));
        batch = [];
        // Promises alone would let nobody else have their turn.
        await delay(0);
      }
    } catch (error) {
      logEvent("sweep-failed", { reason: String(error) });
    }
    return removed + sum(await Promise.all(batch));
  }

  /** The bytes of a file that was removed; undefined for one that stays. */
  async #sweepFile(
    path: string,
    name: string,
    now: number,
  ): Promise<number | undefined> {
    try {
      if (this.#inUse.has(path)) return undefined;
      if (name.startsWith("r-")) {
        // Not its mtime, which may be set already to that of the client's file.
        const { ctimeMs } = await fs.promises.lstat(path);
        if (now - ctimeMs < this.#keepMs) return undefined;
      }
      if (this.#inUse.has(path)) return undefined;
      // At once: in between it could be claimed.
      const info = Deno.lstatSync(path);
      Deno.removeSync(path);
      return bytesIn(info);
    } catch {
      // Gone already, or the disk fails: the next sweep tries again.
      return undefined;
    }
  }

  /** An idle upload of so many bytes was removed or is in somebody's hands. */
  #isGone(user: string, bytes: number): void {
    this.#idle.add(user, -this.#idle.cost(bytes));
  }

  #pathOf(user: string, name: string): string {
    return `${this.#folder}/${user}/${name}`;
  }

  #open(
    user: string,
    name: string,
    mode: number,
    holder?: Holder,
  ): PartialFile {
    const path = this.#pathOf(user, name);
    try {
      const partial = new PartialFile(path, {
        mode,
        ...(holder ? { holder } : {}),
        onRelease: (bytes) => {
          this.#inUse.delete(path);
          if (bytes > 0) this.#idle.add(user, this.#idle.cost(bytes));
        },
      });
      this.#inUse.set(path, partial);
      return partial;
    } catch (error) {
      throw toStorageError(error);
    }
  }
}

function nameOf({ path, draft }: UploadKey): string {
  // Of a fixed length: the path may be longer than a name may be.
  const hash = createHash("sha256").update(path).digest("hex");
  return `${draft === undefined ? "r-" : draftPrefix(draft)}${hash}`;
}

/** What no path's hash begins with. */
function draftPrefix(draft: string): string {
  return `r-${draft}-`;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
