/**
 * Folders that the main thread reads for the Worker, a page at a time: Deno
 * would read each of them whole into memory. The names in it are the Worker's
 * business; here they are bytes.
 */

import type { Libc } from "./libc.ts";
import { errnoError } from "./os_errors.ts";
import { type FolderPage, MAX_OPEN_FOLDERS } from "./privileged_calls.ts";

/** Bytes of a page: some 2000 names of a usual length. */
const PAGE_BYTES = 64 * 1024;

/** What an entry takes whose name has 255 bytes; getdents64(2) fails without room. */
const MAX_ENTRY_BYTES = 280;

/**
 * Reads folders below one root. Whoever asks is not trusted: it gets no other
 * folder, no descriptor, and not all of those that there are.
 */
export class NativeFolders {
  #root: string;
  #libc: Libc;
  #open = new Map<number, number>();
  #lastNumber = 0;
  #page = new Uint8Array(PAGE_BYTES);

  /** @param root as a real, absolute path */
  constructor(root: string, libc: Libc) {
    this.#root = root;
    this.#libc = libc;
  }

  /** Opens a folder and reads its first page. @throws Error with an errno */
  open(path: unknown): FolderPage {
    if (typeof path !== "string" || !this.#mayRead(path)) {
      throw errnoError("EACCES");
    }
    if (this.#open.size >= MAX_OPEN_FOLDERS) throw errnoError("EMFILE");
    const fd = this.#libc.openFolder(path);
    const number = ++this.#lastNumber;
    this.#open.set(number, fd);
    try {
      // Not what the path says counts, but where it led.
      const opened = Deno.readLinkSync(`/proc/self/fd/${fd}`);
      if (!this.#mayRead(opened)) throw errnoError("EACCES");
      return this.read(number);
    } catch (error) {
      this.close(number);
      throw error;
    }
  }

  /** The next page; the last one closes the folder. @throws Error with an errno */
  read(folder: unknown): FolderPage {
    const fd = this.#open.get(folder as number);
    if (fd === undefined) throw errnoError("EBADF");
    let filled = 0;
    while (filled + MAX_ENTRY_BYTES <= PAGE_BYTES) {
      const count = this.#libc.readFolder(fd, this.#page.subarray(filled));
      filled += count;
      if (count > 0) continue;
      this.close(folder);
      return { entries: this.#page.slice(0, filled), folder: null };
    }
    return {
      entries: this.#page.slice(0, filled),
      folder: folder as number,
    };
  }

  close(folder: unknown): void {
    const fd = this.#open.get(folder as number);
    if (fd === undefined) return;
    this.#open.delete(folder as number);
    this.#libc.close(fd);
  }

  closeAll(): void {
    for (const folder of [...this.#open.keys()]) this.close(folder);
  }

  #mayRead(path: string): boolean {
    const isBelow = path === this.#root || path.startsWith(`${this.#root}/`);
    return isBelow && !path.includes("\0");
  }
}
