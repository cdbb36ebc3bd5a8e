/** How the server reads folders: names only, page by page, in no order. */

import type { PrivilegedPort } from "./privileged_calls.ts";

/** Reads folders. */
export interface FolderReader {
  /**
   * The names in a folder, without `.` and `..`. Those that are not UTF-8 are
   * left out, or lead to nothing. Whoever leaves the loop early closes the
   * folder with it.
   *
   * @param folder an absolute path; a link is not followed
   * @throws Error with an errno, as a file operation does
   */
  read(folder: string): AsyncIterable<string[]>;
}

/**
 * What a folder takes on the disk that is read at once, by ourselves: one of
 * some hundred names. To ask for it would take longer than to do it.
 */
const SMALL_FOLDER_BYTES = 4096;

/** Names in a page of {@link plainFolders}. */
const PAGE_NAMES = 2048;

/** Works everywhere; Deno reads the whole folder into memory. */
export const plainFolders: FolderReader = {
  async *read(folder) {
    if (isSmall(folder)) {
      yield readSmall(folder);
      return;
    }
    let names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      if (names.push(name) < PAGE_NAMES) continue;
      yield names;
      names = [];
    }
    yield names;
  },
};

/** Has the main thread read, a page when it is asked for: in constant memory. */
export class PagedFolders implements FolderReader {
  #main: PrivilegedPort;

  constructor(main: PrivilegedPort) {
    this.#main = main;
  }

  async *read(path: string): AsyncGenerator<string[]> {
    if (isSmall(path)) {
      yield readSmall(path);
      return;
    }
    let { folder, entries } = await this.#main.ask("openFolder", path);
    try {
      for (;;) {
        yield namesIn(entries);
        if (folder === null) return;
        ({ folder, entries } = await this.#main.ask("readFolder", folder));
      }
    } finally {
      if (folder !== null) await this.#main.ask("closeFolder", folder);
    }
  }
}

function isSmall(folder: string): boolean {
  return Deno.lstatSync(folder).size <= SMALL_FOLDER_BYTES;
}

function readSmall(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name);
}

// struct linux_dirent64: inode, offset, length of the record, type, name, NUL.
const LENGTH_AT = 16;
const NAME_AT = 19;

// A bad name is left out, not repaired: repaired it would be another one's.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The names of entries that getdents64(2) gave. */
export function namesIn(entries: Uint8Array): string[] {
  const names: string[] = [];
  const view = new DataView(entries.buffer, entries.byteOffset);
  for (let at = 0; at < entries.length;) {
    const start = at + NAME_AT;
    const end = entries.indexOf(0, start);
    at += view.getUint16(at + LENGTH_AT, true);
    try {
      const name = decoder.decode(entries.subarray(start, end));
      if (name !== "." && name !== "..") names.push(name);
    } catch {
      // See above.
    }
  }
  return names;
}
