/**
 * Patterns for remote names, as shells have them: `*`, `?`, `[...]`, `{a,b}`,
 * `**` for any number of folders, `\` before what is meant as it stands. A
 * leading dot is only matched by a dot.
 */

import { globToRegExp } from "@std/path";
import { NetdiskError } from "../protocol/errors.ts";
import type { Entry } from "../protocol/messages.ts";
import { joinRemotePath, parseRemotePath } from "../protocol/remote_path.ts";
import { type Connection, isAboutPath } from "./connection.ts";
import { ListingBounds } from "./listing.ts";
import {
  childPath,
  compareNames,
  type FolderFailure,
  RemoteTree,
} from "./remote_tree.ts";

/** Alternatives that `{...}` may make; each is looked for by itself. */
const MAX_ALTERNATIVES = 256;

const MAGIC = /[*?[\\]/;

/** Something that a pattern matches. */
export interface RemoteMatch {
  path: string;
  entry: Entry;
  /** The path below the fixed part of a pattern that has `**` in it. */
  below?: string;
}

/** What a pattern stands for. */
export interface Expansion {
  /** In the order of their paths, each once; at least one, or a failure. */
  matches: RemoteMatch[];
  /** Where it could not be looked, and what matches but cannot be a path. */
  failures: FolderFailure[];
}

/** A pattern for one name, or `**`. */
type Step = RegExp | "**";

/** A pattern without alternatives. */
interface Pattern {
  /** The folder below which it looks. */
  base: string;
  steps: Step[];
  /** It ends in a slash. */
  isFolder: boolean;
}

/** True for a name that could be meant as a pattern. */
export function hasGlob(text: string): boolean {
  return MAGIC.test(text) || splitAlternatives(text) !== undefined;
}

/** Looks whether a pattern can be one. @throws NetdiskError `bad-name` and `usage` */
export function checkGlob(text: string): void {
  parsePatterns(text);
}

/**
 * What a pattern matches on the server. Something that has the very name comes
 * first: then nothing else is looked for. Memory is that of the matches.
 *
 * @throws NetdiskError `not-found` when there is no match, `bad-name` and `usage`
 * for what cannot be a pattern, and whatever ends the connection
 */
export async function expandGlob(
  connection: Connection,
  text: string,
): Promise<Expansion> {
  const patterns = parsePatterns(text);
  const literal = await statIfThere(connection, text);
  if (literal) return { matches: [literal], failures: [] };
  const found = new Map<string, RemoteMatch>();
  const bounds = new ListingBounds(true);
  const failures: FolderFailure[] = [];
  for (const pattern of patterns) {
    for await (const result of look(connection, pattern)) {
      bounds.hold({ name: result.path });
      if ("error" in result) failures.push(result);
      else found.set(result.path, { ...result, ...belowBase(result, pattern) });
    }
  }
  if (found.size === 0 && failures.length === 0) {
    throw new NetdiskError("not-found", `${text}: nothing matches`);
  }
  const matches = [...found.values()]
    .sort((a, b) => compareNames(a.path, b.path));
  return { matches, failures };
}

function belowBase(
  { path }: RemoteMatch,
  { base, steps }: Pattern,
): Pick<RemoteMatch, "below"> {
  if (!steps.includes("**")) return {};
  return { below: base === "" ? path : path.slice(base.length + 1) };
}

/** Without what lies in a folder that is matched as well. Sorted, as they come. */
export function outermost(matches: readonly RemoteMatch[]): RemoteMatch[] {
  const folders = new Set<string>();
  for (const { path, entry } of matches) {
    if (entry.kind === "folder") folders.add(path);
  }
  return matches.filter(({ path }) => {
    for (let at = path.lastIndexOf("/"); at > 0;) {
      if (folders.has(path.slice(0, at))) return false;
      at = path.lastIndexOf("/", at - 1);
    }
    return true;
  });
}

async function statIfThere(
  connection: Connection,
  text: string,
): Promise<RemoteMatch | undefined> {
  try {
    const path = parseRemotePath(text);
    const { entry } = await connection.call({ type: "stat", path }, "entry");
    return { path, entry };
  } catch (error) {
    if (isAboutPath(error)) return undefined;
    throw error;
  }
}

/** Lists what is needed for one pattern. */
async function* look(
  connection: Connection,
  { base, steps, isFolder }: Pattern,
): AsyncGenerator<RemoteMatch | FolderFailure> {
  if (steps.length === 0) {
    const match = await statIfThere(connection, base);
    if (match && (!isFolder || match.entry.kind === "folder")) yield match;
    return;
  }
  const isMatch = ({ kind }: Entry, reached: Set<number>) =>
    reached.has(steps.length) && (!isFolder || kind === "folder");
  /** How far the paths of the folders that are entered match. */
  const progress = new Map([[base, closed(new Set([0]), steps)]]);
  const tree = new RemoteTree(base, {
    enter: (path, { name }) => {
      const parent = path.slice(0, Math.max(0, path.length - name.length - 1));
      const reached = advance(progress.get(parent)!, name, steps);
      reached.delete(steps.length);
      if (reached.size > 0) progress.set(path, reached);
      return reached.size > 0;
    },
  });
  for await (const event of tree.events(connection)) {
    if (event.error) {
      // What is gone, and what is no folder, matches nothing.
      const isNone = ["not-found", "not-folder"].includes(event.error.code);
      if (!isNone) yield event;
      continue;
    }
    const { path: folder, entries, isLast } = event;
    const reached = progress.get(folder)!;
    if (isLast) progress.delete(folder);
    for (const entry of entries) {
      if (!isMatch(entry, advance(reached, entry.name, steps))) continue;
      const path = childPath(folder, entry);
      if (typeof path === "string") yield { path, entry };
      // A folder that cannot be entered is an event of its own.
      else if (entry.kind !== "folder") {
        yield { path: joinRemotePath(folder, entry.name), error: path };
      }
    }
  }
}

/** Where in the steps one is after another name. */
function advance(
  reached: ReadonlySet<number>,
  name: string,
  steps: readonly Step[],
): Set<number> {
  const next = new Set<number>();
  for (const at of reached) {
    const step = steps[at];
    if (step === "**") {
      if (!name.startsWith(".")) next.add(at);
    } else if (step?.test(name)) {
      next.add(at + 1);
    }
  }
  return closed(next, steps);
}

/** With what is reached as `**` may stand for no folder. */
function closed(reached: Set<number>, steps: readonly Step[]): Set<number> {
  // What is added is visited as well.
  for (const at of reached) if (steps[at] === "**") reached.add(at + 1);
  return reached;
}

/** @throws NetdiskError `usage`, `bad-name` */
function parsePatterns(text: string): Pattern[] {
  return alternatives(text).map((alternative) => {
    const isFolder = alternative.endsWith("/");
    const parts = alternative.split("/").filter((p) => p !== "" && p !== ".");
    const magic = parts.findIndex((part) => MAGIC.test(part));
    const fixed = magic === -1 ? parts.length : magic;
    const base = parseRemotePath(parts.slice(0, fixed).join("/"));
    const steps = parts.slice(fixed).map((part) => parseStep(part, text));
    // A final `**` is what is in the folder, and not the folder.
    if (steps.at(-1) === "**") steps.push(parseStep("*", text));
    return { base, steps, isFolder };
  });
}

function parseStep(part: string, text: string): Step {
  if (part === "**") return part;
  if (part === "..") {
    throw new NetdiskError(
      "bad-name",
      `${text}: '..' is not allowed in a path`,
    );
  }
  try {
    // Both are usual for "none of these"; the library knows one.
    const glob = part.replaceAll("[^", "[!");
    const { source } = globToRegExp(glob, { extended: false, os: "linux" });
    const isHidden = /^\\?\./.test(part);
    return new RegExp(isHidden ? source : `^(?!\\.)${source.slice(1)}`, "s");
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new NetdiskError("usage", `${text}: '${part}' is no pattern`, {
      cause,
    });
  }
}

/** The texts that `{a,b}` stands for. @throws NetdiskError `usage` */
function alternatives(text: string): string[] {
  const done: string[] = [];
  const open = [text];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const split = splitAlternatives(next);
    if (split) open.push(...split.reverse());
    else done.push(next);
    if (open.length + done.length > MAX_ALTERNATIVES) {
      throw new NetdiskError(
        "usage",
        `${text}: that is more than ${MAX_ALTERNATIVES} patterns`,
      );
    }
  }
  return done;
}

/** With the first `{a,b}` replaced by each of its parts; undefined without one. */
function splitAlternatives(text: string): string[] | undefined {
  for (let open = 0; open < text.length; open++) {
    if (text[open] === "\\") open++;
    else if (text[open] === "{") {
      const parts = partsFrom(text, open);
      if (!parts) continue;
      const end = open + parts.join(",").length + 2;
      return parts.map((p) => text.slice(0, open) + p + text.slice(end));
    }
  }
  return undefined;
}

/** What stands between the brace at `open` and its end, at its commas. */
function partsFrom(text: string, open: number): string[] | undefined {
  const parts: string[] = [];
  let start = open + 1;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === "\\") at++;
    else if (char === "{") depth++;
    else if (char === "}" && depth > 0) depth--;
    else if (depth === 0 && (char === "," || char === "}")) {
      parts.push(text.slice(start, at));
      start = at + 1;
      if (char === "}") return parts.length > 1 ? parts : undefined;
    }
  }
  return undefined;
}
