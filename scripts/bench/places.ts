/** Where it is measured: a folder on a tmpfs and one on a disk, removed at the end. */
import { format as formatBytes } from "@std/fmt/bytes";
import { join } from "@std/path";
import { messageOf } from "../interrupt.ts";
import { freeBytes, type Mount, mountOf, readMounts } from "./circumstances.ts";
import type { Options, PlaceName } from "./options.ts";
import { findProgram, runWell } from "./process.ts";
import { Disk } from "./quiet.ts";
import { type CommandLine, PLAIN_PATH, Unavailable } from "./tool.ts";

/** One of them. */
export interface Place {
  readonly name: PlaceName;
  /** As the tables name it: `tmpfs`, `ext4`. */
  readonly type: string;
  /** The benchmark's own folder on it. */
  readonly dir: string;
  readonly freeBytes: number;
  /** How the file system is mounted. */
  readonly options: string;
  readonly disk: Disk;
}

/** What places are made with. */
export interface PlaceContext {
  options: Options;
  /** Bytes that have to be free. */
  needed: number;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** Removes them. */
  stack: AsyncDisposableStack;
}

const PREFIX = "netdisk-bench-";
/** Deno wants all permissions for what is below the first three; the last is the system's own. */
const NOT_BELOW = ["/dev", "/proc", "/sys", "/run"];

/** Makes the folder of a place. Throws Unavailable where there is none, or no room. */
export async function openPlace(
  name: PlaceName,
  context: PlaceContext,
): Promise<Place> {
  const dir = name === "tmpfs"
    ? await makeOnTmpfs(context)
    : await makeFolder(context.options.disk, context);
  const mount = mountOf(dir, await readMounts());
  const place = {
    name,
    type: mount?.type ?? "unknown file system",
    dir,
    freeBytes: freeBytes(dir),
    options: mount?.options ?? "",
    disk: new Disk(dir, context.env),
  };
  check(place, context);
  return place;
}

function check(place: Place, { options, needed }: PlaceContext): void {
  const { name, type, dir } = place;
  const isTmpfs = type === "tmpfs";
  // A folder that is named is what is meant, and the tables say what it is on.
  const isRight = name === "tmpfs" ? isTmpfs : options.disk || !isTmpfs;
  if (!isRight) {
    throw new Unavailable(
      `'${dir}' is on ${type}; name another with --${name}`,
    );
  }
  if (!PLAIN_PATH.test(dir)) {
    throw new Unavailable(
      `'${dir}' has characters that mean something to OpenSSH; name another with --${name}`,
    );
  }
  if (place.freeBytes >= needed) return;
  const [needs, has] = [needed, place.freeBytes].map((n) => formatBytes(n));
  throw new Unavailable(
    `this needs ${needs} and ${has} are free at '${dir}'; name another with --${name}`,
  );
}

async function makeFolder(
  parent: string | undefined,
  { stack }: PlaceContext,
): Promise<string> {
  const where = parent === undefined
    ? {}
    : { dir: await Deno.realPath(parent) };
  const made = await Deno.makeTempDir({ ...where, prefix: PREFIX });
  stack.defer(() => Deno.remove(made, { recursive: true }));
  return await Deno.realPath(made);
}

async function makeOnTmpfs(context: PlaceContext): Promise<string> {
  const { options, needed } = context;
  if (options.tmpfs !== undefined) return makeFolder(options.tmpfs, context);
  for (const { point } of tmpfsOf(await readMounts())) {
    try {
      if (freeBytes(point) >= needed) return await makeFolder(point, context);
    } catch {
      // Of another user, or read-only.
    }
  }
  return await mountTmpfs(context);
}

/** Those that may be worked on, the latest mount first. */
export function tmpfsOf(mounts: readonly Mount[]): Mount[] {
  return mounts.filter(({ point, type, options }) =>
    type === "tmpfs" && options.split(",").includes("rw") &&
    !NOT_BELOW.some((top) => point === top || point.startsWith(`${top}/`))
  ).reverse();
}

async function mountTmpfs(context: PlaceContext): Promise<string> {
  const { needed, env, signal, stack } = context;
  const [mount, umount] = ["mount", "umount"].map((name) => findProgram(name));
  if (!mount || !umount || Deno.uid() !== 0) {
    throw new Unavailable(
      "no tmpfs with enough room, and only root mounts one",
    );
  }
  const point = join(await makeFolder(undefined, context), "tmpfs");
  await Deno.mkdir(point);
  function command(program: string, ...args: string[]): CommandLine {
    return { program, args, cwd: "/", env };
  }
  const size = `size=${needed}`;
  try {
    await runWell(
      command(mount, "-t", "tmpfs", "-o", size, "netdisk-bench", point),
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    throw new Unavailable(`no tmpfs: ${messageOf(error)}`);
  }
  // Also after Ctrl-C, so not with the signal.
  const never = new AbortController().signal;
  stack.defer(async () => void await runWell(command(umount, point), never));
  return point;
}
