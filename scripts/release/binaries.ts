/** The programs of a release, one a target; where there is no runtime, the reason. */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import {
  compile,
  NoRuntime,
  pickRuntime,
  type Runtime,
  tryOut,
} from "../compile.ts";
import type { RuntimeFacts } from "./sbom.ts";
import { binaryName, type Target } from "./targets.ts";

/** What became of a target. */
export interface Outcome {
  target: Target;
  /** Of the file, where it was made. */
  bytes?: number;
  /** What it was compiled on, or why it was skipped. */
  note: string;
  runtime?: RuntimeFacts;
}

/** What is made, and where it goes. */
export interface BinariesOptions {
  /** What bundle.ts has made. */
  bundled: string;
  targets: readonly Target[];
  version: string;
  folder: string;
  signal?: AbortSignal | undefined;
}

/** Compiles for every target. @throws Error when one that has a runtime fails */
export async function makeBinaries(
  { bundled, targets, version, folder, signal }: BinariesOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const target of targets) {
    const { triple } = target;
    let runtime: Runtime;
    try {
      runtime = await pickRuntime(triple, signal);
    } catch (error) {
      if (!(error instanceof NoRuntime)) throw error;
      outcomes.push({ target, note: error.message });
      continue;
    }
    const output = join(folder, binaryName(version, target));
    await compile({ bundled, output, runtime, target: triple, signal });
    // The others cannot be tried out here.
    if (triple === Deno.build.target) await tryOut(output, runtime, signal);
    outcomes.push({
      target,
      bytes: (await Deno.stat(output)).size,
      note: runtime.name,
      runtime: {
        target,
        version: runtime.version,
        sha256: await sha256OfFile(runtime.file),
        isArchive: runtime.path === undefined,
        url: runtime.url,
      },
    });
  }
  return outcomes;
}

/** In hex. */
export async function sha256OfFile(path: string): Promise<string> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}
