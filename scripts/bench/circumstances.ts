/** What can be found out about the machine and a file system. */
import { statfsSync } from "node:fs";
import { cpus } from "node:os";
import { run } from "./process.ts";
import type { Circumstances } from "./report.ts";
import type { Stage } from "./tool.ts";

export function describeMachine(): Circumstances["machine"] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown CPU",
    cores: all.length,
    memoryBytes: Deno.systemMemoryInfo().total,
    kernel: `${Deno.build.os} ${Deno.osRelease()}`,
    load: Deno.loadavg()[0]!,
  };
}

/** Type and free space of the file system that a folder is on. */
export async function describeFileSystem(
  dir: string,
  { env, signal }: Pick<Stage, "env" | "signal">,
): Promise<Circumstances["fileSystem"]> {
  return {
    dir,
    type: await fileSystemType(dir, { env, signal }),
    freeBytes: freeBytes(dir),
  };
}

function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

async function fileSystemType(
  dir: string,
  { env, signal }: Pick<Stage, "env" | "signal">,
): Promise<string> {
  const unknown = "unknown file system";
  try {
    const { code, stdout } = await run(
      { program: "df", args: ["--output=fstype", dir], cwd: dir, env },
      signal,
    );
    return code === 0 ? stdout.trim().split("\n").at(-1)! : unknown;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return unknown;
    throw error;
  }
}
