/**
 * The write recipe: how the bytes of a put become a file. Each upload has an
 * unfinished file of its own in the server's data folder until it is whole.
 */

import { createHash, type Hash } from "node:crypto";
import { NetdiskError } from "../protocol/errors.ts";
import type { RequestOf, ResponseOf } from "../protocol/messages.ts";
import type { Durability } from "./durability.ts";
import { infoOf, setExecutable, toFileTime } from "./file_system.ts";
import type { FreeSpace } from "./free_space.ts";
import { makeFolders } from "./made_folders.ts";
import { toStorageError } from "./os_errors.ts";
import type { PartialFile } from "./partial_file.ts";
import { hashPrefix, isHashOf, type ReadingTurns } from "./prefix.ts";
import type { UserQuota } from "./quota.ts";
import type { Reservation } from "./quota_account.ts";
import type { StoredFile } from "./stored_file.ts";
import {
  findTarget,
  type TargetPlace,
  type UploadTarget,
} from "./upload_target.ts";

/** Up to this size a write into the page cache is quicker than a thread. */
const SYNC_WRITE_BYTES = 64 * 1024;

/** What an upload needs of its surroundings. */
export interface UploadPlace extends TargetPlace {
  durability: Durability;
  space: FreeSpace;
  readingTurns: ReadingTurns;
  quota: UserQuota;
  /** For files that come from somebody else, in a draft that may end at any time. */
  gifts?: {
    /** Unfinished uploads belong to it, and not to the user's own files of these names. */
    id: string;
    /** What the other one is told when the user has no room. */
    refusal: () => NetdiskError;
    /** What is said when the draft is over. */
    reasonOfEnd: () => NetdiskError;
  };
}

/**
 * One unfinished file. When {@link offset} is not 0, {@link verify} and
 * {@link resume} come first. Then {@link update} and {@link write} for each
 * piece, {@link complete}, {@link finish}, {@link publish}, {@link settle};
 * {@link suspend} and {@link abort} are possible until `publish`. After a
 * failure the target is what it was before, and only `suspend` leaves a trace.
 */
export class Upload {
  /** Bytes that are there already, if they are those of the client's file. */
  readonly offset: number;
  #place: UploadPlace;
  #request: RequestOf<"put">;
  #partial: PartialFile;
  /** The whole file, when an earlier upload got as far as its name. */
  #published: StoredFile | undefined;
  /** Of a user with a limit. */
  #room: Reservation | undefined;
  #verified: Promise<Hash> | undefined;
  #isOver = false;
  #hash = createHash("sha256");
  #size = 0;
  #target = "";
  #sha256 = "";

  /**
   * Owns what it is given.
   *
   * @param published the file that has the name, if it may be the one that is
   * to be uploaded
   * @param room what it may take of the user's quota, given back at its end
   * @throws NetdiskError `disk-full`; the partial stays then
   */
  constructor(
    place: UploadPlace,
    request: RequestOf<"put">,
    partial: PartialFile,
    published?: StoredFile,
    room?: Reservation,
  ) {
    this.#place = place;
    this.#room = room;
    this.#request = request;
    this.#partial = partial;
    this.#published = published;
    const size = request.size ?? 0;
    this.offset = published?.size ?? Math.min(partial.size, size);
    try {
      // What is there already takes no more room.
      if (this.offset === 0 || this.offset < size) {
        place.space.require(size - this.offset);
      }
    } catch (error) {
      this.suspend();
      throw error;
    }
  }

