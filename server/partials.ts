/**
 * Unfinished uploads on the disk: where they lie, who has which in hand, and
 * when they are swept away. What is written into them is upload.ts's business.
 *
 *     <root>/.netdisk/uploads/<user>/r-<SHA-256 of the path>   may be resumed
 *                                   /t-<uuid>                  may not
 */

import { join } from "@std/path";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { logEvent } from "./log.ts";
import { errnoOf, toStorageError } from "./os_errors.ts";
import { uploadsFolder } from "./storage_path.ts";

/** How long an upload that nobody resumes is kept, in milliseconds. */
export const PARTIAL_EXPIRY_MS = 7 * 24 * 3600 * 1000;

/**
 * A client that comes back before its old connection is known to be dead takes
 * its upload over when that has been silent for so long, in milliseconds.
 */
const TAKEOVER_MS = 3000;

/** Files looked at in one go while sweeping; then others have their turn. */
const SWEEP_BATCH = 64;

/** One unfinished file in the hands of one upload. */
export class Partial {
  readonly path: string;
  readonly file: Deno.FsFile;
  /** Bytes that an earlier upload left. */
  readonly size: number;
  readonly isResumable: boolean;
  /** When its client was last heard of, by `performance.now`. */
  movedAt: number = performance.now();
  /** The client has sent all and waits for the disk: it is not to be disturbed. */
  isCommitting = false;
  /** Resolves when the file is closed and has got its name, or stays, or is gone. */
  readonly released: Promise<void>;
  /** Ends the connection whose upload this is. */
  readonly drop: () => void;
  #release: () => void;
  #isOpen = true;

  constructor(
    path: string,
    options: { mode: number; drop?: () => void; onRelease: () => void },
  ) {
    const { mode, drop } = options;
    this.path = path;
    this.isResumable = drop !== undefined;
    this.drop = drop ?? (() => {});
    this.file = openOrCreate(path, mode, this.isResumable);
    this.size = this.isResumable ? this.file.statSync().size : 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.#release = () => {
      options.onRelease();
      resolve();
    };
  }

  /** Closes the file; harmless when repeated. */
  close(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }

  /** Lets go of a file that was closed and renamed, or that stays. */
  release(): void {
    this.close();
    this.#release();
  }

  /** Lets a later upload go on with it, if there is anything to go on with. */
  releaseOrRemove(): void {
    if (this.#isEmpty()) this.remove();
    else this.release();
  }

  /** Removes the file. Never throws: what stays is swept away later. */
  remove(): void {
    try {
      this.close();
      Deno.removeSync(this.path);
    } catch {
      // Gone already, or the disk fails.
    }
    this.#release();
  }

  #isEmpty(): boolean {
    try {
      return Deno.lstatSync(this.path).size === 0;
    } catch {
      return true;
    }
  }
}

/** All unfinished uploads below one storage root. */
export class Partials {
  #folder: string;
  #inUse = new Map<string, Partial>();

  constructor(root: string) {
    this.#folder = uploadsFolder(root);
  }

  /** A new file that no later upload finds. @throws NetdiskError */
  create(user: string, mode: number): Partial {
    return this.#open(this.#pathOf(user, `t-${crypto.randomUUID()}`), mode);
  }

  /**
   * The file for an upload to `remotePath`, with what an earlier one left. When
   * another connection has it in hand and is alive, a new one as by
   * {@link create}.
   *
   * @param drop ends the connection that asks, should a later one take over
   * @throws NetdiskError
   */
  async claim(
    user: string,
    remotePath: string,
    mode: number,
    drop: () => void,
  ): Promise<Partial> {
    // Of a fixed length: the path may be longer than a name may be.
    const hash = createHash("sha256").update(remotePath).digest("hex");
    const path = this.#pathOf(user, `r-${hash}`);
    const holder = this.#inUse.get(path);
    if (holder && !await outlive(holder)) return this.create(user, mode);
    // Another one may have waited as well.
    if (this.#inUse.has(path)) return this.create(user, mode);
    return this.#open(path, mode, drop);
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
          ? await this.#sweepUser(path, now)
          : await this.#sweepFile(path, name, now);
      }
    } catch (error) {
      logEvent("sweep-failed", { reason: String(error) });
    }
    if (removed > 0) logEvent("swept", { partials: removed });
  }

  async #sweepUser(folder: string, now: number): Promise<number> {
    let removed = 0;
    let batch: Promise<number>[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      batch.push(this.#sweepFile(join(folder, name), name, now));
      if (batch.length < SWEEP_BATCH) continue;
      removed += sum(await Promise.all(batch));
      batch = [];
    }
    return removed + sum(await Promise.all(batch));
  }

  async #sweepFile(path: string, name: string, now: number): Promise<number> {
    try {
      if (this.#inUse.has(path)) return 0;
      if (name.startsWith("r-")) {
        // Not its mtime, which may be set already to that of the client's file.
        const { ctimeMs } = await fs.promises.lstat(path);
        if (now - ctimeMs < PARTIAL_EXPIRY_MS) return 0;
      }
      if (this.#inUse.has(path)) return 0;
      // At once: in between it could be claimed.
      Deno.removeSync(path);
      return 1;
    } catch {
      // Gone already, or the disk fails: the next sweep tries again.
      return 0;
    }
  }

  #pathOf(user: string, name: string): string {
    return join(this.#folder, user, name);
  }

  #open(path: string, mode: number, drop?: () => void): Partial {
    try {
      const partial = new Partial(path, {
        mode,
        ...(drop ? { drop } : {}),
        onRelease: () => this.#inUse.delete(path),
      });
      this.#inUse.set(path, partial);
      return partial;
    } catch (error) {
      throw toStorageError(error);
    }
  }
}

/**
 * Waits until `holder` lets go, and makes it when its client is silent; false
 * when that one is still heard of after a while. What a dead client had sent
 * may have to be read to its end first.
 */
async function outlive(holder: Partial): Promise<boolean> {
  const askedAt = performance.now();
  let isReleased = false;
  const released = holder.released.then(() => isReleased = true);
  while (!isReleased) {
    const now = performance.now();
    const silentMs = now - holder.movedAt;
    if (holder.isCommitting || silentMs >= TAKEOVER_MS) {
      if (!holder.isCommitting) holder.drop();
      await released;
    } else {
      const waitedMs = now - askedAt;
      if (waitedMs >= TAKEOVER_MS) return false;
      const patienceMs = TAKEOVER_MS - Math.max(silentMs, waitedMs);
      await Promise.race([released, delay(patienceMs)]);
    }
  }
  return true;
}

/** The user's folder is made with the first of its files. */
function openOrCreate(
  path: string,
  mode: number,
  mayExist: boolean,
): Deno.FsFile {
  const open = () =>
    Deno.openSync(path, {
      read: true,
      write: true,
      // The umask takes away what the server's owner does not want to give.
      mode,
      ...(mayExist ? { create: true } : { createNew: true }),
    });
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  try {
    Deno.mkdirSync(join(path, ".."), { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
  return open();
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
