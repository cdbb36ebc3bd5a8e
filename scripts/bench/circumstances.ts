/** What can be found out about the machine and its file systems. */
import { statfsSync } from "node:fs";
import { cpus } from "node:os";

/** The machine that was measured on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryBytes: number;
  kernel: string;
  /** Of the last minute, before the first run. */
  load: number;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown CPU",
    cores: all.length,
    memoryBytes: Deno.systemMemoryInfo().total,
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    load: Deno.loadavg()[0]!,
  };
}

/** A mounted file system. */
export interface Mount {
  point: string;
  type: string;
  options: string;
}

/** All file systems, in the order of mounting; none where there is no /proc. */
export async function readMounts(): Promise<Mount[]> {
  try {
    return parseMounts(await Deno.readTextFile("/proc/self/mounts"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Reads lines as of fstab(5), in which blanks are `\040`. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [, point = "", type = "", options = ""] = line.split(" ").map(
      (field) =>
        field.replaceAll(
          /\\([0-7]{3})/g,
          (_, octal: string) => String.fromCharCode(parseInt(octal, 8)),
        ),
    );
    return { point, type, options };
  });
}

/** The file system that an absolute path is on: the deepest, and of these the last. */
export function mountOf(
  path: string,
  mounts: readonly Mount[],
): Mount | undefined {
  const above = mounts.filter(({ point }) =>
    point === "/" || path === point || path.startsWith(`${point}/`)
  );
  const depth = Math.max(...above.map(({ point }) => point.length));
  return above.findLast(({ point }) => point.length === depth);
}

export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}
