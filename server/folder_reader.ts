/** How the server reads folders: names only, page by page, in no order. */

/** Reads folders. */
export interface FolderReader {
  /**
   * The names in a folder, without `.` and `..`; those that are not UTF-8 are
   * left out or lead to nothing. Whoever does not read to the end ends the
   * loop, so that the folder is closed.
   *
   * @throws Error with an errno, as file operations do
   */
  read(folder: string): AsyncIterable<string[]>;
}

/** Names in a page. */
const PAGE_NAMES = 1024;

/** Reads with what every system has; Deno holds the whole folder in memory. */
export const plainFolders: FolderReader = {
  async *read(folder) {
    let names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      if (names.push(name) < PAGE_NAMES) continue;
      yield names;
      names = [];
    }
    yield names;
  },
};
