/** `--exclude`: names that a walk leaves out, by the rules of `.gitignore`. */

import ignore, { type Ignore } from "ignore";

/** The library remembers each path that it was asked about; from here on it forgets. */
const MAX_REMEMBERED = 10_000;

/** The patterns of one command; those further behind overrule those before. */
export class Exclude {
  readonly #patterns: readonly string[];
  #rules: Ignore;
  #asked = 0;

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
    this.#rules = rulesOf(patterns);
  }

  /**
   * Whether something is left out. Folders above it are not: whoever walks does
   * not enter those that are left out.
   *
   * @param path from where the walk began, with `/` between the names
   */
  has(path: string, isFolder: boolean): boolean {
    if (this.#patterns.length === 0) return false;
    if (this.#asked++ === MAX_REMEMBERED) {
      this.#rules = rulesOf(this.#patterns);
      this.#asked = 0;
    }
    return this.#rules.ignores(isFolder ? `${path}/` : path);
  }
}

function rulesOf(patterns: readonly string[]): Ignore {
  return ignore({ ignorecase: false, allowRelativePaths: true }).add([
    ...patterns,
  ]);
}
