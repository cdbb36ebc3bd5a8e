/**
 * Sources of one command that meet in a folder: `put -r a/ b/ --to c`. The second
 * file of a name must not replace the first. Nothing is kept of what came: it
 * is looked for where it comes from.
 */

import type { Exclude } from "./exclude.ts";

/** A file or folder, and its path on the other side. */
export interface MeetingSource {
  path: string;
  to: string;
  isFile: boolean;
}

export class Meeting {
  readonly #exclude: Exclude | undefined;
  #sources = new Map<string, (MeetingSource & { index: number })[]>();
  /** True when two of them may have a file of one name. */
  readonly meets: boolean;

  constructor(sources: readonly MeetingSource[], exclude: Exclude | undefined) {
    this.#exclude = exclude;
    for (const [index, source] of sources.entries()) {
      const same = this.#sources.get(source.to) ?? [];
      same.push({ ...source, index });
      this.#sources.set(source.to, same);
    }
    this.meets = sources.some(({ to }) => this.#above(to).length > 1);
  }

  /** What, if it is a file, has the name `to` before the file `own` gets it. */
  before(to: string, own: string): string[] {
    if (!this.meets) return [];
    const paths = this.#above(to).flatMap((source) => {
      const rest = to.slice(source.to.length).replace(/^\//, "");
      if (source.isFile !== (rest === "")) return [];
      if (rest === "") return [source.path];
      if (this.#isExcluded(rest)) return [];
      const { path } = source;
      const isWhole = path === "" || path.endsWith("/");
      return [isWhole ? path + rest : `${path}/${rest}`];
    });
    return paths.slice(0, Math.max(0, paths.indexOf(own)));
  }

  /** The sources that may have something of that name, in their order. */
  #above(to: string): (MeetingSource & { index: number })[] {
    const found = [...this.#sources.get("") ?? []];
    for (let at = 0; at !== -1 && to !== "";) {
      at = to.indexOf("/", at + 1);
      const part = at === -1 ? to : to.slice(0, at);
      found.push(...this.#sources.get(part) ?? []);
    }
    return found.sort((a, b) => a.index - b.index);
  }

  #isExcluded(relative: string): boolean {
    const exclude = this.#exclude;
    if (!exclude) return false;
    for (let at = relative.indexOf("/"); at !== -1;) {
      if (exclude.has(relative.slice(0, at), true)) return true;
      at = relative.indexOf("/", at + 1);
    }
    return exclude.has(relative, false);
  }
}
