/**
 * What it takes to make a folder like another one. Pure: entries in, differences
 * out; what is below folders is compared in their own turn.
 */

import type { Entry } from "../protocol/messages.ts";
import { looksSame } from "./compare.ts";

/** What is to be done about one name. */
export type Difference<S extends Entry, T extends Entry> =
  /** A file that is missing, or has another size or time: its content is sent. */
  | { kind: "copy"; source: S; target?: T }
  /** A file of the same size: equal if its SHA-256 is. */
  | { kind: "verify"; source: S; target: T }
  /** A file whose content is right, and its time or executable bit is not. */
  | { kind: "mend"; source: S; target: T }
  /** A folder that is missing. */
  | { kind: "make"; source: S }
  /** A folder on both sides. */
  | { kind: "both"; source: S; target: T }
  /** A file where the source has a folder, or the reverse; it may be deleted. */
  | { kind: "replace"; source: S; target: T }
  /** The same, and it may not. */
  | { kind: "clash"; source: S; target: T }
  /** One of them is neither file nor folder: it is left alone. */
  | { kind: "skip"; source: S; target?: T }
  /** Only the target has it. */
  | { kind: "delete"; target: T };

export interface CompareRules {
  /** What the source does not have is deleted. */
  delete: boolean;
  /** Even if it has nothing. */
  deleteAll?: boolean;
  /** Files of the same size are compared by their SHA-256, not by their time. */
  checksum: boolean;
}

/** How a folder differs from its source. Names occur once on each side, or the last one counts. */
export interface Comparison<S extends Entry, T extends Entry> {
  differences: Difference<S, T>[];
  /** Files that are the same. */
  same: number;
}

/** Compares what two folders have. */
export function compareFolders<S extends Entry, T extends Entry>(
  sources: readonly S[],
  targets: readonly T[],
  rules: CompareRules,
): Comparison<S, T> {
  const left = new Map<string, T>();
  for (const target of targets) left.set(target.name, target);
  const differences: Difference<S, T>[] = [];
  let same = 0;
  for (const source of sources) {
    const target = left.get(source.name);
    if (target) left.delete(source.name);
    const difference = compare(source, target, rules);
    if (difference) differences.push(difference);
    else same++;
  }
  if (rules.delete) {
    for (const target of left.values()) {
      // What could not be copied is not deleted, either.
      if (target.kind !== "other") differences.push({ kind: "delete", target });
    }
  }
  return { differences, same };
}

function compare<S extends Entry, T extends Entry>(
  source: S,
  target: T | undefined,
  rules: CompareRules,
): Difference<S, T> | undefined {
  if (source.kind === "other") return { kind: "skip", source };
  if (!target) {
    return { kind: source.kind === "folder" ? "make" : "copy", source };
  }
  if (target.kind === "other") return { kind: "skip", source, target };
  if (source.kind !== target.kind) {
    return { kind: rules.delete ? "replace" : "clash", source, target };
  }
  if (source.kind === "folder") return { kind: "both", source, target };
  if (source.size !== target.size) return { kind: "copy", source, target };
  if (rules.checksum) return { kind: "verify", source, target };
  if (!looksSame(source, target)) return { kind: "copy", source, target };
  return hasSameFacts(source, target)
    ? undefined
    : { kind: "mend", source, target };
}

/**
 * Whether files of the same content have the same time and executable bit as
 * well. Windows has no such bit: there it is what the server says.
 */
export function hasSameFacts(
  source: Entry,
  target: Entry,
  os: typeof Deno.build.os = Deno.build.os,
): boolean {
  return looksSame(source, target) &&
    (os === "windows" || source.executable === target.executable);
}
