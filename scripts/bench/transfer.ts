/**
 * One run of one tool: what the last run wrote is removed right before it, the
 * disk is waited for, and the result is checked against the source.
 */
import { basename, join } from "@std/path";
import { runWell } from "./process.ts";
import { digestFolder, emptyFolder, removeIfThere } from "./samples.ts";
import { ARRIVALS, type Sample, type Stage, type Tool } from "./tool.ts";
import type { Player } from "./turns.ts";

/** What a tool can be asked to do. */
export type Kind = "put" | "get" | "sync" | "list";

/** What every tool that can is asked to do. */
export interface Task {
  readonly title: string;
  readonly kind: Kind;
  readonly sample: Sample;
}

/** Everyone who can do the task, as players; `tidy` removes what the last one wrote. */
export async function playersOf(
  task: Task,
  tools: readonly Tool[],
  stage: Stage,
): Promise<{ players: Player[]; tidy(): Promise<void> }> {
  const able = tools.filter((tool) => tool[task.kind] !== undefined);
  const tidy = () => removeResults(able, stage);
  await tidy();
  const players = able.map((tool) => ({
    name: tool.name,
    play: () => playOnce(task, tool, { stage, tidy }),
  }));
  return { players, tidy };
}

async function playOnce(
  { title, kind, sample }: Task,
  tool: Tool,
  { stage, tidy }: { stage: Stage; tidy(): Promise<void> },
): Promise<number> {
  const { signal } = stage;
  const target = kind === "get" ? outFolder(stage) : join(tool.far, ARRIVALS);
  if (kind === "put" || kind === "get") {
    // At most one result exists at a time, and its memory is what the next is written to.
    await tidy();
    // Not every tool makes the folder that it is to fetch files into.
    await emptyFolder(kind === "get" ? join(target, sample.name) : target);
  } else {
    await Deno.mkdir(target, { recursive: true });
  }
  if (kind !== "list") await stage.disk.settle(signal);
  const command = kind === "get"
    ? tool.get!(sample, target)
    : tool[kind]!(sample);
  const { seconds, stdout } = await runWell(stage.client.run(command), signal);
  const isRight = kind === "list"
    ? isListOf(sample, stdout)
    : digestOf(join(target, sample.name)) === sample.digest;
  if (isRight) return seconds;
  throw new Error(`${title}: ${tool.name} ended well with a wrong result`);
}

function outFolder(stage: Stage): string {
  return join(stage.dir, "out");
}

async function removeResults(
  tools: readonly Tool[],
  stage: Stage,
): Promise<void> {
  await removeIfThere(outFolder(stage));
  for (const { far } of tools) await removeIfThere(join(far, ARRIVALS));
}

/** None for a folder that is not there, which is a wrong result like any other. */
function digestOf(folder: string): string | undefined {
  try {
    return digestFolder(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Some tools print names, others paths; the order is theirs. */
function isListOf(sample: Sample, stdout: string): boolean {
  const names = stdout.trimEnd().split("\n").map((line) => basename(line));
  return names.sort().join("\n") === sample.files.join("\n");
}
