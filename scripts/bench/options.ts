/** The benchmark's command line: what may be asked, within which limits. */
import { parseArgs } from "@std/cli/parse-args";

export const HELP =
  `Measures netdisk beside scp, sftp and cp, and prints a table.

  deno task bench
  deno task bench --dir /mnt/disk --rounds 7
  deno task bench --size 64MiB --files 500 --rounds 3    # a quick look

  --rounds N      counted runs of each (default 5); one more comes first, uncounted
  --size SIZE     of the big file: bytes, or with KiB, MiB, GiB (default 1GiB)
  --files N       how many files of 4 KiB (default 5000)
  --dir DIR       where to work (default: the system's folder for temporary files)
  --json          one JSON object instead of the table
  -h, --help      this help

Exit status: 0; 1 after a failure or where netdisk misses a bar; 2 for a wrong option.`;

/** What to measure, and where. */
export interface Options {
  rounds: number;
  /** Bytes of the big file. */
  size: number;
  files: number;
  /** A folder that exists; without one, the system's for temporary files. */
  dir?: string;
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

/** Reads the command line; throws a UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const { rounds, size, files, dir, json, help } = parseArgs(args, {
    string: ["rounds", "size", "files", "dir"],
    boolean: ["json", "help"],
    alias: { h: "help" },
    unknown: (arg) => {
      throw new UsageError(`'${arg}' is not understood`);
    },
  });
  if (dir === "") throw new UsageError("--dir needs a folder");
  return {
    rounds: rounds === undefined ? 5 : count("--rounds", rounds, MAX_ROUNDS),
    size: size === undefined ? GIB : parseSize(size),
    files: files === undefined ? 5_000 : count("--files", files, MAX_FILES),
    ...(dir === undefined ? {} : { dir }),
    json,
    help,
  };
}

function count(option: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`${option} is a number from 1 to ${max}, not '${text}'`);
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
