/** The benchmark's command line: what may be asked, within which limits. */
import { parseArgs } from "@std/cli/parse-args";

/** Every work, as `--only` names it, in the order of the tables. */
export const WORKS = [
  "put-big",
  "get-big",
  "put-small",
  "get-small",
  "sync",
  "ls",
  "link-small",
  "link-big",
  "clients",
  "memory",
  "listing",
] as const;
export type WorkName = typeof WORKS[number];

/** The kinds of file systems that are measured on. */
export const PLACES = ["tmpfs", "disk"] as const;
export type PlaceName = typeof PLACES[number];

export const HELP =
  `Measures netdisk beside scp, sftp, rsync, rclone, curl with nginx and cp, on
tmpfs and on disk, and prints tables. With all works at their full sizes the
tables go to BENCHMARKS.md as well.

  deno task bench
  deno task bench --only put-small,get-small --on tmpfs
  deno task bench --size 64MiB --files 500 --tree 2000 --rounds 3    # a quick look

  --only WORKS    of ${WORKS.slice(0, 6).join(", ")},
                  ${WORKS.slice(6).join(", ")}
  --on PLACES     of ${PLACES.join(", ")} (default: both)
  --rounds N      counted runs of each (default 5); one more comes first, uncounted
  --size SIZE     of the big file: bytes, or with KiB, MiB, GiB (default 1GiB)
  --files N       how many files of 4 KiB (default 5000), a fifth of them on the link
  --tree N        how many files sync compares (default 20000)
  --clients N     how many at once (default 64)
  --listed N      names in the longest listing (default 100000)
  --full          the same as --listed 1000000
  --tmpfs DIR     where to work on tmpfs (default: one that is found; root mounts one)
  --disk DIR      where to work on disk (default: the system's folder for temporary files)
  --output FILE   write the tables there, whatever was measured
  --json          one JSON object instead of the tables
  -h, --help      this help

Exit status: 0; 1 after a failure or where netdisk misses a bar; 2 for a wrong option.`;

/** What to measure, and where. */
export interface Options {
  only: readonly WorkName[];
  on: readonly PlaceName[];
  rounds: number;
  /** Bytes of the big file. */
  size: number;
  files: number;
  tree: number;
  clients: number;
  listed: number;
  /** A folder that exists; without one, it is looked for. */
  tmpfs?: string;
  /** A folder that exists; without one, the system's for temporary files. */
  disk?: string;
  /** Without one, BENCHMARKS.md, for what {@link isComplete}. */
  output?: string;
  json: boolean;
  help: boolean;
}

/** A command line that is not understood. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

const GIB = 2 ** 30;
const UNITS = new Map([["GiB", GIB], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]);
const MAX_ROUNDS = 100;
/** More would not end within the time that a single run may take. */
const MAX_SIZE_BYTES = 16 * GIB;
/** All names stand on one command line, which ends at 2 MiB on Linux. */
const MAX_FILES = 50_000;
const MAX_TREE = 1_000_000;
/** Each is a process of some 60 MiB. */
const MAX_CLIENTS = 256;
const MAX_LISTED = 1_000_000;

/** What the bars are for. */
const FULL = {
  rounds: 5,
  size: GIB,
  files: 5_000,
  tree: 20_000,
  clients: 64,
  listed: 100_000,
} as const;

/** Reads the command line; throws a UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const given = parseArgs(args, {
    string: [
      ...["only", "on", "rounds", "size", "files", "tree", "clients"],
      ...["listed", "tmpfs", "disk", "output"],
    ],
    boolean: ["json", "help", "full"],
    alias: { h: "help" },
    unknown: (arg) => {
      throw new UsageError(`'${arg}' is not understood`);
    },
  });
  function count(name: keyof typeof FULL, max: number): number {
    const text = given[name];
    return text === undefined ? FULL[name] : parseCount(name, text, max);
  }
  const paths = ["tmpfs", "disk", "output"] as const;
  return {
    only: choose("only", given.only, WORKS),
    on: choose("on", given.on, PLACES),
    rounds: count("rounds", MAX_ROUNDS),
    size: given.size === undefined ? FULL.size : parseSize(given.size),
    files: count("files", MAX_FILES),
    tree: count("tree", MAX_TREE),
    clients: count("clients", MAX_CLIENTS),
    listed: given.full ? MAX_LISTED : count("listed", MAX_LISTED),
    ...Object.fromEntries(
      paths.filter((name) => given[name] !== undefined)
        .map((name) => [name, checkPath(name, given[name]!)]),
    ),
    json: given.json,
    help: given.help,
  };
}

/** Whether the whole table is measured, at no less than its sizes. */
export function isComplete(options: Options): boolean {
  const names = Object.keys(FULL) as (keyof typeof FULL)[];
  return options.only.length === WORKS.length &&
    options.on.length === PLACES.length &&
    names.every((name) => options[name] >= FULL[name]);
}

function choose<Name extends string>(
  option: string,
  text: string | undefined,
  all: readonly Name[],
): Name[] {
  if (text === undefined) return [...all];
  const names = text.split(",");
  for (const name of names) {
    if ((all as readonly string[]).includes(name)) continue;
    throw new UsageError(`--${option} is of ${all.join(", ")}, not '${name}'`);
  }
  return all.filter((name) => names.includes(name));
}

function checkPath(option: string, path: string): string {
  if (path !== "") return path;
  throw new UsageError(`--${option} needs a path`);
}

function parseCount(option: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(
    `--${option} is a number from 1 to ${max}, not '${text}'`,
  );
}

/** Bytes from `1048576`, `1024KiB`, `1MiB`. Throws a UsageError. */
export function parseSize(text: string): number {
  const [, digits, unit] = /^(\d+) ?([KMG]iB)?$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS.get(unit ?? "") ?? 1);
  if (bytes >= 1 && bytes <= MAX_SIZE_BYTES) return bytes;
  throw new UsageError(
    `--size is bytes or like 64MiB, from 1 to 16GiB, not '${text}'`,
  );
}

/** The shortest exact name of a size: `1 GiB`, `1000 bytes`. */
export function sizeName(bytes: number): string {
  for (const [unit, factor] of UNITS) {
    if (bytes % factor === 0) return `${bytes / factor} ${unit}`;
  }
  return `${bytes} bytes`;
}