  /**
   * Begins to hash what is there.
   *
   * @param notice is told now and then how many bytes that were
   * @returns rejects when the disk fails; {@link resume} tells as well
   */
  async verify(notice: (done: number) => Promise<void>): Promise<void> {
    const source = this.#published ?? this.#partial.file;
    this.#verified = hashPrefix(this.offset, {
      read: async (target) => await source.read(target) ?? 0,
      notice,
      turns: this.#place.readingTurns,
      stopped: () => this.#isOver,
    });
    await this.#verified;
  }

  /** Ends {@link verify}, and {@link resume} with it. */
  stopVerifying(): void {
    this.#isOver = true;
  }

  /**
   * Goes on behind what is there if its hash is `sha256`, else from nothing.
   *
   * @returns the bytes that need not come again
   */
  async resume(sha256: string | null): Promise<number> {
    try {
      if (sha256 === null) this.#isOver = true;
      const hash = await this.#verified!.catch((error) => {
        if (sha256 !== null) throw error;
      });
      this.#isOver = false;
      if (hash && sha256 !== null && isHashOf(hash, sha256)) {
        this.#hash = hash;
        this.#size = this.offset;
        // The client's file may have become shorter than what was there.
        if (!this.#published) this.#partial.cut(this.offset);
        return this.offset;
      }
      this.#published?.close();
      this.#published = undefined;
      this.#partial.cut(0);
      return 0;
    } catch (error) {
      throw toStorageError(error);
    }
  }

  /**
   * Counts and hashes the next piece.
   *
   * @throws NetdiskError `integrity`, `quota`, `disk-full`, why a draft is over
   */
  update(bytes: Uint8Array): void {
    const { size } = this.#request;
    // Its receiver may need the room that the rest would hold.
    this.#checkDraft();
    if (size !== null && this.#size + bytes.length > size) {
      throw new NetdiskError(
        "integrity",
        "more bytes came than were announced",
      );
    }
    if (size === null && this.#room) {
      this.#room.require(this.#place.quota.cost(this.#size + bytes.length));
    }
    this.#place.space.take(bytes.length);
    this.#partial.hold.noteTraffic();
    this.#size += bytes.length;
    this.#hash.update(bytes);
  }

  /**
   * Writes the piece that was hashed last. A small one is done on return;
   * otherwise `bytes` must stay as they are until the promise ends.
   */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#size > SYNC_WRITE_BYTES) return this.#partial.write(bytes);
    this.#partial.writeSync(bytes);
    return undefined;
  }

  /** All bytes are here: from now on nobody takes the upload over. */
  complete(): void {
    this.#partial.hold.isEnding = true;
  }

  /**
   * Compares the content with what the client sent and puts it on the disk,
   * still under its temporary name.
   *
   * @param isMoreComing it may wait a moment for others
   * @throws NetdiskError `integrity`, `disk-full`, `io`; the upload is gone then
   */
  async finish(
    commit: RequestOf<"commit">,
    isMoreComing = false,
  ): Promise<void> {
    try {
      this.#sha256 = this.#hash.digest("hex");
      const announced = this.#request.size ?? commit.size;
      if (
        this.#size !== commit.size || this.#size !== announced ||
        this.#sha256 !== commit.sha256
      ) {
        throw new NetdiskError(
          "integrity",
          "checksum mismatch, nothing was replaced",
        );
      }
      if (!this.#published) this.#setMetadata();
      else if (this.#published.hasChanged()) {
        throw new NetdiskError("changed", "it was changed on the server");
      }
      // After EIO the kernel may have dropped the pages: never tried twice.
      await this.#place.durability.syncFile(
        this.#published ?? this.#partial.file,
        isMoreComing,
      );
    } catch (error) {
      this.abort();
      throw toStorageError(error);
    }
  }

  /**
   * Gives the file its name, in one step. The bytes are on the disk by now, so
   * a loss of power shows the old file or the new one.
   *
   * @throws NetdiskError also `quota`: what it was to replace may be gone
   */
  publish(): void {
    let removeFolders: (() => void) | undefined;
    try {
      this.#checkDraft();
      const target = findTarget(this.#place, this.#request);
      const { path, missingFolders } = target;
      this.#target = path;
      // It has its name; whoever replaced it meanwhile came later.
      if (this.#published) return this.abort();
      const { quota } = this.#place;
      const growth = this.#growth(target);
      const folders = missingFolders.length * quota.cost(0);
      if (quota.isTracked) (this.#room ?? quota).check(growth + folders);
      this.#partial.close();
      if (missingFolders.length > 0) {
        removeFolders = makeFolders(this.#place, missingFolders);
      }
      Deno.renameSync(this.#partial.path, path);
      this.#partial.release();
      this.#room?.release();
      if (quota.isTracked) quota.add(growth);
    } catch (error) {
      this.abort();
      removeFolders?.();
      throw toStorageError(error);
    }
  }

  /**
   * Waits until the name is on the disk too; then the client may be told. To be
   * called as soon as {@link publish} has returned: nothing may be moved in between.
   *
   * @throws NetdiskError `io`, also when its folder was moved or removed meanwhile
   */
  async settle(): Promise<ResponseOf<"receipt">> {
    const { durability, home } = this.#place;
    try {
      await durability.syncName(home, this.#target);
    } catch (error) {
      throw toStorageError(error);
    }
    return {
      type: "receipt",
      size: this.#size,
      sha256: this.#sha256,
      mtime: this.#request.mtime,
      time: Date.now(),
    };
  }

  /**
   * Leaves the file for a later upload to go on with, if there can be one, which
   * there cannot for a draft that is over; no more of it than the user's quota has room for. Nothing may be under way but
   * {@link verify}.
   */
  suspend(): void {
    if (!this.#partial.isResumable) return this.abort();
    this.#end(() => {
      try {
        if (!infoOf(this.#place.home)) return this.#partial.remove();
        if (this.#room) this.#shortenTo(this.#room.mayStay);
      } catch {
        return this.#partial.remove();
      }
      this.#partial.releaseOrRemove();
    });
  }

  /** Gives up and removes the file; harmless when repeated. */
  abort(): void {
    this.#end(() => this.#partial.remove());
  }

  /** What the file counts more than the one that it replaces. */
  #growth({ replaces }: UploadTarget): number {
    const { quota } = this.#place;
    const replaced = replaces === undefined ? 0 : quota.cost(replaces);
    return quota.cost(this.#size) - replaced;
  }

  /** A little may count more than there is room for, and goes then. */
  #shortenTo(room: number): void {
    this.#partial.shorten(this.#place.quota.cost(room) > room ? 0 : room);
  }

  /** A read that is under way still needs the descriptors. */
  #end(close: () => void): void {
    this.#isOver = true;
    // Until then others wait, but need not drop a client for it.
    this.#partial.hold.isEnding = true;
    const closeAll = () => {
      try {
        this.#published?.close();
      } catch {
        // It was only read.
      }
      this.#published = undefined;
      close();
      this.#room?.release();
    };
    if (this.#verified) this.#verified.then(closeAll, closeAll);
    else closeAll();
  }

  /** @throws NetdiskError when it was delivered or given up meanwhile */
  #checkDraft(): void {
    const { gifts, home } = this.#place;
    if (gifts && !infoOf(home)) throw gifts.reasonOfEnd();
  }

  #setMetadata(): void {
    const { mtime, executable } = this.#request;
    const { file, path, size } = this.#partial;
    if (size > 0) setExecutable(path, executable);
    if (mtime !== null) file.utimeSync(new Date(), toFileTime(mtime));
  }
}
