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

/** How long an upload that nobody resumes is kept by default, in milliseconds. */
export const PARTIAL_EXPIRY_MS = 7 * 24 * 3600 * 1000;

/**
 * A client that comes back before its old connection is known to be dead takes
 * its upload over when that has been silent for so long, in milliseconds.
 */
export const TAKEOVER_MS = 3000;

/** Files looked at in one go while sweeping; then others have their turn. */
const SWEEP_BATCH = 64;

/** The client of an upload, as far as others need to know of it. */
export interface Holder {
  /** Bytes that came from it so far, those of a frame on its way included. */
  received(): number;
  /** Ends its connection. */
  drop(): void;
}

/** One unfinished file in the hands of one upload. */
export class Partial {
  readonly path: string;
  readonly file: Deno.FsFile;
  /** Bytes that an earlier upload left. */
  readonly size: number;
  readonly isResumable: boolean;
  /** The client has sent all, or given up, and only the disk is waited for. */
  isEnding = false;
  /** Resolves when the file is closed and has got its name, or stays, or is gone. */
  readonly released: Promise<void>;
  #holder: Holder | undefined;
  #received = 0;
  #heardAt = performance.now();
  #release: () => void;
  #isOpen = true;
  #isReleased = false;

  constructor(
    path: string,
    options: { mode: number; holder?: Holder; onRelease: () => void },
  ) {
    const { mode, holder } = options;
    this.path = path;
    this.isResumable = holder !== undefined;
    this.#holder = holder;
    this.#received = holder?.received() ?? 0;
    this.file = openOrCreate(path, mode, this.isResumable);
    this.size = this.isResumable ? this.file.statSync().size : 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.#release = () => {
      options.onRelease();
      resolve();
    };
  }

  /** When its client was last heard of, by `performance.now`; exact if looked at often. */
  heardAt(): number {
    const received = this.#holder?.received() ?? 0;
    if (received !== this.#received) this.#heardAt = performance.now();
    this.#received = received;
    return this.#heardAt;
  }

  /** Ends the connection whose upload this is. */
  drop(): void {
    this.#holder?.drop();
  }

  /** Closes the file; harmless when repeated. */
  close(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }

  /** Lets go of a file that was closed and renamed, or that stays. */
  release(): void {
    this.close();
    this.#letGo();
  }

  /** Lets a later upload go on with it, if there is anything to go on with. */
  releaseOrRemove(): void {
    if (this.#isReleased) return;
    this.close();
    removeIfEmpty(this.path);
    this.#letGo();
  }

  /**
   * Removes the file, unless it was let go: another one may have it then. Never
   * throws: what stays is swept away later.
   */
  remove(): void {
    if (this.#isReleased) return;
    try {
      this.close();
      Deno.removeSync(this.path);
    } catch {
      // Gone already, or the disk fails.
    }
    this.#letGo();
  }

  #letGo(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#release();
  }
}

/** All unfinished uploads below one storage root. */
export class Partials {
  #folder: string;
  #keepMs: number;
  #inUse = new Map<string, Partial>();

  /** @param keepMs how long an upload that nobody resumes is kept */
  constructor(root: string, keepMs: number = PARTIAL_EXPIRY_MS) {
    this.#folder = uploadsFolder(root);
    this.#keepMs = keepMs;
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
   * @param holder the client that asks, for later ones that want to take over
   * @throws NetdiskError
   */
  async claim(
    user: string,
    remotePath: string,
    mode: number,
    client: Holder,
  ): Promise<Partial> {
    // Of a fixed length: the path may be longer than a name may be.
    const hash = createHash("sha256").update(remotePath).digest("hex");
    const path = this.#pathOf(user, `r-${hash}`);
    const holder = this.#inUse.get(path);
    if (holder && !await outlive(holder)) return this.create(user, mode);
    // Another one may have waited as well.
    if (this.#inUse.has(path)) return this.create(user, mode);
    removeIfEmpty(path);
    return this.#open(path, mode, client);
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
    try {
      for await (const { name } of Deno.readDir(folder)) {
        batch.push(this.#sweepFile(join(folder, name), name, now));
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

  async #sweepFile(path: string, name: string, now: number): Promise<number> {
    try {
      if (this.#inUse.has(path)) return 0;
      if (name.startsWith("r-")) {
        // Not its mtime, which may be set already to that of the client's file.
        const { ctimeMs } = await fs.promises.lstat(path);
        if (now - ctimeMs < this.#keepMs) return 0;
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

  #open(path: string, mode: number, holder?: Holder): Partial {
    try {
      const partial = new Partial(path, {
        mode,
        ...(holder ? { holder } : {}),
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
    const silentMs = now - holder.heardAt();
    if (holder.isEnding || silentMs >= TAKEOVER_MS) {
      if (!holder.isEnding) holder.drop();
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

/** Nothing can be gone on with, and it has the mode of a put that is over. */
function removeIfEmpty(path: string): void {
  try {
    if (Deno.lstatSync(path).size === 0) Deno.removeSync(path);
  } catch {
    // Gone already, or the disk fails.
  }
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
