/** `cp` and `ls`, for scale: the same files without network, hash or flush. */
import { join } from "@std/path";
import { findProgram, run } from "./process.ts";
import { linkSample } from "./samples.ts";
import {
  ARRIVALS,
  type Stage,
  type Tool,
  type ToolGroup,
  Unavailable,
} from "./tool.ts";

/** Not a clone of the blocks where the file system could make one. */
const REAL_COPY = "--reflink=never";

/** Throws Unavailable where there is no `cp` or no `ls`. */
export async function openCoreutils(stage: Stage): Promise<ToolGroup> {
  const { env, signal, samples } = stage;
  const cp = findProgram("cp");
  const ls = findProgram("ls");
  if (!cp || !ls) throw new Unavailable("not installed: cp, ls");

  const { code, stdout } = await run(
    { program: cp, args: ["--version"], cwd: stage.dir, env },
    signal,
  );
  const version = code === 0 ? stdout.split("\n")[0]!.trim() : "cp";
  const options = version.includes("GNU") ? [REAL_COPY] : [];

  const far = join(stage.dir, "coreutils");
  for (const sample of samples) await linkSample(sample, far);
  const copy: Tool = {
    name: "cp",
    far,
    put: ({ folder }) => ({
      program: cp,
      args: ["-R", ...options, folder, join(far, ARRIVALS)],
      cwd: far,
      env,
    }),
    get: ({ name }, to) => ({
      program: cp,
      args: ["-R", ...options, name, to],
      cwd: far,
      env,
    }),
  };
  const list: Tool = {
    name: "ls",
    far,
    list: ({ name }) => ({ program: ls, args: ["-1", name], cwd: far, env }),
  };
  return { tools: [copy, list], version };
}
